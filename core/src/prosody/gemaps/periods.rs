//! Jitter and shimmer: periods followed through the waveform.
//!
//! In a voiced frame each period is laid over the next by normalised cross-correlation within ±10 % of the expected length; the
//! next search starts where the period ended, across frames too. Jitter is the mean difference of neighbouring periods over their mean,
//! shimmer the summed difference of neighbouring peak-to-peak heights over their sum, as 20 log10(1 + that) (eGeMAPSv02).

use super::{FRAME, HOP};

const SEARCH: f32 = 0.1;
const LEAST_CORRELATION: f32 = 0.5;
/// Lengths tried at most: ±10 % of 8000 / 55 samples.
const LENGTHS: usize = 40;

/// Where the search stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Periods {
    /// Sample where the next period begins, and how far that lies before the frame.
    next: u64,
    missed: usize,
    /// Length of the last period, samples; 0 for none.
    period: f32,
    jitter: f32,
    shimmer: f32,
}

impl Periods {
    /// Jitter and shimmer (dB) of the frame that begins at `start` of the buffer; 0 where there are none. `first` is the sample
    /// number of `buffer[0]`.
    pub(super) fn step(&mut self, buffer: &[f32], first: u64, start: usize, f0: f32) -> (f32, f32) {
        let wanted = HOP + self.missed;
        if f0 <= 0.0 {
            *self = Self { next: self.next + wanted as u64, ..Self::default() };
            return (0.0, 0.0);
        }
        let length = 8000.0 / f0;
        let (low, high) = (((1.0 - SEARCH) * length).floor() as usize, ((1.0 + SEARCH) * length).ceil() as usize);
        let frame = first + start as u64;
        let mut read = wanted.max(2 * high + 2).min(self.missed + FRAME);
        if self.next != frame.saturating_sub(self.missed as u64) {
            self.next = frame;
            read = read.min(FRAME);
        }
        let from = self.next.saturating_sub(first) as usize;
        let samples = buffer.get(from..(from + read).min(buffer.len())).unwrap_or(&[]);
        let kept = self.follow(samples, low..=high, length.round() as usize, wanted);
        self.missed = wanted - kept;
        self.next += kept as u64;
        (self.jitter.min(1.0), 20.0 * (self.shimmer.min(1.0) + 1.0).log10())
    }

    /// Follows periods through the samples; where the last one ends that begins before `wanted`.
    fn follow(&mut self, x: &[f32], lengths: std::ops::RangeInclusive<usize>, expected: usize, wanted: usize) -> usize {
        let (low, high) = (*lengths.start(), *lengths.end());
        let (mut at, mut kept) = (0, 0);
        let (mut count, mut total, mut steps, mut change) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
        let (mut heights, mut differences) = (0.0f32, 0.0f32);
        while at + 2 * high + 1 < x.len() {
            let Some((length, period, correlation)) = best_length(&x[at..], low, high) else {
                at += expected;
                kept = if at + 1 < wanted { at } else { kept };
                continue;
            };
            let (here, next) = (height(&x[at..at + length]), height(&x[at + length..at + 2 * length]));
            at += length;
            if correlation > LEAST_CORRELATION {
                count += 1.0;
                total += period;
                if self.period > 0.0 {
                    change += (self.period - period).abs();
                    steps += 1.0;
                }
                self.period = period;
                heights += 0.5 * (here + next);
                differences += (here - next).abs();
            }
            kept = if at + 1 < wanted { at } else { kept };
        }
        if steps > 0.0 {
            self.jitter = change / steps / (total / count);
        } else if count > 0.0 {
            self.jitter = 0.0;
        }
        if count > 0.0 {
            self.shimmer = if heights > 0.0 { differences / heights } else { 0.0 };
        }
        kept
    }
}

/// The highest inner maximum of the correlation over lengths: that length, its refinement, and the correlation there.
fn best_length(x: &[f32], low: usize, high: usize) -> Option<(usize, f32, f32)> {
    let mut scores = [0.0f32; LENGTHS];
    let scores = scores.get_mut(..=high - low)?;
    for (score, length) in scores.iter_mut().zip(low..) {
        *score = correlation(&x[..length], &x[length..2 * length]);
    }
    let mut best: Option<usize> = None;
    for i in 1..scores.len().saturating_sub(2) {
        if scores[i - 1] < scores[i] && scores[i] > scores[i + 1] && best.is_none_or(|b| scores[i] > scores[b]) {
            best = Some(i);
        }
    }
    let best = best?;
    let (left, middle, right) = (scores[best - 1], scores[best], scores[best + 1]);
    let shift = 0.5 * (left - right) / (left - 2.0 * middle + right);
    Some((low + best, (low + best) as f32 + shift, middle - 0.25 * (left - right) * shift))
}

/// Pearson's correlation of two stretches.
fn correlation(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [[0.0f32; 8]; 5];
    for (x, y) in x.chunks(8).zip(y.chunks(8)) {
        for (lane, (&x, &y)) in x.iter().zip(y).enumerate() {
            sums[0][lane] += x;
            sums[1][lane] += y;
            sums[2][lane] += x * x;
            sums[3][lane] += y * y;
            sums[4][lane] += x * y;
        }
    }
    let [sx, sy, xx, yy, xy] = sums.map(|lanes| lanes.iter().map(|&v| f64::from(v)).sum::<f64>());
    let n = x.len() as f64;
    let norm = (xx - sx * sx / n) * (yy - sy * sy / n);
    if norm > 0.0 { ((xy - sx * sy / n) / norm.sqrt()) as f32 } else { 0.0 }
}

/// Peak to peak, the outermost samples aside.
fn height(x: &[f32]) -> f32 {
    let inner = x.get(1..x.len().saturating_sub(1)).unwrap_or(&[]);
    let (low, high) = inner.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    (high - low).max(0.0)
}
