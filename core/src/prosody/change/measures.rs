//! What tells that a person took over from a machine at an onset: measures of the speech before and after it.
//!
//! None of them is a level, the colour of the line or its noise by itself: those change with the line, not with who speaks. Where the
//! cepstrum is compared, the colour of the line does count, against how unlike each other the stretches before are.

use super::{
    super::spectrum::LFCC,
    stretch::{Stretch, Sums},
};

/// Variances are not taken to be smaller, dB².
const LEAST_VARIANCE: f32 = 0.1;
/// Of the variance of frames within stretches so much is added to that of the stretches' means.
const OF_FRAMES: f32 = 0.1;
/// A stretch shorter than that says nothing about how unlike stretches are, frames.
const LEAST_STRETCH: u32 = 20;

/// Measures of an onset.
pub(super) const MEASURES: usize = 20;
/// Their names.
pub const MEASURE_NAMES: [&str; MEASURES] = [
    // Turn-taking and delivery: the gap before the onset, s; speech before and after, s, its shares of the time, and its mean length
    // without a gap after the onset, frames; natural logarithms but for the shares.
    "gap",
    "speechBefore",
    "speechAfter",
    "shareBefore",
    "shareAfter",
    "stretchAfter",
    // How machine-like the voice is before: log-odds of the machine-voice model, not calibrated.
    "machineBefore",
    // The voice before and after: deviation of the change of the spectrum's tilt in 10 ms, dB; mean logarithm of the jitter; mean shimmer,
    // dB; mean harmonics-to-noise ratio, dB.
    "tiltStepBefore",
    "tiltStepAfter",
    "jitterBefore",
    "jitterAfter",
    "shimmerBefore",
    "shimmerAfter",
    "hnrBefore",
    "hnrAfter",
    // Change of speaker: difference of mean F0, semitones; distance of the mean cepstra in deviations of the means of the stretches
    // before, natural logarithm; gain of two Gaussians over one, nats a frame and coefficient (the likelihood ratio of the Bayesian
    // information criterion: S. Chen, P. Gopalakrishnan, "Speaker, environment and channel change detection and clustering via the
    // Bayesian information criterion", DARPA Broadcast News Workshop 1998).
    "f0Change",
    "cepstrumChange",
    "twoModels",
    // A voice or noise: shares of voiced frames before and after.
    "voicedBefore",
    "voicedAfter",
];

/// The speech before an onset and after it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sides {
    pub(super) before: Stretch,
    pub(super) after: Stretch,
    /// Stretches after the onset.
    pub(super) stretches_after: u32,
    /// Of the means of the stretches before.
    pub(super) means: [Sums; LFCC],
    /// Frames without speech before the onset.
    pub(super) gap: u64,
    /// Time that each side takes, frames.
    pub(super) span_before: u64,
    pub(super) span_after: u64,
    /// Log-odds of a machine before; NaN where that is not known.
    pub(super) machine: f32,
}

impl Sides {
    pub(super) fn add_before(&mut self, stretch: &Stretch) {
        self.before.join(stretch);
        if stretch.speech >= LEAST_STRETCH {
            for (means, values) in self.means.iter_mut().zip(&stretch.lfcc) {
                means.add(values.mean());
            }
        }
    }

    pub(super) fn add_after(&mut self, stretch: &Stretch) {
        self.after.join(stretch);
        self.stretches_after += 1;
    }

    /// In the order of [`MEASURE_NAMES`]; not finite where not defined.
    pub(super) fn measures(&self) -> [f32; MEASURES] {
        let Self { before, after, .. } = self;
        let seconds = |frames: f32| (frames / 100.0).ln();
        [
            seconds(self.gap as f32),
            seconds(before.speech as f32),
            seconds(after.speech as f32),
            before.speech as f32 / self.span_before as f32,
            after.speech as f32 / self.span_after as f32,
            (after.speech as f32 / self.stretches_after as f32).ln(),
            self.machine,
            before.tilt_step.variance().sqrt(),
            after.tilt_step.variance().sqrt(),
            before.jitter.mean(),
            after.jitter.mean(),
            before.shimmer.mean(),
            after.shimmer.mean(),
            before.hnr.mean(),
            after.hnr.mean(),
            (after.f0.mean() - before.f0.mean()).abs(),
            self.cepstrum_change(),
            self.two_models(),
            before.voiced as f32 / before.speech as f32,
            after.voiced as f32 / after.speech as f32,
        ]
    }

    fn cepstrum_change(&self) -> f32 {
        let mut distance = 0.0;
        for ((before, after), means) in self.before.lfcc.iter().zip(&self.after.lfcc).zip(&self.means) {
            let between = if means.count > 1.0 { means.variance() } else { 0.0 };
            let scale = between + OF_FRAMES * pooled(before, after, Sums::variance);
            distance += (after.mean() - before.mean()).powi(2) / scale.max(0.5 * LEAST_VARIANCE);
        }
        0.5 * (distance / LFCC as f32).ln()
    }

    fn two_models(&self) -> f32 {
        let ln = |sums: &Sums| sums.variance().max(LEAST_VARIANCE).ln();
        let mut gain = 0.0;
        for (before, after) in self.before.lfcc.iter().zip(&self.after.lfcc) {
            let mut one = *before;
            one.join(after);
            gain += 0.5 * (ln(&one) - pooled(before, after, ln));
        }
        gain / LFCC as f32
    }
}

/// The mean of a value of both, weighed by their frames.
fn pooled(a: &Sums, b: &Sums, value: impl Fn(&Sums) -> f32) -> f32 {
    (value(a) * a.count + value(b) * b.count) / (a.count + b.count)
}
