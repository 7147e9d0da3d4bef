//! The AMR narrow-band decoder of OpenCORE (Apache-2.0), a library in C that the linker finds as `opencore-amrnb`.
//!
//! No decoder in Rust is used: the one that was found (`rvoip-codec-core`) follows the source of 3GPP's reference
//! (TS 26.073), whose terms are no free licence. Three functions of its `interf_dec.h` are declared here by hand; they have been the same since its first release.
#![expect(unsafe_code, reason = "functions of another language")]

use std::ffi::{c_int, c_short, c_uchar, c_void};
use std::ptr::NonNull;

/// Samples of a frame.
pub(super) const FRAME_SAMPLES: usize = 160;
/// Bytes of the largest frame, its first byte included.
pub(super) const LARGEST_FRAME: usize = 32;

#[link(name = "opencore-amrnb")]
unsafe extern "C" {
    fn Decoder_Interface_init() -> *mut c_void;
    fn Decoder_Interface_exit(state: *mut c_void);
    fn Decoder_Interface_Decode(state: *mut c_void, frame: *const c_uchar, samples: *mut c_short, bad: c_int);
}

/// The state of a decoder.
pub(super) struct AmrDecoder(NonNull<c_void>);

// SAFETY: the state is plain memory of the heap that only its owner reaches; the library has no state beside it.
unsafe impl Send for AmrDecoder {}

impl AmrDecoder {
    /// A decoder at the start of a stream; none where memory is short.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: takes nothing, and gives null or a state of its own.
        NonNull::new(unsafe { Decoder_Interface_init() }).map(Self)
    }

    /// The samples of a frame: its first byte, then as many bytes as its type has; what lies behind them is not looked at.
    pub(super) fn frame(&mut self, frame: &[u8; LARGEST_FRAME]) -> [i16; FRAME_SAMPLES] {
        let mut samples = [0; FRAME_SAMPLES];
        // SAFETY: the state is that of `new`, lent to nobody else; no type reads more than the 32 bytes of the largest, and
        // each writes at most 160 samples.
        unsafe { Decoder_Interface_Decode(self.0.as_ptr(), frame.as_ptr(), samples.as_mut_ptr(), 0) };
        samples
    }
}

impl Drop for AmrDecoder {
    fn drop(&mut self) {
        // SAFETY: the state is that of `new` and is not used again.
        unsafe { Decoder_Interface_exit(self.0.as_ptr()) };
    }
}
