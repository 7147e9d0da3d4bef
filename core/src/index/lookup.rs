//! Looking query codes up in the tables: stored codes that share a key with them and are near.
//!
//! Nearly all the time of a look goes into waiting for memory: for the directory's entry of a key, for the signatures of its list, for
//! the position of an entry whose signature fits, for the code there. So [`TOGETHER`] query codes are looked up together, in
//! rounds, and each round asks for all that the next one reads.
//!
//! How many keys are worth a look depends on the index and on the noise; what it costs must not. So the query sets the limit up to which
//! keys are likely enough: it rises where few keys lie below it and falls where many do, such that their number is what the
//! [`Effort`] allows on average. So looks go where they are likeliest to find something, whichever code that is: at 10^5 renderings
//! and 30 % wrong bits, half as many keys find as much as a fixed number for each code.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::{
    StoredCode,
    keys::{Filter, MAX_PROBES, Prober, TABLES},
    postings::{List, Postings},
    prefetch::prefetch,
};
use crate::{
    fingerprint::{HeardCode, QueryFrame, SPEEDS},
    simd::wide,
};

/// Query codes that are looked up together.
const TOGETHER: usize = SPEEDS.len();
/// Entries whose signatures fit and that are looked at, for the codes looked up together: what comes beyond is passed over, which keeps
/// memory bounded. (Speech against 10^5 renderings has about a hundred.)
const FITTING: usize = 8192;
/// Lists longer than this are passed over: what so many codes share tells little.
const LONGEST_LIST: u32 = 4096;
/// Steps of cost for each bit of the keys at which the limit begins.
const FIRST_LIMIT: f32 = 5.0;
/// Largest limit, in steps of cost.
const LAST_LIMIT: f32 = 150.0;
/// Steps by which the limit rises where no key lies below it, and falls at most. Over 7 steps the number of keys grows by e.
const RISE: f32 = 1.0;
const FALL: f32 = 4.0;

/// How hard codes are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Keys looked up for a query code on average.
    pub(super) keys: f32,
    /// Agreement from which a code found by its key is near.
    pub(super) agreement: f32,
}

/// A stored code that is near a query code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Number of the query code among those looked up together.
    number: u8,
    /// Index of its assumed speed.
    pub(super) speed: usize,
    /// Its frame.
    pub(super) frame: u32,
    /// Position of the stored code.
    pub(super) position: u32,
}

/// Looks query codes up.
#[derive(Debug, Default)]
pub(super) struct LookUp {
    /// Limit for the cost of a key; none before the first code.
    limit: Option<f32>,
    /// Codes that wait for others.
    waiting: SmallVec<[QueryFrame; TOGETHER]>,
}

/// Memory for looking up; what was found last lies in `found`. Each thread has one, since it is large and only used for a moment.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) found: Vec<Found>,
    prober: Prober,
    codes: SmallVec<[HeardCode; TOGETHER]>,
    filters: SmallVec<[[Filter; TABLES]; TOGETHER]>,
    /// Keys to look up: number of the code, table, key.
    keys: Vec<(u8, u8, u32)>,
    /// Lists to look into: number of the code, table, range.
    lists: Vec<(u8, u8, (u32, u32))>,
    /// Entries whose signatures fit: number of the list, and number in it.
    fitting: Vec<(u32, u32)>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Hands this thread's memory for looking up to `work`.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(work)
}

/// Allocates what looking up on this thread needs, so that it need not. Again does nothing.
pub(super) fn warm_thread() {
    with_scratch(|scratch| {
        scratch.prober.reserve();
        scratch.keys.reserve(TOGETHER * MAX_PROBES);
        scratch.lists.reserve(TOGETHER * MAX_PROBES);
        scratch.fitting.reserve(FITTING);
        scratch.found.reserve(FITTING);
    });
}

impl LookUp {
    /// Forgets the stream.
    pub(super) fn reset(&mut self) {
        self.limit = None;
        self.waiting.clear();
    }

    /// Takes a query code; says whether it completed those that are looked up together, so that what was found lies in `scratch`.
    pub(super) fn push(
        &mut self,
        codes: &[StoredCode],
        tables: &Postings<'_>,
        query: &QueryFrame,
        effort: Effort,
        scratch: &mut Scratch,
    ) -> bool {
        self.waiting.push(*query);
        let complete = self.waiting.len() == TOGETHER;
        if complete {
            self.choose_keys(tables, effort, scratch);
            scratch.look(codes, tables, effort);
            for found in &mut scratch.found {
                let query = &self.waiting[usize::from(found.number)];
                (found.speed, found.frame) = (query.speed, query.frame);
            }
            self.waiting.clear();
        }
        complete
    }

    fn choose_keys(&mut self, tables: &Postings<'_>, effort: Effort, scratch: &mut Scratch) {
        let Scratch { prober, codes, filters, keys, .. } = scratch;
        codes.clear();
        filters.clear();
        keys.clear();
        let limit = self.limit.get_or_insert(FIRST_LIMIT * tables.key_bits as f32);
        for (number, query) in self.waiting.iter().enumerate() {
            prober.probe(&query.soft, tables.key_bits, *limit as u16);
            let change = RISE * (1.0 - prober.probes.len() as f32 / effort.keys).max(-FALL);
            *limit = (*limit + change).clamp(0.0, LAST_LIMIT);
            for probe in &prober.probes {
                tables.prefetch_directory(usize::from(probe.table), probe.key);
                keys.push((number as u8, probe.table, probe.key));
            }
            codes.push(HeardCode::from(query));
            filters.push(prober.filters);
        }
    }
}

impl Scratch {
    /// Finds the codes that have one of the keys and agree.
    fn look(&mut self, stored: &[StoredCode], tables: &Postings<'_>, effort: Effort) {
        let Self { found, codes, filters, keys, lists, fitting, .. } = self;
        lists.clear();
        for &(number, table, key) in keys.iter() {
            let range = tables.range(usize::from(table), key);
            if range.0 < range.1 && range.1 - range.0 <= LONGEST_LIST {
                tables.prefetch_signatures(usize::from(table), range);
                lists.push((number, table, range));
            }
        }
        fitting.clear();
        for (i, &(number, table, range)) in lists.iter().enumerate() {
            let filter = filters[usize::from(number)][usize::from(table)];
            filtered(tables.list(usize::from(table), range), filter, i as u32, fitting);
        }
        found.clear();
        for &(list, at) in fitting.iter() {
            let (number, table, range) = lists[list as usize];
            if let Some(position) = tables.list(usize::from(table), range).positions.get(at as usize) {
                let position = position.get();
                prefetch(stored, position as usize);
                found.push(Found { number, speed: 0, frame: 0, position });
            }
        }
        keep_near(found, stored, codes, effort.agreement);
        found.sort_unstable();
        found.dedup();
    }
}

wide! {
    /// Appends `number` and the places of a list's entries whose signatures pass the filter, and asks the memory for their positions.
    fn filtered(list: List<'_>, filter: Filter, number: u32, fitting: &mut Vec<(u32, u32)>) {
        let (blocks, rest) = list.signatures.as_chunks::<16>();
        let mut take = |at: usize| {
            if fitting.len() < FITTING {
                prefetch(list.positions, at);
                fitting.push((number, at as u32));
            }
        };
        for (i, block) in blocks.iter().enumerate() {
            let mut passes = [0u16; 16];
            for (passes, signature) in passes.iter_mut().zip(block) {
                *passes = u16::from(filter.passes(signature.get()));
            }
            // Most blocks hold nothing.
            if passes.iter().fold(0, |any, &passes| any | passes) > 0 {
                passes.iter().enumerate().filter(|&(_, &passes)| passes > 0).for_each(|(j, _)| take(16 * i + j));
            }
        }
        for (i, signature) in rest.iter().enumerate() {
            if filter.passes(signature.get()) {
                take(16 * blocks.len() + i);
            }
        }
    }
}

wide! {
    /// Keeps what agrees with the code whose number it has.
    fn keep_near(found: &mut Vec<Found>, stored: &[StoredCode], codes: &[HeardCode], agreement: f32) {
        let mut kept = 0;
        for i in 0..found.len() {
            let one = found[i];
            found[kept] = one;
            let (code, stored) = (codes.get(usize::from(one.number)), stored.get(one.position as usize));
            let near = code.zip(stored).is_some_and(|(code, stored)| code.agreement(stored.get()) >= agreement);
            kept += usize::from(near);
        }
        found.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed helper fails the test")]

    use super::*;
    use crate::{
        fingerprint::{BITS, Code, Reference, SoftCode},
        index::{Index, IndexBuilder, Label, Tables},
    };

    /// Numbers that follow no pattern.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }

        /// A code whose bits lie up to `most` from their thresholds.
        fn code(&mut self, frame: u32, most: u64) -> QueryFrame {
            let values: [i8; BITS] = std::array::from_fn(|_| self.below(2 * most + 1) as i8 - most as i8);
            query(frame, values)
        }
    }

    fn query(frame: u32, values: [i8; BITS]) -> QueryFrame {
        let bits = values.iter().enumerate().fold(0u128, |bits, (d, &v)| bits | u128::from(v > 0) << d);
        let soft = SoftCode::new(values, Code([bits as u64, (bits >> 64) as u64]));
        QueryFrame { speed: 2, frame, soft, level: 2000, active: true }
    }

    fn index(codes: &[QueryFrame]) -> Index {
        let reference = Reference { codes: codes.to_vec(), bands: vec![[0; 24]; 4 * codes.len() + 40] };
        let mut builder = IndexBuilder::new();
        builder.add_reference(Label { id: "a".into(), ..Label::default() }, &reference, 320 * codes.len()).unwrap();
        builder.set_tables(Tables::Always);
        Index::from_bytes(builder.to_bytes().unwrap()).unwrap()
    }

    #[test]
    fn the_number_of_keys_is_what_is_allowed_whatever_the_noise() {
        let mut random = Random(1);
        let index = index(&(0..3000).map(|i| random.code(4 * i, 100)).collect::<Vec<_>>());
        let tables = index.postings().unwrap();
        for (most, keys) in [(100, 10.0), (100, 40.0), (5, 10.0)] {
            let (mut look_up, mut scratch) = (LookUp::default(), Scratch::default());
            let mut counts = Vec::new();
            for frame in 0..2000 {
                let effort = Effort { keys, agreement: 0.4 };
                if look_up.push(index.codes(), &tables, &random.code(frame, most), effort, &mut scratch) && frame > 500
                {
                    counts.push(scratch.keys.len());
                }
            }
            let mean = counts.iter().sum::<usize>() as f32 / (TOGETHER * counts.len()) as f32;
            assert!((0.8 * keys..1.25 * keys).contains(&mean), "values up to {most}: {mean} keys, {keys} allowed");
        }
    }

    #[test]
    fn codes_are_found_whose_doubtful_bits_are_wrong() {
        let mut random = Random(2);
        let stored: Vec<QueryFrame> = (0..3000).map(|i| random.code(4 * i, 100)).collect();
        let index = index(&stored);
        let tables = index.postings().unwrap();
        let (mut look_up, mut scratch) = (LookUp::default(), Scratch::default());
        let (mut right, mut found) = (0, 0);
        for batch in 0..100 {
            let wanted: Vec<u32> = (0..TOGETHER).map(|_| random.below(3000) as u32).collect();
            for (i, &position) in wanted.iter().enumerate() {
                // Of the bits within a fifth of the largest distance every second is wrong: a tenth of all.
                let flip = |v: i8| if v.abs() < 20 && random.below(2) == 0 { -v } else { v };
                let frame = (batch * TOGETHER + i) as u32;
                let asked = query(frame, stored[position as usize].soft.values().map(flip));
                let complete =
                    look_up.push(index.codes(), &tables, &asked, Effort { keys: 40.0, agreement: 0.4 }, &mut scratch);
                assert_eq!(complete, i + 1 == TOGETHER);
            }
            for (i, &position) in wanted.iter().enumerate() {
                let frame = (batch * TOGETHER + i) as u32;
                right +=
                    usize::from(scratch.found.iter().any(|f| (f.frame, f.position, f.speed) == (frame, position, 2)));
            }
            found += scratch.found.len();
        }
        assert!(right >= 490, "{right} of 500");
        // Unrelated codes agree by 0 ± .1: of the 1.5 million pairs some 50 by .4, and few of these share a key.
        assert!(found - right <= 10, "{found} found, {right} right");
    }
}
