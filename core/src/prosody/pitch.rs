//! Fundamental-frequency candidates of one frame: the autocorrelation method.
//!
//! Purpose: for each frame the lags at which the signal repeats, and how well. [`path`](super::path) then picks one
//! candidate a frame, or "unvoiced".
//!
//! Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
//! sampled sound", Proc. Institute of Phonetic Sciences 17 (1993), 97-110, the algorithm of section 3:
//!
//! 1. subtract the local mean (over one longest period to each side), multiply by a Hann window of three longest periods;
//! 2. autocorrelation by FFT, zero-padded so that no lag wraps; r(τ) = r_a(τ) / r_w(τ), with r_w that of the window (eq. 9);
//! 3. local maxima of r become candidates; place and height by sin x / x interpolation (eq. 22);
//! 4. strength of a voiced candidate r(τ) - octave cost · log2(F_min τ) (eq. 24), of "unvoiced"
//!    V + max(0, 2 - (local peak / global peak) / (S / (1 + V))) (eq. 23).
//!
//! What differs: the global peak is that of the stream so far, since a live call has no end yet; the interpolation has
//! 16 samples to each side and a 1/8-sample grid refined by a parabola (errors below .1 cent for telephone speech).
//!
//! Cost a frame: two real FFTs of 512 (eight frames at a time, [`eight`](super::eight)) and about 150 multiply-adds a
//! candidate. No allocation after construction.

use super::eight::{Autocorrelator, LANES, Lanes};
use crate::simd::wide;

/// Lowest F0 that is looked for, Hz.
pub(crate) const F0_FLOOR: f32 = 75.0;
/// Highest F0 that is looked for, Hz.
pub(crate) const F0_CEILING: f32 = 600.0;
/// Samples to each side of a frame's centre that the analysis reads: 20 ms, a window of three periods of 75 Hz.
pub(crate) const HALF_WINDOW: usize = 160;
/// Most voiced candidates kept a frame.
pub(crate) const MAX_CANDIDATES: usize = 8;

const RATE: f32 = 8000.0;
const WINDOW: usize = 2 * HALF_WINDOW;
/// Samples from one frame to the next: 10 ms.
pub(crate) const HOP: usize = 80;
/// Samples that a group of [`LANES`] frames reads.
pub(crate) const GROUP_WINDOW: usize = WINDOW + (LANES - 1) * HOP;
/// One longest period, samples.
const PERIOD: usize = 107;
const MIN_LAG: usize = 13;
const MAX_LAG: usize = 107;
/// Interpolation: samples to each side, and phases a sample.
const DEPTH: usize = 16;
const PHASES: usize = 8;
/// Lags kept of the autocorrelation.
const LAGS: usize = MAX_LAG + DEPTH + 2;

const VOICING_THRESHOLD: f32 = 0.45;
const SILENCE_THRESHOLD: f32 = 0.03;
const OCTAVE_COST: f32 = 0.01;
/// What the global peak is taken to be at least: keeps the first, quiet frames of a stream from counting as loud.
const LEAST_PEAK: f32 = 0.01;
/// The global peak halves in about 35 s, so that one click does not make the rest of a call count as silent.
const PEAK_DECAY: f32 = 0.9998;

/// One way to hear the frame as voiced.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Candidate {
    /// log2 of the frequency in Hz.
    pub(crate) log2_f0: f32,
    /// Normalised autocorrelation at the lag, 0 to 1.
    pub(crate) correlation: f32,
    /// Strength in the path search: correlation less the octave cost.
    pub(crate) strength: f32,
}

/// The global peak of a stream so far: all that an analysis remembers of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StreamPeak(f32);

impl Default for StreamPeak {
    fn default() -> Self {
        Self(LEAST_PEAK)
    }
}

/// All candidates of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Candidates {
    pub(super) voiced: [Candidate; MAX_CANDIDATES],
    count: usize,
    /// Strength of "unvoiced".
    pub(crate) unvoiced: f32,
}

impl Candidates {
    /// The voiced candidates, in order of lag.
    pub(crate) fn voiced(&self) -> &[Candidate] {
        &self.voiced[..self.count]
    }

    /// Highest normalised autocorrelation of any candidate, 0 without one.
    pub(crate) fn best_correlation(&self) -> f32 {
        self.voiced().iter().fold(0.0, |best, c| best.max(c.correlation))
    }

    /// Adds a candidate; where the list is full the weakest goes.
    fn add(&mut self, candidate: Candidate) {
        if let Some(slot) = self.voiced.get_mut(self.count) {
            *slot = candidate;
            self.count += 1;
            return;
        }
        let mut weakest = 0;
        for i in 1..MAX_CANDIDATES {
            if self.voiced[i].strength < self.voiced[weakest].strength {
                weakest = i;
            }
        }
        if self.voiced[weakest].strength < candidate.strength {
            // Keep the order of lag: the newest has the longest.
            self.voiced.copy_within(weakest + 1.., weakest);
            self.voiced[MAX_CANDIDATES - 1] = candidate;
        }
    }
}

/// The analysis with its tables and scratch memory.
#[derive(Debug)]
pub(crate) struct PitchAnalyser {
    autocorrelator: Autocorrelator,
    window: [f32; WINDOW],
    /// 1 / (r_w(τ) / r_w(0)).
    window_correction: [f32; LAGS],
    sinc: [[f32; 2 * DEPTH]; PHASES + 1],
    /// Windowed samples in pairs, and lags in pairs.
    frames: Box<[[Lanes; 2]]>,
    lags: Box<[[Lanes; 2]]>,
    /// r(τ) of one frame, mirrored: entry `DEPTH + τ` is lag τ, down to lag -DEPTH.
    r: [f32; LAGS + DEPTH],
    peak: f32,
}

impl PitchAnalyser {
    pub(crate) fn new() -> Self {
        let window = hann();
        Self {
            autocorrelator: Autocorrelator::new(),
            window_correction: window_correction(&window),
            window,
            sinc: sinc_table(),
            frames: vec![[[0.0; LANES]; 2]; WINDOW / 2].into(),
            lags: vec![[[0.0; LANES]; 2]; LAGS.div_ceil(2)].into(),
            r: [0.0; LAGS + DEPTH],
            peak: LEAST_PEAK,
        }
    }

    /// Forgets the stream; tables and memory stay.
    pub(crate) fn reset(&mut self) {
        self.resume(StreamPeak::default());
    }

    /// What it knows of the stream, which another may go on with.
    pub(crate) fn peak(&self) -> StreamPeak {
        StreamPeak(self.peak)
    }

    /// Goes on with a stream of which so much is known.
    pub(crate) fn resume(&mut self, StreamPeak(peak): StreamPeak) {
        self.peak = peak;
    }

    /// Candidates of [`LANES`] consecutive frames, [`HOP`] samples apart.
    pub(crate) fn analyse(&mut self, samples: &[f32; GROUP_WINDOW]) -> [Candidates; LANES] {
        let mut candidates = [Candidates::default(); LANES];
        let (mut means, mut peaks) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let window = &samples[lane * HOP..lane * HOP + WINDOW];
            (means[lane], peaks[lane]) = mean_and_peak(window);
            self.peak = (self.peak * PEAK_DECAY).max(peaks[lane]).max(LEAST_PEAK);
            let silence = SILENCE_THRESHOLD / (1.0 + VOICING_THRESHOLD);
            candidates[lane].unvoiced = VOICING_THRESHOLD + (2.0 - peaks[lane] / self.peak / silence).max(0.0);
        }
        if peaks == [0.0; LANES] {
            self.autocorrelator.clear();
            return candidates;
        }
        load(samples, &self.window, &means, &mut self.frames);
        self.autocorrelator.run(&self.frames, &mut self.lags);
        for (lane, candidates) in candidates.iter_mut().enumerate() {
            if peaks[lane] > 0.0 && self.normalise(lane) {
                self.find_maxima(candidates);
            }
        }
        candidates
    }

    /// Power spectra of the frames analysed last, as [`Autocorrelator::power`]; zeros where all were constant.
    pub(crate) fn power(&self) -> &[Lanes] {
        self.autocorrelator.power()
    }

    /// Normalised autocorrelation of one frame into `r`; false where the frame has no energy.
    fn normalise(&mut self, lane: usize) -> bool {
        let energy = self.lags[0][0][lane];
        if energy <= f32::MIN_POSITIVE {
            return false;
        }
        let scale = 1.0 / energy;
        for lag in 0..LAGS {
            self.r[DEPTH + lag] = self.lags[lag / 2][lag % 2][lane] * scale * self.window_correction[lag];
        }
        for lag in 1..=DEPTH {
            self.r[DEPTH - lag] = self.r[DEPTH + lag];
        }
        true
    }

    fn find_maxima(&self, candidates: &mut Candidates) {
        let at = |lag: usize| self.r[DEPTH + lag];
        for lag in MIN_LAG..=MAX_LAG {
            let (left, middle, right) = (at(lag - 1), at(lag), at(lag + 1));
            if middle > 0.5 * VOICING_THRESHOLD && middle > left && middle >= right {
                let (period, height) = self.refine(lag, left, middle, right);
                let f0 = RATE / period;
                if (F0_FLOOR..=F0_CEILING).contains(&f0) {
                    // Above 1 the correction for the window has exaggerated (section 3.3 of the paper).
                    let correlation = if height > 1.0 { 1.0 / height } else { height };
                    let strength = correlation - OCTAVE_COST * (F0_CEILING / f0).log2();
                    candidates.add(Candidate { log2_f0: f0.log2(), correlation, strength });
                }
            }
        }
    }

    /// Place (samples) and height of the maximum near an integer lag.
    fn refine(&self, lag: usize, left: f32, middle: f32, right: f32) -> (f32, f32) {
        let guess = 0.5 * (left - right) / (left - 2.0 * middle + right);
        let limit = PHASES as i32;
        let mut step = ((guess * PHASES as f32).round() as i32).clamp(1 - limit, limit - 1);
        let mut y = [self.value(lag, step - 1), self.value(lag, step), self.value(lag, step + 1)];
        while y[0] > y[1] && step > 1 - limit {
            step -= 1;
            y = [self.value(lag, step - 1), y[0], y[1]];
        }
        while y[2] > y[1] && step < limit - 1 {
            step += 1;
            y = [y[1], y[2], self.value(lag, step + 1)];
        }
        let curvature = y[0] - 2.0 * y[1] + y[2];
        let shift = if curvature < 0.0 { (0.5 * (y[0] - y[2]) / curvature).clamp(-1.0, 1.0) } else { 0.0 };
        let height = y[1] - 0.25 * (y[0] - y[2]) * shift;
        (lag as f32 + (step as f32 + shift) / PHASES as f32, height)
    }

    /// r at `lag + step / PHASES`, `step` in -PHASES..=PHASES.
    fn value(&self, lag: usize, step: i32) -> f32 {
        let (base, phase) = if step < 0 { (lag - 1, step + PHASES as i32) } else { (lag, step) };
        let taps = &self.sinc[phase as usize];
        // Taps stand for lags base - DEPTH + 1 ..= base + DEPTH.
        let values = &self.r[base + 1..base + 1 + 2 * DEPTH];
        let mut sums = [0.0f32; 8];
        for (v, t) in values.chunks_exact(8).zip(taps.chunks_exact(8)) {
            for lane in 0..8 {
                sums[lane] += v[lane] * t[lane];
            }
        }
        ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
    }
}

/// The local mean, and the largest deviation from it near the centre.
fn mean_and_peak(window: &[f32]) -> (f32, f32) {
    let near = &window[HALF_WINDOW - PERIOD..HALF_WINDOW + PERIOD];
    let mut sums = [0.0f32; 8];
    let parts = near.chunks_exact(8);
    let rest: f32 = parts.remainder().iter().sum();
    for part in parts {
        for lane in 0..8 {
            sums[lane] += part[lane];
        }
    }
    let mean = (sums.iter().sum::<f32>() + rest) / near.len() as f32;
    let half = PERIOD / 2;
    let mut peaks = [0.0f32; 8];
    for (i, &x) in window[HALF_WINDOW - half..HALF_WINDOW + half].iter().enumerate() {
        let deviation = (x - mean).abs();
        let peak = &mut peaks[i % 8];
        *peak = if deviation > *peak { deviation } else { *peak };
    }
    (mean, peaks.iter().fold(0.0, |a, &b| a.max(b)))
}

wide! {
    /// Windows the frames of a group and stands them side by side.
    fn load(samples: &[f32; GROUP_WINDOW], window: &[f32; WINDOW], means: &Lanes, frames: &mut [[Lanes; 2]]) {
        for (pair, slot) in frames.iter_mut().enumerate() {
            for (half, slot) in slot.iter_mut().enumerate() {
                let n = 2 * pair + half;
                for lane in 0..LANES {
                    slot[lane] = (samples[n + lane * HOP] - means[lane]) * window[n];
                }
            }
        }
    }
}

fn hann() -> [f32; WINDOW] {
    std::array::from_fn(|n| {
        let x = (n as f64 + 0.5) / WINDOW as f64;
        (0.5 - 0.5 * (2.0 * std::f64::consts::PI * x).cos()) as f32
    })
}

/// r_w(0) / r_w(τ), by the definition.
fn window_correction(window: &[f32; WINDOW]) -> [f32; LAGS] {
    let product = |lag: usize| -> f64 {
        window[..WINDOW - lag].iter().zip(&window[lag..]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let energy = product(0);
    std::array::from_fn(|lag| (energy / product(lag)) as f32)
}

/// Hann-windowed sin x / x for each phase: tap i of phase p weighs the sample at `i + 1 - DEPTH` from the base.
fn sinc_table() -> [[f32; 2 * DEPTH]; PHASES + 1] {
    use std::f64::consts::PI;
    std::array::from_fn(|phase| {
        let fraction = phase as f64 / PHASES as f64;
        std::array::from_fn(|tap| {
            let x = fraction - (tap as f64 + 1.0 - DEPTH as f64);
            if x.abs() < 1e-9 {
                return 1.0;
            }
            let taper = 0.5 + 0.5 * (PI * x / (DEPTH as f64 + 0.5)).cos();
            ((PI * x).sin() / (PI * x) * taper) as f32
        })
    })
}
