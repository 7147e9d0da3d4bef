//! Files that appear whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io,
    path::Path,
};

use callprint::Error;
use tempfile::NamedTempFile;

use crate::exit::Failure;

/// A temporary file beside `path`, to be filled and then [`persist`]ed there.
pub(crate) fn begin(path: &Path) -> Result<NamedTempFile, Failure> {
    if path.is_dir() {
        return Err(Failure::at(path, "is a folder; give the name of a file"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::with_prefix_in(".callprint-", folder).map_err(|error| failure(path, error))
}

/// Makes sure that the bytes are on the disk before the name is.
pub(crate) fn persist(path: &Path, file: NamedTempFile) -> Result<(), Failure> {
    let ready = permissions(path, file.as_file()).and_then(|()| file.as_file().sync_all());
    ready.map_err(|error| failure(path, error))?;
    file.persist(path).map_err(|error| failure(path, error.error))?;
    Ok(())
}

/// A temporary file is its owner's alone; a result has the permissions of the file it replaces, or of any new file.
#[cfg(unix)]
fn permissions(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => Permissions::from_mode(0o644),
    };
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn permissions(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Why a file could not be written.
pub(crate) fn failure(path: &Path, error: io::Error) -> Failure {
    Failure::writing(path, &Error::io(path, error))
}
