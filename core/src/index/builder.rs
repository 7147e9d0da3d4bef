//! Building an index: collecting renderings, laying out the file, having it written (`writing`) atomically.
//!
//! The bytes depend only on what is in the index, not on the order in which it came in.
//!
//! Adding to, removing from and merging indexes refer to the maps of the old ones and copy section after section into the
//! new file: nothing is decoded or coded again, and nothing but names, and one table at a time, is held in memory. What was removed
//! is gone from the new file, so there is nothing to compact.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Cursor,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use zerocopy::little_endian::{U32, U64};

use super::{
    Index,
    format::{self, Record, StoredBands, StoredCode, StringRef},
    keys::Keying,
    pitch, postings, script_of, verify,
    writing::Contents,
};
use crate::{
    Error, IndexFault, Result,
    fingerprint::{CODE_HOP, QueryFrame, Reference},
    replace::write_atomically,
    signal::HOP_SECONDS,
};

/// Step of stored levels, in 1/256 octave of power.
pub(crate) const LEVEL_STEP: i16 = 48;

/// Least sound that a rendering must have to be recognised again, s.
const MINIMUM_SECONDS: f64 = 1.1;

/// Name and labels of a rendering to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// `script__rendering`: letters, digits, `-`, `_`, `.`; the part before `__` is the script.
    pub id: String,
    /// Category of the script, may be empty.
    pub category: String,
    /// Language of the script, may be empty.
    pub language: String,
}

/// What will be stored of one rendering.
#[derive(Debug, Clone)]
struct Entry {
    category: String,
    language: String,
    samples: u32,
    payload: Payload,
}

/// Codes, levels and bands of a rendering.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    /// New ones.
    Owned { codes: Vec<StoredCode>, levels: Vec<u8>, bands: Vec<StoredBands>, pitch: Vec<u8> },
    /// Those of an open index.
    Stored { index: Arc<Index>, number: usize },
}

/// Whether an index gets tables that find codes by parts of them ([`Search`](super::Search)). They take 18 bytes a code (8 in one of four
/// million codes or more), up to a third of the file, and make the time of a search almost independent of the size of the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tables {
    /// From 4,096 codes with sound on (under three minutes); comparing with fewer takes no longer.
    #[default]
    Auto,
    /// Whatever the size.
    Always,
    /// Never: every query code is compared with every stored code.
    Never,
}

/// Collects renderings and writes an index file.
#[derive(Debug, Default)]
pub struct IndexBuilder {
    entries: BTreeMap<String, Entry>,
    path: PathBuf,
    tables: Tables,
    /// What codes are filed under; their number says unless told.
    keying: Option<Keying>,
}

impl IndexBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self { path: PathBuf::from("<new index>"), ..Self::default() }
    }

    /// A builder that starts with everything an index holds. It refers to the index and copies no codes.
    pub fn from_index(index: &Index) -> Self {
        Self { entries: stored(index).collect(), path: index.path().to_owned(), ..Self::default() }
    }

    /// Says when the index gets tables; [`Tables::Auto`] unless told.
    pub fn set_tables(&mut self, tables: Tables) {
        self.tables = tables;
    }

    /// Says what codes are filed under, whatever their number.
    #[cfg(test)]
    pub(super) fn set_keying(&mut self, keying: Keying) {
        self.keying = Some(keying);
    }

    /// Adds a rendering from its 8 kHz samples in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Index`] with `Duplicate` or `TooShort`; [`Error::InvalidArgument`] for a name that is not well formed or
    /// audio longer than a day.
    pub fn add(&mut self, label: Label, samples: &[f32]) -> Result<()> {
        self.check_new(&label, samples.len())?;
        self.add_reference(label, &Reference::of(samples), samples.len())
    }

    /// Adds a rendering from what [`Reference::of`] made of its `samples` samples, in this run or elsewhere.
    ///
    /// # Errors
    /// Those of [`add`](Self::add).
    pub fn add_reference(&mut self, label: Label, reference: &Reference, samples: usize) -> Result<()> {
        let samples = self.check_new(&label, samples)?;
        let Reference { codes: found, bands, pitch } = reference;
        let seconds = found.iter().filter(|c| c.active).count() as f64 * CODE_HOP as f64 * HOP_SECONDS;
        if seconds < MINIMUM_SECONDS {
            let fault = IndexFault::TooShort { name: label.id, seconds, minimum: MINIMUM_SECONDS };
            return Err(Error::index(&self.path, fault));
        }
        let level = |c: &QueryFrame| if c.active { (c.level / LEVEL_STEP).clamp(1, 255) as u8 } else { 0 };
        let payload = Payload::Owned {
            codes: found.iter().map(|c| c.soft.code().into()).collect(),
            levels: found.iter().map(level).collect(),
            bands: verify::store(bands, format::band_records(found.len())),
            pitch: pitch::store(pitch, format::band_records(found.len())),
        };
        let entry = Entry { category: label.category, language: label.language, samples, payload };
        self.entries.insert(label.id, entry);
        Ok(())
    }

    /// The number of samples where name and length may be added.
    fn check_new(&self, label: &Label, samples: usize) -> Result<u32> {
        check_name(&label.id)?;
        if self.entries.contains_key(&label.id) {
            return Err(Error::index(&self.path, IndexFault::Duplicate(label.id.clone())));
        }
        let length = u32::try_from(samples).ok().filter(|&n| n < 86_400 * 8000);
        length.ok_or_else(|| Error::InvalidArgument(format!("{}: longer than a day", label.id)))
    }

    /// Removes a rendering, or all renderings of a script, by name; says how many went.
    ///
    /// # Errors
    /// [`Error::Index`] with `NoSuchRendering`.
    pub fn remove(&mut self, name: &str) -> Result<usize> {
        let before = self.entries.len();
        self.entries.retain(|id, _| id != name && script_of(id) != name);
        match before - self.entries.len() {
            0 => Err(Error::index(&self.path, IndexFault::NoSuchRendering(name.to_owned()))),
            gone => Ok(gone),
        }
    }

    /// Adds everything another index holds.
    ///
    /// # Errors
    /// [`Error::Index`] with `Duplicate`; nothing has been added then.
    pub fn merge(&mut self, index: &Index) -> Result<()> {
        if let Some(twice) = index.renderings().find(|r| self.entries.contains_key(r.id)) {
            return Err(Error::index(&self.path, IndexFault::Duplicate(twice.id.to_owned())));
        }
        self.entries.extend(stored(index));
        Ok(())
    }

    /// Category and language of a script, as the first of its renderings that has any tells them; may be empty.
    pub fn labels_of(&self, script: &str) -> (&str, &str) {
        let entries = || self.entries.iter().filter(|(id, _)| script_of(id) == script).map(|(_, entry)| entry);
        let category = entries().map(|entry| entry.category.as_str()).find(|label| !label.is_empty());
        let language = entries().map(|entry| entry.language.as_str()).find(|label| !label.is_empty());
        (category.unwrap_or_default(), language.unwrap_or_default())
    }

    /// Whether there is a rendering, or a script, of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.keys().any(|id| id == name || script_of(id) == name)
    }

    /// Renderings collected so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing has been collected.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The index file's bytes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the names take more than 4 GiB, or tables are wanted of 2^32 codes or more.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let contents = self.contents()?;
        let mut bytes = Cursor::new(Vec::new());
        contents.write(&mut bytes).map_err(|e| Error::io(&self.path, e))?;
        Ok(bytes.into_inner())
    }

    /// Writes the index file atomically: temporary file beside it, fsync, rename. Of what comes from other indexes no
    /// copy is made in memory; of the tables, one is there at a time (6 bytes a code).
    ///
    /// # Errors
    /// [`Error::Io`]; the old file, if any, is untouched then. Those of [`to_bytes`](Self::to_bytes).
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let contents = self.contents()?;
        write_atomically(path, |file| contents.write(file)).map_err(|e| Error::io(path, e))
    }

    /// Lays out everything but the codes, levels and bands themselves.
    fn contents(&self) -> Result<Contents<'_>> {
        let mut strings = Strings::default();
        let mut records = Vec::with_capacity(self.entries.len());
        let (mut codes, mut bands, mut active) = (0u64, 0u64, 0usize);
        for (name, e) in &self.entries {
            records.push(Record {
                first_code: U64::new(codes),
                codes: U32::new(e.payload.codes().len() as u32),
                samples: U32::new(e.samples),
                name: strings.add(name)?,
                category: strings.add(&e.category)?,
                language: strings.add(&e.language)?,
                first_bands: U64::new(bands),
            });
            codes += e.payload.codes().len() as u64;
            bands += e.payload.bands().len() as u64;
            active += e.payload.levels().iter().filter(|&&level| level > 0).count();
        }
        let with_tables = match self.tables {
            Tables::Auto => active >= postings::WORTHWHILE,
            Tables::Always => true,
            Tables::Never => false,
        };
        if with_tables && u32::try_from(codes).is_err() {
            return Err(Error::InvalidArgument(format!("{codes} codes are too many for one index: split it")));
        }
        let payloads = self.entries.values().map(|e| &e.payload).collect();
        let keying = with_tables.then(|| self.keying.unwrap_or_else(|| Keying::for_size(active)));
        Ok(Contents { records, strings: strings.bytes, payloads, codes, active, keying })
    }
}

impl Payload {
    /// The open index that it is from.
    pub(super) fn index(&self) -> Option<&Arc<Index>> {
        match self {
            Self::Owned { .. } => None,
            Self::Stored { index, .. } => Some(index),
        }
    }

    /// Which codes of that are its own.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Owned { .. } => None,
            Self::Stored { index, number } => Some(index.code_range(*number)),
        }
    }

    pub(super) fn codes(&self) -> &[StoredCode] {
        match self {
            Self::Owned { codes, .. } => codes,
            Self::Stored { index, number } => index.codes().get(index.code_range(*number)).unwrap_or_default(),
        }
    }

    pub(super) fn levels(&self) -> &[u8] {
        match self {
            Self::Owned { levels, .. } => levels,
            Self::Stored { index, number } => index.levels().get(index.code_range(*number)).unwrap_or_default(),
        }
    }

    pub(super) fn bands(&self) -> &[StoredBands] {
        match self {
            Self::Owned { bands, .. } => bands,
            Self::Stored { index, number } => index.bands(*number),
        }
    }

    /// A byte for each band record; zeros where an index of before knows no pitch.
    pub(super) fn pitch(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Owned { pitch, .. } => Cow::Borrowed(pitch),
            Self::Stored { index, number } => match index.pitch(*number) {
                [] => Cow::Owned(vec![0; self.bands().len()]),
                pitch => Cow::Borrowed(pitch),
            },
        }
    }
}

/// All renderings of an index, by name.
fn stored(index: &Index) -> impl Iterator<Item = (String, Entry)> {
    let index = Arc::new(index.clone());
    (0..index.len()).map(move |number| {
        let r = index.rendering(number);
        let entry = Entry {
            category: r.category.to_owned(),
            language: r.language.to_owned(),
            samples: (r.seconds * 8000.0).round() as u32,
            payload: Payload::Stored { index: Arc::clone(&index), number },
        };
        (r.id.to_owned(), entry)
    })
}

/// The strings section; a string that comes again is stored once.
#[derive(Debug, Default)]
struct Strings {
    bytes: Vec<u8>,
    known: BTreeMap<String, StringRef>,
}

impl Strings {
    fn add(&mut self, s: &str) -> Result<StringRef> {
        if let Some(&known) = self.known.get(s) {
            return Ok(known);
        }
        let fit = |n: usize| {
            u32::try_from(n).map(U32::new).map_err(|_| Error::InvalidArgument("names take more than 4 GiB".into()))
        };
        let at = StringRef { offset: fit(self.bytes.len())?, length: fit(s.len())? };
        self.bytes.extend_from_slice(s.as_bytes());
        self.known.insert(s.to_owned(), at);
        Ok(at)
    }
}

fn check_name(id: &str) -> Result<()> {
    let fine = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if id.is_empty() || id.len() > 255 || script_of(id).is_empty() || !id.chars().all(fine) {
        return Err(Error::InvalidArgument(format!(
            "rendering name {id:?}: want 1 to 255 bytes of letters, digits, '-', '_' and '.', as in dental-01__voice"
        )));
    }
    Ok(())
}
