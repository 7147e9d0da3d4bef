//! Keys of codes: which bits of a code name its list in each table, and which lists a query code is looked up in.
//!
//! Each of [`TABLES`] tables files a code under some of its bits, its **key**; with every entry go 16 further bits, its
//! **signature**. This is multi-index hashing (Norouzi, Punjani & Fleet, "Fast search in Hamming space with multi-index
//! hashing", CVPR 2012) with fewer tables than bits would fill: one table finds a code again when its key is right.
//!
//! A query code is looked up under its own key and under those that differ in its least reliable bits, the likeliest
//! first: query-directed multi-probe (Lv et al., "Multi-probe LSH", VLDB 2007), the distance of each bit from its
//! threshold taking the place of the distance to the boundary of a bucket. A bit of reliability l (log-odds) costs
//! ln(1 + e^-l) when kept and l more when flipped, so the cost of a key is minus the logarithm of its probability, which compares
//! across tables and codes.

use std::sync::LazyLock;

use smallvec::SmallVec;

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
/// Keys looked up for a code, at most, and steps by which the limit falls until they are no more.
pub(crate) const MAX_PROBES: usize = TABLES * 256;
const LESS: u16 = 8;

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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Minus the logarithm of the key's probability, in steps.
    cost: u16,
    /// The table.
    pub(crate) table: u8,
    /// Rank of the next bit that may be flipped in addition.
    next: u8,
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
    pub(crate) limit: u16,
}

impl Filter {
    /// Whether an entry of this signature is worth a look at its code.
    #[inline(always)]
    pub(crate) fn passes(&self, signature: u16) -> bool {
        // Set bits of pairs, fours and bytes, side by side: a vector of these takes a dozen instructions, where few processors have one
        // that counts them.
        let bits = (signature ^ self.signature) & self.mask;
        let twos = bits - (bits >> 1 & 0x5555);
        let fours = (twos & 0x3333) + (twos >> 2 & 0x3333);
        let eights = (fours + (fours >> 4)) & 0x0F0F;
        (eights + (eights >> 8)) & 0x1F <= self.limit
    }
}

/// Cost of keeping a bit of each log-odds.
static KEPT: LazyLock<[u16; MAX_ODDS as usize + 1]> =
    LazyLock::new(|| std::array::from_fn(|l| (STEP * (-(l as f64) / STEP).exp().ln_1p() + 0.5) as u16));

/// Scratch of [`Prober::probe`].
#[derive(Debug, Default)]
pub(crate) struct Prober {
    pub(crate) probes: Vec<Probe>,
    pub(crate) filters: [Filter; TABLES],
}

impl Prober {
    /// Allocates what probing needs, so that it need not.
    pub(crate) fn reserve(&mut self) {
        self.probes.reserve(MAX_PROBES);
        LazyLock::force(&KEPT);
    }

    /// Finds the keys of `bits` bits to look up for a query code: all whose cost is at most `limit`, or in a table where these
    /// would be too many, some less; they are in `probes`, always in the same order.
    pub(crate) fn probe(&mut self, query: &SoftCode, bits: u32, limit: u16) {
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
            let mut slots = [0u16; MAX_KEY_BITS as usize];
            let slots = &mut slots[..bits as usize];
            let mut kept = 0;
            for (bit, slot) in slots.iter_mut().enumerate() {
                let odds = odds(first + bit);
                kept += KEPT[usize::from(odds)];
                *slot = odds << 8 | bit as u16;
            }
            if kept > limit {
                continue;
            }
            // Bits that can be flipped, the least reliable first.
            let mut order: SmallVec<[u16; MAX_KEY_BITS as usize]> =
                slots.iter().copied().filter(|slot| kept + (slot >> 8) <= limit).collect();
            order.sort_unstable();
            let own = Probe { cost: kept, table: table as u8, next: 0, key: key(query.code(), table, bits) };
            let mut limit = limit;
            while !self.flip(own, &order, limit) {
                limit = limit.saturating_sub(LESS);
            }
            self.filters[table] = filter(query, table, odds);
        }
    }

    /// Appends a key and all that come of flipping bits of it, up to `limit`; `order` has log-odds and number of each bit, ascending.
    /// False where these are too many: then nothing is appended.
    fn flip(&mut self, own: Probe, order: &[u16], limit: u16) -> bool {
        let begin = self.probes.len();
        self.probes.push(own);
        let mut at = begin;
        while let Some(&parent) = self.probes.get(at) {
            for (rank, slot) in order.iter().enumerate().skip(usize::from(parent.next)) {
                let cost = parent.cost + (slot >> 8);
                if cost > limit {
                    break;
                }
                if self.probes.len() - begin == MAX_PROBES / TABLES {
                    self.probes.truncate(begin);
                    return false;
                }
                let key = parent.key ^ 1 << (slot & 255);
                self.probes.push(Probe { cost, next: rank as u8 + 1, key, ..own });
            }
            at += 1;
        }
        true
    }
}

/// Compares the bits whose log-odds are at least half of the mean's and lets three of sixteen of them differ.
fn filter(query: &SoftCode, table: usize, odds: impl Fn(usize) -> u16) -> Filter {
    let first = signature_at(table);
    let mask = (0..16).fold(0u16, |mask, bit| mask | u16::from(odds(first + bit) * 2 >= MEAN_ODDS as u16) << bit);
    Filter { signature: signature(query.code(), table), mask, limit: (mask.count_ones() * 3 / 16) as u16 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A code whose bits lie so far from their thresholds.
    pub(in crate::index) fn soft(value: impl Fn(usize) -> i8) -> SoftCode {
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
        // No pattern; some bits doubtful, some sure.
        let query = soft(|d| ((d * 7919 + 13) % 201) as u8 as i8 / 2);
        let (bits, limit) = (12, 90);
        let mut prober = Prober::default();
        prober.probe(&query, bits, limit);
        let mut found: Vec<(u8, u32)> = prober.probes.iter().map(|p| (p.table, p.key)).collect();
        found.sort_unstable();
        let odds = |bit: usize| {
            let mean = f64::from(query.magnitude()) / 128.0;
            (f64::from(query.values()[bit].unsigned_abs()) / mean * f64::from(MEAN_ODDS)).min(f64::from(MAX_ODDS))
        };
        // Every key there is, with minus the logarithm of its probability if bits err independently.
        let mut cheap = Vec::new();
        for table in 0..TABLES {
            let own = key(query.code(), table, bits);
            for other in 0..1u32 << bits {
                let error = |bit: u32| {
                    let odds = odds(table * MAX_KEY_BITS as usize + bit as usize) / STEP;
                    let flipped = (own ^ other) >> bit & 1 == 1;
                    STEP * ((-odds).exp().ln_1p() + if flipped { odds } else { 0.0 })
                };
                cheap.push(((0..bits).map(error).sum::<f64>(), table as u8, other));
            }
        }
        // What is rounded is out by half a step for the cost of a bit, and one for its odds.
        let slack = 1.5 * f64::from(bits);
        let (sure, possible) = (f64::from(limit) - slack, f64::from(limit) + slack);
        for (cost, table, key) in cheap {
            let there = found.binary_search(&(table, key)).is_ok();
            assert!(if there { cost < possible } else { cost > sure }, "table {table}, key {key}: {cost}, {there}");
        }
        let all = found.len();
        found.dedup();
        assert_eq!(all, found.len(), "each once");
        assert!(all > 30, "{all}");
    }

    #[test]
    fn keys_without_end_are_cut_to_the_likeliest() {
        let mut prober = Prober::default();
        prober.reserve();
        let room = prober.probes.capacity();
        for doubt in 0..60 {
            let query = soft(|d| if d % 26 < doubt { 1 } else { 90 });
            prober.probe(&query, MAX_KEY_BITS, u16::MAX / 2);
            assert!((TABLES..=MAX_PROBES).contains(&prober.probes.len()), "{doubt}: {}", prober.probes.len());
        }
        assert_eq!(prober.probes.capacity(), room);
    }

    #[test]
    fn silence_is_not_looked_up() {
        let mut prober = Prober::default();
        prober.probe(&soft(|_| 0), 20, 150);
        assert!(prober.probes.is_empty());
    }

    #[test]
    fn the_filter_forgives_what_is_doubtful() {
        let query = soft(|d| if d % 2 == 0 { 80 } else { 1 });
        let mut prober = Prober::default();
        prober.probe(&query, 20, 150);
        let filter = prober.filters[0];
        assert!(filter.passes(filter.signature ^ 0xAAAA), "every doubtful bit wrong");
        assert!(!filter.passes(filter.signature ^ 0x5555), "every sure bit wrong");
    }
}
