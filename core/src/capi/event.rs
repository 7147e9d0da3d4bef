//! What a session tells C: events, and where their strings lie.

use std::{ffi::c_char, ptr};

use super::{config::struct_size, status::Failure};
use crate::{
    Index, SessionEvent, SessionMatch,
    detect::{MAX_RIVALS, Match},
};

/// Names in `CallprintEvent.rivals`.
pub const CALLPRINT_MAX_RIVALS: usize = 4;
const _: () = assert!(CALLPRINT_MAX_RIVALS == MAX_RIVALS, "a change would break the binary interface");

/// Strings that an event can have: script, rendering, category and the rivals.
const STRINGS: usize = 3 + CALLPRINT_MAX_RIVALS;

/// Kinds of events.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallprintEventType {
    /// Sound began that is neither a tone nor a steady noise; `at` is its first loud moment. It is known once .36 s of codes in a row hold
    /// such sound. Tones shorter than .3 s, such as a DTMF digit, count as sound.
    CALLPRINT_ANSWERED = 1,
    /// A script became certain. That is told at the first moment when its rate is below `max_far`, so the rate lies just below it, and
    /// `query_end` and `script_end` are where the script was then; `callprint_session_best` says what has become of it.
    CALLPRINT_MATCH = 2,
    /// A known script plays, but `rivals` fit about as well.
    CALLPRINT_AMBIGUOUS = 3,
    /// What came since speaks against a match or an ambiguous match announced earlier.
    CALLPRINT_MATCH_REVOKED = 4,
    /// Enough was heard without a match. A match may follow all the same, if a script begins later.
    CALLPRINT_UNMATCHED = 5,
    /// The voice behaves like a machine; `probability` says how sure that is.
    CALLPRINT_MACHINE_VOICE = 6,
    /// A human took over from the machine; `probability` says how sure that is. `at` is when the voice changed, which is known 4.5 to
    /// 7.1 s later only (with `skip_machine_voice` 2.5 to 6.5 s): `callprint_session_seconds` says when it is now.
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

/// `struct_size` of the first version: what a caller has at least.
const FIRST_EVENT: usize = size_of::<CallprintEvent>();

/// A caller's struct that an event goes to.
#[derive(Debug)]
pub(super) struct Destination {
    event: *mut CallprintEvent,
    size: usize,
}

impl Destination {
    /// # Safety
    /// `event` is NULL or a struct of the size that it says.
    pub(super) unsafe fn new(event: *mut CallprintEvent) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let size = unsafe { struct_size(event.cast_const(), FIRST_EVENT, "event")? };
        Ok(Self { event, size })
    }

    /// Fills in the fields that both sides know.
    ///
    /// # Safety
    /// As for [`new`](Self::new), still.
    pub(super) unsafe fn write(self, event: CallprintEvent) {
        let event = CallprintEvent { struct_size: self.size, ..event };
        let known = self.size.min(size_of::<CallprintEvent>());
        // SAFETY: both are at least as long as the shorter of the two sizes, by the caller's promise; they do not overlap, one
        // is on this stack.
        unsafe { ptr::copy_nonoverlapping((&raw const event).cast::<u8>(), self.event.cast::<u8>(), known) };
    }
}

/// Where the strings of the last event lie. It has memory for the longest that an index can ask for, so that nothing is allocated while a
/// call is up.
#[derive(Debug)]
pub(super) struct Names {
    bytes: Vec<u8>,
}

impl Names {
    /// Memory for names of up to `longest` bytes.
    pub(super) fn new(longest: usize) -> Self {
        Self { bytes: Vec::with_capacity(STRINGS * (longest + 1)) }
    }

    /// An event, its strings here.
    pub(super) fn describe(&mut self, event: &SessionEvent, index: &Index) -> CallprintEvent {
        let mut described = CallprintEvent::of(event);
        if let Some(found) = event.found() {
            let best = index.rendering(found.rendering);
            let rivals = found.rivals().iter().map(|&rival| index.rendering(rival).script);
            self.lay([best.script, best.id, best.category], rivals, &mut described);
        }
        described
    }

    /// A match of a report as the event that would tell of it now, its strings here.
    pub(super) fn describe_match(&mut self, found: &Match) -> CallprintEvent {
        let mut described = CallprintEvent::of_match(found);
        let names = [found.script.as_str(), &found.rendering, &found.category];
        self.lay(names, found.rivals.iter().map(String::as_str), &mut described);
        described
    }

    /// Lays down script, rendering, category and the first rivals, and points to them.
    fn lay<'n>(&mut self, names: [&'n str; 3], rivals: impl Iterator<Item = &'n str>, event: &mut CallprintEvent) {
        self.bytes.clear();
        let (mut starts, mut count) = ([0; STRINGS], 0);
        for (start, name) in starts.iter_mut().zip(names.into_iter().chain(rivals)) {
            *start = self.bytes.len();
            // A string of C ends at its first NUL.
            self.bytes.extend(name.bytes().take_while(|&byte| byte != 0));
            self.bytes.push(0);
            count += 1;
        }
        // Only now do all lie where they stay.
        let CallprintEvent { script, rendering, category, rivals, .. } = event;
        for (pointer, &start) in [script, rendering, category].into_iter().chain(rivals).zip(&starts[..count]) {
            *pointer = self.bytes[start..].as_ptr().cast();
        }
        event.rival_count = (count - names.len()) as u32;
    }
}

impl CallprintEvent {
    /// An event without anything but its kind and time.
    const fn new(kind: CallprintEventType, at: f64) -> Self {
        Self {
            struct_size: 0,
            kind: kind as i32,
            rival_count: 0,
            at,
            script: ptr::null(),
            rendering: ptr::null(),
            category: ptr::null(),
            rivals: [ptr::null(); CALLPRINT_MAX_RIVALS],
            score: 0.0,
            false_alarms_per_hour: 0.0,
            ber: 0.0,
            query_start: 0.0,
            query_end: 0.0,
            script_start: 0.0,
            script_end: 0.0,
            speed: 0.0,
            probability: 0.0,
        }
    }

    /// An event without its strings.
    fn of(event: &SessionEvent) -> Self {
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
        let SessionMatch {
            score,
            false_alarms_per_hour,
            ber,
            query_start,
            query_end,
            script_start,
            script_end,
            speed,
            ..
        } = event.found().copied().unwrap_or_default();
        Self {
            score,
            false_alarms_per_hour,
            ber,
            query_start,
            query_end,
            script_start,
            script_end,
            speed,
            probability,
            ..Self::new(kind, event.at())
        }
    }

    /// A match of a report without its strings.
    fn of_match(found: &Match) -> Self {
        let kind = if found.rivals.is_empty() {
            CallprintEventType::CALLPRINT_MATCH
        } else {
            CallprintEventType::CALLPRINT_AMBIGUOUS
        };
        Self {
            score: found.score,
            false_alarms_per_hour: found.false_alarms_per_hour,
            ber: found.ber,
            query_start: found.query_start,
            query_end: found.query_end,
            script_start: found.script_start,
            script_end: found.script_end,
            speed: found.speed,
            ..Self::new(kind, found.decided_at.unwrap_or(found.query_end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_longest_names_fit_and_end_at_a_nul() {
        let mut names = Names::new(8);
        let capacity = names.bytes.capacity();
        let mut event = CallprintEvent::new(CallprintEventType::CALLPRINT_MATCH, 1.0);
        names.lay(["script-1", "a\0b", ""], ["rival-01"; 6].into_iter(), &mut event);
        assert_eq!((names.bytes.capacity(), event.rival_count), (capacity, 4));
        // SAFETY: `lay` points to strings that end with NUL, and `names` lives.
        let text = |pointer: *const c_char| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap();
        assert_eq!([event.script, event.rendering, event.category].map(text), ["script-1", "a", ""]);
        assert_eq!(event.rivals.map(text), ["rival-01"; 4]);
    }
}
