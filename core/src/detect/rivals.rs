//! Hypotheses about the same audio against each other: what several scripts share speaks little for any of them, the recording that
//! agrees best is likelier the one that plays, at its own speed likelier than at another, and of one script's renderings the best
//! speaks for it.

use smallvec::SmallVec;

use super::hypothesis::{Hypothesis, overlap};
use crate::index::{Index, MAX_QUERY_SECONDS, script_of};

/// Scores within this many nats leave two scripts undecided.
pub(super) const RIVAL_MARGIN: f64 = 3.0;
/// What it costs that audio is shared between scripts at all, nats.
const SHARED_PRICE: f64 = 1.0;
/// What it costs that another hypothesis explains the same audio better, nats per unit of agreement and code: which of two
/// recordings plays is told by which is nearer, and each code says so anew.
const DOMINANCE: f64 = 1.0;
/// What it costs that audio plays at another speed than the recording, nats. A replay nearly always has its own; a speaker or a
/// synthesiser who says the same words again hardly ever does: of 51 false matches of -2.8 nats or more in some 75 h of development
/// speech 49 were off by 2 % and more. Their ratio would allow for 1.5 nats, but recordings that are sped up are to be found soon, too.
const OFF_SPEED_PRICE: f64 = 1.0;
/// Deviation of measured speeds from the true one: of 1,138 right matches at the recording's speed on development snippets of 1.5 to
/// 5 s 90 % lie within .006 and 95 % within .009.
const SPEED_DEVIATION: f64 = 0.008;
/// Hypotheses up to which lists of them lie on the stack.
pub(super) const FEW: usize = 192;
/// Time after its end from which a hypothesis is not judged again, s: nothing about its audio can change.
pub(super) const STALE: f64 = 2.0 * MAX_QUERY_SECONDS;

/// The hypotheses about a stream at one moment.
pub(super) struct Rivals<'a> {
    pub(super) index: &'a Index,
    /// Score from which a hypothesis counts as decided.
    pub(super) threshold: f64,
    /// Seconds taken in.
    pub(super) now: f64,
    pub(super) hypotheses: &'a mut [Hypothesis],
}

impl Rivals<'_> {
    /// Weighs hypotheses about the same audio against each other, and notes when one became sure.
    pub(super) fn weigh(&mut self) {
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
            let shared = if claims > 0.0 { claims.ln_1p() + SHARED_PRICE } else { 0.0 };
            // At what speed the audio plays the recording tells that fits it best.
            let best = self.best_fit(i, |_| true).unwrap_or(i);
            let lead = h.evidence.whole.codes as f64 * (self.agreement(best) - self.agreement(i));
            let speed_price = speed_price(self.hypotheses[best].speed);
            let score = h.raw - speed_price - shared - DOMINANCE * lead;
            let h = &mut self.hypotheses[i];
            h.speed_price = speed_price;
            if !h.settled || score > h.score {
                h.score = score;
                let sure = score >= self.threshold;
                h.decided_at = if sure { h.decided_at.or(Some(self.now)) } else { None };
            }
        }
        self.name_renderings(&scripts);
    }

    /// Whether a hypothesis is judged no more: its audio has passed long ago.
    fn is_stale(&self, hypothesis: &Hypothesis) -> bool {
        hypothesis.query.1 < self.now - STALE
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
}

/// What a playback speed costs, nats: the logarithm of a mixture of replays at the recording's speed and of others at any.
fn speed_price(speed: f64) -> f64 {
    let others = (-OFF_SPEED_PRICE).exp();
    let near = (-0.5 * ((speed - 1.0) / SPEED_DEVIATION).powi(2)).exp();
    -(others + (1.0 - others) * near).ln()
}
