//! One evaluation: candidates are laid over what was heard, heard frame by frame, and become hypotheses or renew them.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::{
    heard::{Heard, MOST_HITS},
    hypothesis::{Hypothesis, by_score},
    rivals::{FEW, RIVAL_MARGIN, Rivals},
    tracker::Mode,
};
use crate::{
    fingerprint::{CODE_HOP, Extractor},
    index::{
        Alignment, BandLane, Candidate, Evidence, Hearing, Hit, Index, Lane, MAX_QUERY_SECONDS, Paths, PitchLane,
        Votes, align, verify,
    },
    signal::HOP_SECONDS,
};

/// A hypothesis so near below the threshold, nats, may pass it in less time than usual goes by between evaluations.
const NEAR_BELOW: f64 = 1.0;
/// Candidates aligned at each evaluation.
const CANDIDATES: usize = 16;
/// Of these, how many of the best are verified frame by frame.
pub(super) const VERIFIED: usize = 6;
/// Votes below which a candidate is not looked at.
const MINIMUM_VOTES: u32 = 12;
/// A hypothesis so far below or above the threshold, nats, or above it as far as its length allows, is judged again when so much
/// more has been heard, as a share of what it rests on, and not before so long, s: a moment cannot turn it.
const FAR_BELOW: f64 = 6.0;
const FAR_ABOVE: f64 = 3.0;
const WORTH_JUDGING: f64 = 0.1;
const MOMENT: f64 = 0.3;
/// Scores far below rise by so much a second at most, nats, and are taken for no lower than this: of 3,800 judgements on development
/// calls that were 8 nats or more below, with less than 7 s heard, four came within 3 in so short a time.
const FASTEST_RISE: f64 = 10.0;
const MOST_BELOW: f64 = 15.0;
/// A score that only length holds back rises by so much a second at most, nats: of 3,600 such on development calls half rose by 1.6,
/// one in a hundred by more than this.
const LIMIT_RISE: f64 = 2.0;
/// A sure hypothesis that ended within so long may still go on, s, even if its beginning has left the window.
const MAY_GO_ON: f64 = 2.0;
/// What fitted and ended so long ago, s, says no more now than it did then: only what spoke against it has left the window since. (Of 80
/// true matches on development calls none was known so late, of 240 public calls without one seven were reported for it.)
const PASSED: f64 = 3.0;
/// Lines whose codes promise nothing, or are too few, that are remembered, so as not to follow them again at once.
pub(super) const HOPELESS: usize = 2 * CANDIDATES;
/// Those that promise nothing are followed again after so long, s, and all when they have so many times as many votes.
const HOPELESS_FOR: f64 = 0.5;
const MANY_MORE_VOTES: f64 = 1.5;
/// Hypotheses kept beside those that are sure.
const HYPOTHESES: usize = 64;
/// Threshold under which candidates count that [`Evidence::is_promising`] might leave out, nats.
const LEAST_PROMISING: f64 = 0.5;

/// A flag for each hypothesis.
type Flags = SmallVec<[bool; FEW]>;

/// Seconds from one stored code to the next.
const CODE_HOP_SECONDS: f64 = CODE_HOP as f64 * HOP_SECONDS;

/// Memory for an evaluation. Each thread has one, since it is large and only used for a moment.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    votes: Votes,
    paths: Paths,
    /// Alignments of the candidates of one evaluation, until it is known which are heard frame by frame.
    laid: Vec<Alignment>,
    hearing: Hearing,
    /// Hits in order, old and new.
    merged: Vec<Hit>,
}

impl Scratch {
    /// All memory that an evaluation can need.
    fn new() -> Self {
        let mut scratch = Self::default();
        scratch.votes.reserve(CANDIDATES);
        scratch.paths.reserve();
        scratch.laid.resize_with(CANDIDATES, Alignment::default);
        scratch.laid.iter_mut().for_each(Alignment::reserve);
        scratch.hearing.reserve();
        scratch.merged.reserve(MOST_HITS);
        scratch
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// Hands this thread's memory for evaluations to `work`.
pub(super) fn with_scratch(work: impl FnOnce(&mut Scratch)) {
    SCRATCH.with_borrow_mut(work);
}

/// Allocates what evaluations on this thread need, so that they need not. Again does nothing.
pub(super) fn warm_thread() {
    SCRATCH.with(|_made_when_first_used| ());
    // Tables that are made when first used.
    Extractor::new().push(&[0.1; 4000], |_| (), |_| ());
}

/// Allocates what feeding sessions needs of this thread, about 7 MB, so that feeding allocates nothing here. The first
/// [`Session`](super::Session) that a thread makes does so by itself; a thread that is handed sessions made elsewhere allocates
/// once with the first audio that it feeds, unless it calls this before. Again does no harm.
pub fn prepare_thread() {
    warm_thread();
    crate::index::warm_thread();
}

/// A tracker's state at one moment, with the index that it is judged against.
pub(super) struct Evaluation<'a> {
    pub(super) index: &'a Index,
    pub(super) threshold: f64,
    pub(super) mode: Mode,
    /// Seconds taken in.
    pub(super) now: f64,
    /// Whether it is the last of the stream, which leaves nothing for later.
    pub(super) last: bool,
    pub(super) heard: &'a mut Heard,
    pub(super) hypotheses: &'a mut Vec<Hypothesis>,
    pub(super) scratch: &'a mut Scratch,
}

impl Evaluation<'_> {
    /// Finds candidates, hears them, and weighs them against what was known.
    pub(super) fn evaluate(&mut self) {
        self.heard.forget();
        if std::mem::take(&mut self.heard.fresh) {
            self.heard.fresh_at = self.now;
        } else if !self.hypotheses.iter().any(|h| self.is_unfinished(h)) {
            return;
        }
        self.heard.sort_hits(self.index, &mut self.scratch.merged);
        self.scratch.votes.count(&self.heard.hits, CANDIDATES);
        self.scratch.laid.resize_with(CANDIDATES, Alignment::default);
        // With where its alignment is, if that is to be heard.
        let mut plausible: SmallVec<[(Candidate, Evidence, Option<usize>); CANDIDATES]> = SmallVec::new();
        for i in 0..self.scratch.votes.candidates.len() {
            let candidate = self.scratch.votes.candidates[i];
            if candidate.votes >= MINIMUM_VOTES && !self.can_wait(&candidate) {
                let Some(evidence) = self.lay(&candidate) else { continue };
                if !evidence.suffices() {
                    // Before so many more have come it can't suffice.
                    self.forgo(candidate, CODE_HOP_SECONDS * evidence.missing_codes() as f64);
                    continue;
                }
                let heard = self.is_worth_hearing(&evidence);
                if !heard {
                    self.forgo(candidate, HOPELESS_FOR);
                }
                std::mem::swap(&mut self.scratch.paths.alignment, &mut self.scratch.laid[plausible.len()]);
                plausible.push((candidate, evidence, heard.then_some(plausible.len())));
            }
        }
        plausible.sort_by(|a, b| b.1.whole.magnitude.total_cmp(&a.1.whole.magnitude));
        plausible.truncate(VERIFIED);
        // Best fit first: of several paths to one place the best speaks for it, whatever its score. (The score may rate a
        // worse path higher, which looks like evenly noisy audio.)
        let mut found: SmallVec<[Hypothesis; VERIFIED]> = SmallVec::new();
        for (candidate, evidence, laid) in plausible {
            if let Some(laid) = laid {
                std::mem::swap(&mut self.scratch.paths.alignment, &mut self.scratch.laid[laid]);
                found.extend(self.judged(candidate, evidence));
            }
        }
        let mut renewed: Flags = SmallVec::from_elem(false, self.hypotheses.len());
        for (i, h) in found.iter().enumerate() {
            // Several candidates can lead to one place; the best of them speaks for it.
            if !found[..i].iter().any(|better| better.same_place(h)) {
                self.keep(h.clone(), &mut renewed);
            }
        }
        self.reconsider(&renewed);
        let Self { index, threshold, now, .. } = *self;
        Rivals { index, threshold, now, hypotheses: self.hypotheses }.weigh();
        by_score(self.hypotheses);
        // What counts as a match is kept however long the stream; of the rest, the best.
        let sure = self.hypotheses.partition_point(|h| h.score >= self.threshold);
        self.hypotheses.truncate(sure + HYPOTHESES);
        while self.hypotheses.len() > self.mode.hypotheses {
            self.forget_the_earliest();
        }
        let sure = self.hypotheses.partition_point(|h| h.score >= self.threshold);
        let mut below = self.hypotheses.iter().skip(sure);
        self.heard.soon = below.any(|h| !h.settled && self.may_have_reached(h) >= self.threshold - NEAR_BELOW);
    }

    /// Forgets the hypothesis that ended first: in a long call new ones matter, whatever their score.
    fn forget_the_earliest(&mut self) {
        let ends = self.hypotheses.iter().enumerate().map(|(i, h)| (h.query.1, i));
        if let Some((_, earliest)) = ends.min_by(|a, b| a.0.total_cmp(&b.0)) {
            self.hypotheses.remove(earliest);
        }
    }

    /// Whether candidates are heard that can hardly be matches.
    fn thorough(&self) -> bool {
        self.mode.all || self.threshold < LEAST_PROMISING
    }

    /// Whether an alignment with these codes is to be heard frame by frame: it may be a match, or the rival of one.
    fn is_worth_hearing(&self, evidence: &Evidence) -> bool {
        let may_count = evidence.limit() >= self.threshold - RIVAL_MARGIN;
        self.thorough() || (may_count && evidence.is_promising())
    }

    /// The highest score that a hypothesis may have by now.
    fn may_have_reached(&self, hypothesis: &Hypothesis) -> f64 {
        let waits = hypothesis.is_at_limit();
        hypothesis.score + if waits { LIMIT_RISE * (self.now - hypothesis.heard_at) } else { 0.0 }
    }

    /// Whether a hypothesis was judged a moment ago, and what came since cannot matter.
    fn is_unhurried(&self, hypothesis: &Hypothesis) -> bool {
        let below = self.threshold - hypothesis.unclaimed_score();
        // Nothing is wanting but length: the frames say more, and no other script has a claim.
        let alone = hypothesis.is_at_limit() && hypothesis.score >= hypothesis.unclaimed_score();
        let wait = if alone && below > 0.0 && !hypothesis.settled {
            below / LIMIT_RISE
        } else if alone || hypothesis.settled || !(-FAR_ABOVE..=FAR_BELOW).contains(&below) {
            let some = WORTH_JUDGING * CODE_HOP_SECONDS * hypothesis.evidence.whole.codes as f64;
            some.max(below.min(MOST_BELOW) / FASTEST_RISE).max(MOMENT)
        } else {
            return false;
        };
        !self.last && self.now < hypothesis.heard_at + wait
    }

    /// Whether a sure hypothesis has not been judged by all that was heard, though it is time.
    fn is_unfinished(&self, hypothesis: &Hypothesis) -> bool {
        let sure = hypothesis.score >= self.threshold;
        sure && hypothesis.heard_at < self.heard.fresh_at && !self.is_unhurried(hypothesis)
    }

    /// Whether a candidate continues a hypothesis that need not be judged now, or a line that was forgone a moment ago.
    fn can_wait(&self, candidate: &Candidate) -> bool {
        let hopeless = |&(line, until): &(Candidate, f64)| {
            let more = f64::from(candidate.votes) >= MANY_MORE_VOTES * f64::from(line.votes);
            line.same_line(candidate) && self.now < until && !more
        };
        (!self.last && self.heard.hopeless.iter().any(hopeless))
            || self.hypotheses.iter().any(|h| h.is_followed_by(candidate) && self.is_unhurried(h))
    }

    /// Remembers a line whose codes promise nothing or are too few, for `seconds`.
    fn forgo(&mut self, candidate: Candidate, seconds: f64) {
        let (hopeless, now) = (&mut self.heard.hopeless, self.now);
        hopeless.retain(|(line, until)| now < *until && !line.same_line(&candidate));
        if hopeless.len() < HOPELESS {
            hopeless.push((candidate, now + seconds));
        }
    }

    /// Looks again at hypotheses that no candidate renewed: what came since may speak against them.
    fn reconsider(&mut self, renewed: &[bool]) {
        for (i, renewed) in renewed.iter().enumerate() {
            let h = &self.hypotheses[i];
            let may_go_on = h.score >= self.threshold && self.now < h.query.1 + MAY_GO_ON;
            if *renewed || (h.settled && !may_go_on) || i >= CANDIDATES || self.is_unhurried(h) {
                continue;
            }
            let candidate = self.hypotheses[i].candidate;
            let evidence = self.lay(&candidate).filter(Evidence::suffices);
            let sure = self.hypotheses[i].score >= self.threshold;
            if let Some(evidence) = evidence.filter(|e| !sure && !self.is_worth_hearing(e)) {
                // Hopeless now, whatever the frames would say.
                let h = &mut self.hypotheses[i];
                (h.evidence, h.raw, h.score) = (evidence, f64::NEG_INFINITY, f64::NEG_INFINITY);
                h.heard_at = self.now;
                continue;
            }
            let again = evidence.and_then(|evidence| self.judged(candidate, evidence));
            let again = again.filter(|again| self.hypotheses[i].same_place(again));
            match again {
                Some(again) => self.keep(again, &mut [false; CANDIDATES]),
                None => self.hypotheses[i].settled = true,
            }
        }
    }

    /// Lays a candidate over the window, and what its codes say. The alignment lies in the scratch memory's `paths`.
    fn lay(&mut self, candidate: &Candidate) -> Option<Evidence> {
        let lane = self.heard.lanes.get(candidate.speed)?;
        align(self.index, candidate, Lane { frames: lane }, &mut self.scratch.paths)?;
        Evidence::of(&self.scratch.paths.alignment)
    }

    /// A hypothesis with its frames heard and its score, from the alignment in the scratch memory's `paths`.
    fn judged(&mut self, candidate: Candidate, evidence: Evidence) -> Option<Hypothesis> {
        let (first, frames) = self.heard.bands.get(candidate.speed)?;
        let (first_pitch, pitch) = &self.heard.pitch;
        let pitch = PitchLane { first: *first_pitch, frames: pitch };
        let lane = BandLane { speed: candidate.speed, first: *first, frames, pitch };
        let stored = self.index.stored(candidate.rendering);
        let Scratch { paths: Paths { alignment, .. }, hearing, .. } = &mut *self.scratch;
        verify(&alignment.steps, stored, lane, hearing);
        let mut evidence = evidence.verified(alignment, hearing);
        let heard = self.mode.bands.then(|| (hearing.verification.clone(), hearing.bands()));
        let steps = &alignment.steps[evidence.first..evidence.end];
        if evidence.part_can_say_more() {
            verify(steps, stored, lane, hearing);
            evidence.hear_part_alone(hearing);
        }
        let (first, last) = (steps.first()?, steps.last()?);
        // Codes sit in the middle of their patches; what they describe begins and ends half a patch away.
        let half = 0.2;
        let speed = evidence.speed;
        Some(Hypothesis {
            rendering: candidate.rendering,
            candidate,
            raw: evidence.score(),
            speed_price: 0.0,
            score: f64::NEG_INFINITY,
            query: (alignment.query_time(first) - half / speed, alignment.query_time(last) + half / speed),
            script: (alignment.script_time(first) - half, alignment.script_time(last) + half),
            speed,
            decided_at: None,
            settled: evidence.first == 0 && self.now > MAX_QUERY_SECONDS,
            heard_at: self.now,
            evidence,
            alignment: if self.mode.all { alignment.clone() } else { Alignment::default() },
            heard,
        })
    }

    /// Adds a hypothesis, or renews the one that it continues.
    fn keep(&mut self, mut found: Hypothesis, renewed: &mut [bool]) {
        let passed = found.query.1 < self.now - PASSED;
        let Some(at) = self.hypotheses.iter().position(|h| h.same_place(&found)) else {
            if !passed {
                self.hypotheses.push(found);
            }
            return;
        };
        if let Some(renewed) = renewed.get_mut(at) {
            *renewed = true;
        }
        let known = &mut self.hypotheses[at];
        if passed && found.raw > known.raw {
            known.heard_at = found.heard_at;
            return;
        }
        found.settled |= known.settled;
        if found.settled {
            // The window has lost the beginning: what was known of it stays, and the score only rises.
            found.query = (known.query.0.min(found.query.0), known.query.1.max(found.query.1));
            found.script = (known.script.0.min(found.script.0), known.script.1.max(found.script.1));
            if found.raw <= known.raw {
                (known.settled, known.query, known.script) = (true, found.query, found.script);
                (known.candidate, known.heard_at) = (found.candidate, found.heard_at);
                return;
            }
        }
        found.decided_at = known.decided_at;
        (found.score, found.speed_price) = (known.score, known.speed_price);
        *known = found;
    }
}
