//! The index that calls are heard with, exchanged while they are up.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use callprint::{Error, Index};

use crate::{console::Console, exit::Failure, input, output::words};

/// Indexes up to so many bytes are read into memory, where nobody can change them: a map of a file that is overwritten in place
/// ends the program when it is read. Larger ones are mapped, so that programs share them.
const IN_MEMORY: u64 = 64 << 20;

/// An index in service.
#[derive(Debug)]
pub(crate) struct Scripts {
    /// None for the index built into the program.
    path: Option<PathBuf>,
    current: RwLock<Arc<Index>>,
}

impl Scripts {
    /// Opens the index at `path`, or the one built into the program.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let index = match path {
            Some(path) => open(path)?,
            None => input::open_index(None)?,
        };
        Ok(Self { path: path.map(Path::to_owned), current: RwLock::new(Arc::new(index)) })
    }

    /// The index for a call that begins now; the call keeps it.
    pub(crate) fn current(&self) -> Arc<Index> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up the file that is at the path now, once every byte of it is checked, and says so; on failure the index in service stays.
    pub(crate) fn reload(&self, console: &Console) {
        let Some(path) = &self.path else {
            console.note("SIGHUP: the index is built into the program, there is none to load; --index FILE names one");
            return;
        };
        let index = open(path).and_then(|index| {
            index.verify().map_err(|error| Failure::reading(path, &error))?;
            Ok(index)
        });
        match index {
            Ok(index) => {
                let renderings = words::counted(index.len(), "rendering");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
                console
                    .note(&format!("{}: loaded, {renderings}; calls that begin now are heard with it", path.display()));
            }
            Err(failure) => {
                console.failure(&Failure::new(format_args!("{failure}; calls are heard with the index loaded before")));
            }
        }
    }
}

fn open(path: &Path) -> Result<Index, Failure> {
    let small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= IN_MEMORY);
    let index = if small {
        fs::read(path).map_err(|error| Error::io(path, error)).and_then(Index::from_bytes)
    } else {
        Index::open(path)
    };
    index.map_err(|error| Failure::reading(path, &error))
}
