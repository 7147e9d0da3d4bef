//! Errors of the library as exceptions of Python: the only place where one becomes the other.

use std::{io::ErrorKind, path::Path};

use callprint::{Error, IndexFault};
use pyo3::{PyErr, import_exception};

import_exception!(callprint._errors, ArgumentError);
import_exception!(callprint._errors, AudioError);
import_exception!(callprint._errors, DuplicateError);
import_exception!(callprint._errors, FileError);
import_exception!(callprint._errors, IndexFileError);
import_exception!(callprint._errors, InternalError);
import_exception!(callprint._errors, NotFoundError);
import_exception!(callprint._errors, TooShortError);

/// The exception that tells what `error` tells.
pub(crate) fn exception(error: Error) -> PyErr {
    match error {
        Error::Io { path, source } => {
            let text = source.to_string();
            // The number comes again as the exception's `errno`.
            let reason = text.split(" (os error").next().unwrap_or(&text).to_owned();
            FileError::new_err((errno(&source), reason, name(&path)))
        }
        Error::UnsupportedAudio { path, reason } => AudioError::new_err((None::<i32>, reason, name(&path))),
        Error::MalformedAudio { path, reason } => {
            AudioError::new_err((None::<i32>, format!("damaged audio: {reason}"), name(&path)))
        }
        Error::Index { path, reason } => index_exception(&path, &reason),
        Error::InvalidArgument(reason) => ArgumentError::new_err(reason),
        other => InternalError::new_err(other.to_string()),
    }
}

fn index_exception(path: &Path, fault: &IndexFault) -> PyErr {
    let reason = fault.to_string();
    match fault {
        IndexFault::Duplicate(_) => DuplicateError::new_err(format!("the index {reason}")),
        IndexFault::NoSuchRendering(_) => NotFoundError::new_err(format!("the index {reason}")),
        IndexFault::TooShort { .. } => TooShortError::new_err(reason),
        _ => IndexFileError::new_err((None::<i32>, reason, name(path))),
    }
}

/// The number that Python knows an error by. Errors that the library makes itself have a kind, but no number of the
/// system's; these numbers are the same on all systems.
fn errno(error: &std::io::Error) -> Option<i32> {
    match error.kind() {
        ErrorKind::NotFound => Some(2),
        ErrorKind::PermissionDenied => Some(13),
        ErrorKind::AlreadyExists => Some(17),
        ErrorKind::NotADirectory => Some(20),
        ErrorKind::IsADirectory => Some(21),
        ErrorKind::StorageFull => Some(28),
        _ => error.raw_os_error(),
    }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
