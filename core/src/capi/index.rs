//! The index handle: read-only, shared by threads.

use std::{
    ffi::{CStr, c_char},
    path::Path,
    ptr,
    sync::{Arc, OnceLock},
};

use super::{
    handle::{self, Opaque},
    status::{CallprintStatus, Failure, guarded},
};
use crate::Index;

/// An index of known scripts. Read-only: any number of threads may use one at the same time. Sessions keep what they need of
/// it, so it may be freed before them.
///
/// To exchange an index while calls are up, open the new one, make the sessions of new calls with it, and free the old one; running
/// sessions end on the index that they began with. Swap the handle under a lock of your own, so that no thread makes a session with
/// one that is being freed.
#[derive(Debug)]
pub struct CallprintIndex {
    _known_by_name_only: [u8; 0],
}

impl Opaque for CallprintIndex {
    type Value = Known;
    const TAG: u64 = 0x6361_6c6c_696e_6478;
    const NAME: &'static str = "index";
}

/// What an index's handle points to.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) index: Arc<Index>,
    /// Counted when first wanted: opening takes as long for a million renderings as for one.
    longest_name: OnceLock<usize>,
}

impl Known {
    /// Bytes of the longest name or category.
    pub(super) fn longest_name(&self) -> usize {
        let longest = || self.index.renderings().map(|r| r.id.len().max(r.category.len())).max();
        *self.longest_name.get_or_init(|| longest().unwrap_or_default())
    }
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
        renderings = unsafe { handle::shared(index)? }.index.len();
        Ok(CallprintStatus::CALLPRINT_OK)
    });
    renderings
}

/// Copies the name (`script__voice`) of rendering `number`, counted from 0 in the order of names, to `name`, cut to `size` bytes of
/// which the last is NUL. Returns the length of the whole name without NUL, as `snprintf` does, so that NULL with a size of 0 asks
/// for it; 0 where there is no such rendering.
///
/// # Safety
/// `index` is NULL or a living handle; `name` is NULL (with a size of 0) or `size` bytes may be written there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_name(
    index: *const CallprintIndex,
    number: usize,
    name: *mut c_char,
    size: usize,
) -> usize {
    let mut length = 0;
    guarded(|| {
        if name.is_null() && size > 0 {
            return Err(Failure::null("name"));
        }
        // SAFETY: the caller's promise about `index`.
        let id = unsafe { handle::shared(index)? }.index.rendering(number).id;
        length = id.len();
        if let Some(room) = size.checked_sub(1) {
            let copied = length.min(room);
            // SAFETY: `copied` and a NUL are `size` bytes at most, which may be written by the caller's promise; a name of the index
            // lies elsewhere.
            unsafe {
                ptr::copy_nonoverlapping(id.as_ptr(), name.cast(), copied);
                name.add(copied).write(0);
            }
        }
        Ok(CallprintStatus::CALLPRINT_OK)
    });
    length
}

/// Reads the whole index and checks every checksum and structural rule: `CALLPRINT_OK`, or `CALLPRINT_ERROR_INDEX`, and
/// `callprint_last_error` says what is damaged. Takes as long as reading the file; opening checks the header and sizes only.
///
/// # Safety
/// `index` is NULL or a living handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_index_verify(index: *const CallprintIndex) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { handle::shared(index)? }.index.verify()?;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
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
        return Err(Failure::argument("out: the pointer is not aligned"));
    }
    // SAFETY: not NULL and aligned; writable by the caller's promise.
    unsafe { out.write(std::ptr::null_mut()) };
    Ok(())
}

/// # Safety
/// `out` may be written.
unsafe fn give(index: Index, out: *mut *mut CallprintIndex) {
    // SAFETY: the caller's promise.
    unsafe { handle::give(Known { index: Arc::new(index), longest_name: OnceLock::new() }, out) };
}

#[cfg(unix)]
fn path_of(path: &CStr) -> Result<&Path, Failure> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    Ok(Path::new(OsStr::from_bytes(path.to_bytes())))
}

#[cfg(not(unix))]
fn path_of(path: &CStr) -> Result<&Path, Failure> {
    let text = path.to_str();
    text.map(Path::new).map_err(|_| Failure::argument("path: want UTF-8"))
}
