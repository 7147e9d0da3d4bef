//! Any rate to 8 kHz.
//!
//! Purpose: bring one channel to the rate that all analysis works at, without aliasing, and with the same bits for any
//! chunking and on any CPU, since binary codes are made from the result.
//!
//! Steps: the ratio is reduced to L/M (44100 Hz: 80/441). Output n lies at input time n M / L; its value is the inner
//! product of the input around that time with a windowed sinc, sampled at the phase (n M mod L) / L. The rows of a table
//! hold the filter for each phase. Where L phases would take too much room (rates with few factors in common with 8000),
//! the table holds fewer rows and neighbours are interpolated linearly; rows are close enough for an error below -100 dB.
//!
//! Filter: Kaiser window for 80 dB, pass band to 7/8 of half the lower rate (3.5 kHz), stop band from half the lower rate
//! (4 kHz): nothing above 4 kHz folds back. It spans 10 ms (rates above 8 kHz); its delay, half of that, is compensated.
//!
//! Cost: 8000 x the number of taps (168 at 16 kHz, 488 at 48 kHz) multiplications a second, a table of at most 256 KiB.
//!
//! A resampling library with vector code chosen at run time rounds differently from CPU to CPU; this one adds in a fixed
//! order and has its own sine, so that it does not depend on the platform's mathematics library.
//!
//! Sources: R. E. Crochiere and L. R. Rabiner, Multirate Digital Signal Processing, 1983, ch. 3.3 (polyphase structure);
//! J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh window function, ISCAS 1974 (window, length, beta).

use super::{SAMPLE_RATE, SAMPLE_RATES, clean};
use crate::{Error, Result};

/// Attenuation of the stop band, dB.
const STOP_DB: f64 = 80.0;
/// End of the pass band as a share of half the lower rate.
const PASS_BAND: f64 = 0.875;
/// Table entries up to which every phase has a row of its own.
const MAX_EXACT: usize = 1 << 16;
/// Rows per period of the lower rate in an interpolated table. Linear interpolation of a signal limited to half that rate
/// errs by at most (pi / rows)^2 / 8, here 1e-5.
const ROWS_PER_SAMPLE: u64 = 352;
/// Sums that run side by side in an inner product; a fixed number, so that rounding is the same everywhere.
const LANES: usize = 8;
/// Input samples taken in at once, so that memory stays bounded for any push.
const SLICE: usize = 4096;
/// What follows the last sample, taken in as often as the filter needs it.
const SILENCE: [f32; 64] = [0.0; 64];

/// Streaming conversion of one channel from any rate to 8 kHz; a copy where the rate is 8 kHz already.
///
/// The output does not depend on how the input is cut into pushes; its delay is compensated, and after
/// [`finish`](Self::finish) `round(n * 8000 / rate)` samples have come out for n in. Samples that are not finite count
/// as 0.
#[derive(Debug, Clone)]
pub struct Resampler {
    filter: Option<Filter>,
    /// Input that is still needed; before the first sample stand zeros, half a filter of them.
    window: Vec<f32>,
    /// Start of the next output's filter in `window`, and its phase in 1/L.
    next: usize,
    phase: u64,
    consumed: u64,
    produced: u64,
}

impl Resampler {
    /// A converter from `rate` Hz.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a rate outside 1000 to 384000 Hz.
    pub fn new(rate: u32) -> Result<Self> {
        if !SAMPLE_RATES.contains(&rate) {
            let (low, high) = (SAMPLE_RATES.start(), SAMPLE_RATES.end());
            return Err(Error::InvalidArgument(format!("sample rate {rate} Hz is outside {low} to {high} Hz")));
        }
        let filter = (rate != SAMPLE_RATE).then(|| Filter::new(rate));
        // Room for pushes of up to 1024 samples without more memory.
        let window = Vec::with_capacity(filter.as_ref().map_or(0, |filter| 2 * filter.taps + 1024));
        let mut resampler = Self { filter, window, next: 0, phase: 0, consumed: 0, produced: 0 };
        resampler.reset();
        Ok(resampler)
    }

    /// Forgets all input: the converter is as new.
    pub fn reset(&mut self) {
        self.window.clear();
        let lead = self.filter.as_ref().map_or(0, |filter| filter.taps / 2 - 1);
        self.window.resize(lead, 0.0);
        (self.next, self.phase, self.consumed, self.produced) = (0, 0, 0, 0);
    }

    /// Appends what `input` gives to `output`; some samples come out later, when the filter has seen what follows them.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let Some(filter) = &self.filter else {
            output.extend(input.iter().copied().map(clean));
            return;
        };
        self.consumed += input.len() as u64;
        for slice in input.chunks(SLICE) {
            self.window.extend(slice.iter().copied().map(clean));
            while let Some(window) = self.window.get(self.next..self.next + filter.taps) {
                output.push(filter.apply(window, self.phase));
                self.produced += 1;
                let phase = self.phase + filter.step;
                self.next += (phase / filter.phases) as usize;
                self.phase = phase % filter.phases;
            }
            let spent = self.next.min(self.window.len());
            self.window.drain(..spent);
            self.next -= spent;
        }
    }

    /// Flushes the filter's tail at the end of the stream and makes the converter as new.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        if let Some(filter) = &self.filter {
            let (phases, step) = (u128::from(filter.phases), u128::from(filter.step));
            let total = ((2 * u128::from(self.consumed) * phases + step) / (2 * step)) as u64;
            let missing = total.saturating_sub(self.produced) as usize;
            let end = output.len() + missing;
            while output.len() < end {
                self.push(&SILENCE, output);
            }
            output.truncate(end);
        }
        self.reset();
    }
}

/// A table of windowed sincs for the ratio `phases` / `step`.
#[derive(Debug, Clone)]
struct Filter {
    phases: u64,
    step: u64,
    /// Length of a row: a multiple of [`LANES`].
    taps: usize,
    /// Rows per input sample; equal to `phases` where every phase has its own.
    rows: u64,
    table: Vec<f32>,
}

impl Filter {
    fn new(rate: u32) -> Self {
        let (rate, target) = (u64::from(rate), u64::from(SAMPLE_RATE));
        let divisor = gcd(rate, target);
        let (phases, step) = (target / divisor, rate / divisor);
        // In cycles per input sample: half the lower rate, and the band in which the filter falls.
        let nyquist = rate.min(target) as f64 / 2.0 / rate as f64;
        let transition = (1.0 - PASS_BAND) * nyquist;
        let length = (STOP_DB - 7.95) / (14.36 * transition) + 1.0;
        let taps = (length.ceil() as usize).next_multiple_of(LANES);
        let exact = phases as usize * taps <= MAX_EXACT;
        let rows = if exact { phases } else { (ROWS_PER_SAMPLE * rate.min(target)).div_ceil(rate) };
        let mut table = Vec::with_capacity((rows as usize + 1) * taps);
        for row in 0..=rows {
            let kernel = kernel(row as f64 / rows as f64, taps, nyquist - transition / 2.0);
            // Unit gain at 0 Hz for each phase, so that a constant stays one.
            let gain = 1.0 / kernel.iter().sum::<f64>();
            table.extend(kernel.iter().map(|&value| (value * gain) as f32));
        }
        Self { phases, step, taps, rows, table }
    }

    /// The output at `phase` / `phases` of a sample after the middle of `window`.
    fn apply(&self, window: &[f32], phase: u64) -> f32 {
        let (row, rest) = (phase * self.rows / self.phases, phase * self.rows % self.phases);
        let at = row as usize * self.taps;
        let value = dot(window, &self.table[at..at + self.taps]);
        if rest == 0 {
            return value;
        }
        let following = dot(window, &self.table[at + self.taps..at + 2 * self.taps]);
        value + (following - value) * (rest as f32 / self.phases as f32)
    }
}

/// Inner product in a fixed order of additions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let ((a, _), (b, _)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

/// `taps` values of a windowed sinc that lies `offset` samples after tap `taps / 2 - 1`; `cutoff` in cycles per sample.
fn kernel(offset: f64, taps: usize, cutoff: f64) -> Vec<f64> {
    let half = taps as f64 / 2.0;
    // Kaiser's beta; the window's constant factor 1 / I0(beta) falls out when a row is brought to unit gain.
    let beta = 0.1102 * (STOP_DB - 8.7);
    let value = |tap: usize| {
        let time = half - 1.0 - tap as f64 + offset;
        let edge = (time / half).clamp(-1.0, 1.0);
        let window = bessel_i0(beta * (1.0 - edge * edge).sqrt());
        sinc(2.0 * cutoff * time) * window
    };
    (0..taps).map(value).collect()
}

/// sin(pi x) / (pi x).
fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    // Bring pi x into [-pi/2, pi/2]; each half turn changes the sign.
    let turns = x.round();
    let sign = if turns.rem_euclid(2.0) == 1.0 { -1.0 } else { 1.0 };
    let angle = std::f64::consts::PI * (x - turns);
    // Taylor series to the 21st power: the rest is below 1e-17.
    let (mut term, mut sine) = (angle, angle);
    for n in 1..=10 {
        term *= -angle * angle / f64::from(2 * n * (2 * n + 1));
        sine += term;
    }
    sign * sine / (std::f64::consts::PI * x)
}

/// Modified Bessel function of the first kind and order 0, by its series; for x up to 8, where 30 terms are enough for `f64`.
fn bessel_i0(x: f64) -> f64 {
    const RECIPROCALS: [f64; 30] = {
        let mut table = [0.0; 30];
        let mut n = 0;
        while n < 30 {
            table[n] = 1.0 / ((n + 1) * (n + 1)) as f64;
            n += 1;
        }
        table
    };
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for reciprocal in RECIPROCALS {
        term *= quarter * reciprocal;
        sum += term;
    }
    sum
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
