//! What may have played in a stream: a rendering, where in it and in the stream, and how sure that is.

use crate::{
    fingerprint::stream_time,
    index::{AlignedBands, Alignment, Candidate, Evidence, Verification, script_time},
};

/// Script times this near at one time are the same place, s.
const SAME_PLACE: f64 = 0.3;
/// A score so little below its limit, nats, is held back by nothing else: what speaks for it otherwise is over 1.2 nats more.
const AT_LIMIT: f64 = 0.25;

/// A rendering that may have played, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hypothesis {
    /// Number of the rendering.
    pub(super) rendering: usize,
    /// Evidence at the last evaluation that counted.
    pub(super) evidence: Evidence,
    /// The line it follows.
    pub(super) candidate: Candidate,
    /// The alignment that the evidence was read off.
    pub(super) alignment: Alignment,
    /// What was judged frame by frame, where that is wanted.
    pub(super) heard: Option<(Verification, AlignedBands)>,
    /// Score at that evaluation, by itself.
    pub(super) raw: f64,
    /// What its speed costs, nats.
    pub(super) speed_price: f64,
    /// Score after that and the claims of other scripts to the same audio.
    pub(super) score: f64,
    /// Where the part that fits begins and ends in the stream, s.
    pub(super) query: (f64, f64),
    /// Where it begins and ends in the rendering, s.
    pub(super) script: (f64, f64),
    /// Playback speed.
    pub(super) speed: f64,
    /// When the score first stayed above the threshold, s.
    pub(super) decided_at: Option<f64>,
    /// Whether its beginning has left the window: from then on the score only rises.
    pub(super) settled: bool,
    /// When its frames were heard last, s.
    pub(super) heard_at: f64,
}

impl Hypothesis {
    /// Whether both put the same place of the same rendering at the same time: in the middle between their middles, so
    /// that a small error of speed is not carried over the whole script.
    pub(super) fn same_place(&self, other: &Self) -> bool {
        let time = 0.25 * (self.query.0 + self.query.1 + other.query.0 + other.query.1);
        self.rendering == other.rendering && (self.script_at(time) - other.script_at(time)).abs() < SAME_PLACE
    }

    /// Whether its score is the most that its length allows, so that it rises with it until something speaks against the match.
    pub(super) fn is_at_limit(&self) -> bool {
        self.raw > self.evidence.limit() - AT_LIMIT
    }

    /// Score as if no other script had a claim to the same audio.
    pub(super) fn unclaimed_score(&self) -> f64 {
        self.raw - self.speed_price
    }

    /// Whether a candidate puts its rendering's same place at the same time.
    pub(super) fn is_followed_by(&self, candidate: &Candidate) -> bool {
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
pub(super) fn by_score(hypotheses: &mut [Hypothesis]) {
    let order = |a: &Hypothesis, b: &Hypothesis| b.score.total_cmp(&a.score).then(a.rendering.cmp(&b.rendering));
    for i in 1..hypotheses.len() {
        let (before, rest) = hypotheses.split_at(i);
        let at = before.partition_point(|h| order(h, &rest[0]).is_le());
        hypotheses[at..=i].rotate_right(1);
    }
}

/// Share of the shorter of two stretches of time that the other covers, 0 to 1.
pub(super) fn overlap(a: (f64, f64), b: (f64, f64)) -> f64 {
    let shorter = (a.1 - a.0).min(b.1 - b.0);
    if shorter > 0.0 { (a.1.min(b.1) - a.0.max(b.0)).max(0.0) / shorter } else { 0.0 }
}
