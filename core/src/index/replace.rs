//! Replacing a file so that whoever opens it, whenever, finds the old or the new one, whole.
//!
//! The bytes go to a temporary file in the same folder, are flushed to the disk (fsync), and the file is renamed over the old
//! name, which POSIX makes atomic; then the folder is flushed, so that the rename outlives a power cut. A writer that is
//! killed before the rename leaves the old file and its temporary file, `.callprint-*.tmp`, which nothing reads. The next
//! writer in that folder removes it: each writer holds a lock on its temporary file, and the system drops the lock when
//! the process dies, so an unlocked one belongs to nobody.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::Duration,
};

const PREFIX: &str = ".callprint-";
const SUFFIX: &str = ".tmp";
/// Age from which an unlocked temporary file is taken for left behind: a writer locks its file right after making it.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Lets `write` fill a temporary file beside `path`, which then takes its place. On failure the old file is untouched and
/// nothing is left.
pub(super) fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder)?;
    // Some network file systems know no locks; then nothing is tidied up there, and nothing else is lost.
    let locked = file.as_file().try_lock().is_ok();
    // A temporary file is private; the index should be readable like any file the user writes.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_or(0o644, |m| m.permissions().mode());
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    }
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The rename itself is durable only once the folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    if locked {
        tidy(folder);
    }
    Ok(())
}

/// Removes temporary files that killed writers left in a folder. What can't be looked at or removed stays.
fn tidy(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
        if ours && left_behind(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn left_behind(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let age = file.metadata().and_then(|m| m.modified()).map(|at| at.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age >= LEFT_BEHIND) && file.try_lock().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::SystemTime;

    #[test]
    fn only_what_a_dead_writer_left_long_ago_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * LEFT_BEHIND;
        let make = |name: &str, modified: SystemTime| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(modified).unwrap();
            file
        };
        drop(make(".callprint-dead.tmp", old));
        drop(make(".callprint-new.tmp", SystemTime::now()));
        drop(make(".other-old.tmp", old));
        let alive = make(".callprint-alive.tmp", old);
        alive.lock().unwrap();
        write_atomically(&folder.path().join("a.cpi"), |file| file.write_all(b"whole")).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [".callprint-alive.tmp", ".callprint-new.tmp", ".other-old.tmp", "a.cpi"]);
        assert_eq!(fs::read(folder.path().join("a.cpi")).unwrap(), b"whole");
    }
}
