//! Harmonics-to-noise ratio, harmonic difference and spectral slopes of a frame.

use super::{HOP, LANES, subharmonic::BINS};
use crate::prosody::eight::{Autocorrelator, Lanes};

/// Lags kept.
const LAGS: usize = 256;
const BIN_HZ: f32 = 15.625;
/// Samples of the short frame for slopes (20 ms).
const SHORT: usize = 160;
/// Power that counts as none.
const FLOOR: f32 = 1e-10;
/// Of the zero-padded spectrum every second bin is one of a transform of 256; bins 0, 500 and 1500 Hz of that.
const EDGES: [usize; 3] = [0, 16, 48];

/// What is kept of a frame until its F0 is known.
#[derive(Debug, Clone)]
pub(super) struct SpectralFrame {
    /// Magnitudes at multiples of 15.625 Hz.
    pub(super) magnitudes: [f32; BINS],
    /// Magnitude of the (circular) autocorrelation at lags 0 to 255.
    pub(super) lags: [f32; LAGS],
    /// Root mean square of the windowed frame.
    pub(super) energy: f32,
    /// Slopes of the level from 0 to 500 and 500 to 1500 Hz, dB/Hz.
    pub(super) slopes: [f32; 2],
}

impl Default for SpectralFrame {
    fn default() -> Self {
        Self { magnitudes: [0.0; BINS], lags: [0.0; LAGS], energy: 0.0, slopes: [0.0; 2] }
    }
}

impl SpectralFrame {
    /// 10 log10(a / (a0 - a)), a the autocorrelation at its maximum nearest to the period; -90 to 110 dB.
    pub(super) fn hnr(&self, f0: f32) -> f32 {
        let period = ((8000.0 / f0) as usize).min(LAGS - 2);
        let lag = nearest_peak(&self.lags, period);
        let noise = self.lags[0] - self.lags[lag];
        let ratio = if noise == 0.0 { 1e11 } else { self.lags[lag] / noise };
        10.0 * ratio.clamp(1e-9, 1e11).log10()
    }

    /// What openSMILE calls H1-H2, counting from the fundamental as H0: level of the second harmonic over that of the third, dB.
    /// 0 where a harmonic is missing.
    pub(super) fn h1_h2(&self, f0: f32) -> f32 {
        let last = nearest_bin(0.5 * f0, 1);
        let first = nearest_bin(0.5 * f0, last);
        let (mut from, mut peaks) = (last, [None; 3]);
        for (i, peak) in peaks.iter_mut().enumerate() {
            let expected = nearest_bin((i + 1) as f32 * f0, from);
            *peak = self.harmonic(i, f0, expected, from).filter(|&bin| bin >= first && bin < BINS - 1);
            from = expected;
        }
        let level = |bin: usize| {
            let [left, middle, right] = [bin - 1, bin, bin + 1].map(|b| self.magnitudes[b]);
            let shift = 0.5 * (left - right) / (left - 2.0 * middle + right);
            20.0 * (middle - 0.25 * (left - right) * shift).max(f32::MIN_POSITIVE).log10()
        };
        match peaks {
            [Some(f), Some(a), Some(b)] if f != a && a != b => level(a) - level(b),
            _ => 0.0,
        }
    }

    /// The maximum next to the bin where harmonic `i` is expected, up to half an F0 away, higher ones first.
    fn harmonic(&self, i: usize, f0: f32, expected: usize, from: usize) -> Option<usize> {
        let is_peak = |bin: usize| is_peak(&self.magnitudes, bin);
        if is_peak(expected) {
            return Some(expected);
        }
        let low = nearest_bin((i as f32 + 0.5) * f0, from);
        let high = nearest_bin((i as f32 + 1.5) * f0, expected);
        for distance in 1..BINS {
            let (left, right) = (expected.checked_sub(distance).filter(|&l| l >= low), expected + distance);
            if right <= high && is_peak(right) {
                return Some(right);
            }
            match left {
                Some(left) if is_peak(left) => return Some(left),
                None if right > high => return None,
                _ => {}
            }
        }
        None
    }
}

fn is_peak(values: &[f32], at: usize) -> bool {
    let Some(&value) = values.get(at) else { return false };
    let above = |other: Option<&f32>| other.is_none_or(|&other| value > other);
    above(at.checked_sub(1).and_then(|left| values.get(left))) && above(values.get(at + 1))
}

/// The maximum nearest to `at`, the lower of two.
fn nearest_peak(values: &[f32; LAGS], at: usize) -> usize {
    for distance in 0..LAGS {
        if let Some(left) = at.checked_sub(distance).filter(|&left| left > 0)
            && is_peak(values, left)
        {
            return left;
        }
        if at + distance < LAGS - 1 && is_peak(values, at + distance) {
            return at + distance;
        }
    }
    at
}

/// The bin nearest to a frequency, looking from `start` on; 0 beyond the last.
fn nearest_bin(hertz: f32, start: usize) -> usize {
    let Some(above) = (start..BINS).find(|&bin| bin as f32 * BIN_HZ > hertz) else { return 0 };
    let (over, under) = (above as f32 * BIN_HZ - hertz, hertz - (above as f32 - 1.0) * BIN_HZ);
    if over > under { above.saturating_sub(1) } else { above }
}

/// Slopes of the short spectrum (20 ms, Hamming) of eight frames.
#[derive(Debug)]
pub(super) struct Slopes {
    transform: Autocorrelator,
    window: [f32; SHORT],
    frames: Box<[[Lanes; 2]]>,
}

impl Slopes {
    pub(super) fn new() -> Self {
        let window = std::array::from_fn(|n| {
            let phase = 2.0 * std::f64::consts::PI * n as f64 / (SHORT - 1) as f64;
            (0.54 - 0.46 * phase.cos()) as f32
        });
        Self { transform: Autocorrelator::new(), window, frames: vec![[[0.0; LANES]; 2]; SHORT / 2].into() }
    }

    pub(super) fn analyse(&mut self, samples: &[f32]) -> [[f32; 2]; LANES] {
        for (pair, slot) in self.frames.iter_mut().enumerate() {
            for (half, slot) in slot.iter_mut().enumerate() {
                let n = 2 * pair + half;
                for (lane, value) in slot.iter_mut().enumerate() {
                    *value = samples[n + lane * HOP] * self.window[n];
                }
            }
        }
        let power = self.transform.spectrum(&self.frames);
        let mut levels = [[0.0f32; LANES]; EDGES[2] + 1];
        for (bin, level) in levels.iter_mut().enumerate() {
            for (to, &four) in level.iter_mut().zip(&power[2 * bin]) {
                *to = 10.0 * (0.25 * four).max(FLOOR).log10();
            }
        }
        let [low, high] = [slope(&levels, EDGES[0], EDGES[1]), slope(&levels, EDGES[1], EDGES[2])];
        std::array::from_fn(|lane| [low[lane], high[lane]])
    }
}

/// Slope of the levels from bin `first` to `last`, dB/Hz: the least-squares formula with one point fewer than there are, as in
/// openSMILE.
fn slope(levels: &[Lanes], first: usize, last: usize) -> [f32; LANES] {
    let n = (last - first) as f64;
    let hertz = |bin: usize| bin as f64 * 31.25;
    let (sum, squares) =
        (first..=last).fold((0.0, 0.0), |(sum, squares), bin| (sum + hertz(bin), squares + hertz(bin) * hertz(bin)));
    std::array::from_fn(|lane| {
        let (products, total) = (first..=last).fold((0.0, 0.0), |(products, total), bin| {
            let level = f64::from(levels[bin][lane]);
            (products + hertz(bin) * level, total + level)
        });
        ((n * products - sum * total) / (n * squares - sum * sum)) as f32
    })
}
