//! One writer of an index at a time.
//!
//! Adding and removing read an index, work for seconds or hours, and put a new file in its place: of two that do so at once,
//! the one that ends first would lose its change without a word. So each holds a lock on the file that it builds upon. The
//! next one waits for it, and finds then that another file stands at the path, which it begins with. The lock is the
//! system's, on the index itself: it goes with the process however that ends, and nothing lies beside the index.

use std::{
    fs::{File, Metadata},
    io::ErrorKind,
    path::Path,
};

use callprint::Error;

use crate::{console::Console, exit::Failure};

/// The right to replace the index at a path, as long as it lives.
#[derive(Debug)]
pub(super) struct Hold {
    /// The file that stood there; `None` where there was none, and so nothing to be lost.
    file: Option<File>,
}

impl Hold {
    /// Waits until nobody else is changing the index at `path`.
    pub(super) fn take(path: &Path, console: &Console) -> Result<Self, Failure> {
        let io = |error| Failure::reading(path, &Error::io(path, error));
        let mut told = false;
        loop {
            let file = match open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { file: None }),
                opened => opened.map_err(io)?,
            };
            // Pipes and the like are refused by who reads them.
            if !file.metadata().map_err(io)?.is_file() {
                return Ok(Self { file: None });
            }
            if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
                if !told {
                    console
                        .note(&format!("{}: another callprint is changing it; waiting for that one", path.display()));
                    told = true;
                }
                // Where locks are not known, `check` is all there is.
                let _ = file.lock();
            }
            if stands_at(&file, path) {
                return Ok(Self { file: Some(file) });
            }
        }
    }

    /// Refuses to go on where another file has come to stand at `path`, put there by something that asks for no lock.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        match &self.file {
            Some(file) if !stands_at(file, path) => {
                Err(Failure::at(path, "was changed meanwhile; nothing was changed by this command, try again"))
            }
            _ => Ok(()),
        }
    }
}

/// Opened for writing where that is allowed: network file systems give their locks for no less.
fn open(path: &Path) -> std::io::Result<File> {
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => File::open(path),
        opened => opened,
    }
}

/// Whether `file` is what stands at `path` now. A file that is open keeps its number, so no other can have it.
fn stands_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(there)) => same(&held, &there),
        _ => false,
    }
}

#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same(a: &Metadata, b: &Metadata) -> bool {
    (a.len(), a.modified().ok()) == (b.len(), b.modified().ok())
}
