//! One channel being listened to: samples in, hypotheses about what plays, updated five times a second.
//!
//! Memory is bounded: the codes of the last [`MAX_QUERY_SECONDS`], their hits, and a limited number of hypotheses.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::MachineVoice;
use crate::{
    audio::SAMPLE_RATE,
    fingerprint::{Bands, CODE_HOP, Extractor, HeardCode, Listener, QueryFrame, SPEEDS, is_heard, model, stream_time},
    index::{
        AlignedBands, Alignment, BandLane, Candidate, Evidence, Hearing, Hit, Index, Lane, MAX_QUERY_SECONDS, Paths,
        Search, Verification, Votes, align, script_of, script_time, verify,
    },
    prosody::{Handover, Takeover, VoiceJudge},
    signal::{Activity, FRAME, HOP, HOP_SECONDS},
};

/// Frames between evaluations (0.2 s), and while a hypothesis is so near below the threshold, nats, that it may pass it in less.
const EVALUATE_EVERY: usize = 20;
const EVALUATE_SOON: usize = 10;
const NEAR_BELOW: f64 = 1.0;
/// Candidates aligned at each evaluation.
const CANDIDATES: usize = 16;
/// Of these, how many of the best are verified frame by frame.
const VERIFIED: usize = 6;
/// Votes below which a candidate is not looked at.
const MINIMUM_VOTES: u32 = 12;
/// Script times this near at one time are the same place, s.
const SAME_PLACE: f64 = 0.3;
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
/// Lines whose codes promise nothing that are remembered, so as not to follow them again at once.
const HOPELESS: usize = 2 * CANDIDATES;
/// They are followed again after so long, s, or when they have so many times as many votes.
const HOPELESS_FOR: f64 = 0.5;
const MANY_MORE_VOTES: f64 = 1.5;
/// Hypotheses kept beside those that are sure.
const HYPOTHESES: usize = 64;
/// Scores within this many nats leave two scripts undecided.
pub(crate) const RIVAL_MARGIN: f64 = 3.0;
/// What it costs that audio is shared between scripts at all, nats.
const SHARED_PRICE: f64 = 1.0;
/// What it costs that another hypothesis explains the same audio better, nats per unit of agreement and code: which of two
/// recordings plays is told by which is nearer, and each code says so anew.
const DOMINANCE: f64 = 1.0;
/// Hits that are kept within the window, and between two evaluations, where every code is compared (5 MiB): speech against
/// the corpus index gives 100,000 to 200,000, and up to 20,000.
const MAX_HITS: (usize, usize) = (1 << 18, 1 << 16);
/// The same where codes are found by their keys (640 KiB): 30 calls against 186 renderings gave 15,000 and 3,300 at most.
const MAX_HITS_BY_KEYS: (usize, usize) = (1 << 15, 1 << 13);
/// Hits that one code may bring.
const NEW_AT_ONCE: usize = 1 << 14;
/// Threshold under which candidates count that [`Evidence::is_promising`] might leave out, nats.
const LEAST_PROMISING: f64 = 0.5;
/// Score from which a script explains what is heard, so that what it does not explain is another voice, nats: where the
/// threshold is lower, matches are tentative.
const LEAST_EXPLAINING: f64 = 2.0;
/// Where a known script explained what was heard up to so long before, a change of voice says nothing about a hand-over, s.
const UNEXPLAINED: f64 = 10.0;
/// Hand-overs so near each other are one, s.
const SAME_HANDOVER: f64 = 3.0;
/// Hand-overs that are remembered in one stream.
const MAX_HANDOVERS: usize = 64;
/// Hypotheses up to which lists of them lie on the stack.
const FEW: usize = 192;
/// Time after its end from which a hypothesis is not judged again, s: nothing about its audio can change.
pub(crate) const STALE: f64 = 2.0 * MAX_QUERY_SECONDS;

/// A rendering that may have played, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hypothesis {
    /// Number of the rendering.
    pub(crate) rendering: usize,
    /// Evidence at the last evaluation that counted.
    pub(crate) evidence: Evidence,
    /// The line it follows.
    candidate: Candidate,
    /// The alignment that the evidence was read off.
    pub(crate) alignment: Alignment,
    /// What was judged frame by frame, where that is wanted.
    pub(crate) heard: Option<(Verification, AlignedBands)>,
    /// Score at that evaluation, by itself.
    raw: f64,
    /// Score after the claims of other scripts to the same audio.
    pub(crate) score: f64,
    /// Where the part that fits begins and ends in the stream, s.
    pub(crate) query: (f64, f64),
    /// Where it begins and ends in the rendering, s.
    pub(crate) script: (f64, f64),
    /// Playback speed.
    pub(crate) speed: f64,
    /// When the score first stayed above the threshold, s.
    pub(crate) decided_at: Option<f64>,
    /// Whether its beginning has left the window: from then on the score only rises.
    settled: bool,
    /// When its frames were heard last, s.
    heard_at: f64,
}

impl Hypothesis {
    /// Whether both put the same place of the same rendering at the same time: in the middle between their middles, so
    /// that a small error of speed is not carried over the whole script.
    fn same_place(&self, other: &Self) -> bool {
        let time = 0.25 * (self.query.0 + self.query.1 + other.query.0 + other.query.1);
        self.rendering == other.rendering && (self.script_at(time) - other.script_at(time)).abs() < SAME_PLACE
    }

    /// Whether a candidate puts its rendering's same place at the same time.
    fn is_followed_by(&self, candidate: &Candidate) -> bool {
        let time = stream_time(f64::from(candidate.frame), candidate.speed);
        let place = script_time(f64::from(candidate.frame) - f64::from(candidate.offset));
        self.rendering == candidate.rendering && (self.script_at(time) - place).abs() < SAME_PLACE
    }

    /// The time in the rendering that it puts at a time in the stream, s.
    fn script_at(&self, time: f64) -> f64 {
        self.script.0 + (time - self.query.0) * self.speed
    }
}

/// Best first. They are few and nearly in order, so each is put among those before it, which allocates nothing; equals keep
/// their order.
fn by_score(hypotheses: &mut [Hypothesis]) {
    let order = |a: &Hypothesis, b: &Hypothesis| b.score.total_cmp(&a.score).then(a.rendering.cmp(&b.rendering));
    for i in 1..hypotheses.len() {
        let (before, rest) = hypotheses.split_at(i);
        let at = before.partition_point(|h| order(h, &rest[0]).is_le());
        hypotheses[at..=i].rotate_right(1);
    }
}

/// A flag for each hypothesis.
type Flags = SmallVec<[bool; FEW]>;

/// Hits that are kept within the window, and between two evaluations.
fn max_hits(index: &Index) -> (usize, usize) {
    if index.has_tables() { MAX_HITS_BY_KEYS } else { MAX_HITS }
}

/// Seconds from one stored code to the next.
const CODE_HOP_SECONDS: f64 = CODE_HOP as f64 * HOP_SECONDS;

/// Frames kept at an assumed speed.
fn kept(speed: f64) -> usize {
    (MAX_QUERY_SECONDS / HOP_SECONDS * speed) as usize
}

/// Memory for an evaluation. Each thread has one, since it is large and only used for a moment.
#[derive(Debug, Default)]
struct Scratch {
    votes: Votes,
    paths: Paths,
    /// Alignments of the candidates of one evaluation, until it is known which are heard frame by frame.
    laid: Vec<Alignment>,
    hearing: Hearing,
    /// Hits in order, old and new.
    merged: Vec<Hit>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Allocates what evaluations on this thread need, so that they need not. Again does nothing.
pub(crate) fn warm_thread() {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.votes.reserve(CANDIDATES);
        scratch.paths.reserve();
        scratch.laid.resize_with(CANDIDATES, Alignment::default);
        scratch.laid.iter_mut().for_each(Alignment::reserve);
        scratch.hearing.reserve();
        scratch.merged.reserve(MAX_HITS.0);
    });
    // Tables that are made when first used.
    Extractor::new().push(&[0.1; 4000], |_| (), |_| ());
}

/// How a tracker works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mode {
    /// Whether candidates are listed that are no matches: then even hopeless ones are heard frame by frame, and alignments are
    /// kept.
    pub(crate) all: bool,
    /// Whether the bands that were judged are kept, too.
    pub(crate) bands: bool,
    /// Most hypotheses that are kept.
    pub(crate) hypotheses: usize,
    /// Whether the voice is judged, machine or human.
    pub(crate) voice: bool,
}

/// The state of one channel. It holds no index: whoever feeds it hands the same one in each time.
#[derive(Debug)]
pub(crate) struct Tracker {
    threshold: f64,
    mode: Mode,
    extractor: Extractor,
    heard: Heard,
    samples: u64,
    hypotheses: Vec<Hypothesis>,
    /// Whether the search has been called off.
    resting: bool,
    handovers: Vec<Takeover>,
    voice: Voice,
}

/// Judgement of the voice, where it is wanted.
#[derive(Debug, Default)]
struct Voice {
    judge: Option<Box<VoiceJudge>>,
    /// Speech that the last judgement rested on, s.
    judged: f64,
    machine: Option<MachineHeard>,
}

/// When a voice was first found to behave like a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MachineHeard {
    /// Audio time, s.
    pub(crate) at: f64,
    /// Calibrated probability, 0 to 1.
    pub(crate) probability: f64,
}

/// A tracker's state at one moment, with the index that it is judged against.
struct Evaluation<'a> {
    index: &'a Index,
    threshold: f64,
    mode: Mode,
    /// Seconds taken in.
    now: f64,
    /// Whether it is the last of the stream, which leaves nothing for later.
    last: bool,
    heard: &'a mut Heard,
    hypotheses: &'a mut Vec<Hypothesis>,
    scratch: &'a mut Scratch,
}

/// What came of the stream within the window.
#[derive(Debug, Default)]
struct Heard {
    /// Codes at each assumed speed.
    lanes: Vec<Vec<HeardCode>>,
    /// Bands at each assumed speed, and the number of the first.
    bands: Vec<(u32, Vec<Bands>)>,
    search: Search,
    /// Hits up to the last evaluation, in order, and since.
    hits: Vec<Hit>,
    new_hits: Vec<Hit>,
    /// Lines whose codes promised nothing, and when that was, s.
    hopeless: Vec<(Candidate, f64)>,
    frames: usize,
    /// Whether an evaluation is due, and whether the next one is sooner than usual.
    due: bool,
    soon: bool,
    /// Whether a code with sound came since the last evaluation, and when one did that such a code had come before, s.
    fresh: bool,
    fresh_at: f64,
    answered_at: Option<f64>,
    active_frames: usize,
    handover: Handover,
}

/// A listener that looks each code up as it comes.
struct Ear<'a> {
    heard: &'a mut Heard,
    index: &'a Index,
    judge: Option<&'a mut VoiceJudge>,
}

impl Listener for Ear<'_> {
    fn frame(&mut self, activity: Activity) {
        let heard = &mut *self.heard;
        heard.frames += 1;
        heard.handover.frame(&activity);
        if let Some(judge) = &mut self.judge {
            judge.activity(&activity);
        }
        heard.active_frames += usize::from(is_heard(&activity));
        heard.due |= heard.frames.is_multiple_of(if heard.soon { EVALUATE_SOON } else { EVALUATE_EVERY });
    }

    fn bands(&mut self, speed: usize, bands: &Bands) {
        if let Some((_, lane)) = self.heard.bands.get_mut(speed) {
            lane.push(*bands);
        }
    }

    fn code(&mut self, code: QueryFrame) {
        let heard = &mut *self.heard;
        if code.active {
            heard.answered_at.get_or_insert((code.time() - 0.2).max(0.0));
            heard.fresh = true;
        }
        heard.search.find_hits(self.index, &code, &mut heard.new_hits);
        let (all, new) = max_hits(self.index);
        heard.new_hits.truncate(all.saturating_sub(heard.hits.len()).min(new));
        if let Some(lane) = heard.lanes.get_mut(code.speed) {
            lane.push(HeardCode::from(&code));
        }
    }
}

impl Tracker {
    /// Starts to listen. `threshold`: score from which a hypothesis counts as decided.
    pub(crate) fn new(threshold: f64, mode: Mode) -> Self {
        Self {
            threshold,
            mode,
            extractor: Extractor::new(),
            heard: Heard {
                lanes: vec![Vec::new(); SPEEDS.len()],
                bands: vec![(0, Vec::new()); SPEEDS.len()],
                ..Heard::default()
            },
            samples: 0,
            hypotheses: Vec::new(),
            resting: false,
            handovers: Vec::with_capacity(MAX_HANDOVERS),
            voice: Voice { judge: mode.voice.then(Box::default), ..Voice::default() },
        }
    }

    /// Allocates all that listening can need, so that it need not.
    pub(crate) fn reserve(&mut self, index: &Index) {
        self.heard.search.reserve(index);
        for ((lane, (_, bands)), speed) in self.heard.lanes.iter_mut().zip(&mut self.heard.bands).zip(SPEEDS) {
            // Between evaluations come a fifth of a second more, and a frame for rounding.
            let frames = kept(speed) + (EVALUATE_EVERY as f64 * speed) as usize + 2;
            lane.reserve(frames);
            bands.reserve(frames + model().patch);
        }
        let (all, new) = max_hits(index);
        self.heard.hits.reserve(all);
        self.heard.hopeless.reserve(HOPELESS);
        // One code may bring many before they are cut.
        self.heard.new_hits.reserve(new + NEW_AT_ONCE);
        self.hypotheses.reserve(self.mode.hypotheses.saturating_add(VERIFIED));
    }

    /// Takes 8 kHz samples; `evaluated` hears of each evaluation and says whether to go on searching. Once it has said no,
    /// samples are only counted.
    pub(crate) fn push(&mut self, index: &Index, mut samples: &[f32], mut evaluated: impl FnMut(&Self) -> bool) {
        while !samples.is_empty() {
            // A part ends where a frame does, so that the time of an evaluation does not depend on the chunking.
            let into_hop = (self.samples + (HOP - FRAME % HOP) as u64) % HOP as u64;
            let (part, rest) = samples.split_at((HOP - into_hop as usize).min(samples.len()));
            self.samples += part.len() as u64;
            samples = rest;
            if self.resting {
                continue;
            }
            if let Some(judge) = &mut self.voice.judge {
                judge.push(part);
            }
            let judge = self.voice.judge.as_deref_mut();
            self.extractor.push_to(part, &mut Ear { heard: &mut self.heard, index, judge });
            if std::mem::take(&mut self.heard.due) {
                self.evaluate(index, false);
                self.resting = !evaluated(self);
            }
        }
    }

    /// Ends the stream: a last evaluation.
    pub(crate) fn finish(&mut self, index: &Index) {
        self.evaluate(index, true);
    }

    /// Forgets the stream.
    pub(crate) fn reset(&mut self) {
        self.extractor.reset();
        let heard = &mut self.heard;
        heard.lanes.iter_mut().for_each(Vec::clear);
        for (first, bands) in &mut heard.bands {
            *first = 0;
            bands.clear();
        }
        heard.hits.clear();
        heard.new_hits.clear();
        heard.hopeless.clear();
        heard.search.reset();
        heard.handover.reset();
        (heard.frames, heard.active_frames, heard.answered_at) = (0, 0, None);
        (heard.due, heard.soon, heard.fresh, heard.fresh_at) = (false, false, false, 0.0);
        self.hypotheses.clear();
        self.handovers.clear();
        (self.voice.judged, self.voice.machine) = (0.0, None);
        if let Some(judge) = &mut self.voice.judge {
            judge.reset();
        }
        (self.samples, self.resting) = (0, false);
    }

    fn evaluate(&mut self, index: &Index, last: bool) {
        let now = self.seconds();
        let Self { threshold, mode, heard, hypotheses, .. } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            Evaluation { index, threshold: *threshold, mode: *mode, now, last, heard, hypotheses, scratch }.evaluate();
        });
        if last {
            self.heard.handover.finish();
            if let Some(judge) = &mut self.voice.judge {
                judge.finish();
            }
        }
        self.listen_for_handover();
        self.judge_voice();
    }

    /// Hand-overs from known scripts, whose end is the best witness, and from machines that no script explains.
    fn listen_for_handover(&mut self) {
        let least = self.threshold.max(LEAST_EXPLAINING);
        let sure = self.hypotheses.iter().filter(|h| h.score >= least);
        let end = sure.map(|h| h.query.1).max_by(f64::total_cmp);
        self.heard.handover.script(end);
        let known = self.heard.handover.poll();
        let unknown = self.voice.judge.as_mut().and_then(|judge| judge.takeover());
        let unknown = unknown.filter(|takeover| end.is_none_or(|end| end < takeover.at - UNEXPLAINED));
        for takeover in [known, unknown].into_iter().flatten() {
            let again = self.handovers.iter().any(|told| (told.at - takeover.at).abs() < SAME_HANDOVER);
            if !again && self.handovers.len() < MAX_HANDOVERS {
                self.handovers.push(takeover);
            }
        }
    }

    /// Judges the voice anew whenever a stretch of speech is complete.
    fn judge_voice(&mut self) {
        let now = self.seconds();
        let Voice { judge: Some(judge), judged, machine } = &mut self.voice else { return };
        if judge.judged_seconds() > *judged {
            *judged = judge.judged_seconds();
            let probability = judge.machine_voice().probability.filter(|&p| p > 0.5);
            *machine = machine.or(probability.map(|probability| MachineHeard { at: now, probability }));
        }
    }

    /// Hand-overs so far, in the order in which they were told.
    pub(crate) fn handovers(&self) -> &[Takeover] {
        &self.handovers
    }

    /// When the voice was first found to behave like a machine.
    pub(crate) fn machine_heard(&self) -> Option<MachineHeard> {
        self.voice.machine
    }

    /// How sure it is that the voice is a machine's; abstains where that is not judged.
    pub(crate) fn machine_voice(&self) -> MachineVoice {
        let silent = || MachineVoice { probability: None, abstained: true, seconds: self.active_seconds() };
        self.voice.judge.as_ref().map_or_else(silent, |judge| judge.machine_voice())
    }

    /// All hypotheses, best first.
    pub(crate) fn hypotheses(&self) -> &[Hypothesis] {
        &self.hypotheses
    }

    /// Whether the search has been called off.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }

    /// Seconds taken in.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(SAMPLE_RATE)
    }

    /// Seconds of sound that is neither silence nor tone.
    pub(crate) fn active_seconds(&self) -> f64 {
        self.heard.active_frames as f64 * HOP_SECONDS
    }

    /// When sound that can be a voice first came, s.
    pub(crate) fn answered_at(&self) -> Option<f64> {
        self.heard.answered_at
    }
}

impl Evaluation<'_> {
    fn seconds(&self) -> f64 {
        self.now
    }

    fn evaluate(&mut self) {
        self.forget();
        if std::mem::take(&mut self.heard.fresh) {
            self.heard.fresh_at = self.now;
        } else if !self.hypotheses.iter().any(|h| self.is_unfinished(h)) {
            return;
        }
        self.sort_hits();
        self.scratch.votes.count(&self.heard.hits, CANDIDATES);
        self.scratch.laid.resize_with(CANDIDATES, Alignment::default);
        // With where its alignment is, if that is to be heard.
        let mut plausible: SmallVec<[(Candidate, Evidence, Option<usize>); CANDIDATES]> = SmallVec::new();
        for i in 0..self.scratch.votes.candidates.len() {
            let candidate = self.scratch.votes.candidates[i];
            if candidate.votes >= MINIMUM_VOTES && !self.can_wait(&candidate) {
                let Some(evidence) = self.lay(&candidate) else { continue };
                let heard = self.is_worth_hearing(&evidence);
                if !heard {
                    self.forgo(candidate);
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
        self.judge();
        by_score(self.hypotheses);
        // What counts as a match is kept however long the stream; of the rest, the best.
        let sure = self.hypotheses.partition_point(|h| h.score >= self.threshold);
        self.hypotheses.truncate((sure + HYPOTHESES).min(self.mode.hypotheses));
        let mut below = self.hypotheses.iter().skip(sure);
        self.heard.soon = below.any(|h| !h.settled && self.may_have_reached(h) >= self.threshold - NEAR_BELOW);
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
        let waits = hypothesis.evidence.is_at_limit();
        hypothesis.score + if waits { LIMIT_RISE * (self.now - hypothesis.heard_at) } else { 0.0 }
    }

    /// Whether a hypothesis was judged a moment ago, and what came since cannot matter.
    fn is_unhurried(&self, hypothesis: &Hypothesis) -> bool {
        let below = self.threshold - hypothesis.raw;
        // Nothing is wanting but length: the frames say more, and no other script has a claim.
        let alone = hypothesis.evidence.is_at_limit() && hypothesis.score >= hypothesis.raw;
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

    /// Whether a candidate continues a hypothesis that need not be judged now, or a line that promised nothing a moment ago.
    fn can_wait(&self, candidate: &Candidate) -> bool {
        let hopeless = |&(line, at): &(Candidate, f64)| {
            let more = f64::from(candidate.votes) >= MANY_MORE_VOTES * f64::from(line.votes);
            line.same_line(candidate) && self.now < at + HOPELESS_FOR && !more
        };
        (!self.last && self.heard.hopeless.iter().any(hopeless))
            || self.hypotheses.iter().any(|h| self.is_unhurried(h) && h.is_followed_by(candidate))
    }

    /// Remembers a line whose codes promise nothing.
    fn forgo(&mut self, candidate: Candidate) {
        let (hopeless, now) = (&mut self.heard.hopeless, self.now);
        hopeless.retain(|(line, at)| now < at + HOPELESS_FOR && !line.same_line(&candidate));
        if hopeless.len() < HOPELESS {
            hopeless.push((candidate, now));
        }
    }

    /// Brings the new hits in order among the old ones, which are in order already.
    fn sort_hits(&mut self) {
        let Heard { hits, new_hits, .. } = &mut *self.heard;
        new_hits.sort_unstable();
        let merged = &mut self.scratch.merged;
        merged.clear();
        let mut old = hits.iter().copied().peekable();
        for &new in new_hits.iter() {
            while let Some(hit) = old.next_if(|&hit| hit <= new) {
                merged.push(hit);
            }
            merged.push(new);
        }
        merged.extend(old);
        if self.index.has_tables() {
            // A search by lines may find a hit twice.
            merged.dedup();
        }
        hits.clear();
        hits.extend_from_slice(merged);
        new_hits.clear();
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
            let evidence = self.lay(&candidate);
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

    /// Drops codes and hits that are older than the window.
    fn forget(&mut self) {
        let patch = model().patch;
        let heard = &mut *self.heard;
        for ((lane, (first, bands)), speed) in heard.lanes.iter_mut().zip(&mut heard.bands).zip(SPEEDS) {
            let keep = kept(speed);
            if lane.len() > keep {
                lane.drain(..lane.len() - keep);
            }
            if bands.len() > keep + patch {
                *first += (bands.len() - keep - patch) as u32;
                bands.drain(..bands.len() - keep - patch);
            }
        }
        let first: [u32; SPEEDS.len()] =
            std::array::from_fn(|s| heard.lanes.get(s).and_then(|l| l.first()).map_or(0, |f| f.frame));
        let within = |h: &Hit| first.get(usize::from(h.speed)).is_some_and(|&f| h.frame >= f);
        heard.hits.retain(within);
        heard.new_hits.retain(within);
    }

    /// Lays a candidate over the window, and what its codes say. The alignment lies in the scratch memory's `paths`.
    fn lay(&mut self, candidate: &Candidate) -> Option<Evidence> {
        let lane = self.heard.lanes.get(candidate.speed)?;
        align(self.index, candidate, Lane { frames: lane }, &mut self.scratch.paths)?;
        Evidence::of(&self.scratch.paths.alignment).filter(Evidence::suffices)
    }

    /// A hypothesis with its frames heard and its score, from the alignment in the scratch memory's `paths`.
    fn judged(&mut self, candidate: Candidate, evidence: Evidence) -> Option<Hypothesis> {
        let (first, frames) = self.heard.bands.get(candidate.speed)?;
        let lane = BandLane { first: *first, frames };
        let Scratch { paths: Paths { alignment, .. }, hearing, .. } = &mut *self.scratch;
        verify(alignment, self.index.bands(candidate.rendering), lane, hearing);
        let evidence = evidence.verified(alignment, hearing);
        let steps = &alignment.steps[evidence.first..evidence.end];
        let (first, last) = (steps.first()?, steps.last()?);
        // Codes sit in the middle of their patches; what they describe begins and ends half a patch away.
        let half = 0.2;
        let speed = alignment.playback_speed(evidence.first..evidence.end);
        Some(Hypothesis {
            rendering: candidate.rendering,
            candidate,
            raw: evidence.score(),
            score: f64::NEG_INFINITY,
            query: (alignment.query_time(first) - half / speed, alignment.query_time(last) + half / speed),
            script: (alignment.script_time(first) - half, alignment.script_time(last) + half),
            speed,
            decided_at: None,
            settled: evidence.first == 0 && self.now > MAX_QUERY_SECONDS,
            heard_at: self.now,
            evidence,
            alignment: if self.mode.all { alignment.clone() } else { Alignment::default() },
            heard: self.mode.bands.then(|| (hearing.verification.clone(), hearing.bands())),
        })
    }

    /// Adds a hypothesis, or renews the one that it continues.
    fn keep(&mut self, mut found: Hypothesis, renewed: &mut [bool]) {
        let Some(at) = self.hypotheses.iter().position(|h| h.same_place(&found)) else {
            self.hypotheses.push(found);
            return;
        };
        if let Some(renewed) = renewed.get_mut(at) {
            *renewed = true;
        }
        let known = &mut self.hypotheses[at];
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
        found.score = known.score;
        *known = found;
    }

    /// Whether a hypothesis is judged no more: its audio has passed long ago.
    fn is_stale(&self, hypothesis: &Hypothesis) -> bool {
        hypothesis.query.1 < self.seconds() - STALE
    }

    fn agreement(&self, i: usize) -> f64 {
        self.hypotheses[i].evidence.whole.agreement
    }

    /// The hypothesis about the same audio as number `i` (nine tenths of its codes at least) that agrees best with it, among
    /// those whose number `allowed` admits.
    fn best_fit(&self, i: usize, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let h = &self.hypotheses[i];
        let same_audio = |o: &Hypothesis| {
            10 * o.evidence.whole.codes >= 9 * h.evidence.whole.codes && overlap(h.query, o.query) > 0.5
        };
        let others = (0..self.hypotheses.len()).filter(|&o| o != i && allowed(o) && same_audio(&self.hypotheses[o]));
        let best = others.max_by(|&a, &b| self.agreement(a).total_cmp(&self.agreement(b)))?;
        (self.agreement(best) > self.agreement(i)).then_some(best)
    }

    /// By how much more the best hypothesis about the same audio agrees with it than number `i` does, over all its codes.
    fn lead(&self, i: usize) -> f64 {
        let codes = self.hypotheses[i].evidence.whole.codes as f64;
        self.best_fit(i, |_| true).map_or(0.0, |best| codes * (self.agreement(best) - self.agreement(i)))
    }

    /// Lets the rendering that fits best speak for its script, with the highest score of any: two voices may say a script
    /// almost alike. `scripts`: those of the hypotheses.
    fn name_renderings(&mut self, scripts: &[&str]) {
        for i in 0..scripts.len() {
            if self.is_stale(&self.hypotheses[i]) {
                continue;
            }
            let Some(best) = self.best_fit(i, |o| scripts[o] == scripts[i]) else { continue };
            let (mine, theirs) = (self.hypotheses[i].score, self.hypotheses[best].score);
            if mine > theirs {
                let decided = self.hypotheses[i].decided_at;
                (self.hypotheses[i].score, self.hypotheses[best].score) = (theirs, mine);
                self.hypotheses[best].decided_at = self.hypotheses[best].decided_at.or(decided);
                if theirs < self.threshold {
                    self.hypotheses[i].decided_at = None;
                }
            }
        }
    }

    /// Weighs hypotheses about the same audio against each other, and notes when one became sure.
    fn judge(&mut self) {
        let now = self.seconds();
        let scripts: SmallVec<[&str; FEW]> =
            self.hypotheses.iter().map(|h| script_of(self.index.rendering(h.rendering).id)).collect();
        for i in 0..self.hypotheses.len() {
            let h = &self.hypotheses[i];
            if self.is_stale(h) {
                continue;
            }
            let rivals = self.hypotheses.iter().zip(&scripts).filter(|(other, script)| {
                **script != scripts[i] && h.raw - other.raw < RIVAL_MARGIN && overlap(h.query, other.query) > 0.5
            });
            let claims: f64 = rivals.map(|(other, _)| (other.raw - h.raw).exp()).sum();
            // Audio that several scripts share is likely to be shared by scripts that are not in the index, too.
            let price = if claims > 0.0 { claims.ln_1p() + SHARED_PRICE } else { 0.0 };
            let score = h.raw - price - DOMINANCE * self.lead(i);
            let h = &mut self.hypotheses[i];
            if !h.settled || score > h.score {
                h.score = score;
                let sure = score >= self.threshold;
                h.decided_at = if sure { h.decided_at.or(Some(now)) } else { None };
            }
        }
        self.name_renderings(&scripts);
    }
}

/// Share of the shorter of two stretches of time that the other covers, 0 to 1.
pub(crate) fn overlap(a: (f64, f64), b: (f64, f64)) -> f64 {
    let shorter = (a.1 - a.0).min(b.1 - b.0);
    if shorter > 0.0 { (a.1.min(b.1) - a.0.max(b.0)).max(0.0) / shorter } else { 0.0 }
}
