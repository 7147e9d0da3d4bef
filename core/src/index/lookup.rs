//! Looking query codes up in the tables: stored codes that share a key with them and are near.
//!
//! Most of the time of a look goes into waiting for memory: for the directory's entry of a key, for the signatures of its list, for
//! the position of an entry whose signature fits, for the code there. So [`TOGETHER`] query codes are looked up together, in
//! rounds, and each round asks for all that the next one reads.
//!
//! How many keys are worth a look depends on the index and on the noise; what it costs must not. So the query sets the limit up to which
//! keys are likely enough: it rises where few keys lie below it and falls where many do, such that their number is what the
//! [`Effort`] allows on average. So looks go where they are likeliest to find something, whichever code that is: at 10^5 renderings
//! and 30 % wrong bits, half as many keys find as much as a fixed number for each code.

use std::cell::RefCell;

use smallvec::SmallVec;
use zerocopy::little_endian::{U16, U32};

use super::{
    StoredCode,
    keys::{MAX_PROBES, Prober},
    postings::{Postings, Signatures},
    prefetch::prefetch,
    signatures::{Filter, Filters},
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

/// A query code that is looked up.
#[derive(Debug, Clone, Copy)]
struct Asked {
    speed: usize,
    code: HeardCode,
    filters: Filters,
}

/// Looks query codes up.
#[derive(Debug, Default)]
pub(super) struct LookUp {
    /// Limit for the cost of a key; none before the first code.
    limit: Option<f32>,
    /// Codes that wait for others.
    waiting: SmallVec<[QueryFrame; TOGETHER]>,
}

/// Memory for looking up, and what was found last. Each thread has one, since it is large and only used for a moment.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    prober: Prober,
    asked: SmallVec<[Asked; TOGETHER]>,
    /// Keys to look up: number of the code, table, key.
    keys: Vec<(u8, u8, u32)>,
    /// Lists to look into: number of the code, table, range.
    lists: Vec<(u8, u8, (u32, u32))>,
    /// Entries whose signatures fit: number of the list, and number in it.
    fitting: Vec<(u32, u32)>,
    /// Stored codes that are near: number of the code asked for, position.
    found: Vec<(u8, u32)>,
}

impl Scratch {
    /// All memory that looking up can need.
    fn new() -> Self {
        let mut scratch = Self::default();
        scratch.prober.reserve();
        scratch.keys.reserve(TOGETHER * MAX_PROBES);
        scratch.lists.reserve(TOGETHER * MAX_PROBES);
        scratch.fitting.reserve(FITTING);
        scratch.found.reserve(FITTING);
        scratch
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// Hands this thread's memory for looking up to `work`.
pub(super) fn with_scratch(work: impl FnOnce(&mut Scratch)) {
    SCRATCH.with_borrow_mut(work);
}

/// Allocates what looking up on this thread needs, so that it need not. Again does nothing.
pub(crate) fn warm_thread() {
    SCRATCH.with(|_made_when_first_used| ());
}

impl LookUp {
    /// Forgets the stream.
    pub(super) fn reset(&mut self) {
        self.limit = None;
        self.waiting.clear();
    }

    /// Takes a query code; says whether it completes those that are looked up together, so that it is time to [`look`](Self::look).
    pub(super) fn wait(&mut self, query: &QueryFrame) -> bool {
        self.waiting.push(*query);
        self.waiting.len() == TOGETHER
    }

    /// Looks up the codes that wait; `scratch` has what was found.
    pub(super) fn look(&mut self, codes: &[StoredCode], tables: &Postings<'_>, effort: Effort, scratch: &mut Scratch) {
        self.choose_keys(tables, effort.keys, scratch);
        scratch.find(codes, tables, effort.agreement);
        self.waiting.clear();
    }

    fn choose_keys(&mut self, tables: &Postings<'_>, allowed: f32, scratch: &mut Scratch) {
        let Scratch { prober, asked, keys, .. } = scratch;
        asked.clear();
        keys.clear();
        let limit = self.limit.get_or_insert(FIRST_LIMIT * tables.key_bits as f32);
        for (number, query) in self.waiting.iter().enumerate() {
            prober.probe(&query.soft, tables.keying, tables.key_bits, *limit as u16);
            let change = RISE * (1.0 - prober.probes.len() as f32 / allowed).max(-FALL);
            *limit = (*limit + change).clamp(0.0, LAST_LIMIT);
            for probe in &prober.probes {
                tables.prefetch_directory(usize::from(probe.table), probe.key);
                keys.push((number as u8, probe.table, probe.key));
            }
            asked.push(Asked { speed: query.speed, code: HeardCode::from(query), filters: prober.filters });
        }
    }
}

impl Scratch {
    /// The stored codes found last: index of the assumed speed and frame of the query code, position of the stored one.
    pub(super) fn found(&self) -> impl Iterator<Item = (usize, u32, u32)> {
        self.found.iter().map(|&(number, position)| {
            let Asked { speed, code, .. } = &self.asked[usize::from(number)];
            (*speed, code.frame, position)
        })
    }

    /// Finds the codes that have one of the keys and agree.
    fn find(&mut self, stored: &[StoredCode], tables: &Postings<'_>, agreement: f32) {
        let Self { asked, keys, lists, fitting, found, .. } = self;
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
            let filters = &asked[usize::from(number)].filters;
            let list = tables.list(usize::from(table), range);
            match list.signatures {
                Signatures::Narrow(signatures) => {
                    filtered(signatures, filters.bits[usize::from(table)], list.positions, i as u32, fitting);
                }
                Signatures::Wide(signatures) => {
                    filtered_wide(signatures, filters.cells, list.positions, i as u32, fitting);
                }
            }
        }
        found.clear();
        for &(list, at) in fitting.iter() {
            let (number, table, range) = lists[list as usize];
            if let Some(position) = tables.list(usize::from(table), range).positions.get(at as usize) {
                prefetch(stored, position.get() as usize);
                found.push((number, position.get()));
            }
        }
        keep_near(found, stored, asked, agreement);
        found.sort_unstable();
        found.dedup();
    }
}

/// Defines a function that filters signatures of one width.
macro_rules! filtered {
    ($name:ident, $signature:ty, $stored:ty, $block:literal) => {
        wide! {
            /// Appends `number` and the places of a list's entries whose signatures pass the filter, and asks the memory for their positions.
            fn $name(
                signatures: &[$stored],
                filter: Filter<$signature>,
                positions: &[U32],
                number: u32,
                fitting: &mut Vec<(u32, u32)>,
            ) {
                let (blocks, rest) = signatures.as_chunks::<$block>();
                let mut take = |at: usize| {
                    if fitting.len() < FITTING {
                        prefetch(positions, at);
                        fitting.push((number, at as u32));
                    }
                };
                for (i, block) in blocks.iter().enumerate() {
                    let mut passes = [0; $block];
                    for (passes, signature) in passes.iter_mut().zip(block) {
                        *passes = <$signature>::from(filter.passes(signature.get()));
                    }
                    // Most blocks hold nothing.
                    if passes != [0; $block] {
                        passes.iter().enumerate().filter(|&(_, &p)| p > 0).for_each(|(j, _)| take($block * i + j));
                    }
                }
                for (i, signature) in rest.iter().enumerate() {
                    if filter.passes(signature.get()) {
                        take($block * blocks.len() + i);
                    }
                }
            }
        }
    };
}

filtered!(filtered, u16, U16, 16);
filtered!(filtered_wide, u32, U32, 8);

wide! {
    /// Keeps what agrees with the code whose number it has.
    fn keep_near(found: &mut Vec<(u8, u32)>, stored: &[StoredCode], asked: &[Asked], agreement: f32) {
        let mut kept = 0;
        for i in 0..found.len() {
            let (number, position) = found[i];
            found[kept] = (number, position);
            let (asked, stored) = (asked.get(usize::from(number)), stored.get(position as usize));
            let near = asked.zip(stored).is_some_and(|(asked, stored)| asked.code.agreement(stored.get()) >= agreement);
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
        fingerprint::{BITS, Reference},
        index::{Index, IndexBuilder, Label, Tables, hamming::tests::Random, keys::tests::soft},
    };

    /// A code whose bits lie up to `most` from their thresholds.
    fn code(random: &mut Random, frame: u32, most: i8) -> QueryFrame {
        let most = i64::from(most);
        query(frame, std::array::from_fn(|_| ((random.next() % (2 * most as u64 + 1)) as i64 - most) as i8))
    }

    fn query(frame: u32, values: [i8; BITS]) -> QueryFrame {
        QueryFrame { speed: 2, frame, soft: soft(|d| values[d]), level: 2000, active: true, voice: true }
    }

    fn index(codes: &[QueryFrame]) -> Index {
        let reference =
            Reference { codes: codes.to_vec(), bands: vec![[0; 24]; 4 * codes.len() + 40], pitch: Vec::new() };
        let mut builder = IndexBuilder::new();
        builder.add_reference(Label { id: "a".into(), ..Label::default() }, &reference, 320 * codes.len()).unwrap();
        builder.set_tables(Tables::Always);
        Index::from_bytes(builder.to_bytes().unwrap()).unwrap()
    }

    #[test]
    fn the_number_of_keys_is_what_is_allowed_whatever_the_noise() {
        let mut random = Random(1);
        let index = index(&(0..3000).map(|i| code(&mut random, 4 * i, 100)).collect::<Vec<_>>());
        let tables = index.postings().unwrap();
        for (most, keys) in [(100, 10.0), (100, 40.0), (5, 10.0)] {
            let (mut look_up, mut scratch) = (LookUp::default(), Scratch::default());
            let mut counts = Vec::new();
            for frame in 0..2000 {
                if look_up.wait(&code(&mut random, frame, most)) {
                    look_up.look(index.codes(), &tables, Effort { keys, agreement: 0.4 }, &mut scratch);
                    if frame > 500 {
                        counts.push(scratch.keys.len());
                    }
                }
            }
            let mean = counts.iter().sum::<usize>() as f32 / (TOGETHER * counts.len()) as f32;
            assert!((0.8 * keys..1.25 * keys).contains(&mean), "values up to {most}: {mean} keys, {keys} allowed");
        }
    }

    #[test]
    fn codes_are_found_whose_doubtful_bits_are_wrong() {
        let mut random = Random(2);
        let stored: Vec<QueryFrame> = (0..3000).map(|i| code(&mut random, 4 * i, 100)).collect();
        let index = index(&stored);
        let tables = index.postings().unwrap();
        let (mut look_up, mut scratch) = (LookUp::default(), Scratch::default());
        let (mut right, mut found) = (0, 0);
        for batch in 0..100 {
            let wanted: Vec<u32> = (0..TOGETHER).map(|_| (random.next() % 3000) as u32).collect();
            for (i, &position) in wanted.iter().enumerate() {
                // Of the bits within a fifth of the largest distance every second is wrong: a tenth of all.
                let flip = |v: i8| if v.abs() < 20 && random.next().is_multiple_of(2) { -v } else { v };
                let frame = (batch * TOGETHER + i) as u32;
                let asked = query(frame, stored[position as usize].soft.values().map(flip));
                assert_eq!(look_up.wait(&asked), i + 1 == TOGETHER);
            }
            look_up.look(index.codes(), &tables, Effort { keys: 40.0, agreement: 0.4 }, &mut scratch);
            for (i, &position) in wanted.iter().enumerate() {
                let frame = (batch * TOGETHER + i) as u32;
                right += usize::from(scratch.found().any(|f| f == (2, frame, position)));
            }
            found += scratch.found.len();
        }
        assert!(right >= 490, "{right} of 500");
        // Unrelated codes agree by 0 ± .1: of the 1.5 million pairs some 50 by .4, and few of these share a key.
        assert!(found - right <= 10, "{found} found, {right} right");
    }
}
