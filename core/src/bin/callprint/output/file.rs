//! Files that appear whole or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use callprint::{Error, replace::Replacement};

use crate::exit::Failure;

/// How a file of figures begins ([`Metrics::to_prometheus`](callprint::engine::Metrics::to_prometheus)).
const FIGURES: &[u8] = b"# HELP callprint_";

/// A file being written.
#[derive(Debug)]
pub(crate) enum Output {
    /// One that takes its place when it is whole.
    Whole(Replacement),
    /// A pipe or a device: nothing to be replaced, somebody reads what is written at once.
    Straight(File),
}

/// Begins a file of figures at `path`, to be filled and then [`persist`]ed there.
///
/// It is written again and again without anybody looking, so a slip in its name would cost the file that has the name, such
/// as the index or the capture of the same command. Only an absent or empty file, or one of figures, is replaced.
pub(crate) fn begin(path: &Path) -> Result<Output, Failure> {
    match kind(path)? {
        Kind::Absent => {}
        Kind::Regular if may_be_figures(path).map_err(|error| failure(path, error))? => {}
        Kind::Regular => {
            return Err(Failure::at(
                path,
                "is there and holds no figures of callprint's; give another name, or remove it",
            ));
        }
        Kind::Other => return Err(Failure::at(path, "is a device or a pipe; figures must go to a regular file")),
    }
    Replacement::begin(path).map(Output::Whole).map_err(|error| failure(path, error))
}

/// Begins a table at `path`, which replaces whatever file is there.
///
/// A named pipe is written straight into: whoever made it wants to read the table as it comes, and a file in its place would
/// leave the reader waiting for ever. So is a device.
pub(crate) fn begin_table(path: &Path) -> Result<Output, Failure> {
    match kind(path)? {
        Kind::Absent | Kind::Regular => Replacement::begin(path).map(Output::Whole),
        Kind::Other => File::options().write(true).open(path).map(Output::Straight),
    }
    .map_err(|error| failure(path, error))
}

/// What stands at a path that is to be written.
enum Kind {
    Absent,
    Regular,
    /// A pipe, a device, a socket.
    Other,
}

fn kind(path: &Path) -> Result<Kind, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Failure::at(path, "is a folder; give the name of a file")),
        Ok(metadata) if metadata.is_file() => Ok(Kind::Regular),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kind::Absent),
        Err(error) => Err(failure(path, error)),
    }
}

fn may_be_figures(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(FIGURES.len() as u64).read_to_end(&mut head)?;
    Ok(head.is_empty() || head == FIGURES)
}

impl Output {
    /// Another handle to the file.
    pub(crate) fn handle(&self) -> io::Result<File> {
        match self {
            Self::Whole(file) => file.as_file().try_clone(),
            Self::Straight(file) => file.try_clone(),
        }
    }

    /// Why writing to it failed, and what that left.
    pub(crate) fn failure(&self, path: &Path, error: io::Error) -> Failure {
        match self {
            Self::Whole(_) => failure(path, error),
            Self::Straight(_) => Failure::writing_straight(path, &error),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Whole(file) => file.write(bytes),
            Self::Straight(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Whole(file) => file.flush(),
            Self::Straight(file) => file.flush(),
        }
    }
}

/// Puts a file in its place, after its bytes are on the disk.
pub(crate) fn persist(path: &Path, file: Output) -> Result<(), Failure> {
    match file {
        Output::Whole(file) => file.finish().map_err(|error| failure(path, error)),
        Output::Straight(_) => Ok(()),
    }
}

/// Why a file could not be written.
pub(crate) fn failure(path: &Path, error: io::Error) -> Failure {
    Failure::writing(path, &Error::io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_replace_figures_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            let mut file = begin(&path)?;
            file.write_all(callprint::engine::Metrics::default().to_prometheus().as_bytes()).unwrap();
            persist(&path, file)
        };
        fs::write(folder.path().join("empty.prom"), "").unwrap();
        fs::write(folder.path().join("calls.pcap"), "a capture").unwrap();
        for name in ["new.prom", "new.prom", "empty.prom"] {
            write(name).unwrap();
            assert!(fs::read(folder.path().join(name)).unwrap().starts_with(FIGURES));
        }
        assert!(write("calls.pcap").unwrap_err().to_string().contains("holds no figures"));
        assert_eq!(fs::read(folder.path().join("calls.pcap")).unwrap(), b"a capture");
        assert!(begin(folder.path()).is_err());
    }
}
