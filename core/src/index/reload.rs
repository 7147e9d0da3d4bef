//! An index that is searched while its file is replaced.
//!
//! A service opens its index once, and operations replace the file under it: [`IndexBuilder::write`](super::IndexBuilder::write)
//! renames a whole new file over the old name, and the service is told, or looks now and then, to [`reload`](LiveIndex::reload).
//! A search takes the index that is current when it begins and keeps it to its end; so each answer comes from one index, whole,
//! and the old file's pages go when the last search over them has ended. A file that can't be used leaves the old index in
//! service.
//!
//! Taking the current index is a read of an atomic pointer and a count (the `arc-swap` crate: hazard slots of each thread, after
//! Michael, "Hazard pointers: safe memory reclamation for lock-free objects", IEEE Trans. Parallel and Distributed Systems
//! 15(6), 2004): no lock, whatever `reload` is doing. Only `reload` itself is one at a time.

use std::{
    fs::{File, Metadata},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;

use super::{Index, map::Bytes};
use crate::{Error, Result};

/// What tells one file from another at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// Device and inode: a file that replaces a mapped one by renaming has another inode, as the old one is still in use.
    #[cfg(unix)]
    file: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            #[cfg(unix)]
            file: (meta.dev(), meta.ino()),
            length: meta.len(),
            modified: meta.modified().ok(),
        }
    }
}

/// An index file in service: searched by many threads, and exchanged for a newly written file without a lock in the search path
/// and without a dropped query.
///
/// ```
/// # fn main() -> callprint::Result<()> {
/// # use callprint::index::{IndexBuilder, LiveIndex};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("scripts.cpi");
/// # IndexBuilder::new().write(&path)?;
/// use callprint::detect::{ScanOptions, Scanner};
///
/// let live = LiveIndex::open(&path)?; // one for all threads
///
/// // In each searching thread, for each call:
/// let index = live.current();
/// let report = Scanner::new(&index, ScanOptions::default())?.scan_samples("call", &[0.0; 8000])?;
///
/// // In one thread, on a signal or every few seconds:
/// if live.reload()? {
///     println!("now {} renderings", live.current().len());
/// }
/// # assert!(report.matches.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LiveIndex {
    path: PathBuf,
    current: ArcSwap<Index>,
    /// The file that `current` was opened from; held while reloading.
    stamp: Mutex<Stamp>,
}

impl LiveIndex {
    /// Opens an index file, as [`Index::open`] does.
    ///
    /// # Errors
    /// [`Error::Io`] where the file can't be read, [`Error::Index`] where it is no usable index.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let (index, stamp) = open(&path)?;
        Ok(Self { path, current: ArcSwap::from_pointee(index), stamp: Mutex::new(stamp) })
    }

    /// The index in service now. It stays as it is for as long as it is held; take it anew for each call or query. Never
    /// waits.
    pub fn current(&self) -> Arc<Index> {
        self.current.load_full()
    }

    /// The path that is opened and looked at again.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file at the path into service if it is another one than the one in service (another inode, length or time of
    /// modification); says whether it was. Searches that have begun end on the index that they began with. What is
    /// checked is what [`Index::open`] checks, in time independent of the size; to have every byte checked before a new
    /// file is served, write it under another name, call [`Index::verify`], then rename it.
    ///
    /// # Errors
    /// Those of [`open`](Self::open). The old index stays in service then, and the next call tries again.
    pub fn reload(&self) -> Result<bool> {
        let mut stamp = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let meta = std::fs::metadata(&self.path).map_err(|e| Error::io(&self.path, e))?;
        if Stamp::of(&meta) == *stamp {
            return Ok(false);
        }
        // The stamp is that of the file opened here, which may be a newer one than was looked at above.
        let (index, opened) = open(&self.path)?;
        self.current.store(Arc::new(index));
        *stamp = opened;
        Ok(true)
    }
}

fn open(path: &Path) -> Result<(Index, Stamp)> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let stamp = Stamp::of(&file.metadata().map_err(|e| Error::io(path, e))?);
    Ok((Index::from_parts(path.to_owned(), Bytes::of_file(path, &file)?)?, stamp))
}
