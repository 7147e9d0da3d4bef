//! Where an index may be written, checked before hours of audio are read for it.

use std::{fs, io::ErrorKind, path::Path};

use callprint::{Error, IndexFault, index::Index};

use crate::exit::Failure;

/// Checks that an index can go to `path`: its folder is there, and whatever is at `path` is an index (of any version,
/// damaged or not) or empty. A slip such as `-o song.wav` must not cost the song.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Failure::at(path, format_args!("there is no folder {}; make it first", folder.display())));
    }
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::reading(path, &Error::io(path, error))),
    };
    if metadata.is_dir() {
        return Err(Failure::at(path, "is a folder; give the name of a file"));
    }
    if !metadata.is_file() {
        return Err(Failure::at(path, "is a device or a pipe; an index must go to a regular file"));
    }
    match Index::open(path) {
        Err(Error::Index { reason: IndexFault::NotAnIndex, .. }) if metadata.len() > 0 => {
            Err(Failure::at(path, "is there and is no index; give another name, or remove it first"))
        }
        _ => Ok(()),
    }
}
