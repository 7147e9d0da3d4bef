//! How a session listens, as C says it; and how structs that grow are read.

use std::ptr;

use super::status::{CallprintStatus, Failure};
use crate::SessionConfig;

/// How a session listens. Set all to 0 and `struct_size` to `sizeof` of the struct; then what differs from the defaults. A
/// number that is 0 stands for its default.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallprintConfig {
    /// `sizeof(CallprintConfig)` as the caller knows it.
    pub struct_size: usize,
    /// Samples per second of what is fed, 1000 to 384000. Default 8000.
    pub sample_rate: u32,
    /// 1: stop searching once the call is decided: unmatched, or matched without ambiguity for 2 s. 0, the default: search on.
    pub stop_when_decided: u32,
    /// Largest false-alarm rate, per hour of audio, at which something is called a match: positive and finite. Default 0.01.
    pub max_far: f64,
    /// Seconds of sound, without tones and steady noise, after which a call without a match is declared unmatched. Default 12.
    pub unmatched_after: f64,
    /// 1: do not judge whether the voice is a machine's, which saves .1 % of a core and 340 kB. 0, the default: judge.
    pub skip_machine_voice: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// `struct_size` of the first version: what a caller has at least.
const FIRST_CONFIG: usize = size_of::<CallprintConfig>();

/// `struct_size` of any version is less: what is larger is memory that nobody set, and must not be read.
const LARGEST: usize = 4096;

/// The size that a struct says it has.
///
/// # Safety
/// `pointer` is NULL or to a struct that begins with `struct_size` and is as long as that says.
pub(super) unsafe fn struct_size<T>(pointer: *const T, least: usize, name: &str) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    if !pointer.is_aligned() {
        return Err(Failure::argument(format!("{name}: the pointer is not aligned")));
    }
    // SAFETY: not NULL, aligned; begins with a `usize` by the caller's promise.
    let size = unsafe { *pointer.cast::<usize>() };
    if size < least {
        let reason = format!("{name}: struct_size {size} is less than {least}; set it to sizeof of the struct");
        return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_STRUCT_SIZE, reason));
    }
    if size > LARGEST {
        let reason = format!("{name}: struct_size {size} is more than {LARGEST}; set it to sizeof of the struct");
        return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_STRUCT_SIZE, reason));
    }
    Ok(size)
}

/// # Safety
/// `config` is NULL or a struct of the size that it says.
pub(super) unsafe fn read_config(config: *const CallprintConfig) -> Result<SessionConfig, Failure> {
    let mut known = CallprintConfig::default();
    if config.is_null() {
        return known.session();
    }
    // SAFETY: the caller's promise.
    let size = unsafe { struct_size(config, FIRST_CONFIG, "config")? };
    let ours = size_of::<CallprintConfig>();
    // SAFETY: both are at least this long; they do not overlap, one is on this stack. Any bytes are valid numbers.
    unsafe { ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut known).cast::<u8>(), size.min(ours)) };
    for at in ours..size {
        // SAFETY: within the struct, by the caller's promise.
        if unsafe { *config.cast::<u8>().add(at) } != 0 {
            let reason = format!(
                "config: it sets fields beyond the {ours} bytes that this library knows; set them to 0 or update callprint"
            );
            return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_STRUCT_SIZE, reason));
        }
    }
    known.session()
}

impl CallprintConfig {
    /// The same for a session.
    fn session(&self) -> Result<SessionConfig, Failure> {
        if self.reserved != 0 {
            let reason = format!("config: reserved is {}; set it to 0 or update callprint", self.reserved);
            return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_STRUCT_SIZE, reason));
        }
        let default = SessionConfig::default();
        let number = |given: f64, default: f64| if given == 0.0 { default } else { given };
        Ok(SessionConfig {
            sample_rate: if self.sample_rate == 0 { default.sample_rate } else { self.sample_rate },
            max_far: number(self.max_far, default.max_far),
            unmatched_after: number(self.unmatched_after, default.unmatched_after),
            stop_when_decided: flag(self.stop_when_decided, "stop_when_decided")?,
            machine_voice: !flag(self.skip_machine_voice, "skip_machine_voice")?,
        })
    }
}

/// A flag of C: other values than 0 and 1 are left for what may come, or are memory that nobody set.
fn flag(value: u32, name: &str) -> Result<bool, Failure> {
    match value {
        0 | 1 => Ok(value == 1),
        _ => Err(Failure::argument(format!("config: {name} is {value}: want 0 or 1"))),
    }
}
