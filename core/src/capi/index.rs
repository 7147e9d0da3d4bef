//! The index handle: read-only, shared by threads.

use std::{
    ffi::{CStr, c_char},
    path::Path,
    sync::Arc,
};

use super::{
    handle::{self, Opaque},
    status::{CallprintStatus, Failure, guarded},
};
use crate::Index;

/// An index of known scripts. Read-only: any number of threads may use one at the same time. Sessions keep what they need of
/// it, so it may be freed before them.
#[derive(Debug)]
pub struct CallprintIndex {
    _known_by_name_only: [u8; 0],
}

impl Opaque for CallprintIndex {
    type Value = Arc<Index>;
    const TAG: u64 = 0x6361_6c6c_696e_6478;
    const NAME: &'static str = "index";
}

/// Opens an index file, memory-mapped, and stores a handle in `*out`; free it with `callprint_index_free`. On an error `*out`
/// is set to NULL. `path`: a string in the encoding of the system's file names. The file must not be changed in place while it
/// is open; the callprint program replaces files by renaming, which is safe.
///
/// # Safety
/// `path` is NULL or a string ended by NUL; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_open(path: *const c_char, out: *mut *mut CallprintIndex) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `out`.
        unsafe { clear(out)? };
        if path.is_null() {
            return Err(Failure::null("path"));
        }
        // SAFETY: not NULL; a string by the caller's promise.
        let path = unsafe { CStr::from_ptr(path) };
        // SAFETY: the caller's promise about `out`, which `clear` found not to be NULL.
        unsafe { give(Index::open(path_of(path)?)?, out) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Stores a handle to the index that is built into the library in `*out`; free it with `callprint_index_free`. On an error
/// `*out` is set to NULL.
///
/// # Safety
/// `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_builtin(out: *mut *mut CallprintIndex) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `out`.
        unsafe { clear(out)? };
        // SAFETY: as above; `clear` found it not to be NULL.
        unsafe { give(Index::builtin()?, out) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Number of renderings in an index; 0 for NULL.
///
/// # Safety
/// `index` is NULL or a living handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_renderings(index: *const CallprintIndex) -> usize {
    let mut renderings = 0;
    guarded(|| {
        // SAFETY: the caller's promise.
        renderings = unsafe { handle::shared(index)? }.len();
        Ok(CallprintStatus::CALLPRINT_OK)
    });
    renderings
}

/// Frees an index. NULL is fine.
///
/// # Safety
/// `index` is NULL or a living handle that is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_free(index: *mut CallprintIndex) {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { handle::free(index)? };
        Ok(CallprintStatus::CALLPRINT_OK)
    });
}

/// Sets `*out` to NULL.
///
/// # Safety
/// `out` is NULL or may be written.
pub(super) unsafe fn clear<T>(out: *mut *mut T) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    if !out.is_aligned() {
        return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, "out: the pointer is not aligned"));
    }
    // SAFETY: not NULL and aligned; writable by the caller's promise.
    unsafe { out.write(std::ptr::null_mut()) };
    Ok(())
}

/// # Safety
/// `out` may be written.
unsafe fn give(index: Index, out: *mut *mut CallprintIndex) {
    // SAFETY: the caller's promise.
    unsafe { handle::give(Arc::new(index), out) };
}

#[cfg(unix)]
fn path_of(path: &CStr) -> Result<&Path, Failure> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    Ok(Path::new(OsStr::from_bytes(path.to_bytes())))
}

#[cfg(not(unix))]
fn path_of(path: &CStr) -> Result<&Path, Failure> {
    let text = path.to_str();
    text.map(Path::new).map_err(|_| Failure::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, "path: want UTF-8"))
}
