//! The F0 path: one candidate a frame, or none, by dynamic programming with bounded delay.
//!
//! Source: Boersma 1993 (see [`pitch`](super::pitch)), eq. 25-27: the path that maximises the sum of the candidates'
//! strengths less the costs of changing: .14 for a change between voiced and unvoiced, .35 a octave for a jump.
//!
//! What differs: a stream is decided [`DELAY`] frames behind its newest frame by following the back pointers of the best
//! path so far, in blocks of [`BLOCK`] frames; the paths of all end states have almost always met by then. The blocks
//! count from the start of the stream, so that the result does not depend on how it is fed.
//!
//! Cost a frame: at most 81 additions and comparisons, and `DELAY / BLOCK + 1` steps of traceback.

use super::pitch::{Candidate, Candidates, MAX_CANDIDATES};

/// Frames (10 ms) that the decision waits for at least.
pub(crate) const DELAY: usize = 40;
/// Frames decided at a time.
pub(crate) const BLOCK: usize = 8;

/// State 0 is unvoiced, state c is voiced candidate c - 1.
const STATES: usize = MAX_CANDIDATES + 1;
const RING: usize = DELAY + BLOCK;

const VOICED_UNVOICED_COST: f32 = 0.14;
const OCTAVE_JUMP_COST: f32 = 0.35;

/// What was decided for one frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Decision {
    /// The candidate on the path, `None` for unvoiced.
    pub(crate) voiced: Option<Candidate>,
    /// Highest normalised autocorrelation among all candidates of the frame.
    pub(crate) best_correlation: f32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    candidates: Candidates,
    back: [u8; STATES],
}

/// The search over a stream of frames.
#[derive(Debug)]
pub(crate) struct PathFinder {
    ring: [Node; RING],
    scores: [f32; STATES],
    /// Frames taken in and frames decided.
    taken: u64,
    decided: u64,
}

impl PathFinder {
    pub(crate) fn new() -> Self {
        Self { ring: [Node::default(); RING], scores: [0.0; STATES], taken: 0, decided: 0 }
    }

    /// Takes in the next frame; every [`BLOCK`] frames hands that many decisions to `decide`, oldest first.
    pub(crate) fn push(&mut self, candidates: Candidates, decide: &mut impl FnMut(Decision)) {
        self.extend(candidates);
        if self.taken - self.decided == RING as u64 {
            self.trace_back(BLOCK, decide);
        }
    }

    /// Decides all that is left.
    pub(crate) fn finish(&mut self, decide: &mut impl FnMut(Decision)) {
        self.trace_back((self.taken - self.decided) as usize, decide);
    }

    fn slot(frame: u64) -> usize {
        (frame % RING as u64) as usize
    }

    fn extend(&mut self, candidates: Candidates) {
        let before = self.taken.checked_sub(1).map(|frame| self.ring[Self::slot(frame)].candidates);
        let before = before.unwrap_or_default();
        let mut scores = [f32::MIN; STATES];
        let mut back = [0u8; STATES];
        let old = &self.scores[..=before.voiced().len()];

        (scores[0], back[0]) = best(old, |state| if state == 0 { 0.0 } else { VOICED_UNVOICED_COST });
        scores[0] += candidates.unvoiced;
        for (state, candidate) in candidates.voiced().iter().enumerate() {
            let (score, from) = best(old, |state| match state.checked_sub(1) {
                None => VOICED_UNVOICED_COST,
                Some(c) => OCTAVE_JUMP_COST * (before.voiced[c].log2_f0 - candidate.log2_f0).abs(),
            });
            scores[state + 1] = score + candidate.strength;
            back[state + 1] = from;
        }
        // Only differences count; without this the sums of a long stream would lose precision.
        let top = scores[0];
        for score in &mut scores[..=candidates.voiced().len()] {
            *score -= top;
        }
        self.scores = scores;
        self.ring[Self::slot(self.taken)] = Node { candidates, back };
        self.taken += 1;
    }

    /// Follows the best path back from the newest frame and hands out its oldest `count` frames.
    fn trace_back(&mut self, count: usize, decide: &mut impl FnMut(Decision)) {
        if count == 0 {
            return;
        }
        let newest = self.ring[Self::slot(self.taken - 1)].candidates.voiced().len();
        let (_, mut state) = best(&self.scores[..=newest], |_| 0.0);
        let mut states = [0u8; RING];
        for frame in (self.decided..self.taken).rev() {
            states[Self::slot(frame)] = state;
            state = self.ring[Self::slot(frame)].back[state as usize];
        }
        for frame in self.decided..self.decided + count as u64 {
            let slot = Self::slot(frame);
            let candidates = &self.ring[slot].candidates;
            let voiced = (states[slot] as usize).checked_sub(1).and_then(|c| candidates.voiced().get(c).copied());
            decide(Decision { voiced, best_correlation: candidates.best_correlation() });
        }
        self.decided += count as u64;
    }
}

/// The state with the highest score less cost; the first of equals.
fn best(scores: &[f32], cost: impl Fn(usize) -> f32) -> (f32, u8) {
    let mut top = (f32::MIN, 0u8);
    for (state, &score) in scores.iter().enumerate() {
        let value = score - cost(state);
        if value > top.0 {
            top = (value, state as u8);
        }
    }
    top
}
