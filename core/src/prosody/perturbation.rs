//! Jitter and shimmer of a voiced frame: how much two neighbouring periods differ in length and in height.
//!
//! Three periods around the frame's centre are laid one over the next by normalised cross-correlation (waveform matching,
//! as in I. R. Titze, H. Liang, "Comparison of F0 extraction methods for high-precision voice perturbation measurements",
//! J. Speech Hear. Res. 36 (1993), 1120-1133), which finds lengths to a small part of a sample where peak picking at 8 kHz could not.
//!
//! - jitter: |T2 - T1| over their mean;
//! - shimmer: |20 log10(A2 / A1)|, A the peak-to-peak height of a period.
//!
//! What differs from openSMILE's `jitterLocal`: that follows periods through the whole voiced stretch and averages over a frame.
//!
//! Cost: some 2,000 multiply-adds a voiced frame.

use super::pitch::HALF_WINDOW;

/// How far a period's length may lie from that of the F0 track.
const SEARCH: f32 = 0.12;
/// Below this correlation two periods have too little in common to be compared.
const LEAST_CORRELATION: f32 = 0.5;
const WINDOW: usize = 2 * HALF_WINDOW;

/// Jitter (ratio) and shimmer (dB) of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Perturbation {
    pub(crate) jitter: f32,
    pub(crate) shimmer: f32,
}

/// Compares the periods around the middle of `window`; `None` where three do not fit or do not resemble each other.
pub(crate) fn perturbation(window: &[f32; WINDOW], f0: f32) -> Option<Perturbation> {
    let period = 8000.0 / f0;
    let length = period.round() as usize;
    let start = (HALF_WINDOW as f32 - 1.5 * period).max(0.0) as usize;
    let first = match_period(window, start, length, period)?;
    let second_start = start + first.round() as usize;
    let second = match_period(window, second_start, length, period)?;
    let third_start = second_start + second.round() as usize;
    let heights = [start, second_start, third_start].map(|at| height(window.get(at..at + length)));
    let [a, b, c] = heights;
    let (a, b, c) = (a?, b?, c?);
    let step = |x: f32, y: f32| (20.0 * (y / x).log10()).abs();
    Some(Perturbation {
        jitter: 2.0 * (second - first).abs() / (first + second),
        shimmer: 0.5 * (step(a, b) + step(b, c)),
    })
}

/// Peak to peak, where it is not nothing.
fn height(samples: Option<&[f32]>) -> Option<f32> {
    let samples = samples?;
    let (low, high) = samples.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    (high > low).then_some(high - low)
}

/// The lag near `period` at which the `length` samples from `start` repeat best, in parts of a sample.
fn match_period(window: &[f32; WINDOW], start: usize, length: usize, period: f32) -> Option<f32> {
    let reference = window.get(start..start + length)?;
    let low = ((1.0 - SEARCH) * period).floor() as usize - 1;
    let high = ((1.0 + SEARCH) * period).ceil() as usize + 1;
    let mut scores = [0.0f32; 32];
    let scores = scores.get_mut(..=high - low)?;
    let energy = dot(reference, reference);
    for (score, lag) in scores.iter_mut().zip(low..) {
        let shifted = window.get(start + lag..start + lag + length)?;
        *score = dot(reference, shifted) / (energy * dot(shifted, shifted)).sqrt().max(f32::MIN_POSITIVE);
    }
    let best = (1..scores.len() - 1).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
    let (left, middle, right) = (scores[best - 1], scores[best], scores[best + 1]);
    let curvature = left - 2.0 * middle + right;
    if middle < LEAST_CORRELATION || curvature >= 0.0 || middle < left || middle < right {
        return None;
    }
    Some((low + best) as f32 + 0.5 * (left - right) / curvature)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pulses (a smooth bump of 1 ms) of given heights at given times, samples.
    fn pulses(at: &[(f32, f32)]) -> [f32; WINDOW] {
        std::array::from_fn(|n| at.iter().map(|&(t, h)| h * (-((n as f32 - t) / 4.0).powi(2)).exp()).sum())
    }

    #[test]
    fn known_jitter_and_shimmer_come_out() {
        // Periods of 50 and 51.5 samples: jitter 1.5 / 50.75 = 2.96 %. Heights 1, 1.1, 1: 0.83 dB twice.
        let window = pulses(&[(47.0, 0.9), (97.0, 1.0), (147.0, 1.1), (198.5, 1.0), (248.5, 1.0)]);
        let found = perturbation(&window, 8000.0 / 50.0).unwrap();
        assert!((found.jitter - 0.0296).abs() < 0.004, "{found:?}");
        assert!((found.shimmer - 0.83).abs() < 0.2, "{found:?}");
    }

    #[test]
    fn a_regular_train_has_none() {
        let window = pulses(&[(10.3, 1.0), (70.3, 1.0), (130.3, 1.0), (190.3, 1.0), (250.3, 1.0), (310.3, 1.0)]);
        let found = perturbation(&window, 8000.0 / 60.0).unwrap();
        assert!(found.jitter < 1e-4 && found.shimmer < 1e-2, "{found:?}");
        assert_eq!(perturbation(&[0.0; WINDOW], 100.0), None);
    }
}
