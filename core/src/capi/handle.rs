//! What lies behind an opaque pointer, and how pointers from outside are checked.

use super::status::Failure;

/// What a handle of C points to. The tag comes first, so that a handle of another kind, or a pointer to something else, is
/// noticed.
#[derive(Debug)]
#[repr(C)]
struct Handle<T> {
    tag: u64,
    value: T,
}

/// A type that C knows by name only; pointers to it are pointers to a [`Handle`] of `Value`.
pub(super) trait Opaque {
    /// What it stands for.
    type Value;
    /// The number that a handle's tag holds while it lives.
    const TAG: u64;
    /// What the kind is called in messages.
    const NAME: &'static str;
}

/// What a handle points to.
///
/// # Safety
/// `pointer` is NULL or points to memory that may be read, at least a tag long; and where that holds `O::TAG`, it came from
/// [`give`], was not freed, and during `'a` is used by shared references only.
pub(super) unsafe fn shared<'a, O: Opaque>(pointer: *const O) -> Result<&'a O::Value, Failure> {
    let handle = check(pointer)?;
    // SAFETY: not NULL, aligned and tagged as a living handle, by the lines above and the caller's promise.
    Ok(unsafe { &(*handle).value })
}

/// The same, to be changed.
///
/// # Safety
/// As for [`shared`], and nothing else uses it during `'a` at all.
pub(super) unsafe fn exclusive<'a, O: Opaque>(pointer: *mut O) -> Result<&'a mut O::Value, Failure> {
    let handle = check(pointer)?.cast_mut();
    // SAFETY: not NULL, aligned and tagged as a living handle, by the lines above and the caller's promise.
    Ok(unsafe { &mut (*handle).value })
}

fn check<O: Opaque>(pointer: *const O) -> Result<*const Handle<O::Value>, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(O::NAME));
    }
    let handle = pointer.cast::<Handle<O::Value>>();
    let wrong = || Failure::argument(format!("this is no living {}", O::NAME));
    if !handle.is_aligned() {
        return Err(wrong());
    }
    // SAFETY: not NULL, aligned for a handle, hence for its first field; readable by the promise of the callers.
    let tag = unsafe { handle.cast::<u64>().read() };
    if tag == O::TAG { Ok(handle) } else { Err(wrong()) }
}

/// Gives a value to C.
///
/// # Safety
/// `out` may be written.
pub(super) unsafe fn give<O: Opaque>(value: O::Value, out: *mut *mut O) {
    let handle = Box::new(Handle { tag: O::TAG, value });
    // SAFETY: the caller's promise.
    unsafe { out.write(Box::into_raw(handle).cast()) };
}

/// Ends a handle's life; nothing for NULL.
///
/// # Safety
/// As for [`exclusive`], and the handle is not used again.
pub(super) unsafe fn free<O: Opaque>(pointer: *mut O) -> Result<(), Failure> {
    if pointer.is_null() {
        return Ok(());
    }
    let handle = check(pointer)?.cast_mut();
    // SAFETY: a living handle, which came from `Box::into_raw` in `give`. Its tag goes first: a handle that is freed twice is
    // noticed as long as its memory is not used for something else; volatile, or the write would be left out.
    unsafe {
        (&raw mut (*handle).tag).write_volatile(0);
        drop(Box::from_raw(handle));
    }
    Ok(())
}

/// Samples that a caller hands in.
///
/// # Safety
/// `samples` is NULL or points to `count` values that nothing writes during `'a`.
pub(super) unsafe fn slice<'a, T>(samples: *const T, count: usize) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if samples.is_null() {
        return Err(Failure::null("samples"));
    }
    let wrong = |what| Err(Failure::argument(what));
    if !samples.is_aligned() {
        return wrong("samples: the pointer is not aligned");
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return wrong("count: more samples than memory can hold");
    }
    // SAFETY: not NULL, aligned, of a possible length; readable by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(samples, count) })
}
