//! The session handle: one leg of a call, used by one thread at a time.

use std::{
    ffi::{CString, c_char},
    ptr,
};

use super::{
    handle::{self, Opaque},
    index::{CallprintIndex, clear},
    status::{CallprintStatus, Failure, guarded},
};
use crate::{
    Session, SessionConfig, SessionEvent,
    detect::{MAX_RIVALS, SessionMatch},
};

/// Names in `CallprintEvent.rivals`.
pub const CALLPRINT_MAX_RIVALS: usize = 4;
const _: () = assert!(CALLPRINT_MAX_RIVALS == MAX_RIVALS, "a change would break the binary interface");

/// How a session listens. Set all to 0 and `struct_size` to `sizeof` of the struct; then what differs from the defaults. A
/// number that is 0 stands for its default.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallprintConfig {
    /// `sizeof(CallprintConfig)` as the caller knows it.
    pub struct_size: usize,
    /// Samples per second of what is fed, 1000 to 384000. Default 8000.
    pub sample_rate: u32,
    /// 1: stop searching once the call is decided: unmatched, or matched without ambiguity for 2 s. Default 0.
    pub stop_when_decided: u32,
    /// Largest false-alarm rate, per hour of audio, at which something is called a match. Default 0.01.
    pub max_far: f64,
    /// Seconds of voice after which a call without a match is declared unmatched. Default 12.
    pub unmatched_after: f64,
    /// 1: do not judge whether the voice is a machine's, which saves .1 % of a core and 340 kB. Default 0.
    pub skip_machine_voice: u32,
    /// 0.
    pub reserved: u32,
}

/// Kinds of events.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallprintEventType {
    /// Sound that is not ringing, tone or silence began.
    CALLPRINT_ANSWERED = 1,
    /// A script became certain.
    CALLPRINT_MATCH = 2,
    /// A known script plays, but `rivals` fit about as well.
    CALLPRINT_AMBIGUOUS = 3,
    /// What came since speaks against a match or an ambiguous match announced earlier.
    CALLPRINT_MATCH_REVOKED = 4,
    /// Enough was heard without a match.
    CALLPRINT_UNMATCHED = 5,
    /// The voice behaves like a machine; `probability` says how sure that is.
    CALLPRINT_MACHINE_VOICE = 6,
    /// A human took over from the machine; `probability` says how sure that is.
    CALLPRINT_HANDOVER = 7,
    /// The audio ended.
    CALLPRINT_ENDED = 8,
}

/// What became known. Set `struct_size` before `callprint_session_poll`; the library fills in the fields that both sides know.
/// Strings belong to the session and are valid until the next call with it; they are NULL where an event has none.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallprintEvent {
    /// `sizeof(CallprintEvent)` as the caller knows it.
    pub struct_size: usize,
    /// A `CallprintEventType`; programs ignore values that they do not know.
    pub kind: i32,
    /// Number of names in `rivals`.
    pub rival_count: u32,
    /// Audio time of the event, s from the first sample.
    pub at: f64,
    /// Script of a match, ambiguous match or revoked match.
    pub script: *const c_char,
    /// Rendering of it (`script__voice`).
    pub rendering: *const c_char,
    /// Category of it, empty where the index does not know.
    pub category: *const c_char,
    /// Scripts that fit about as well, `rival_count` of them.
    pub rivals: [*const c_char; CALLPRINT_MAX_RIVALS],
    /// Log-likelihood ratio, nats.
    pub score: f64,
    /// Expected wrong matches at this score or higher per hour of audio.
    pub false_alarms_per_hour: f64,
    /// Bit error rate of the aligned codes.
    pub ber: f64,
    /// Start in the call, s.
    pub query_start: f64,
    /// End in the call so far, s.
    pub query_end: f64,
    /// Start in the script's rendering, s.
    pub script_start: f64,
    /// End in the script's rendering so far, s.
    pub script_end: f64,
    /// Playback speed relative to the rendering.
    pub speed: f64,
    /// How sure it is that a machine speaks, or that a person took over, 0 to 1.
    pub probability: f64,
}

/// `struct_size` of the first version of each struct: what a caller has at least.
const FIRST_CONFIG: usize = size_of::<CallprintConfig>();
const FIRST_EVENT: usize = size_of::<CallprintEvent>();

/// One leg of a call. One thread at a time may use it; different sessions may be used by different threads at the same time.
#[derive(Debug)]
pub struct CallprintSession {
    _known_by_name_only: [u8; 0],
}

impl Opaque for CallprintSession {
    type Value = Live;
    const TAG: u64 = 0x6361_6c6c_7365_7373;
    const NAME: &'static str = "session";
}

/// What a session's handle points to.
#[derive(Debug)]
pub(super) struct Live {
    session: Session,
    /// Whether a call into the session did not come to its end.
    broken: bool,
    /// What the strings of the last event point into.
    names: Vec<CString>,
}

/// Stores a handle to a new session in `*out`; free it with `callprint_session_free`. On an error `*out` is set to NULL.
/// `config` may be NULL for the defaults.
///
/// # Safety
/// `index` is NULL or a living handle, `config` NULL or a struct of the size that it says, `out` NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_new(
    index: *const CallprintIndex,
    config: *const CallprintConfig,
    out: *mut *mut CallprintSession,
) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `out`.
        unsafe { clear(out)? };
        // SAFETY: the caller's promise about `index`.
        let index = unsafe { handle::shared(index)? };
        // SAFETY: the caller's promise about `config`.
        let config = unsafe { read_config(config)? };
        let session = Session::new(index.clone(), config.into())?;
        let names = Vec::with_capacity(3 + MAX_RIVALS);
        let session = Live { session, broken: false, names };
        // SAFETY: the caller's promise about `out`, which `clear` found not to be NULL.
        unsafe { handle::give(session, out) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Takes 16-bit samples, any number. Neither allocates nor locks.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now; `samples` is NULL (with a count of 0) or points to
/// `count` samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_feed_i16(
    session: *mut CallprintSession,
    samples: *const i16,
    count: usize,
) -> CallprintStatus {
    // SAFETY: the caller's promise.
    unsafe { feed(session, samples, count, Session::push_i16) }
}

/// Takes samples in [-1, 1], any number; what is not finite counts as 0.
///
/// # Safety
/// As for `callprint_session_feed_i16`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_feed_f32(
    session: *mut CallprintSession,
    samples: *const f32,
    count: usize,
) -> CallprintStatus {
    // SAFETY: the caller's promise.
    unsafe { feed(session, samples, count, Session::push_f32) }
}

/// Takes G.711 mu-law bytes, any number.
///
/// # Safety
/// As for `callprint_session_feed_i16`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_feed_ulaw(
    session: *mut CallprintSession,
    samples: *const u8,
    count: usize,
) -> CallprintStatus {
    // SAFETY: the caller's promise.
    unsafe { feed(session, samples, count, Session::push_ulaw) }
}

/// Takes G.711 A-law bytes, any number.
///
/// # Safety
/// As for `callprint_session_feed_i16`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_feed_alaw(
    session: *mut CallprintSession,
    samples: *const u8,
    count: usize,
) -> CallprintStatus {
    // SAFETY: the caller's promise.
    unsafe { feed(session, samples, count, Session::push_alaw) }
}

/// Takes the oldest event that waits: `CALLPRINT_OK` and the event in `*event`, or `CALLPRINT_NO_EVENT`.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now; `event` is NULL or a struct of the size that it says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_poll(
    session: *mut CallprintSession,
    event: *mut CallprintEvent,
) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `event`.
        let size = unsafe { struct_size(event.cast_const(), FIRST_EVENT, "event")? };
        // SAFETY: the caller's promise about `session`.
        let session = unsafe { handle::exclusive(session)? };
        let Some(next) = session.working(Session::poll)? else { return Ok(CallprintStatus::CALLPRINT_NO_EVENT) };
        let described = CallprintEvent { struct_size: size, ..session.describe(&next) };
        // SAFETY: both are at least as long as the shorter of the two sizes, by the caller's promise; they do not overlap,
        // one is on this stack.
        unsafe {
            let known = size.min(size_of::<CallprintEvent>());
            ptr::copy_nonoverlapping((&raw const described).cast::<u8>(), event.cast::<u8>(), known);
        }
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Ends the call: events that became known only by its end, then `CALLPRINT_ENDED`, wait to be polled.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_finish(session: *mut CallprintSession) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { handle::exclusive(session)? }.working(Session::finish)?;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Forgets the call; what is fed next begins another. Events that waited are lost.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_reset(session: *mut CallprintSession) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise.
        let session = unsafe { handle::exclusive(session)? };
        session.broken = true;
        session.session.reset();
        session.broken = false;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Frees a session. NULL is fine.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now and that is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_free(session: *mut CallprintSession) {
    guarded(|| {
        // SAFETY: the caller's promise.
        unsafe { handle::free(session)? };
        Ok(CallprintStatus::CALLPRINT_OK)
    });
}

/// # Safety
/// As for `callprint_session_feed_i16`.
unsafe fn feed<T>(
    session: *mut CallprintSession,
    samples: *const T,
    count: usize,
    push: impl FnOnce(&mut Session, &[T]),
) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `session`.
        let session = unsafe { handle::exclusive(session)? };
        // SAFETY: the caller's promise about `samples`.
        let samples = unsafe { handle::slice(samples, count)? };
        session.working(|session| push(session, samples))?;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// The size that a struct says it has.
///
/// # Safety
/// `pointer` is NULL or to a struct that begins with `struct_size` and is as long as that says.
unsafe fn struct_size<T>(pointer: *const T, least: usize, name: &str) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    if !pointer.is_aligned() {
        let reason = format!("{name}: the pointer is not aligned");
        return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_ARGUMENT, reason));
    }
    // SAFETY: not NULL, aligned; begins with a `usize` by the caller's promise.
    let size = unsafe { *pointer.cast::<usize>() };
    if size < least {
        let reason = format!("{name}: struct_size {size} is less than {least}; set it to sizeof of the struct");
        return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_STRUCT_SIZE, reason));
    }
    Ok(size)
}

/// # Safety
/// `config` is NULL or a struct of the size that it says.
unsafe fn read_config(config: *const CallprintConfig) -> Result<CallprintConfig, Failure> {
    let mut known = CallprintConfig::default();
    if config.is_null() {
        return Ok(known);
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
    Ok(known)
}

impl From<CallprintConfig> for SessionConfig {
    fn from(c: CallprintConfig) -> Self {
        let default = Self::default();
        let number = |given: f64, default: f64| if given == 0.0 { default } else { given };
        Self {
            sample_rate: if c.sample_rate == 0 { default.sample_rate } else { c.sample_rate },
            max_far: number(c.max_far, default.max_far),
            unmatched_after: number(c.unmatched_after, default.unmatched_after),
            stop_when_decided: c.stop_when_decided != 0,
            machine_voice: c.skip_machine_voice == 0,
        }
    }
}

impl Live {
    /// Does something with the session, unless an earlier call left it half done.
    fn working<R>(&mut self, work: impl FnOnce(&mut Session) -> R) -> Result<R, Failure> {
        if std::mem::replace(&mut self.broken, true) {
            let reason = "a fault of the library struck this session; reset or free it";
            return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_INTERNAL, reason));
        }
        let result = work(&mut self.session);
        self.broken = false;
        Ok(result)
    }

    fn describe(&mut self, event: &SessionEvent) -> CallprintEvent {
        self.names.clear();
        let kind = match event {
            SessionEvent::Answered { .. } => CallprintEventType::CALLPRINT_ANSWERED,
            SessionEvent::Match { .. } => CallprintEventType::CALLPRINT_MATCH,
            SessionEvent::Ambiguous { .. } => CallprintEventType::CALLPRINT_AMBIGUOUS,
            SessionEvent::MatchRevoked { .. } => CallprintEventType::CALLPRINT_MATCH_REVOKED,
            SessionEvent::Unmatched { .. } => CallprintEventType::CALLPRINT_UNMATCHED,
            SessionEvent::MachineVoice { .. } => CallprintEventType::CALLPRINT_MACHINE_VOICE,
            SessionEvent::Handover { .. } => CallprintEventType::CALLPRINT_HANDOVER,
            SessionEvent::Ended { .. } => CallprintEventType::CALLPRINT_ENDED,
        };
        let probability = match *event {
            SessionEvent::MachineVoice { probability, .. } => probability,
            SessionEvent::Handover { confidence, .. } => confidence,
            _ => 0.0,
        };
        let found = event.found();
        let m = found.copied().unwrap_or_default();
        let mut described = CallprintEvent {
            struct_size: 0,
            kind: kind as i32,
            rival_count: m.rivals().len() as u32,
            at: event.at(),
            script: ptr::null(),
            rendering: ptr::null(),
            category: ptr::null(),
            rivals: [ptr::null(); MAX_RIVALS],
            score: m.score,
            false_alarms_per_hour: m.false_alarms_per_hour,
            ber: m.ber,
            query_start: m.query_start,
            query_end: m.query_end,
            script_start: m.script_start,
            script_end: m.script_end,
            speed: m.speed,
            probability,
        };
        if let Some(found) = found {
            self.name(found, &mut described);
        }
        described
    }

    /// Lays down the names of a match and points to them.
    fn name(&mut self, found: &SessionMatch, event: &mut CallprintEvent) {
        let index = self.session.index().clone();
        let names = &mut self.names;
        let mut lay = |name: &str| {
            let bytes: Vec<u8> = name.bytes().take_while(|&b| b != 0).collect();
            let name = CString::new(bytes).unwrap_or_default();
            let pointer = name.as_ptr();
            names.push(name);
            pointer
        };
        let rendering = index.rendering(found.rendering);
        event.script = lay(rendering.script);
        event.rendering = lay(rendering.id);
        event.category = lay(rendering.category);
        for (pointer, &rival) in event.rivals.iter_mut().zip(found.rivals()) {
            *pointer = lay(index.rendering(rival).script);
        }
    }
}
