//! The bytes behind an index: a memory map, the built-in data, or memory.

use std::{fs::File, path::Path};

use crate::{Error, Result};

/// Bytes that stay put and unchanged as long as this lives.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// A mapped file.
    Map(memmap2::Mmap),
    /// Data built into the program.
    #[cfg(feature = "corpus")]
    Static(&'static [u8]),
    /// Owned memory.
    Owned(Vec<u8>),
}

impl Bytes {
    /// Maps a file for reading. An empty file gives no bytes.
    pub(crate) fn map(path: &Path) -> Result<Self> {
        Self::of_file(path, &File::open(path).map_err(|e| Error::io(path, e))?)
    }

    /// Maps an open file; `path` is for messages.
    pub(crate) fn of_file(path: &Path, file: &File) -> Result<Self> {
        let meta = file.metadata().map_err(|e| Error::io(path, e))?;
        if meta.is_dir() {
            return Err(Error::io(path, std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        if meta.len() == 0 {
            return Ok(Self::Owned(Vec::new()));
        }
        let map = map_file(file).map_err(|e| Error::io(path, e))?;
        // A search looks at a few bytes in many places, which cost half with huge pages. A wish: file systems that cannot refuse it.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self::Map(map))
    }

    /// Reads a part of a mapped file into memory and fills in the page table; elsewhere it is there already. A wish: where
    /// the system does not grant it, pages come when they are used.
    pub(crate) fn preload(&self, range: std::ops::Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Self::Map(map) = self
            && map.advise_range(memmap2::Advice::PopulateRead, range.start, range.len()).is_err()
        {
            let _ = map.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        }
        #[cfg(not(target_os = "linux"))]
        let _ = range;
    }
}

#[expect(unsafe_code, reason = "memory-mapping is the point of the index format")]
fn map_file(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is read-only and callprint never writes an index in place: it writes a new file and renames it
    // over the old name, so a mapped file keeps its contents. Someone who truncates the file in place while it is mapped
    // breaks that; the documentation of `Index::open` says so.
    unsafe { memmap2::Mmap::map(file) }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            #[cfg(feature = "corpus")]
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}
