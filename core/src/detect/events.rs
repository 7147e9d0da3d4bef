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

#[cfg(all(test, feature = "corpus"))]
mod tests {
    use super::*;
    use crate::index::{Alignment, Candidate, Evidence};

    /// Score from which something is a match.
    const THRESHOLD: f64 = 5.0;

    /// The first renderings of three scripts.
    fn renderings(index: &Index) -> [usize; 3] {
        let mut first: Vec<usize> = (0..index.len()).collect();
        first.dedup_by_key(|&mut i| index.rendering(i).script);
        [first[0], first[1], first[2]]
    }

    /// That a rendering plays from its beginning in this stretch of the call.
    fn plays(rendering: usize, score: f64, query: (f64, f64)) -> Hypothesis {
        Hypothesis {
            rendering,
            evidence: Evidence::default(),
            candidate: Candidate { rendering, speed: 2, offset: 0, frame: 0, votes: 0 },
            alignment: Alignment::default(),
            heard: None,
            raw: score,
            speed_price: 0.0,
            score,
            query,
            script: (0.0, query.1 - query.0),
            speed: 1.0,
            decided_at: None,
            settled: false,
            heard_at: query.1,
        }
    }

    /// What is told after each of these evaluations, at times 1 s apart from 5 s on: kind, rendering and rivals.
    fn told(index: &Index, evaluations: &[&[Hypothesis]]) -> Vec<Vec<(&'static str, usize, Vec<usize>)>> {
        let mut announcer = Announcer::new();
        let evaluated = |(n, hypotheses): (usize, &&[Hypothesis])| {
            announcer.evaluated(index, hypotheses, THRESHOLD, 5.0 + n as f64);
            let events = std::iter::from_fn(|| announcer.poll());
            let named = |event: SessionEvent| event.found().map(|m| (event.kind(), m.rendering, m.rivals().to_vec()));
            events.filter_map(named).collect()
        };
        evaluations.iter().enumerate().map(evaluated).collect()
    }

    #[test]
    fn a_script_is_told_once_and_taken_back_when_the_evidence_turns() {
        let index = Index::builtin().unwrap();
        let [a, ..] = renderings(&index);
        let evaluations: [&[Hypothesis]; 5] = [
            &[plays(a, 4.9, (2.0, 5.0))],
            &[plays(a, 6.0, (2.0, 6.0))],
            &[plays(a, 9.0, (2.0, 7.0))],
            &[plays(a, 4.0, (2.0, 8.0))],
            &[plays(a, 5.0, (2.0, 9.0))],
        ];
        let event = |kind| vec![(kind, a, vec![])];
        assert_eq!(
            told(&index, &evaluations),
            [vec![], event("match"), vec![], event("match_revoked"), event("match")]
        );
    }

    #[test]
    fn scripts_that_fit_alike_are_rivals_until_one_falls_behind() {
        let index = Index::builtin().unwrap();
        let [a, b, c] = renderings(&index);
        let evaluations: [&[Hypothesis]; 4] = [
            // Within three nats; what lies further behind, or plays elsewhere, is no rival.
            &[plays(a, 9.5, (2.0, 5.0)), plays(b, 7.0, (2.2, 5.0)), plays(c, 6.4, (2.0, 5.0))],
            &[plays(a, 9.5, (2.0, 6.0)), plays(b, 6.4, (2.2, 6.0))],
            // A rival that comes later takes nothing back.
            &[plays(a, 9.5, (2.0, 7.0)), plays(b, 9.0, (2.2, 7.0))],
            &[plays(a, 9.5, (2.0, 8.0)), plays(c, 9.0, (7.8, 8.8))],
        ];
        assert_eq!(
            told(&index, &evaluations),
            [vec![("ambiguous", a, vec![b])], vec![("match", a, vec![])], vec![], vec![("match", c, vec![])]]
        );
    }

    #[test]
    fn a_script_that_takes_the_place_of_another_revokes_it() {
        let index = Index::builtin().unwrap();
        let [a, b, _] = renderings(&index);
        let evaluations: [&[Hypothesis]; 2] =
            [&[plays(a, 6.0, (2.0, 5.0))], &[plays(b, 11.0, (2.0, 6.0)), plays(a, 6.0, (2.0, 5.0))]];
        assert_eq!(
            told(&index, &evaluations),
            [vec![("match", a, vec![])], vec![("match_revoked", a, vec![]), ("match", b, vec![])]]
        );
    }

    #[test]
    fn a_match_that_has_passed_is_not_revoked_and_counts_until_the_call_is_forgotten() {
        let index = Index::builtin().unwrap();
        let [a, ..] = renderings(&index);
        let mut announcer = Announcer::new();
        let first = [plays(a, 6.0, (-0.1, 5.0))];
        announcer.evaluated(&index, &first, THRESHOLD, 5.0);
        announcer.evaluated(&index, &first, THRESHOLD, 6.0);
        assert_eq!(announcer.clear_since(), Some(5.0));
        announcer.evaluated(&index, &[], THRESHOLD, 5.0 + STALE + 0.1);
        let events: Vec<SessionEvent> = std::iter::from_fn(|| announcer.poll()).collect();
        let [SessionEvent::Match { at, found }] = events[..] else { panic!("{events:?}") };
        assert_eq!((at, found.query_start, found.query_end), (5.0, 0.0, 5.0));
        assert!(announcer.any_match() && announcer.clear_since().is_none());
        announcer.reset();
        assert!(!announcer.any_match());
    }

    #[test]
    fn a_match_lies_within_its_rendering() {
        let index = Index::builtin().unwrap();
        let [a, ..] = renderings(&index);
        let seconds = index.rendering(a).seconds;
        let found =
            SessionMatch::of(&index, &Hypothesis { script: (-0.2, seconds + 0.2), ..plays(a, 6.0, (2.0, 5.0)) });
        assert_eq!((found.script_start, found.script_end), (0.0, seconds));
    }

    #[test]
    fn events_that_nobody_polls_push_the_oldest_out_and_are_counted() {
        let mut announcer = Announcer::new();
        (0..70).for_each(|n| announcer.say(SessionEvent::Unmatched { at: f64::from(n) }));
        assert_eq!(announcer.missed(), 6);
        let waiting: Vec<f64> = std::iter::from_fn(|| announcer.poll()).map(|event| event.at()).collect();
        assert_eq!(waiting, (6..70).map(f64::from).collect::<Vec<_>>());
        announcer.reset();
        assert_eq!(announcer.missed(), 0);
    }
}
