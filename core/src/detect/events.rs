//! What a listener to a live call is told, and when: hypotheses of the tracker in, typed events out.
//!
//! After each evaluation the sure hypotheses are gathered into **places** (stretches of the call that a script explains,
//! the best hypothesis first), and each place is compared with what was said of it before. So a match is declared at the
//! first moment its false-alarm rate is below the threshold, and taken back at the first moment it is not.
//!
//! Nothing here allocates once made: events are copies of a few numbers, kept in a queue of fixed length.

use std::collections::VecDeque;

use super::{
    hypothesis::{Hypothesis, overlap},
    rivals::{RIVAL_MARGIN, STALE},
    tracker::{MachineHeard, Tracker},
};
use crate::index::{Index, script_of};

/// Rivals that an event names.
pub const MAX_RIVALS: usize = 4;
/// Events that wait to be polled; more push the oldest out.
const WAITING: usize = 64;
/// Places remembered; more push the oldest out.
const PLACES: usize = 32;

/// A script heard in a live call, as known at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SessionMatch {
    /// Number of the rendering that fits best, for [`Index::rendering`], which knows its script and category.
    pub rendering: usize,
    /// Log-likelihood ratio of "this rendering plays here" against "something else does", nats.
    pub score: f64,
    /// Expected wrong matches at this score or higher per hour of audio searched in this index.
    pub false_alarms_per_hour: f64,
    /// Bit error rate of the aligned codes, 0 (same) to about .5 (unrelated).
    pub ber: f64,
    /// Start in the call, s.
    pub query_start: f64,
    /// End in the call so far, s.
    pub query_end: f64,
    /// Start in the rendering, s.
    pub script_start: f64,
    /// End in the rendering so far, s.
    pub script_end: f64,
    /// Playback speed relative to the rendering; 1.03 = 3 % faster.
    pub speed: f64,
    rivals: [usize; MAX_RIVALS],
    rival_count: usize,
}

impl SessionMatch {
    pub(super) fn of(index: &Index, h: &Hypothesis) -> Self {
        Self {
            rendering: h.rendering,
            score: h.score,
            false_alarms_per_hour: index.calibration().false_alarms_per_hour(h.score),
            ber: h.evidence.ber,
            query_start: h.query.0.max(0.0),
            query_end: h.query.1,
            script_start: h.script.0.max(0.0),
            script_end: h.script.1.min(index.rendering(h.rendering).seconds),
            speed: h.speed,
            rivals: [0; MAX_RIVALS],
            rival_count: 0,
        }
    }

    /// Numbers of renderings of other scripts that fit the same audio about as well, at most [`MAX_RIVALS`].
    pub fn rivals(&self) -> &[usize] {
        &self.rivals[..self.rival_count]
    }

    fn add_rival(&mut self, index: &Index, rendering: usize) {
        let script = |r: usize| script_of(index.rendering(r).id);
        let known = self.rivals().iter().any(|&r| script(r) == script(rendering));
        if !known && self.rival_count < MAX_RIVALS {
            self.rivals[self.rival_count] = rendering;
            self.rival_count += 1;
        }
    }

    fn query(&self) -> (f64, f64) {
        (self.query_start, self.query_end)
    }
}

/// Something that became known about a live call. `at` is the audio time, s from the first sample.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// Sound began that is neither a tone nor a steady noise. Tones shorter than .3 s, such as a DTMF digit, count as sound.
    Answered {
        /// Its first loud moment; known once .36 s of codes in a row hold such sound.
        at: f64,
    },
    /// A script became certain: its false-alarm rate is below the threshold, and no other script fits as well.
    Match {
        /// When it was known.
        at: f64,
        /// The script.
        found: SessionMatch,
    },
    /// A known script plays, but others fit the same audio about as well: [`SessionMatch::rivals`] names them. `Match`
    /// follows when they fall behind.
    Ambiguous {
        /// When it was known.
        at: f64,
        /// The best of them.
        found: SessionMatch,
    },
    /// What came since speaks against a match or an ambiguous match announced earlier.
    MatchRevoked {
        /// When the evidence turned.
        at: f64,
        /// What had been announced.
        found: SessionMatch,
    },
    /// Enough was heard without a match ([`SessionConfig::unmatched_after`](super::SessionConfig::unmatched_after)).
    Unmatched {
        /// When that was reached.
        at: f64,
    },
    /// The voice behaves like a machine.
    MachineVoice {
        /// When it was known.
        at: f64,
        /// Calibrated probability, 0 to 1.
        probability: f64,
    },
    /// A human took over from the machine at `at`.
    Handover {
        /// When the voice changed; the event comes 4.5 to 7.1 s later, last where no script is known; after a known script 2.5 to 6.5 s later where
        /// the voice is not judged ([`SessionConfig::machine_voice`](super::SessionConfig::machine_voice)).
        at: f64,
        /// How sure that is, 0 to 1.
        confidence: f64,
    },
    /// The audio ended.
    Ended {
        /// Length of the call.
        at: f64,
    },
}

impl SessionEvent {
    /// Audio time of the event, s.
    pub fn at(&self) -> f64 {
        match *self {
            Self::Answered { at }
            | Self::Match { at, .. }
            | Self::Ambiguous { at, .. }
            | Self::MatchRevoked { at, .. }
            | Self::Unmatched { at }
            | Self::MachineVoice { at, .. }
            | Self::Handover { at, .. }
            | Self::Ended { at } => at,
        }
    }

    /// Name of the kind of event as in JSON output: `answered`, `match`, `ambiguous`, `match_revoked`, `unmatched`,
    /// `machine_voice`, `handover`, `ended`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Match { .. } => "match",
            Self::Ambiguous { .. } => "ambiguous",
            Self::MatchRevoked { .. } => "match_revoked",
            Self::Unmatched { .. } => "unmatched",
            Self::MachineVoice { .. } => "machine_voice",
            Self::Handover { .. } => "handover",
            Self::Ended { .. } => "ended",
        }
    }

    /// The script that `Match`, `Ambiguous` and `MatchRevoked` speak of.
    pub fn found(&self) -> Option<&SessionMatch> {
        match self {
            Self::Match { found, .. } | Self::Ambiguous { found, .. } | Self::MatchRevoked { found, .. } => Some(found),
            _ => None,
        }
    }
}

/// What was announced of one place.
#[derive(Debug, Clone, Copy)]
struct Place {
    found: SessionMatch,
    /// Since when it has had no rival, s.
    clear_since: Option<f64>,
    seen: bool,
}

/// Turns the tracker's state, evaluation by evaluation, into events.
#[derive(Debug)]
pub(super) struct Announcer {
    places: Vec<Place>,
    sure: Vec<SessionMatch>,
    waiting: VecDeque<SessionEvent>,
    missed: u64,
    answered: bool,
    /// Whether a match that was announced stood until it had passed.
    passed: bool,
    /// Whether a machine's voice, and how many hand-overs, have been announced.
    machine: bool,
    handovers: usize,
}

impl Announcer {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::with_capacity(PLACES),
            sure: Vec::with_capacity(PLACES),
            waiting: VecDeque::with_capacity(WAITING),
            missed: 0,
            answered: false,
            passed: false,
            machine: false,
            handovers: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.places.clear();
        self.waiting.clear();
        (self.missed, self.answered, self.passed) = (0, false, false);
        (self.machine, self.handovers) = (false, 0);
    }

    /// The oldest event that was not taken yet.
    pub(super) fn poll(&mut self) -> Option<SessionEvent> {
        self.waiting.pop_front()
    }

    /// Events lost because nobody polled.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    pub(super) fn say(&mut self, event: SessionEvent) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.missed += 1;
        }
        self.waiting.push_back(event);
    }

    pub(super) fn answered(&mut self, at: Option<f64>) {
        if let Some(at) = at.filter(|_| !self.answered) {
            self.answered = true;
            self.say(SessionEvent::Answered { at });
        }
    }

    /// Takes in when the voice was found to be a machine's.
    pub(super) fn voice(&mut self, heard: Option<MachineHeard>) {
        if let Some(MachineHeard { at, probability }) = heard.filter(|_| !self.machine) {
            self.machine = true;
            self.say(SessionEvent::MachineVoice { at, probability });
        }
    }

    /// Takes in the hand-overs so far.
    pub(super) fn handovers(&mut self, tracker: &Tracker) {
        let (new, all) = tracker.handovers_since(self.handovers);
        for takeover in new {
            self.say(SessionEvent::Handover { at: takeover.at, confidence: takeover.confidence });
        }
        self.handovers = all;
    }

    /// Whether anything announced stands, or stood until it had passed.
    pub(super) fn any_match(&self) -> bool {
        self.passed || !self.places.is_empty()
    }

    /// Since when a match without rivals has stood, s.
    pub(super) fn clear_since(&self) -> Option<f64> {
        self.places.iter().filter_map(|place| place.clear_since).min_by(f64::total_cmp)
    }

    /// Takes in the state at audio time `now`: `hypotheses` best first.
    pub(super) fn evaluated(&mut self, index: &Index, hypotheses: &[Hypothesis], threshold: f64, now: f64) {
        self.gather(index, hypotheses, threshold, now);
        self.places.iter_mut().for_each(|p| p.seen = false);
        for i in 0..self.sure.len() {
            self.compare(index, i, now);
        }
        for i in (0..self.places.len()).rev() {
            if self.places[i].seen {
                continue;
            }
            let found = self.places.remove(i).found;
            if has_passed(found.query_end, now) {
                self.passed = true;
            } else {
                self.say(SessionEvent::MatchRevoked { at: now, found });
            }
        }
    }

    /// The places that sure hypotheses explain, each with the rivals of its best. What passed long ago has been told.
    fn gather(&mut self, index: &Index, hypotheses: &[Hypothesis], threshold: f64, now: f64) {
        let script = |r: usize| script_of(index.rendering(r).id);
        self.sure.clear();
        let sure = hypotheses.iter().take_while(|h| h.score >= threshold);
        for h in sure.filter(|h| !has_passed(h.query.1, now)) {
            let under = self.sure.iter().position(|k| overlap(k.query(), h.query) > 0.5);
            if let Some(better) = under.map(|at| &mut self.sure[at]) {
                if script(better.rendering) != script(h.rendering) && better.score - h.score < RIVAL_MARGIN {
                    better.add_rival(index, h.rendering);
                }
            } else if self.sure.len() < PLACES {
                self.sure.push(SessionMatch::of(index, h));
            }
        }
    }

    /// Compares place number `i` with what was said of it.
    fn compare(&mut self, index: &Index, i: usize, now: f64) {
        let found = self.sure[i];
        let ambiguous = found.rival_count > 0;
        let script = |r: usize| script_of(index.rendering(r).id);
        let place = Place { found, clear_since: (!ambiguous).then_some(now), seen: true };
        let news =
            if ambiguous { SessionEvent::Ambiguous { at: now, found } } else { SessionEvent::Match { at: now, found } };
        let Some(at) = self.places.iter().position(|p| !p.seen && overlap(p.found.query(), found.query()) > 0.5) else {
            if self.places.len() == PLACES {
                self.places.remove(0);
            }
            self.places.push(place);
            self.say(news);
            return;
        };
        let before = self.places[at];
        if script(before.found.rendering) != script(found.rendering) {
            self.places[at] = place;
            self.say(SessionEvent::MatchRevoked { at: now, found: before.found });
            self.say(news);
            return;
        }
        // A match that was clear once does not become unclear again: rivals that come later explain less of it.
        self.places[at] = Place { clear_since: before.clear_since.or(place.clear_since), ..place };
        if before.clear_since.is_none() && !ambiguous {
            self.say(news);
        }
    }
}

/// Whether what ended at `end` passed so long ago that nothing about it can change, s.
fn has_passed(end: f64, now: f64) -> bool {
    end < now - STALE
}
