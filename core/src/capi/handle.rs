//! What lies behind an opaque pointer, and how pointers from outside are checked.

use super::status::{CallprintStatus, Failure};

/// Begins every handle, so that one of another kind, or a pointer to something else, is noticed.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Tag(pub(super) u64);

/// Something that a handle points to.
pub(super) trait Tagged {
    /// The number that its tag holds while it lives.
    const TAG: u64;
    /// What the kind is called in messages.
    const NAME: &'static str;

    /// Its tag, the first field of a `repr(C)` struct.
    fn tag(&mut self) -> &mut Tag;
}

/// What a handle points to.
///
/// # Safety
/// `pointer` is NULL or points to memory that may be read, at least a tag long; and where that holds `T::TAG`, to a living
/// `T` that nothing else uses during `'a` other than by shared references.
pub(super) unsafe fn shared<'a, T: Tagged>(pointer: *const T) -> Result<&'a T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL, aligned and tagged as a living `T`, by the lines above and the caller's promise.
    Ok(unsafe { &*pointer })
}

/// The same, to be changed.
///
/// # Safety
/// As for [`shared`], and nothing else uses it during `'a` at all.
pub(super) unsafe fn exclusive<'a, T: Tagged>(pointer: *mut T) -> Result<&'a mut T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL, aligned and tagged as a living `T`, by the lines above and the caller's promise.
    Ok(unsafe { &mut *pointer })
}

fn check<T: Tagged>(pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::null(T::NAME));
    }
    let wrong = || Failure::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, format!("this is no living {}", T::NAME));
    if !pointer.is_aligned() {
        return Err(wrong());
    }
    // SAFETY: not NULL, aligned for `T`, hence for its first field; readable by the promise of the callers.
    let tag = unsafe { (*pointer.cast::<Tag>()).0 };
    if tag == T::TAG { Ok(()) } else { Err(wrong()) }
}

/// Gives a value to C.
///
/// # Safety
/// `out` is NULL or may be written.
pub(super) unsafe fn give<T>(value: T, out: *mut *mut T) {
    // SAFETY: the caller's promise; callers have checked it not to be NULL.
    unsafe { out.write(Box::into_raw(Box::new(value))) }
}

/// Ends a handle's life; nothing for NULL or what is no such handle.
///
/// # Safety
/// As for [`exclusive`], and the handle came from [`give`] and is not used again.
pub(super) unsafe fn free<T: Tagged>(pointer: *mut T) -> Result<(), Failure> {
    if pointer.is_null() {
        return Ok(());
    }
    check(pointer)?;
    // SAFETY: a living `T` that came from `Box::into_raw` in `give`.
    let mut owned = unsafe { Box::from_raw(pointer) };
    // A handle that is freed twice is noticed as long as its memory is not used for something else.
    owned.tag().0 = 0;
    std::hint::black_box(&owned);
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
    let wrong = |what| Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, what));
    if !samples.is_aligned() {
        return wrong("samples: the pointer is not aligned");
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return wrong("count: more samples than memory can hold");
    }
    // SAFETY: not NULL, aligned, of a possible length; readable by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(samples, count) })
}
