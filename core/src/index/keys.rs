//! Keys of codes: what names a code's list in each table, and which lists a query code is looked up in.
//!
//! In a large index one table files a code under its [`cells`](super::cells), the directions that it points along most, and if its keys
//! have an odd number of bits, under one of its own, too: they are its **key**. In others each of [`TABLES`] tables files it under bits of its own. With
//! every entry go further bits, its **signature**. Bits in several tables are multi-index hashing (Norouzi, Punjani & Fleet, "Fast search in Hamming space with multi-index
//! hashing", CVPR 2012) with fewer tables than bits would fill: one table finds a code again when its key is right.
//!
//! A query code is looked up under its own key and under others, the likeliest: those that differ in its least reliable bits, or have a cell
//! that it points along almost as much. That is query-directed multi-probe (Lv et al., "Multi-probe LSH", VLDB 2007), the distance of each bit from its
//! threshold taking the place of the distance to the boundary of a bucket. A bit of reliability l (log-odds) costs
//! ln(1 + e^-l) when kept and l more when flipped, so the cost of a key is minus the logarithm of its probability, which compares
//! across tables and codes.

use std::{ops::RangeInclusive, sync::LazyLock};

use smallvec::SmallVec;

use super::{
    cells::{Books, Likely},
    signatures::{Filter, Filters, narrow, wide},
};
use crate::fingerprint::{Code, SoftCode};

/// Tables of an index that files codes under their bits.
pub(crate) const TABLES: usize = 3;
/// Most bits in a key.
pub(crate) const MAX_KEY_BITS: u32 = 26;
/// Least bits in a key.
pub(crate) const MIN_KEY_BITS: u32 = 8;
/// Logarithm of how many codes a list of bits holds on average, at least (at most twice as many). Lists of cells hold one or two
/// up to 10^5 renderings, but those of the likeliest cells ten times as many: speech is not even in all directions.
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

/// Codes from which on they are filed under their cells: 46 hours. In fewer, bits find as much in the same time.
const LARGE: usize = 1 << 22;

/// What codes are filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Keying {
    /// Bits of their own in each of [`TABLES`] tables.
    #[default]
    Bits,
    /// Their [`cells`], and some bits, in one table.
    Cells,
}

impl Keying {
    /// That of an index with so many codes in its tables.
    pub(crate) fn for_size(codes: usize) -> Self {
        if codes < LARGE { Self::Bits } else { Self::Cells }
    }

    /// Number of tables.
    pub(crate) fn tables(self) -> usize {
        match self {
            Self::Bits => TABLES,
            Self::Cells => 1,
        }
    }

    /// Bytes of a signature.
    pub(crate) fn signature_bytes(self) -> usize {
        match self {
            Self::Bits => size_of::<u16>(),
            Self::Cells => size_of::<u32>(),
        }
    }

    /// Least and most bits in a key.
    pub(crate) fn all_key_bits(self) -> RangeInclusive<u32> {
        match self {
            Self::Bits => MIN_KEY_BITS..=MAX_KEY_BITS,
            Self::Cells => Books::SMALLEST.pair_bits()..=MAX_KEY_BITS,
        }
    }

    /// Bits in the keys of an index with so many codes in its tables.
    pub(crate) fn key_bits(self, codes: usize) -> u32 {
        let all = self.all_key_bits();
        let list_bits = match self {
            Self::Bits => LIST_BITS,
            Self::Cells => 0,
        };
        codes.max(1).ilog2().saturating_sub(list_bits).clamp(*all.start(), *all.end())
    }

    /// Key of `bits` bits of a code of these cells in a table.
    pub(crate) fn key(self, code: Code, cells: u32, table: usize, bits: u32) -> u32 {
        match self {
            Self::Bits => key(code, table, bits),
            Self::Cells => {
                let pair = Books::for_key(bits).pair_bits();
                cells | key(code, 0, bits - pair) << pair
            }
        }
    }

    /// Signature of a code in a table.
    pub(crate) fn signature(self, code: Code, table: usize) -> u32 {
        match self {
            Self::Bits => u32::from(narrow(code, table)),
            Self::Cells => wide(code),
        }
    }
}

pub(super) fn word(code: Code) -> u128 {
    u128::from(code.0[0]) | u128::from(code.0[1]) << 64
}

/// Key of `bits` bits of a code in a table: bits 26 t to 26 t + bits.
pub(crate) fn key(code: Code, table: usize, bits: u32) -> u32 {
    (word(code) >> (MAX_KEY_BITS as usize * table)) as u32 & ((1 << bits) - 1)
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

/// Cost of keeping a bit of each log-odds.
static KEPT: LazyLock<[u16; MAX_ODDS as usize + 1]> =
    LazyLock::new(|| std::array::from_fn(|l| (STEP * (-(l as f64) / STEP).exp().ln_1p() + 0.5) as u16));

/// Scratch of [`Prober::probe`].
#[derive(Debug, Default)]
pub(crate) struct Prober {
    pub(crate) probes: Vec<Probe>,
    pub(crate) filters: Filters,
    likely: Likely,
}

impl Prober {
    /// Allocates what probing needs, so that it need not.
    pub(crate) fn reserve(&mut self) {
        self.probes.reserve(MAX_PROBES);
        self.likely.reserve();
        LazyLock::force(&KEPT);
    }

    /// Finds the keys of `bits` bits to look up for a query code: all whose cost is at most `limit`, or where these
    /// would be too many, some less; they are in `probes`, always in the same order.
    pub(crate) fn probe(&mut self, query: &SoftCode, keying: Keying, bits: u32, limit: u16) {
        self.probes.clear();
        let magnitude = query.magnitude();
        if magnitude == 0 {
            return;
        }
        // Log-odds in steps: MEAN_ODDS at the mean magnitude.
        let scale = ((MEAN_ODDS * 128) << 16) / u32::from(magnitude);
        let odds = |bit: usize| ((u32::from(query.values()[bit].unsigned_abs()) * scale) >> 16).min(MAX_ODDS) as u16;
        match keying {
            Keying::Bits => self.probe_bits(query, odds, bits, limit),
            Keying::Cells => self.probe_cells(query, odds, bits, limit),
        }
    }

    fn probe_bits(&mut self, query: &SoftCode, odds: impl Fn(usize) -> u16, bits: u32, limit: u16) {
        let reliable = |bit| odds(bit) * 2 >= MEAN_ODDS as u16;
        for table in 0..TABLES {
            let first = table * MAX_KEY_BITS as usize;
            let slots = Slots::new((0..bits as u16).map(|bit| (bit, odds(first + usize::from(bit)))), limit);
            if slots.kept > limit {
                continue;
            }
            let own = Probe { cost: slots.kept, table: table as u8, next: 0, key: key(query.code(), table, bits) };
            let (begin, mut limit) = (self.probes.len(), limit);
            while !self.flip(own, &slots.order, limit, begin + MAX_PROBES / TABLES) {
                self.probes.truncate(begin);
                limit = limit.saturating_sub(LESS);
            }
            self.filters.bits[table] = Filter::narrow(query, table, reliable);
        }
    }

    fn probe_cells(&mut self, query: &SoftCode, odds: impl Fn(usize) -> u16, bits: u32, limit: u16) {
        let books = Books::for_key(bits);
        let pair = books.pair_bits();
        let rest = (bits - pair) as u16;
        let slots = Slots::new((0..rest).map(|bit| (pair as u16 + bit, odds(usize::from(bit)))), limit);
        let Some(left) = limit.checked_sub(slots.kept) else { return };
        let mut likely = std::mem::take(&mut self.likely);
        likely.find(query, books, left, STEP as f32);
        let own = Probe { cost: slots.kept, table: 0, next: 0, key: key(query.code(), 0, rest.into()) << pair };
        let mut limit = limit;
        while !self.pair(&likely, books, own, &slots.order, limit) {
            self.probes.clear();
            limit = limit.saturating_sub(LESS);
        }
        self.likely = likely;
        self.filters.cells = Filter::wide(query, |bit| odds(bit) * 2 >= MEAN_ODDS as u16);
    }

    /// Appends the keys of all pairs of cells up to `limit`; `own`: the bits beside the pair. False where these are too many.
    fn pair(&mut self, likely: &Likely, books: Books, own: Probe, order: &[u16], limit: u16) -> bool {
        for &(first, one) in &likely.books[0] {
            for &(second, other) in &likely.books[1] {
                let cost = own.cost + first + second;
                if cost > limit {
                    break;
                }
                let probe = Probe { cost, key: own.key | books.pair(one, other), ..own };
                if !self.flip(probe, order, limit, MAX_PROBES) {
                    return false;
                }
            }
        }
        true
    }

    /// Appends a key and all that come of flipping bits of it, up to `limit`; `order` has log-odds and place in the key of each bit, ascending.
    /// False where there would be more than `room` in all.
    fn flip(&mut self, own: Probe, order: &[u16], limit: u16, room: usize) -> bool {
        let mut at = self.probes.len();
        if at >= room {
            return false;
        }
        self.probes.push(own);
        while let Some(&parent) = self.probes.get(at) {
            for (rank, slot) in order.iter().enumerate().skip(usize::from(parent.next)) {
                let cost = parent.cost + (slot >> 8);
                if cost > limit {
                    break;
                }
                if self.probes.len() >= room {
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

/// The bits of a key.
#[derive(Debug)]
struct Slots {
    /// What keeping all of them costs.
    kept: u16,
    /// Log-odds and place in the key of those that can be flipped, the least reliable first.
    order: SmallVec<[u16; MAX_KEY_BITS as usize]>,
}

impl Slots {
    /// Of bits of these places in the key and log-odds.
    fn new(bits: impl Iterator<Item = (u16, u16)>, limit: u16) -> Self {
        let mut slots = Self { kept: 0, order: SmallVec::new() };
        for (place, odds) in bits {
            slots.kept += KEPT[usize::from(odds)];
            slots.order.push(odds << 8 | place);
        }
        let kept = slots.kept;
        slots.order.retain(|slot| kept + (*slot >> 8) <= limit);
        slots.order.sort_unstable();
        slots
    }
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
                *seen += key(code, table, MAX_KEY_BITS).count_ones() + narrow(code, table).count_ones();
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
        prober.probe(&query, Keying::Bits, bits, limit);
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
            prober.probe(&query, Keying::Bits, MAX_KEY_BITS, u16::MAX / 2);
            assert!((TABLES..=MAX_PROBES).contains(&prober.probes.len()), "{doubt}: {}", prober.probes.len());
        }
        assert_eq!(prober.probes.capacity(), room);
    }

    #[test]
    fn silence_is_not_looked_up() {
        let mut prober = Prober::default();
        prober.probe(&soft(|_| 0), Keying::Bits, 20, 150);
        assert!(prober.probes.is_empty());
    }
}
