//! Asking the memory for what will be read soon.

/// Hints that element `at` of a slice will be read; does nothing past its end, and on processors without such a hint.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = slice.get(at) {
        #[expect(unsafe_code, reason = "the instruction takes a pointer")]
        // SAFETY: a prefetch reads nothing and faults never, whatever the pointer; this one is of a live element.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(element).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}
