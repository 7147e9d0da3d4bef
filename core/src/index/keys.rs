//! Keys of codes: which bits of a code name its list in each table, and which lists a query code is looked up in.
//!
//! Each of [`TABLES`] tables files a code under some of its bits, its **key**; with every entry go 16 further bits, its
//! **signature**. This is multi-index hashing (Norouzi, Punjani & Fleet, "Fast search in Hamming space with multi-index
//! hashing", CVPR 2012) with fewer tables than bits would fill: one table finds a code again when its key is right.
//!
//! A query code is looked up under its own key and under those that differ in its least reliable bits, the likeliest
//! first: query-directed multi-probe (Lv et al., "Multi-probe LSH", VLDB 2007), the distance of each bit from its
//! threshold taking the place of the distance to the boundary of a bucket. A bit of reliability l (log-odds) costs
//! ln(1 + e^-l) when kept and l more when flipped, so the cost of a key is minus the logarithm of its probability; what is
//! too unlikely is not looked up at all, in whatever table or code it is.

use std::sync::LazyLock;

use crate::fingerprint::{Code, SoftCode};

/// Tables of an index.
pub(crate) const TABLES: usize = 3;
/// Most bits in a key.
pub(crate) const MAX_KEY_BITS: u32 = 26;
/// Least bits in a key.
pub(crate) const MIN_KEY_BITS: u32 = 8;
/// Logarithm of how many codes a list holds on average, at least (at most twice as many).
const LIST_BITS: u32 = 5;

/// Log-odds of a bit whose distance from its threshold is the code's mean, in steps of [`STEP`]. At 20 to 30 % errors
/// the odds measured with noisy speech are 1.3 to 1.9.
const MEAN_ODDS: u32 = 21;
/// Steps in a nat.
const STEP: f64 = 16.0;
/// Largest log-odds, in steps.
const MAX_ODDS: u32 = 127;
/// Cost above which a key is not looked up, in steps.
const MAX_COST: u16 = 150;
/// Least reliable bits of a key that may be flipped.
const FLIPPABLE: usize = 10;

/// Bits in the keys of an index with so many codes in its tables.
pub(crate) fn key_bits(codes: usize) -> u32 {
    codes.max(1).ilog2().saturating_sub(LIST_BITS).clamp(MIN_KEY_BITS, MAX_KEY_BITS)
}

fn word(code: Code) -> u128 {
    u128::from(code.0[0]) | u128::from(code.0[1]) << 64
}

/// Key of `bits` bits of a code in a table: bits 26 t to 26 t + bits.
pub(crate) fn key(code: Code, table: usize, bits: u32) -> u32 {
    (word(code) >> (MAX_KEY_BITS as usize * table)) as u32 & ((1 << bits) - 1)
}

/// Bits of the signature in a table: 78 + 16 t to 94 + 16 t.
fn signature_at(table: usize) -> usize {
    TABLES * MAX_KEY_BITS as usize + 16 * table
}

/// Signature of a code in a table.
pub(crate) fn signature(code: Code, table: usize) -> u16 {
    (word(code) >> signature_at(table)) as u16
}

/// A list to look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probe {
    /// Minus the logarithm of the key's probability, in steps.
    pub(crate) cost: u16,
    /// The table.
    pub(crate) table: u8,
    /// The key.
    pub(crate) key: u32,
}

/// Which of a signature's bits are compared, and in how many of them an entry may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    /// The query's signature.
    pub(crate) signature: u16,
    /// The bits that are reliable.
    pub(crate) mask: u16,
    /// Differing bits that are let through.
    pub(crate) limit: u32,
}

impl Filter {
    /// Whether an entry of this signature is worth a look at its code.
    #[inline]
    pub(crate) fn passes(&self, signature: u16) -> bool {
        ((signature ^ self.signature) & self.mask).count_ones() <= self.limit
    }
}

/// A set of flips, by ranks of reliability: the set number `parent` and one rank more.
#[derive(Debug, Clone, Copy)]
struct Flips {
    parent: u8,
    rank: u8,
}

/// Sets of flips in the order of the sum of their ranks (from 1): if reliabilities were evenly spaced, in that of their
/// costs. The first, not listed, is the empty set.
static FLIPS: LazyLock<Vec<Flips>> = LazyLock::new(|| {
    let mut sets: Vec<u16> = (0..1u16 << FLIPPABLE).filter(|&s| rank_sum(s) <= FLIPPABLE as u32).collect();
    sets.sort_by_key(|&s| (rank_sum(s), s));
    let parent_of = |&set: &u16| {
        let rank = set.ilog2();
        let parent = sets.iter().position(|&s| s == set & !(1 << rank)).unwrap_or_default();
        Flips { parent: parent as u8, rank: rank as u8 }
    };
    sets[1..].iter().map(parent_of).collect()
});

fn rank_sum(set: u16) -> u32 {
    (0..FLIPPABLE as u32).filter(|rank| set >> rank & 1 == 1).map(|rank| rank + 1).sum()
}

/// Cost of keeping a bit of each log-odds.
static KEPT: LazyLock<[u16; MAX_ODDS as usize + 1]> =
    LazyLock::new(|| std::array::from_fn(|l| (STEP * (-(l as f64) / STEP).exp().ln_1p() + 0.5) as u16));

/// Scratch of [`Prober::probe`].
#[derive(Debug, Default)]
pub(crate) struct Prober {
    pub(crate) probes: Vec<Probe>,
    pub(crate) filters: [Filter; TABLES],
    sets: Vec<(u16, u32)>,
}

impl Prober {
    /// Allocates what probing needs, so that it need not.
    pub(crate) fn reserve(&mut self) {
        let sets = FLIPS.len() + 1;
        self.probes.reserve(TABLES * sets);
        self.sets.reserve(sets);
        LazyLock::force(&KEPT);
    }

    /// Finds the keys of `bits` bits to look up for a query code, the `most` likeliest; they are in `probes`, in no order
    /// that means anything, but always the same.
    pub(crate) fn probe(&mut self, query: &SoftCode, bits: u32, most: usize) {
        self.probes.clear();
        let magnitude = query.magnitude();
        if magnitude == 0 {
            return;
        }
        // Log-odds in steps: MEAN_ODDS at the mean magnitude.
        let scale = ((MEAN_ODDS * 128) << 16) / u32::from(magnitude);
        let odds = |bit: usize| ((u32::from(query.values()[bit].unsigned_abs()) * scale) >> 16).min(MAX_ODDS) as u16;
        for table in 0..TABLES {
            let first = table * MAX_KEY_BITS as usize;
            let mut order = [0u16; MAX_KEY_BITS as usize];
            let order = &mut order[..bits as usize];
            let mut kept = 0;
            for (bit, slot) in order.iter_mut().enumerate() {
                let odds = odds(first + bit);
                kept += KEPT[usize::from(odds)];
                *slot = odds << 8 | bit as u16;
            }
            if kept > MAX_COST {
                continue;
            }
            order.sort_unstable();
            let own = key(query.code(), table, bits);
            self.sets.clear();
            self.sets.push((kept, own));
            self.probes.push(Probe { cost: kept, table: table as u8, key: own });
            for flips in FLIPS.iter() {
                let (cost, key) = self.sets[usize::from(flips.parent)];
                let Some(&slot) = order.get(usize::from(flips.rank)) else {
                    self.sets.push((u16::MAX, key));
                    continue;
                };
                let set = (cost.saturating_add(slot >> 8), key ^ 1 << (slot & 255));
                self.sets.push(set);
                if set.0 <= MAX_COST {
                    self.probes.push(Probe { cost: set.0, table: table as u8, key: set.1 });
                }
            }
            self.filters[table] = filter(query, table, odds);
        }
        if self.probes.len() > most {
            self.probes.select_nth_unstable(most);
            self.probes.truncate(most);
        }
    }
}

/// Compares the bits whose log-odds are at least half of the mean's and lets three of sixteen of them differ.
fn filter(query: &SoftCode, table: usize, odds: impl Fn(usize) -> u16) -> Filter {
    let first = signature_at(table);
    let mask = (0..16).fold(0u16, |mask, bit| mask | u16::from(odds(first + bit) * 2 >= MEAN_ODDS as u16) << bit);
    Filter { signature: signature(query.code(), table), mask, limit: mask.count_ones() * 3 / 16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soft(value: impl Fn(usize) -> i8) -> SoftCode {
        let values: [i8; 128] = std::array::from_fn(value);
        let bits = values.iter().enumerate().fold(0u128, |bits, (d, &v)| bits | u128::from(v > 0) << d);
        SoftCode::new(values, Code([bits as u64, (bits >> 64) as u64]))
    }

    #[test]
    fn keys_and_signatures_share_no_bit() {
        let mut seen = [0; 128];
        for (bit, seen) in seen.iter_mut().enumerate() {
            let code = if bit < 64 { Code([1 << bit, 0]) } else { Code([0, 1 << (bit - 64)]) };
            for table in 0..TABLES {
                *seen += key(code, table, MAX_KEY_BITS).count_ones() + signature(code, table).count_ones();
            }
        }
        assert!(seen[..126].iter().all(|&n| n == 1) && seen[126..] == [0, 0], "{seen:?}");
    }

    #[test]
    fn the_likeliest_keys_are_looked_up_each_once() {
        // Bits 3 and 30 are doubtful, all others sure.
        let query = soft(|d| if d == 3 || d == 30 { 4 } else { 60 - (d % 7) as i8 });
        let mut prober = Prober::default();
        prober.probe(&query, 20, 40);
        let mut probes = prober.probes.clone();
        probes.sort_unstable();
        let own = |table| key(query.code(), table, 20);
        let first: Vec<(u8, u32)> = probes.iter().take(5).map(|p| (p.table, p.key)).collect();
        assert!(first.contains(&(2, own(2))) && first.contains(&(0, own(0))) && first.contains(&(1, own(1))));
        assert!(first.contains(&(0, own(0) ^ 1 << 3)) && first.contains(&(1, own(1) ^ 1 << 4)));
        let all = probes.len();
        probes.dedup_by_key(|p| (p.table, p.key));
        assert_eq!((all, probes.len()), (40, 40));
    }

    #[test]
    fn silence_is_not_looked_up() {
        let mut prober = Prober::default();
        prober.probe(&soft(|_| 0), 20, 40);
        assert!(prober.probes.is_empty());
    }

    #[test]
    fn the_filter_forgives_what_is_doubtful() {
        let query = soft(|d| if d % 2 == 0 { 80 } else { 1 });
        let mut prober = Prober::default();
        prober.probe(&query, 20, 40);
        let filter = prober.filters[0];
        assert!(filter.passes(filter.signature ^ 0xAAAA), "every doubtful bit wrong");
        assert!(!filter.passes(filter.signature ^ 0x5555), "every sure bit wrong");
    }
}
