//! The C interface: `callprint.h`, made from this module by cbindgen (`core/capi/cbindgen.toml`).
//!
//! Rules that every function keeps:
//!
//! - No panic crosses it: each entry runs under `guarded`, and a session in which one happened answers
//!   `CALLPRINT_ERROR_INTERNAL` until it is reset.
//! - NULL, handles of the wrong kind, pointers that are not aligned and lengths that can't be are found and answered with a
//!   status; the reason in words is in `callprint_last_error`, kept for each thread.
//! - Structs that a caller fills or reads begin with `struct_size`. A library that knows more fields than its caller treats the
//!   missing ones as 0, "the default"; one that knows fewer accepts fields that it does not know only while they are 0. So
//!   structs can grow without breaking either side, as with Linux' `clone3`.
//!
//! `index` holds the index handle, `session` the session; `config` and `event` the structs that a session is made with and
//! fills in; `status` the errors.
#![allow(
    unsafe_code,
    reason = "the C interface: pointers from the caller become references after the checks in `handle`, `config` and `index`"
)]

mod config;
mod event;
mod handle;
mod index;
mod session;
mod status;

use std::ffi::c_char;

pub use config::CallprintConfig;
pub use event::{CALLPRINT_MAX_RIVALS, CallprintEvent, CallprintEventType};
pub use index::{
    CallprintIndex, callprint_index_builtin, callprint_index_free, callprint_index_name, callprint_index_open,
    callprint_index_renderings, callprint_index_verify,
};
pub use session::{
    CallprintSession, callprint_session_answered_at, callprint_session_best, callprint_session_feed_alaw,
    callprint_session_feed_f32, callprint_session_feed_i16, callprint_session_feed_ulaw, callprint_session_finish,
    callprint_session_free, callprint_session_is_decided, callprint_session_missed_events, callprint_session_new,
    callprint_session_poll, callprint_session_reset, callprint_session_seconds,
};
pub use status::{CallprintStatus, callprint_last_error};

/// Version of the binary interface: raised only where a program built against an older header would break.
pub const CALLPRINT_ABI_VERSION: u32 = 1;

/// Version of the library, such as `"0.1.0"`. Never NULL; valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn callprint_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Version of the binary interface of the library that is loaded; equal to `CALLPRINT_ABI_VERSION` of the header that a
/// program was built with, or the two do not fit.
#[unsafe(no_mangle)]
pub extern "C" fn callprint_abi_version() -> u32 {
    CALLPRINT_ABI_VERSION
}

/// Allocates what feeding sessions needs of this thread, about 7 MB that go with it, so that `callprint_session_feed_i16` and the
/// others allocate nothing here. `callprint_session_new` does the same for the thread that calls it: call this at the start of
/// threads that feed sessions which others make. Again does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn callprint_thread_prepare() -> CallprintStatus {
    status::guarded(|| {
        crate::prepare_thread();
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}
