//! Known scripts: the index, how it is built, stored, searched.

use std::path::Path;

use crate::Result;

/// A read-only index of renderings, memory-mapped or built in. Shared by threads.
#[derive(Debug)]
pub struct Index {}

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

impl Index {
    /// Opens an index file by memory-mapping it.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where the file can't be read, [`Error::Index`](crate::Error::Index) where it is no
    /// usable index.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let _ = path;
        unimplemented!()
    }

    /// The corpus index that is built into the library.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) where the built-in bytes do not fit this version.
    #[cfg(feature = "corpus")]
    pub fn builtin() -> Result<Self> {
        unimplemented!()
    }

    /// Renderings held.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All renderings in the order of their names.
    pub fn renderings(&self) -> impl Iterator<Item = Rendering<'_>> {
        std::iter::empty()
    }

    /// Sizes.
    pub fn stats(&self) -> Stats {
        unimplemented!()
    }

    /// Reads every section and checks every checksum and structural rule.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) naming what is damaged.
    pub fn verify(&self) -> Result<()> {
        unimplemented!()
    }
}

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

/// Collects renderings and writes an index file.
#[derive(Debug, Default)]
pub struct IndexBuilder {}

impl IndexBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder that starts with everything an index holds.
    pub fn from_index(index: &Index) -> Self {
        let _ = index;
        Self::default()
    }

    /// Adds a rendering from its 8 kHz samples in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) with `Duplicate` or `TooShort`;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a name that is not well formed.
    pub fn add(&mut self, label: Label, samples: &[f32]) -> Result<()> {
        let _ = (label, samples);
        unimplemented!()
    }

    /// Removes a rendering, or all renderings of a script, by name; says how many went.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) with `NoSuchRendering`.
    pub fn remove(&mut self, name: &str) -> Result<usize> {
        let _ = name;
        unimplemented!()
    }

    /// Adds everything another index holds.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) with `Duplicate`; nothing has been added then.
    pub fn merge(&mut self, index: &Index) -> Result<()> {
        let _ = index;
        unimplemented!()
    }

    /// Renderings collected so far.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether nothing has been collected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the index file atomically: temporary file beside it, fsync, rename.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); the old file, if any, is untouched then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let _ = path;
        unimplemented!()
    }
}
