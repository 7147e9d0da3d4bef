//! Hostile index files: whatever the bytes, opening, checking and searching end in an answer or an error.
//!
//! Random bytes die at the header's checksum. So a file is taken apart, changed where it hurts (counts, offsets, records, the
//! false-alarm model, the sizes of sections), and put together again with checksums that fit, most of the time. Each change
//! is read from a string of bytes, a recipe, as in coverage-guided fuzzers; the recipes that reached each known outcome are
//! stored in `tests/data/hostile.txt` and run first, then random ones and neighbours of those that reached something new.
//! Recipes outlive changes of the format, as they name places by their role.
//!
//! `CALLPRINT_FUZZ_RUNS=10000000 cargo test --release -p callprint --lib hostile -- --nocapture` runs more and prints the
//! recipes that reached something new. Best with `CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::format::{Header, SectionEntry, align as aligned, header_crc};
use super::keys::Keying;
use super::{
    BandLane, Candidate, Evidence, Hearing, Index, IndexBuilder, Label, Lane, Paths, PitchLane, Search, Tables, align,
    find_candidates, verify,
};
use crate::audio::read_channels_8k;
use crate::fingerprint::{Bands, Extractor, HeardCode, Listener, Pitch, QueryFrame};
use crate::{Error, IndexFault};

/// Runs in the tests at hand; the variable `CALLPRINT_FUZZ_RUNS` asks for more.
const RUNS: u64 = 20_000;

/// Xorshift (Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// A string of bytes read as decisions; zeros after its end.
struct Recipe<'a>(std::slice::Iter<'a, u8>);

impl Recipe<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, n: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % n.max(1)
    }

    /// A number at which checks go wrong; `sizes`: numbers that mean something in this file.
    fn number(&mut self, sizes: &[usize]) -> u64 {
        match self.byte() % 12 {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::from(u32::MAX),
            4 => 1 << 31,
            5 => (1 << 31) - 1,
            6 => u64::MAX / 12 + u64::from(self.byte()),
            7 => 1 << (self.byte() % 64),
            8 => u64::from(self.byte()),
            9 => (0..8).fold(0, |n, _| n << 8 | u64::from(self.byte())),
            _ => (sizes[self.below(sizes.len())] as u64).wrapping_add(u64::from(self.byte() % 5)).wrapping_sub(2),
        }
    }
}

/// An index file taken apart.
#[derive(Clone)]
struct Parts {
    header: Vec<u8>,
    sections: Vec<Vec<u8>>,
    record: usize,
}

const HEADER: usize = size_of::<Header>();
const ENTRY: usize = size_of::<SectionEntry>();

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let section = |i: usize| {
            let entry = HEADER + i * ENTRY;
            let (start, length) = (u32_at(bytes, entry + 8), u32_at(bytes, entry + 16));
            bytes[start..start + length].to_vec()
        };
        let sections: Vec<_> = (0..u32_at(bytes, 12)).map(section).collect();
        let record = sections[0].len() / u32_at(bytes, 32);
        Self { header: bytes[..HEADER].to_vec(), sections, record }
    }

    /// Carries the recipe out.
    fn changed(mut self, recipe: &[u8]) -> Vec<u8> {
        let recipe = &mut Recipe(recipe.iter());
        let mut sizes: Vec<usize> = self.sections.iter().map(Vec::len).collect();
        sizes.extend([u32_at(&self.header, 24), u32_at(&self.header, 32), u32_at(&self.header, 40)]);
        let (mut table, mut cut) = (Vec::new(), None);
        let fixes = recipe.byte();
        for _ in 0..1 + recipe.byte() % 4 {
            let i = recipe.below(self.sections.len());
            let (count, record) = (self.sections[0].len() / self.record, self.record);
            match recipe.byte() % 12 {
                0 => {
                    let at = recipe.below(self.sections[i].len());
                    self.sections[i].get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (recipe.byte() % 8));
                }
                1 => {
                    let at = recipe.below(self.sections[i].len()) / 8 * 8;
                    put(&mut self.sections[i], at, &recipe.number(&sizes).to_le_bytes());
                }
                2..=4 => {
                    let (at, field) = (recipe.below(count) * record, recipe.below(record / 4) * 4);
                    let value = recipe.number(&sizes).to_le_bytes();
                    let width = if recipe.byte().is_multiple_of(2) { 4 } else { 8 };
                    put(&mut self.sections[0], at + field, &value[..width]);
                }
                5 => {
                    let (from, to) = (recipe.below(count) * record, recipe.below(count) * record);
                    let copy = self.sections[0].get(from..from + record).unwrap_or_default().to_vec();
                    put(&mut self.sections[0], to, &copy);
                }
                6 => {
                    let length = recipe.below(2 * self.sections[i].len() + 64);
                    let fill = recipe.byte();
                    self.sections[i].resize(length, fill);
                }
                7 => {
                    // Whole records and codes more or fewer, with counts that fit.
                    let (records, codes) = (recipe.below(2 * count + 2), recipe.below(2 * self.sections[3].len() + 2));
                    let fill = recipe.byte();
                    self.sections[0].resize(records * record, fill);
                    self.sections[2].resize(codes * 16, fill);
                    self.sections[3].resize(codes, fill);
                    put(&mut self.header, 32, &(records as u64).to_le_bytes());
                    put(&mut self.header, 40, &(codes as u64).to_le_bytes());
                }
                8 => {
                    let special = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX, 1e-300, 700.0];
                    let value: f64 = special[recipe.below(special.len())];
                    put(&mut self.sections[4], recipe.below(4) * 8, &value.to_le_bytes());
                }
                9 => {
                    let at = 8 + recipe.below((HEADER - 8) / 4) * 4;
                    let width = if recipe.byte().is_multiple_of(2) { 4 } else { 8 };
                    put(&mut self.header, at, &recipe.number(&sizes).to_le_bytes()[..width]);
                }
                10 => {
                    let at = HEADER + i * ENTRY + recipe.below(ENTRY / 4) * 4;
                    table.push((at, recipe.number(&sizes).to_le_bytes(), recipe.byte().is_multiple_of(2)));
                }
                _ => cut = Some((recipe.below(usize::from(u16::MAX)), recipe.byte())),
            }
        }
        self.assembled(fixes, &table, cut)
    }

    /// The file's bytes. `fixes`: which checksums and sizes are made to fit, nearly always all.
    fn assembled(mut self, fixes: u8, table: &[(usize, [u8; 8], bool)], cut: Option<(usize, u8)>) -> Vec<u8> {
        let mut out = vec![0; aligned(HEADER + self.sections.len() * ENTRY)];
        for (i, section) in self.sections.iter().enumerate() {
            out.resize(aligned(out.len()), 0);
            let entry = HEADER + i * ENTRY;
            put(&mut out, entry, &(i as u32 + 1).to_le_bytes());
            let crc = if fixes % 8 == 1 { 0 } else { crc32fast::hash(section) };
            put(&mut out, entry + 4, &crc.to_le_bytes());
            let (offset, length) = (out.len() as u64, section.len() as u64);
            put(&mut out, entry + 8, &offset.to_le_bytes());
            put(&mut out, entry + 16, &length.to_le_bytes());
            out.extend_from_slice(section);
        }
        for (at, value, wide) in table {
            put(&mut out, *at, if *wide { value } else { &value[..4] });
        }
        if let Some((length, fill)) = cut {
            out.resize(length % (out.len() + 64), fill);
        }
        if fixes / 16 != 1 {
            put(&mut self.header, 24, &(out.len() as u64).to_le_bytes());
        }
        put(&mut out, 0, &self.header);
        let end = HEADER + self.sections.len() * ENTRY;
        if fixes / 16 != 2 && out.len() >= end {
            let crc = header_crc(&out[..HEADER], &out[HEADER..end]);
            put(&mut out, HEADER - 4, &crc.to_le_bytes());
        }
        out
    }
}

/// A short query, heard once for all runs.
#[derive(Default)]
struct Query {
    codes: Vec<QueryFrame>,
    heard: Vec<HeardCode>,
    bands: Vec<Bands>,
    pitch: Vec<Pitch>,
}

impl Listener for Query {
    fn bands(&mut self, _speed: usize, bands: &Bands) {
        self.bands.push(*bands);
    }

    fn code(&mut self, code: QueryFrame) {
        self.heard.push(HeardCode::from(&code));
        self.codes.push(code);
    }
}

/// Opens, looks at, checks, searches and rewrites a file; tells what kind of thing happened.
fn outcome(bytes: Vec<u8>, query: &Query, thorough: bool) -> String {
    let words = |error: Error| match error {
        Error::Index { reason: IndexFault::Damaged(what), .. } => what.replace(|c: char| c.is_ascii_digit(), ""),
        Error::Index { reason, .. } => format!("{reason:?}").split(' ').next().unwrap().to_owned(),
        other => panic!("not an index's fault: {other}"),
    };
    let index = match Index::from_bytes(bytes) {
        Ok(index) => index,
        Err(error) => return words(error),
    };
    let stats = index.stats();
    assert_eq!(index.renderings().count(), stats.renderings);
    let checked = index.verify().map_or_else(words, |()| "sound".into());
    let (mut search, mut hits) = (Search::new(), Vec::new());
    let frames = if thorough { query.codes.len() } else { 24 };
    for code in query.codes.iter().take(frames) {
        search.find_hits(&index, code, &mut hits);
    }
    let mut candidates = find_candidates(&mut hits, 4);
    // And places where no search would look.
    let speed = query.codes[0].speed;
    for (rendering, offset) in [(2, -40), (0, i32::MIN / 2), (1, i32::MAX / 2), (stats.renderings, 0)] {
        candidates.push(Candidate { rendering, speed, offset, frame: 40, votes: 1 });
    }
    if !thorough {
        candidates.truncate(1);
    }
    let (mut reached, mut paths, mut hearing) = (0, Paths::default(), Hearing::default());
    for candidate in &candidates {
        if align(&index, candidate, Lane { frames: &query.heard }, &mut paths).is_none() {
            continue;
        }
        let evidence = Evidence::of(&paths.alignment);
        reached = reached.max(1 + usize::from(evidence.is_some()));
        if let Some(evidence) = evidence.filter(|_| thorough) {
            let lane =
                BandLane { speed, first: 0, frames: &query.bands, pitch: PitchLane { first: 0, frames: &query.pitch } };
            verify(&paths.alignment.steps, index.stored(candidate.rendering), lane, &mut hearing);
            let heard = evidence.verified(&paths.alignment, &hearing);
            let rate = index.calibration().false_alarms_per_hour(heard.score());
            assert!(!rate.is_nan(), "a rate that is no number");
        }
    }
    IndexBuilder::from_index(&index).to_bytes().expect("names fit");
    format!("{checked}; {} hits, reached {reached}", hits.len().min(3))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn stored() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/hostile.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let byte = |line: &str, at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    text.lines().map(|line| (0..line.len()).step_by(2).map(|at| byte(line, at)).collect()).collect()
}

/// Three short renderings, without tables, with tables of bits, and of cells, and a query that one of them answers.
fn material() -> ([Parts; 3], Query) {
    let clip = |name: &str| {
        let path = format!("{}/../corpus/renderings/{name}.flac", env!("CARGO_MANIFEST_DIR"));
        read_channels_8k(path, 60.0).unwrap().remove(0)[..14_400].to_vec()
    };
    let mut builder = IndexBuilder::new();
    for name in ["dental-01__fs2", "dental-02__fs2", "loan-02__fs2"] {
        let label = Label { id: name.into(), category: "category".into(), language: "zh".into() };
        builder.add(label, &clip(name)).unwrap();
    }
    let mut query = Query { pitch: vec![Pitch::of(180.0); 200], ..Query::default() };
    Extractor::reference().push_to(&clip("dental-01__fs2"), &mut query);
    let kinds = [(Tables::Never, Keying::Bits), (Tables::Always, Keying::Bits), (Tables::Always, Keying::Cells)];
    let parts = kinds.map(|(tables, keying)| {
        builder.set_tables(tables);
        builder.set_keying(keying);
        Parts::of(&builder.to_bytes().unwrap())
    });
    (parts, query)
}

#[test]
fn a_hostile_file_gives_an_answer_or_an_error() {
    let (parts, query) = material();
    let runs = std::env::var("CALLPRINT_FUZZ_RUNS").map_or(RUNS, |n| n.parse().unwrap());
    let seed = std::env::var("CALLPRINT_FUZZ_SEED").map_or(0x9e37_79b9_7f4a_7c15, |n| n.parse().unwrap());
    let (mut random, mut known) = (Random(seed), BTreeMap::<String, Vec<u8>>::new());
    let mut queue = stored();
    queue.reverse();
    let mut seeds = queue.clone();
    assert!(!seeds.is_empty());
    for run in 0..runs {
        let from_store = queue.pop();
        let recipe = from_store.clone().unwrap_or_else(|| {
            let mut recipe: Vec<u8> = (0..16 + random.below(48)).map(|_| random.next() as u8).collect();
            if random.below(2) == 0 {
                recipe.clone_from(&seeds[random.below(seeds.len())]);
                for _ in 0..1 + random.below(4) {
                    let at = random.below(recipe.len());
                    recipe[at] = random.next() as u8;
                }
            }
            recipe
        });
        // The fourth bit chooses between no tables and tables, these are of bits and of cells in turn.
        let base = usize::from(recipe.first().copied().unwrap_or(0) >> 3 & 1) << (run & 1);
        let file = parts[base].clone().changed(&recipe);
        let thorough = from_store.is_some() || run % 64 == 0;
        let reached = catch_unwind(AssertUnwindSafe(|| outcome(file, &query, thorough)));
        let reached = reached.unwrap_or_else(|_| panic!("run {run}, recipe {}", hex(&recipe)));
        known.entry(reached).or_insert_with(|| {
            if from_store.is_none() {
                seeds.push(recipe.clone());
            }
            recipe
        });
    }
    if std::env::var("CALLPRINT_FUZZ_RUNS").is_ok() {
        known.iter().for_each(|(reached, recipe)| println!("{} {reached}", hex(recipe)));
    }
    // The changes reach every stage: refused at opening, refused by `verify` alone, searched with and without an answer.
    for stage in
        ["Truncated", "the calibration", "the checksum of section", "bands and renderings", "sound; 3 hits, reached 2"]
    {
        assert!(known.keys().any(|k| k.starts_with(stage)), "{stage:?} is not in {known:#?}");
    }
}
