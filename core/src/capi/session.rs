//! The session handle: one leg of a call, used by one thread at a time.

use super::{
    config::{CallprintConfig, read_config},
    event::{CallprintEvent, Destination, Names},
    handle::{self, Opaque},
    index::{CallprintIndex, clear},
    status::{CallprintStatus, Failure, guarded},
};
use crate::Session;

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
    /// Whether the call was finished.
    ended: bool,
    /// What the strings of the last event point into.
    names: Names,
}

/// Stores a handle to a new session in `*out`; free it with `callprint_session_free`. On an error `*out` is set to NULL.
/// `config` may be NULL for the defaults. The index may be freed at once; it stays open as long as the session needs it. Prepares
/// this thread, see `callprint_thread_prepare`.
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
        let known = unsafe { handle::shared(index)? };
        // SAFETY: the caller's promise about `config`.
        let config = unsafe { read_config(config)? };
        let session = Session::new(known.index.clone(), config)?;
        let session = Live { session, broken: false, ended: false, names: Names::new(known.longest_name()) };
        // SAFETY: the caller's promise about `out`, which `clear` found not to be NULL.
        unsafe { handle::give(session, out) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Takes 16-bit samples, any number. Neither allocates nor locks, on a thread that has made a session or called
/// `callprint_thread_prepare`; any other allocates 7 MB with the first audio that it feeds, once.
///
/// Poll after each feed: of more than 64 events that wait the oldest are lost (`callprint_session_missed_events`). After
/// `callprint_session_finish` nothing is taken, and `CALLPRINT_ERROR_ENDED` says so until the session is reset.
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

/// Takes samples in [-1, 1], any number; what is not finite counts as 0. Else as `callprint_session_feed_i16`.
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

/// Takes G.711 mu-law bytes, any number. Else as `callprint_session_feed_i16`.
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

/// Takes G.711 A-law bytes, any number. Else as `callprint_session_feed_i16`.
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

/// Takes the oldest event that waits: `CALLPRINT_OK` and the event in `*event`, or `CALLPRINT_NO_EVENT`. Of more than 64 that
/// wait the oldest are lost (`callprint_session_missed_events`). Neither allocates nor locks.
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
        let destination = unsafe { Destination::new(event)? };
        // SAFETY: the caller's promise about `session`.
        let live = unsafe { handle::exclusive(session)? };
        let Some(next) = live.working(Session::poll)? else { return Ok(CallprintStatus::CALLPRINT_NO_EVENT) };
        let described = live.names.describe(&next, live.session.index());
        // SAFETY: the caller's promise about `event`.
        unsafe { destination.write(described) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// The best match that stands, as it is now: `CALLPRINT_OK` and the match in `*event`, or `CALLPRINT_NO_EVENT` where none stands. After
/// `callprint_session_finish` it is what a scan of the whole call reports, for a call detail record: the event that told of a match
/// has its rate and ends at that moment. `kind` is `CALLPRINT_MATCH`, or `CALLPRINT_AMBIGUOUS` where it has rivals; `at` is when it
/// was known. Takes no event away. Allocates.
///
/// # Safety
/// As for `callprint_session_poll`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_best(
    session: *mut CallprintSession,
    event: *mut CallprintEvent,
) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise about `event`.
        let destination = unsafe { Destination::new(event)? };
        // SAFETY: the caller's promise about `session`.
        let live = unsafe { handle::exclusive(session)? };
        let report = live.working(|session| session.report(""))?;
        let Some(best) = report.matches.first() else { return Ok(CallprintStatus::CALLPRINT_NO_EVENT) };
        let described = live.names.describe_match(best);
        // SAFETY: the caller's promise about `event`.
        unsafe { destination.write(described) };
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Events of this call that were lost because more than 64 waited to be polled; 0 for NULL.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_missed_events(session: *const CallprintSession) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { ask(session, 0, Session::missed_events) }
}

/// 1 once the search has ended before the call, which it does with `stop_when_decided` only: what still comes is counted, and no
/// event but `CALLPRINT_ENDED` follows. Else 0, also for NULL.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_is_decided(session: *const CallprintSession) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { ask(session, 0, |session| i32::from(session.is_decided())) }
}

/// Seconds of audio fed since the call began; 0 for NULL.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_seconds(session: *const CallprintSession) -> f64 {
    // SAFETY: the caller's promise.
    unsafe { ask(session, 0.0, Session::seconds) }
}

/// When the first loud sound began that is neither a tone nor a steady noise, s from the first sample; -1 while none is known, and
/// for NULL.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_answered_at(session: *const CallprintSession) -> f64 {
    // SAFETY: the caller's promise.
    unsafe { ask(session, -1.0, |session| session.answered_at().unwrap_or(-1.0)) }
}

/// Ends the call: events that became known only by its end, then `CALLPRINT_ENDED`, wait to be polled. To feed the session again,
/// reset it first. Finishing again does nothing. Neither allocates nor locks, as `callprint_session_feed_i16`.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_finish(session: *mut CallprintSession) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise.
        let live = unsafe { handle::exclusive(session)? };
        live.working(Session::finish)?;
        live.ended = true;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// Forgets the call; what is fed next begins another. Events that waited are lost. Neither allocates nor locks.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_session_reset(session: *mut CallprintSession) -> CallprintStatus {
    guarded(|| {
        // SAFETY: the caller's promise.
        let live = unsafe { handle::exclusive(session)? };
        live.broken = true;
        live.session.reset();
        (live.broken, live.ended) = (false, false);
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
        let live = unsafe { handle::exclusive(session)? };
        // SAFETY: the caller's promise about `samples`.
        let samples = unsafe { handle::slice(samples, count)? };
        if live.ended {
            let reason =
                "callprint_session_finish has ended this call; reset the session before it is fed with another";
            return Err(Failure::new(CallprintStatus::CALLPRINT_ERROR_ENDED, reason));
        }
        live.working(|session| push(session, samples))?;
        Ok(CallprintStatus::CALLPRINT_OK)
    })
}

/// What a session answers; `otherwise` where it is none.
///
/// # Safety
/// `session` is NULL or a living handle that no other thread uses now.
unsafe fn ask<R>(session: *const CallprintSession, otherwise: R, answer: impl FnOnce(&Session) -> R) -> R {
    let mut answered = otherwise;
    guarded(|| {
        // SAFETY: the caller's promise.
        answered = answer(&unsafe { handle::shared(session)? }.session);
        Ok(CallprintStatus::CALLPRINT_OK)
    });
    answered
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
}
