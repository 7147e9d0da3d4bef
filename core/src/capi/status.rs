//! Status codes, the last error of a thread, and the guard that every entry runs under.

use std::{
    cell::RefCell,
    ffi::{CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::Error;

/// How a call went. Negative values are errors, which `callprint_last_error` puts into words.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallprintStatus {
    /// Done.
    CALLPRINT_OK = 0,
    /// No event waits, or no match stands.
    CALLPRINT_NO_EVENT = 1,
    /// A pointer that must not be NULL is.
    CALLPRINT_ERROR_NULL = -1,
    /// An argument is outside its range, a pointer is not aligned, or a handle is none of the kind wanted.
    CALLPRINT_ERROR_ARGUMENT = -2,
    /// `struct_size` is smaller than any version of the struct or more than 4096, or fields that this library does not know,
    /// `reserved` among them, are not 0.
    CALLPRINT_ERROR_STRUCT_SIZE = -3,
    /// The operating system refused to read the file.
    CALLPRINT_ERROR_IO = -4,
    /// The file is no index, is damaged, or was made with another version.
    CALLPRINT_ERROR_INDEX = -5,
    /// A fault of the library. The session concerned works again after `callprint_session_reset`.
    CALLPRINT_ERROR_INTERNAL = -6,
    /// The call was ended by `callprint_session_finish`: reset the session first.
    CALLPRINT_ERROR_ENDED = -7,
}

/// Why a call fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: CallprintStatus,
    pub(super) reason: String,
}

impl Failure {
    pub(super) fn new(status: CallprintStatus, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    pub(super) fn argument(reason: impl Into<String>) -> Self {
        Self::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, reason)
    }

    pub(super) fn null(name: &str) -> Self {
        Self::new(CallprintStatus::CALLPRINT_ERROR_NULL, format!("{name} is NULL"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::Io { .. } => CallprintStatus::CALLPRINT_ERROR_IO,
            Error::Index { .. } => CallprintStatus::CALLPRINT_ERROR_INDEX,
            _ => CallprintStatus::CALLPRINT_ERROR_ARGUMENT,
        };
        Self::new(status, error.to_string())
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Notes why a call failed.
pub(super) fn note(failure: Failure) -> CallprintStatus {
    let bytes: Vec<u8> = failure.reason.bytes().filter(|&b| b != 0).collect();
    let _ = LAST.try_with(|last| *last.borrow_mut() = CString::new(bytes).unwrap_or_default());
    failure.status
}

/// Runs an entry's body: errors and panics become a status.
pub(super) fn guarded(body: impl FnOnce() -> Result<CallprintStatus, Failure>) -> CallprintStatus {
    // What a panic may leave half done is a session, and `session` marks that.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => note(failure),
        Err(_) => note(Failure::new(
            CallprintStatus::CALLPRINT_ERROR_INTERNAL,
            "a fault of the library; please report it with the message on standard error",
        )),
    }
}

/// Why the last call of this thread that failed did, in English; empty where none has. Never NULL; valid until the next call of
/// this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn callprint_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn last() -> String {
        // SAFETY: `callprint_last_error` gives a string that is valid until the next failing call.
        unsafe { CStr::from_ptr(callprint_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_and_a_reason() {
        let status = guarded(|| panic!("on purpose"));
        assert_eq!(status, CallprintStatus::CALLPRINT_ERROR_INTERNAL);
        assert!(last().contains("fault of the library"));
    }

    #[test]
    fn reasons_are_kept_for_each_thread_and_without_nul() {
        let status = guarded(|| Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_IO, "no\0 file")));
        assert_eq!((status, last().as_str()), (CallprintStatus::CALLPRINT_ERROR_IO, "no file"));
        assert_eq!(std::thread::spawn(last).join().unwrap(), "");
    }
}
