//! The errors of the library: one enum whose variants say what the caller can do.

use std::path::{Path, PathBuf};

/// What can go wrong in callprint.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The file holds no audio that callprint can read: an unknown container, codec or layout.
    #[error("{path}: {reason}", path = path.display())]
    UnsupportedAudio {
        /// The file concerned.
        path: PathBuf,
        /// What was found and what would be accepted.
        reason: String,
    },
    /// The audio starts well but is broken.
    #[error("{path}: damaged audio: {reason}", path = path.display())]
    MalformedAudio {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// An index file can't be used: damaged, truncated, or made with another format or fingerprint.
    #[error("{path}: {reason}", path = path.display())]
    Index {
        /// The index file, or `<memory>` / `<built-in>`.
        path: PathBuf,
        /// What is wrong.
        reason: IndexFault,
    },
    /// An argument is outside its range; the message quotes the value and the accepted range.
    #[error("{0}")]
    InvalidArgument(String),
}

/// Why an index can't be used.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IndexFault {
    /// The first bytes are not those of a callprint index.
    #[error("not a callprint index; give the file that `callprint index build` wrote")]
    NotAnIndex,
    /// The format version is one this program does not know.
    #[error(
        "index format version {found}, but this program reads versions {} to {supported}; rebuild the index with `callprint index build`, or update callprint",
        crate::index::OLDEST_VERSION
    )]
    Version {
        /// Version in the file.
        found: u32,
        /// Version that this program reads.
        supported: u32,
    },
    /// The codes were made with another fingerprint configuration.
    #[error(
        "made with fingerprint configuration {found:016x}, but this program uses {expected:016x}; codes of the two can't be compared: rebuild the index from its audio with `callprint index build`"
    )]
    Configuration {
        /// Configuration hash in the file.
        found: u64,
        /// Configuration hash of this program.
        expected: u64,
    },
    /// The file ends before the data that its header announces.
    #[error("truncated: {found} bytes, but the header announces {expected}; copy the file again or rebuild the index")]
    Truncated {
        /// Bytes present.
        found: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// A checksum or a structural rule does not hold.
    #[error("damaged: {0}; copy the file again or rebuild the index")]
    Damaged(String),
    /// A rendering of this name is in the index already.
    #[error("already holds a rendering {0:?}; remove it first, or give the new one another name")]
    Duplicate(String),
    /// No rendering or script of this name is in the index.
    #[error("holds no rendering or script {0:?}; `callprint index list` shows what it holds")]
    NoSuchRendering(String),
    /// The rendering's audio has too little speech to be recognised again.
    #[error("rendering {name:?} has {seconds:.2} s of usable sound; at least {minimum} s are needed")]
    TooShort {
        /// The rendering's name.
        name: String,
        /// Usable seconds found.
        seconds: f64,
        /// Seconds needed.
        minimum: f64,
    },
}

/// Result of a callprint call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps a system error with the path it concerns.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source }
    }

    /// Wraps an index fault with the path it concerns.
    pub fn index(path: impl AsRef<Path>, reason: IndexFault) -> Self {
        Self::Index { path: path.as_ref().to_owned(), reason }
    }
}
