//! How the program ends: exit status, and errors as one line with advice.

use std::{
    fmt::{self, Display, Write as _},
    io::{self, ErrorKind},
    path::Path,
    process::ExitCode,
};

use callprint::Error;

/// Exit status of the program; a contract with scripts that call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Done = 0,
    /// Nothing matched, and `--fail-if-none` was given.
    NoneMatched = 1,
    /// The command line, an input or an output was bad.
    Failed = 2,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// What went wrong, as the line `PATH: reason; advice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure that concerns no file.
    pub(crate) fn new(reason: impl Display) -> Self {
        Self(one_line(&reason.to_string()))
    }

    /// A failure that concerns the file or folder at `path`.
    pub(crate) fn at(path: &Path, reason: impl Display) -> Self {
        Self::new(format_args!("{}: {reason}", file_name(path)))
    }

    /// A library error met while reading `path`.
    pub(crate) fn reading(path: &Path, error: &Error) -> Self {
        Self::at(path, reason(error, reading_advice))
    }

    /// A library error met while writing `path`. The library writes to a temporary file that it renames at the end, so
    /// whatever was at `path` is still there.
    pub(crate) fn writing(path: &Path, error: &Error) -> Self {
        Self::at(path, format_args!("{}; nothing was changed", reason(error, writing_advice)))
    }

    /// The system refused what was written straight to the pipe or device at `path`.
    pub(crate) fn writing_straight(path: &Path, error: &io::Error) -> Self {
        Self::at(path, format_args!("{}; what was written is incomplete", writing_advice(error)))
    }

    /// The system refused to take the results on standard output.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                "no space left for the results; free some, or send them elsewhere; what was written is incomplete"
                    .to_owned()
            }
            _ => format!("{}; what was written is incomplete", without_number(error)),
        };
        Self::new(format_args!("standard output: {reason}"))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a library error says beside the path that it concerns; `advice` words the system's errors.
fn reason(error: &Error, advice: fn(&io::Error) -> String) -> String {
    match error {
        Error::Io { source, .. } => advice(source),
        Error::UnsupportedAudio { reason, .. } => reason.clone(),
        Error::MalformedAudio { reason, .. } => format!("damaged audio: {reason}"),
        Error::Index { reason, .. } => reason.to_string(),
        other => other.to_string(),
    }
}

fn reading_advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder; check the spelling".to_owned(),
        ErrorKind::PermissionDenied => "permission denied; check that you may read it".to_owned(),
        ErrorKind::IsADirectory => "is a folder; give a file".to_owned(),
        _ => format!("reading failed: {}; check the disk or the connection, then try again", without_number(error)),
    }
}

fn writing_advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "no space left to write it; free some, or write to another disk".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; write to another place".to_owned(),
        ErrorKind::PermissionDenied => "permission denied; write to a folder that you may write to".to_owned(),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "its folder does not exist; make the folder first, or write to another".to_owned()
        }
        _ => format!("writing failed: {}", without_number(error)),
    }
}

/// Why an address can't be listened on, and what to do.
pub(crate) fn binding_advice(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "another program listens there; end it, or give another port".to_owned(),
        ErrorKind::AddrNotAvailable => "not an address of this machine; give one, or :PORT for all of them".to_owned(),
        ErrorKind::PermissionDenied => "permission denied; give a port from 1024 on".to_owned(),
        _ => format!("{}; give HOST:PORT or :PORT", without_number(error)),
    }
}

/// The system's words without Rust's `(os error 28)`.
pub(crate) fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A path as text. Bytes that are not UTF-8 are written as `\xE9`: two files whose names differ in such bytes alone, as old
/// disks and archives have them, keep different names in every form of output.
pub(crate) fn file_name(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string can't fail.
            let _ = write!(name, "\\x{byte:02X}");
        }
    }
    name
}

/// `text` with control characters escaped: a file name can't break the line or steer the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing to a string can't fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use callprint::IndexFault;

    #[test]
    fn a_failure_is_one_line_of_path_reason_and_advice() {
        let error = Error::io("calls/a.wav", io::Error::from(ErrorKind::NotFound));
        let failure = Failure::reading(Path::new("calls/a.wav"), &error);
        assert_eq!(failure.to_string(), "calls/a.wav: no such file or folder; check the spelling");
    }

    #[test]
    fn a_full_disk_says_that_nothing_was_changed() {
        // 28 is ENOSPC on Linux and macOS.
        let error = Error::io("out/.tmp123", io::Error::from_raw_os_error(28));
        let failure = Failure::writing(Path::new("out/mine.cpi"), &error);
        assert_eq!(
            failure.to_string(),
            "out/mine.cpi: no space left to write it; free some, or write to another disk; nothing was changed"
        );
    }

    #[test]
    fn index_faults_are_named_by_the_path_given() {
        let error = Error::index("<memory>", IndexFault::NotAnIndex);
        let failure = Failure::reading(Path::new("song.wav"), &error);
        assert_eq!(
            failure.to_string(),
            "song.wav: not a callprint index; give the file that `callprint index build` wrote"
        );
    }

    #[test]
    fn file_names_cannot_break_the_line() {
        let failure = Failure::at(Path::new("two\nlines\u{1b}[31m.wav"), "bad");
        assert_eq!(failure.to_string(), "two\\nlines\\u{1b}[31m.wav: bad");
        assert_eq!(one_line("录音 é.wav"), "录音 é.wav");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let name = |bytes| file_name(Path::new(std::ffi::OsStr::from_bytes(bytes)));
        assert_eq!(name(b"caf\xe9.wav"), "caf\\xE9.wav");
        assert_eq!(name(b"caf\xe8.wav"), "caf\\xE8.wav");
        assert_eq!(name("café/录音.wav".as_bytes()), "café/录音.wav");
    }

    #[test]
    fn the_number_of_a_system_error_is_left_out() {
        let error = io::Error::from_raw_os_error(5);
        assert!(error.to_string().contains("os error"));
        assert!(!without_number(&error).contains("os error"));
    }
}
