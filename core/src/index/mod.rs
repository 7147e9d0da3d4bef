//! Known scripts: how the index is built, stored, searched, and how a candidate becomes a scored match.
//!
//! [`builder`](IndexBuilder) makes the file described in `format`; [`Index`] opens it; `search` finds candidate
//! (rendering, offset, speed) triples by codes that nearly agree, with the help of `keys`, `cells`, `postings`, `lookup` and
//! `lines` but in the smallest indexes; `align` follows a candidate through the query; `verify`, `judge` and `pitch` hear both sides along it; `score` says what that is
//! worth; `calibrate` says how often such a score happens by chance. [`LiveIndex`] is searched while its file is replaced, which the module `replace` of the crate does so
//! that the old or the new file is there, whole.

mod align;
mod builder;
mod calibrate;
mod canonical;
mod cells;
mod contents;
mod format;
pub mod hamming;
#[cfg(test)]
mod hostile;
mod judge;
mod keys;
mod lines;
mod lookup;
mod map;
mod pitch;
mod postings;
mod prefetch;
mod reload;
mod score;
mod search;
mod signatures;
mod verify;
mod writing;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use zerocopy::FromBytes;

pub use align::{Alignment, MAX_QUERY_SECONDS, Step};
pub(crate) use align::{Lane, Paths, align, script_time};
pub use builder::{IndexBuilder, Label, Tables};
pub use calibrate::Calibration;
pub use contents::RenderingCode;
pub(crate) use format::{OLDEST as OLDEST_VERSION, StoredCode};
pub use lines::Search;
pub(crate) use lookup::warm_thread;
pub(crate) use pitch::PitchLane;
pub use reload::LiveIndex;
pub use score::{Evidence, FEATURES, Properties};
pub(crate) use search::Votes;
pub use search::{Candidate, Hit, find_candidates, find_hits};
pub use verify::{AlignedBands, Verification};
pub(crate) use verify::{BAND_UNIT, BandLane, Hearing, Stored, verify};

use crate::{Error, IndexFault, Result, fingerprint::model};
use cells::{Books, Wanted, find_cells};
use format::{Layout, Record, StoredBands, StoredCalibration, StringRef, band_records};
use map::Bytes;
use postings::Postings;

/// A read-only index of renderings, memory-mapped or built in. Shared by threads.
///
/// A clone is another handle to the same map.
#[derive(Debug, Clone)]
pub struct Index {
    path: PathBuf,
    bytes: Arc<Bytes>,
    layout: Layout,
    calibration: Calibration,
}

/// What the index knows of one rendering.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendering<'a> {
    /// Its name, `script__rendering`, unique in the index.
    pub id: &'a str,
    /// The part of the name before `__`.
    pub script: &'a str,
    /// Category of the script (`dental-implant`), may be empty.
    pub category: &'a str,
    /// Language of the script (`zh`, `en`), may be empty.
    pub language: &'a str,
    /// Length of the audio, s.
    pub seconds: f64,
    /// Codes stored for it.
    pub codes: usize,
}

/// Sizes of an index.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Renderings.
    pub renderings: usize,
    /// Different scripts.
    pub scripts: usize,
    /// Different categories.
    pub categories: usize,
    /// Seconds of reference audio.
    pub seconds: f64,
    /// Codes.
    pub codes: usize,
    /// Bytes of the file.
    pub bytes: usize,
    /// Index format version.
    pub format_version: u32,
    /// Fingerprint configuration hash, 16 hexadecimal digits.
    pub configuration: String,
}

/// The hash of everything learned that an index's contents or their meaning rest on: fingerprint model and judge. An
/// index of another configuration is refused.
pub fn configuration() -> u64 {
    model().hash ^ judge::network().hash.rotate_left(1)
}

/// The same of an index file of some version: where codes are filed under cells, the canonical variates belong to it, too.
fn configuration_of(version: u32) -> u64 {
    configuration() ^ if version == format::VERSION { canonical::canonical().hash.rotate_left(2) } else { 0 }
}

/// The script that a rendering's name belongs to: the part before `__`, or all of it.
///
/// ```
/// use callprint::index::script_of;
/// assert_eq!(script_of("dental-01__voice__take2"), "dental-01");
/// assert_eq!(script_of("dental-01"), "dental-01");
/// ```
pub fn script_of(id: &str) -> &str {
    id.split_once("__").map_or(id, |(script, _)| script)
}

impl Index {
    /// Opens an index file by memory-mapping it; processes that have it open share its pages. The file must not be changed in
    /// place while it is open: a read past the end of one that was cut short ends the process (SIGBUS). Callprint itself
    /// replaces index files by renaming, which is safe; so does `mv`, but `cp` over an open file does not.
    ///
    /// # Errors
    /// [`Error::Io`] where the file can't be read, [`Error::Index`] where it is no usable index.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_parts(path.to_owned(), Bytes::map(path)?)
    }

    /// An index from bytes in memory, as [`IndexBuilder::to_bytes`] gives them.
    ///
    /// # Errors
    /// [`Error::Index`] where they are no usable index.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_parts(PathBuf::from("<memory>"), Bytes::Owned(bytes))
    }

    /// The corpus index that is built into the library.
    ///
    /// # Errors
    /// [`Error::Index`] where the built-in bytes do not fit this version.
    #[cfg(feature = "corpus")]
    pub fn builtin() -> Result<Self> {
        Self::from_parts(PathBuf::from("<built-in>"), Bytes::Static(callprint_corpus::index_bytes()))
    }

    fn from_parts(path: PathBuf, bytes: Bytes) -> Result<Self> {
        let open = || {
            let layout = format::open(&bytes, configuration_of)?;
            let stored = bytes.get(layout.ranges[4].clone()).and_then(|b| StoredCalibration::read_from_bytes(b).ok());
            let stored = stored.ok_or_else(|| IndexFault::Damaged("no calibration".into()))?;
            let calibration = Calibration::from_stored(stored)?;
            let tables = bytes.get(layout.ranges[6].clone()).unwrap_or_default();
            Postings::open(tables).map_err(IndexFault::Damaged)?;
            Ok((layout, calibration))
        };
        match open() {
            Ok((layout, calibration)) => Ok(Self { path, bytes: Arc::new(bytes), layout, calibration }),
            Err(fault) => Err(Error::index(path, fault)),
        }
    }

    /// Brings what every search reads (names, codes, tables) from a mapped file into memory, so that the first searches are as
    /// fast as later ones. Takes as long as reading two thirds of the file.
    pub fn preload(&self) {
        for section in [0, 1, 2, 3, 6] {
            self.bytes.preload(self.layout.ranges[section].clone());
        }
    }

    /// Where it was opened from; `<built-in>` or `<memory>` where it is no file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renderings held.
    pub fn len(&self) -> usize {
        self.layout.renderings
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All renderings in the order of their names.
    pub fn renderings(&self) -> impl Iterator<Item = Rendering<'_>> {
        (0..self.len()).map(|i| self.rendering(i))
    }

    /// Rendering number `i` in the order of names; one of empty name where a damaged file has none.
    pub fn rendering(&self, i: usize) -> Rendering<'_> {
        let Some(record) = self.records().get(i) else {
            return Rendering { id: "", script: "", category: "", language: "", seconds: 0.0, codes: 0 };
        };
        let id = self.string(record.name);
        Rendering {
            id,
            script: script_of(id),
            category: self.string(record.category),
            language: self.string(record.language),
            seconds: f64::from(record.samples.get()) / 8000.0,
            codes: record.codes.get() as usize,
        }
    }

    /// How scores become false-alarm rates in this index.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Sizes.
    pub fn stats(&self) -> Stats {
        let mut scripts: Vec<_> = self.renderings().map(|r| r.script).collect();
        let mut categories: Vec<_> = self.renderings().map(|r| r.category).filter(|c| !c.is_empty()).collect();
        for names in [&mut scripts, &mut categories] {
            names.sort_unstable();
            names.dedup();
        }
        Stats {
            renderings: self.len(),
            scripts: scripts.len(),
            categories: categories.len(),
            seconds: self.renderings().map(|r| r.seconds).sum(),
            codes: self.layout.codes,
            bytes: self.bytes.len(),
            format_version: self.layout.version,
            configuration: format!("{:016x}", self.layout.configuration),
        }
    }

    /// Reads every section and checks every checksum and structural rule.
    ///
    /// # Errors
    /// [`Error::Index`] naming what is damaged.
    pub fn verify(&self) -> Result<()> {
        self.check().map_err(|what| Error::index(&self.path, IndexFault::Damaged(what)))
    }

    fn check(&self) -> Result<(), String> {
        let mut end = format::table_end(self.layout.sections);
        for (i, range) in self.layout.ranges.iter().take(self.layout.sections).enumerate() {
            let gap = self.bytes.get(end..range.start).ok_or("sections overlap")?;
            if gap.iter().any(|&b| b != 0) {
                return Err(format!("bytes before section {} are not zero", i + 1));
            }
            if crc32fast::hash(self.section(i)) != self.layout.crcs[i] {
                return Err(format!("the checksum of section {} does not fit", i + 1));
            }
            end = range.end;
        }
        let mut before = "";
        let (mut next, mut next_bands) = (0u64, 0u64);
        for (i, record) in self.records().iter().enumerate() {
            let name = self.string(record.name);
            if name <= before || record.first_code.get() != next || record.first_bands.get() != next_bands {
                return Err(format!("rendering {i} is out of order"));
            }
            before = name;
            next += u64::from(record.codes.get());
            next_bands = next_bands.saturating_add(band_records(record.codes.get() as usize) as u64);
        }
        if next_bands.checked_mul(size_of::<StoredBands>() as u64) != Some(self.section(5).len() as u64) {
            return Err("bands and renderings do not fit".into());
        }
        if !self.section(7).is_empty() && self.section(7).len() as u64 != next_bands {
            return Err("pitch and renderings do not fit".into());
        }
        if next != self.layout.codes as u64 {
            return Err("codes and renderings do not fit".into());
        }
        self.postings().map_or(Ok(()), |tables| tables.check(self.codes(), self.levels(), &self.cells(&tables)))
    }

    /// The cells of all codes, where they are filed under these.
    fn cells(&self, tables: &Postings<'_>) -> Vec<u32> {
        let Some(books) = tables.books() else { return Vec::new() };
        let mut all = vec![0; self.codes().len()];
        let (mut rest, mut wanted) = (all.as_mut_slice(), Vec::with_capacity(self.len()));
        for i in 0..self.len() {
            let range = self.code_range(i);
            // Codes lie rendering after rendering, as was checked before.
            let Some((cells, others)) = std::mem::take(&mut rest).split_at_mut_checked(range.len()) else { break };
            rest = others;
            let codes = self.codes().get(range.clone()).unwrap_or_default();
            let levels = self.levels().get(range).unwrap_or_default();
            wanted.push(Wanted { codes, levels, bands: self.bands(i), cells });
        }
        find_cells(books, wanted);
        all
    }

    /// The books of which codes are filed under a pair of cells each, if they are.
    fn books(&self) -> Option<Books> {
        self.postings()?.books()
    }

    /// The cells of all codes as the tables tell them: in a tenth of the time that restoring takes.
    fn filed_cells(&self) -> Vec<u32> {
        let mut all = vec![0; self.codes().len()];
        if let Some((tables, books)) = self.postings().and_then(|tables| Some((tables, tables.books()?))) {
            for (key, position) in tables.entries(0) {
                if let Some(cells) = all.get_mut(position as usize) {
                    *cells = key & ((1 << books.pair_bits()) - 1);
                }
            }
        }
        all
    }

    fn section(&self, i: usize) -> &[u8] {
        self.bytes.get(self.layout.ranges[i].clone()).unwrap_or_default()
    }

    fn records(&self) -> &[Record] {
        <[Record]>::ref_from_bytes(self.section(0)).unwrap_or_default()
    }

    fn string(&self, at: StringRef) -> &str {
        let (start, length) = (at.offset.get() as usize, at.length.get() as usize);
        let bytes = start.checked_add(length).and_then(|end| self.section(1).get(start..end));
        bytes.and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }

    /// All codes, rendering after rendering.
    pub(crate) fn codes(&self) -> &[StoredCode] {
        <[StoredCode]>::ref_from_bytes(self.section(2)).unwrap_or_default()
    }

    /// Log levels of all codes in steps of 48/256 octave; 0 for a code without sound.
    pub(crate) fn levels(&self) -> &[u8] {
        self.section(3)
    }

    /// The tables that find codes by their keys; none in an index of a few minutes.
    pub(crate) fn postings(&self) -> Option<Postings<'_>> {
        Postings::open(self.section(6)).ok().flatten()
    }

    /// Whether the index finds codes by their keys ([`Tables`]), rather than by comparing with all of them.
    pub fn has_tables(&self) -> bool {
        !self.layout.ranges[6].is_empty()
    }

    /// Where rendering `i`'s codes lie; empty where a damaged file says something impossible.
    pub(crate) fn code_range(&self, i: usize) -> std::ops::Range<usize> {
        let range = self.records().get(i).and_then(|r| {
            let first = usize::try_from(r.first_code.get()).ok()?;
            let end = first.checked_add(r.codes.get() as usize)?;
            (end <= self.layout.codes).then_some(first..end)
        });
        range.unwrap_or(0..0)
    }

    /// Rendering `i`'s bands; empty where a damaged file says something impossible.
    pub(crate) fn bands(&self, i: usize) -> &[StoredBands] {
        let all = <[StoredBands]>::ref_from_bytes(self.section(5)).unwrap_or_default();
        self.band_range(i).and_then(|range| all.get(range)).unwrap_or_default()
    }

    /// Rendering `i`'s pitch, a byte for each band record; empty where the file knows none, or a damaged one says something impossible.
    pub(crate) fn pitch(&self, i: usize) -> &[u8] {
        self.band_range(i).and_then(|range| self.section(7).get(range)).unwrap_or_default()
    }

    /// What rendering `i` is verified by.
    pub(crate) fn stored(&self, i: usize) -> Stored<'_> {
        Stored { bands: self.bands(i), pitch: self.pitch(i) }
    }

    /// Which band records are rendering `i`'s.
    fn band_range(&self, i: usize) -> Option<std::ops::Range<usize>> {
        let record = self.records().get(i)?;
        let first = usize::try_from(record.first_bands.get()).ok()?;
        Some(first..first.checked_add(band_records(record.codes.get() as usize))?)
    }

    /// Which rendering code `at` belongs to.
    pub(crate) fn rendering_of(&self, at: usize) -> usize {
        self.records().partition_point(|r| r.first_code.get() <= at as u64).saturating_sub(1)
    }
}
