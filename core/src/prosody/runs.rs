//! How voice moves within a run of voiced frames, from one run to the next.
//!
//! People end one syllable in a fall and creak and the next in a rise, and their F0 has a wobble of its own; synthesis draws both from
//! averages. Of each run of 80 ms and more:
//!
//! - its rise: the change of F0 (semitones) along the least-squares line from its first frame to its last;
//! - its residual: the root mean square deviation of F0 from a cubic, which is all that a smooth contour of one syllable needs;
//! - its end: the mean level of its last 30 ms less that of the whole, dB.
//!
//! The functionals are the spread of rises and of ends over the runs, and the median residual, as natural logarithms, since all three are
//! scales; and so the jitter that a tenth of the voiced frames exceeds: the voice of people is rough in places, not on average. F0 is
//! taken as it was tracked: an octave error at a creaky end is a mark of people, too.
//!
//! A run longer than 0.64 s counts in parts. The polynomials are those of J. P. Gram on equal steps from -1 to 1, made by their recurrence
//! p[k+1] = t p[k] - (|p[k]|² / |p[k-1]|²) p[k-1] (G. E. Forsythe, J. SIAM 5 (1957), 74-88). Constant memory (7 kB), nothing is allocated
//! after construction; a run's end costs 30 multiply-adds a frame.

use super::{
    lld::Lld,
    stats::{Histogram, Moments},
};

/// Frames of a run: at least, and at most.
const LEAST: usize = 8;
const MOST: usize = 64;
/// Frames at the end of a run.
const END: usize = 3;
/// Degree of the smooth contour.
const DEGREE: usize = 3;
/// What a spread (semitones, dB) and a residual (semitones) are taken to be at least.
const LEAST_SPREAD: f64 = 0.05;
const LEAST_RESIDUAL: f64 = 0.01;
/// What a jitter is taken to be at least.
const LEAST_JITTER: f64 = 0.001;

/// Collects runs of voiced frames.
#[derive(Debug, Clone)]
pub(crate) struct VoicedRuns {
    /// F0 (semitones) and level (dB) of the run that goes on.
    f0: [f32; MOST],
    levels: [f32; MOST],
    length: usize,
    rises: Moments,
    ends: Moments,
    residuals: Histogram,
    jitters: Histogram,
}

impl VoicedRuns {
    pub(crate) fn new() -> Self {
        Self {
            f0: [0.0; MOST],
            levels: [0.0; MOST],
            length: 0,
            rises: Moments::default(),
            ends: Moments::default(),
            residuals: Histogram::new(0.0, 2.0, 0.002),
            jitters: Histogram::new(0.0, 0.2, 0.0005),
        }
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, lld: &Lld) {
        if !lld.voiced() || self.length == MOST {
            self.close();
        }
        if lld.voiced() {
            (self.f0[self.length], self.levels[self.length]) = (lld.semitones(), lld.level);
            self.length += 1;
        }
        if lld.jitter.is_finite() {
            self.jitters.add(lld.jitter);
        }
    }

    fn close(&mut self) {
        let length = std::mem::take(&mut self.length);
        if length < LEAST {
            return;
        }
        let (rise, residual) = rise_and_residual(&self.f0[..length]);
        self.rises.add(rise);
        self.residuals.add(residual as f32);
        let mean = |levels: &[f32]| levels.iter().sum::<f32>() / levels.len() as f32;
        self.ends.add(f64::from(mean(&self.levels[length - END..length]) - mean(&self.levels[..length])));
    }

    /// Of the runs that are over spread of the rises, median residual and spread of the ends, and the jitter's 90th percentile, as
    /// logarithms; NaN without a value.
    pub(crate) fn values(&self) -> [f64; 4] {
        // Clamped, not the larger of both: NaN stays.
        let ln = |value: f64, least: f64| value.clamp(least, f64::INFINITY).ln();
        [
            ln(self.rises.stddev(), LEAST_SPREAD),
            ln(self.residuals.quantile(0.5), LEAST_RESIDUAL),
            ln(self.ends.stddev(), LEAST_SPREAD),
            ln(self.jitters.quantile(0.9), LEAST_JITTER),
        ]
    }

    /// Starts a new segment; the run that goes on stays.
    pub(crate) fn clear(&mut self) {
        self.residuals.clear();
        self.jitters.clear();
        (self.rises, self.ends) = (Moments::default(), Moments::default());
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.length = 0;
    }
}

/// Change along the least-squares line, and root mean square deviation from the least-squares cubic.
fn rise_and_residual(run: &[f32]) -> (f64, f64) {
    let place = |i: usize| 2.0 * i as f64 / (run.len() - 1) as f64 - 1.0;
    let mut rest = [0.0; MOST];
    for (rest, &value) in rest.iter_mut().zip(run) {
        *rest = f64::from(value);
    }
    let (mut before, mut now) = ([0.0; MOST], [1.0; MOST]);
    let (mut norm_before, mut rise) = (f64::INFINITY, 0.0);
    for degree in 0..=DEGREE {
        let norm: f64 = now[..run.len()].iter().map(|p| p * p).sum();
        let product: f64 = now[..run.len()].iter().zip(&rest).map(|(p, x)| p * x).sum();
        let weight = product / norm;
        if degree == 1 {
            rise = 2.0 * weight;
        }
        for i in 0..run.len() {
            rest[i] -= weight * now[i];
            (before[i], now[i]) = (now[i], place(i) * now[i] - norm / norm_before * before[i]);
        }
        norm_before = norm;
    }
    let squares: f64 = rest[..run.len()].iter().map(|x| x * x).sum();
    (rise, (squares / run.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(semitones: f32, level: f32) -> Lld {
        let (f0, jitter) = if semitones > 0.0 { (27.5 * (semitones / 12.0).exp2(), 0.01) } else { (0.0, f32::NAN) };
        Lld { f0, level, jitter, ..Lld::steady() }
    }

    #[test]
    fn a_cubic_leaves_nothing_and_a_line_its_rise() {
        let cubic: Vec<f32> = (0..40).map(|i| i as f32 / 39.0).map(|x| 30.0 + 4.0 * x - 9.0 * x * x * x).collect();
        let (_, residual) = rise_and_residual(&cubic);
        assert!(residual < 1e-5, "{residual}");
        let line: Vec<f32> = (0..8).map(|i| 30.0 - 0.25 * i as f32).collect();
        let (rise, residual) = rise_and_residual(&line);
        assert!((rise + 1.75).abs() < 1e-5 && residual < 1e-5, "{rise} {residual}");
    }

    #[test]
    fn an_alternation_is_all_residual() {
        let run: Vec<f32> = (0..64).map(|i| 30.0 + if i % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let (_, residual) = rise_and_residual(&run);
        assert!((residual - 0.5).abs() < 0.01, "{residual}");
    }

    #[test]
    fn runs_are_told_apart_and_short_ones_left_out() {
        let mut runs = VoicedRuns::new();
        assert!(runs.values().iter().all(|value| value.is_nan()));
        // Rises of 2 and -2 semitones over 21 frames; the last three frames 6 and 0 dB below the others.
        for (rise, fall) in [(2.0, 6.0), (-2.0, 0.0)] {
            for i in 0..21 {
                runs.push(&frame(30.0 + rise * i as f32 / 20.0, if i < 18 { -20.0 } else { -20.0 - fall }));
            }
            (0..5).for_each(|_| runs.push(&frame(0.0, -50.0)));
            (0..7).for_each(|i| runs.push(&frame(30.0 + 3.0 * i as f32, 0.0)));
            runs.push(&frame(0.0, -50.0));
        }
        let [rise, residual, end, jitter] = runs.values();
        assert!((rise - 2f64.ln()).abs() < 1e-3, "{rise}");
        assert_eq!(residual, LEAST_RESIDUAL.ln());
        assert!((end - (6.0 * 18.0 / 21.0 / 2.0f64).ln()).abs() < 1e-3, "{end}");
        assert!((jitter - 0.01f64.ln()).abs() < 0.1, "{jitter}");
        runs.clear();
        assert!(runs.values().iter().all(|value| value.is_nan()));
    }

    #[test]
    fn a_long_run_counts_in_parts() {
        let mut runs = VoicedRuns::new();
        (0..200).for_each(|_| runs.push(&frame(30.0, -20.0)));
        assert_eq!(runs.rises.count(), 3);
    }
}
