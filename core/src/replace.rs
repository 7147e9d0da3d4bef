//! Replacing a file so that whoever opens it, whenever, finds the old or the new one, whole.
//!
//! The bytes go to a temporary file in the same folder, are flushed to the disk (fsync), and the file is renamed over the old
//! name, which POSIX makes atomic; then the folder is flushed, so that the rename outlives a power cut. A link is followed:
//! the file that it leads to is replaced, in its own folder. A writer that is
//! killed before the rename leaves the old file and its temporary file, `.callprint-*.tmp`, which nothing reads. The next
//! writer in that folder removes it: each writer holds a lock on its temporary file, and the system drops the lock when
//! the process dies, so an unlocked one belongs to nobody.
//!
//! Indexes are written so, and the files of the program; for the latter alone the module is public.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::NamedTempFile;

const PREFIX: &str = ".callprint-";
const SUFFIX: &str = ".tmp";
/// Age from which an unlocked temporary file is taken for left behind: a writer locks its file right after making it.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
/// Links in a row after which a path is taken for a circle, as Linux does.
const MOST_LINKS: usize = 40;

/// A file being written that takes the place of another when it is whole. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct Replacement {
    target: PathBuf,
    file: NamedTempFile,
    locked: bool,
}

impl Replacement {
    /// Begins the file that will take the place of `path`, or of what the link `path` leads to.
    ///
    /// It has the permissions of the old file from the start; those of any new file, by the user's umask, where there is
    /// none.
    ///
    /// # Errors
    /// Where no file can be made beside the old one.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let target = followed(path)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        let old = {
            use std::os::unix::fs::PermissionsExt;
            let old = fs::metadata(&target).ok().map(|m| fs::Permissions::from_mode(m.permissions().mode() & 0o7777));
            builder.permissions(old.clone().unwrap_or_else(|| fs::Permissions::from_mode(0o666)));
            old
        };
        let file = builder.tempfile_in(folder_of(&target))?;
        // The umask has been at the permissions of the old file, too.
        #[cfg(unix)]
        if let Some(old) = old {
            file.as_file().set_permissions(old)?;
        }
        // Some network file systems know no locks; then nothing is tidied up there, and nothing else is lost.
        let locked = file.as_file().try_lock().is_ok();
        Ok(Self { target, file, locked })
    }

    /// The file.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// The file, for writers that seek.
    pub(crate) fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Flushes the file to the disk and puts it in its place.
    ///
    /// # Errors
    /// Where that fails; the old file is untouched then, and nothing is left.
    pub fn finish(self) -> io::Result<()> {
        let Self { target, file, locked } = self;
        file.as_file().sync_all()?;
        file.persist(&target).map_err(|e| e.error)?;
        let folder = folder_of(&target);
        // The rename itself is durable only once the folder is. Some folders may be written to but not read, and some file
        // systems flush no folders: the new file is there all the same, and after a power cut it or the old one is, whole.
        #[cfg(unix)]
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        if locked {
            tidy(folder);
        }
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Lets `write` fill a temporary file beside `path`, which then takes its place. On failure the old file is untouched and
/// nothing is left.
pub(crate) fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut replacement = Replacement::begin(path)?;
    write(replacement.as_file_mut())?;
    replacement.finish()
}

/// Where `path` leads if it is a link, or a link to a link, to a file that may not be there yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = folder_of(&path).join(link),
            // No link, or nothing there, or no right to look: whatever is wrong shows when the file is made.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "the links lead in a circle"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    use std::time::SystemTime;

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [real, link, again] = ["real/a.cpi", "link.cpi", "again.cpi"].map(|name| folder.path().join(name));
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real/a.cpi", &link).unwrap();
        symlink(&link, &again).unwrap();
        // First to a file that is not there yet, then over one whose permissions stay.
        for (path, bytes, mode) in [(&link, b"one", 0o640), (&again, b"two", 0o640)] {
            write_atomically(path, |file| file.write_all(bytes)).unwrap();
            assert_eq!(fs::read(&real).unwrap(), bytes);
            assert!(fs::symlink_metadata(path).unwrap().is_symlink());
            fs::set_permissions(&real, fs::Permissions::from_mode(mode)).unwrap();
        }
        write_atomically(&again, |file| file.write_all(b"three")).unwrap();
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        symlink("circle.cpi", folder.path().join("circle.cpi")).unwrap();
        assert!(write_atomically(&folder.path().join("circle.cpi"), |_| Ok(())).is_err());
    }

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
