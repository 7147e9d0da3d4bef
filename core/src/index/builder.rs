//! Building an index: collecting renderings, laying out the file, writing it atomically.
//!
//! The bytes depend only on what is in the index, not on the order in which it came in.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use zerocopy::{
    IntoBytes,
    little_endian::{U32, U64},
};

use super::{
    Calibration, Index,
    format::{self, Header, Record, SECTIONS, SectionEntry, StoredBands, StoredCode, StringRef},
    replace::write_atomically,
    script_of, verify,
};
use crate::{
    Error, IndexFault, Result,
    fingerprint::{CODE_HOP, Reference},
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
    codes: Vec<StoredCode>,
    levels: Vec<u8>,
    bands: Vec<StoredBands>,
}

/// Collects renderings and writes an index file.
#[derive(Debug, Default)]
pub struct IndexBuilder {
    entries: BTreeMap<String, Entry>,
    path: PathBuf,
}

impl IndexBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self { entries: BTreeMap::new(), path: PathBuf::from("<new index>") }
    }

    /// A builder that starts with everything an index holds.
    pub fn from_index(index: &Index) -> Self {
        let entries = (0..index.len()).map(|i| Entry::stored(index, i)).collect();
        Self { entries, path: index.path().to_owned() }
    }

    /// Adds a rendering from its 8 kHz samples in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Index`] with `Duplicate` or `TooShort`; [`Error::InvalidArgument`] for a name that is not well formed or
    /// audio longer than a day.
    pub fn add(&mut self, label: Label, samples: &[f32]) -> Result<()> {
        check_name(&label.id)?;
        if self.entries.contains_key(&label.id) {
            return Err(Error::index(&self.path, IndexFault::Duplicate(label.id)));
        }
        let length = u32::try_from(samples.len()).ok().filter(|&n| n < 86_400 * 8000);
        let length = length.ok_or_else(|| Error::InvalidArgument(format!("{}: longer than a day", label.id)))?;
        let Reference { codes: found, bands } = Reference::of(samples);
        let seconds = found.iter().filter(|c| c.active).count() as f64 * CODE_HOP as f64 * HOP_SECONDS;
        if seconds < MINIMUM_SECONDS {
            let fault = IndexFault::TooShort { name: label.id, seconds, minimum: MINIMUM_SECONDS };
            return Err(Error::index(&self.path, fault));
        }
        let entry = Entry {
            category: label.category,
            language: label.language,
            samples: length,
            codes: found.iter().map(|c| c.soft.code().into()).collect(),
            levels: found
                .iter()
                .map(|c| if c.active { (c.level / LEVEL_STEP).clamp(1, 255) as u8 } else { 0 })
                .collect(),
            bands: verify::store(&bands, format::band_records(found.len())),
        };
        self.entries.insert(label.id, entry);
        Ok(())
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
        self.entries.extend((0..index.len()).map(|i| Entry::stored(index, i)));
        Ok(())
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
    /// [`Error::InvalidArgument`] where the names take more than 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut strings = Strings::default();
        let mut records = Vec::with_capacity(self.entries.len());
        let (mut codes, mut levels, mut bands) = (Vec::new(), Vec::new(), Vec::new());
        for (name, e) in &self.entries {
            records.push(Record {
                first_code: U64::new(codes.len() as u64),
                codes: U32::new(e.codes.len() as u32),
                samples: U32::new(e.samples),
                name: strings.add(name)?,
                category: strings.add(&e.category)?,
                language: strings.add(&e.language)?,
                first_bands: U64::new(bands.len() as u64),
            });
            codes.extend_from_slice(&e.codes);
            levels.extend_from_slice(&e.levels);
            bands.extend_from_slice(&e.bands);
        }
        let seconds = codes.len() as f64 * CODE_HOP as f64 * HOP_SECONDS;
        let calibration = Calibration::for_size(seconds).to_stored();
        let sections: [&[u8]; SECTIONS] =
            [records.as_bytes(), &strings.bytes, codes.as_bytes(), &levels, calibration.as_bytes(), bands.as_bytes()];
        Ok(assemble(sections, records.len(), codes.len()))
    }

    /// Writes the index file atomically: temporary file beside it, fsync, rename.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file, if any, is untouched then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write_atomically(path, &self.to_bytes()?).map_err(|e| Error::io(path, e))
    }
}

impl Entry {
    fn stored(index: &Index, i: usize) -> (String, Self) {
        let (r, range) = (index.rendering(i), index.code_range(i));
        let entry = Self {
            category: r.category.to_owned(),
            language: r.language.to_owned(),
            samples: (r.seconds * 8000.0).round() as u32,
            codes: index.codes().get(range.clone()).unwrap_or_default().to_vec(),
            levels: index.levels().get(range).unwrap_or_default().to_vec(),
            bands: index.bands(i).to_vec(),
        };
        (r.id.to_owned(), entry)
    }
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

fn assemble(sections: [&[u8]; SECTIONS], renderings: usize, codes: usize) -> Vec<u8> {
    let mut at = format::data_start();
    let table: [SectionEntry; SECTIONS] = std::array::from_fn(|i| {
        let entry = SectionEntry {
            kind: U32::new(i as u32 + 1),
            crc: U32::new(crc32fast::hash(sections[i])),
            offset: U64::new(at as u64),
            length: U64::new(sections[i].len() as u64),
        };
        at = if i + 1 == SECTIONS { at + sections[i].len() } else { format::align(at + sections[i].len()) };
        entry
    });
    let mut header = Header {
        magic: format::MAGIC,
        version: U32::new(format::VERSION),
        sections: U32::new(SECTIONS as u32),
        configuration: U64::new(super::configuration()),
        file_size: U64::new(at as u64),
        renderings: U64::new(renderings as u64),
        codes: U64::new(codes as u64),
        reserved: [0; 12],
        crc: U32::new(0),
    };
    header.crc = U32::new(format::header_crc(header.as_bytes(), table.as_bytes()));
    let mut out = Vec::with_capacity(at);
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(table.as_bytes());
    for (section, entry) in sections.iter().zip(&table) {
        out.resize(entry.offset.get() as usize, 0);
        out.extend_from_slice(section);
    }
    out
}
