//! F0 candidates by subharmonic summation.
//!
//! For eight frames at a time: Gaussian window (σ = .4 half-widths), power spectrum of 512, magnitudes; between peaks further
//! than two bins apart the spectrum is emptied, then smoothed by (1, 2, 1) / 4; a natural cubic spline takes it to 257 points of
//! equal distance in log frequency, 25 Hz to 4 kHz, weighed by an arc tangent as the ear weighs low frequencies. The sum over 15
//! harmonics, each .85 times the one before, has its maxima at candidates; a candidate's voicing is 1 - mean / height
//! (Hermes 1988, with the constants of eGeMAPSv02).

#![allow(
    clippy::needless_range_loop,
    reason = "a loop over lanes is one vector instruction where it is written as such"
)]

use super::{FRAME, GROUP, HOP, LANES, harmonics::SpectralFrame};
use crate::{
    prosody::eight::{Autocorrelator, Lanes},
    simd::wide,
};

/// Bins of the spectrum, and points of the logarithmic scale.
pub(super) const BINS: usize = 257;
const BIN_HZ: f64 = 15.625;
const LOWEST: f64 = 25.0;
const HIGHEST: f64 = 4000.0;
const HARMONICS: usize = 15;
const COMPRESSION: f32 = 0.85;
/// F0 that is looked for, Hz.
const RANGE: std::ops::RangeInclusive<f32> = 55.0..=1000.0;
/// Candidates kept.
pub(super) const CANDIDATES: usize = 6;

/// One way to hear the frame as voiced; frequency 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Candidate {
    pub(super) hertz: f32,
    /// 0 to 1.
    pub(super) voicing: f32,
}

/// Where a point of the logarithmic scale lies between bins, and the spline's weights.
#[derive(Debug, Clone, Copy)]
struct Point {
    bin: usize,
    /// Weights of the two bins' values and second derivatives, times the point's auditory weight.
    weights: [f32; 4],
}

/// Tables and memory.
#[derive(Debug)]
pub(super) struct Analyser {
    transform: Autocorrelator,
    window: [f32; FRAME],
    frames: Box<[[Lanes; 2]]>,
    lags: Box<[[Lanes; 2]]>,
    magnitudes: Box<[Lanes]>,
    energies: Lanes,
    spline: Spline,
    points: Vec<Point>,
    shifts: [usize; HARMONICS],
    scaled: Box<[Lanes]>,
    sums: Box<[Lanes]>,
    /// Of each bin or point the lanes that have a maximum there, a byte each.
    peaks: Box<[[u8; LANES]]>,
}

impl Analyser {
    pub(super) fn new() -> Self {
        let centre = (FRAME - 1) as f64 / 2.0;
        let window = std::array::from_fn(|n| (-0.5 * ((n as f64 - centre) / (0.4 * centre)).powi(2)).exp() as f32);
        let mut places: Vec<f64> = (0..BINS).map(|bin| (bin as f64 * BIN_HZ).log2()).collect();
        places[0] = 2.0 * places[1] - places[2];
        let per_octave = BINS as f64 / (HIGHEST / LOWEST).log2();
        Self {
            transform: Autocorrelator::new(),
            window,
            frames: vec![[[0.0; LANES]; 2]; FRAME / 2].into(),
            lags: vec![[[0.0; LANES]; 2]; BINS / 2].into(),
            magnitudes: vec![[0.0; LANES]; BINS].into(),
            energies: [0.0; LANES],
            points: points(&places, per_octave),
            spline: Spline::new(&places),
            shifts: std::array::from_fn(|i| (per_octave * ((i + 1) as f64).log2()).floor() as usize),
            scaled: vec![[0.0; LANES]; BINS].into(),
            sums: vec![[0.0; LANES]; BINS].into(),
            peaks: vec![[0; LANES]; BINS].into(),
        }
    }

    /// Candidates of eight frames, best first.
    pub(super) fn analyse(&mut self, samples: &[f32]) -> [[Candidate; CANDIDATES]; LANES] {
        debug_assert_eq!(samples.len(), GROUP);
        load(samples, &self.window, &mut self.frames, &mut self.energies);
        self.transform.run(&self.frames, &mut self.lags);
        magnitudes(self.transform.power(), &mut self.magnitudes);
        self.scaled.copy_from_slice(&self.magnitudes);
        sharpen(&mut self.scaled, &mut self.peaks);
        self.spline.curvatures(&self.scaled);
        evaluate(&self.points, &self.scaled, &self.spline.curvatures, &mut self.sums);
        self.scaled.copy_from_slice(&self.sums);
        summate(&self.scaled, &self.shifts, &mut self.sums);
        pick(&self.sums, &mut self.peaks)
    }

    /// Keeps what later descriptors need of one of the frames analysed last.
    pub(super) fn store(&self, lane: usize, frame: &mut SpectralFrame) {
        for (to, from) in frame.magnitudes.iter_mut().zip(&self.magnitudes) {
            *to = from[lane];
        }
        for (to, from) in frame.lags.chunks_exact_mut(2).zip(&self.lags) {
            (to[0], to[1]) = (from[0][lane].abs(), from[1][lane].abs());
        }
        frame.energy = self.energies[lane];
    }
}

fn points(places: &[f64], per_octave: f64) -> Vec<Point> {
    let (low, high) = (LOWEST.log2(), HIGHEST.log2());
    let middle = per_octave * (65.0f64 / 50.0).log2() - 1.0;
    (0..BINS)
        .map(|i| {
            let x = low + (high - low) * i as f64 / (BINS - 1) as f64;
            let bin = places.iter().rposition(|&place| place <= x).unwrap_or(0).min(BINS - 2);
            let width = places[bin + 1] - places[bin];
            let b = (x - places[bin]) / width;
            let a = 1.0 - b;
            let curve = |t: f64| (t * t * t - t) * width * width / 6.0;
            let ear = 0.5 + (3.0 * ((i + 1) as f64 - middle) / per_octave).atan() / std::f64::consts::PI;
            Point { bin, weights: [a, b, curve(a), curve(b)].map(|w| (w * ear) as f32) }
        })
        .collect()
}

/// Second derivatives of a natural cubic spline through values at fixed places.
#[derive(Debug)]
struct Spline {
    /// Of each inner row: reciprocals of the distances below and above, the lower off-diagonal, 1 / pivot, and the upper
    /// off-diagonal over the pivot.
    rows: Vec<[f32; 5]>,
    curvatures: Box<[Lanes]>,
}

impl Spline {
    fn new(places: &[f64]) -> Self {
        let mut rows = Vec::with_capacity(BINS - 2);
        let mut ratio = 0.0;
        for i in 1..BINS - 1 {
            let (below, above) = (places[i] - places[i - 1], places[i + 1] - places[i]);
            let (lower, diagonal, upper) = (below / 6.0, (below + above) / 3.0, above / 6.0);
            let pivot = diagonal - lower * ratio;
            ratio = upper / pivot;
            rows.push([1.0 / below, 1.0 / above, lower, 1.0 / pivot, ratio].map(|v| v as f32));
        }
        Self { rows, curvatures: vec![[0.0; LANES]; BINS].into() }
    }

    fn curvatures(&mut self, values: &[Lanes]) {
        solve(&self.rows, values, &mut self.curvatures);
    }
}

wide! {
    fn solve(rows: &[[f32; 5]], values: &[Lanes], curvatures: &mut [Lanes]) {
        let last = curvatures.len() - 1;
        curvatures[0] = [0.0; LANES];
        curvatures[last] = [0.0; LANES];
        for (i, [below, above, lower, pivot, _]) in rows.iter().enumerate() {
            for lane in 0..LANES {
                let bend = (values[i + 2][lane] - values[i + 1][lane]) * above - (values[i + 1][lane] - values[i][lane]) * below;
                curvatures[i + 1][lane] = (bend - lower * curvatures[i][lane]) * pivot;
            }
        }
        for (i, row) in rows.iter().enumerate().rev() {
            for lane in 0..LANES {
                curvatures[i + 1][lane] -= row[4] * curvatures[i + 2][lane];
            }
        }
    }
}

wide! {
    fn load(samples: &[f32], window: &[f32; FRAME], frames: &mut [[Lanes; 2]], energies: &mut Lanes) {
        let mut squares = [0.0f32; LANES];
        for (pair, slot) in frames.iter_mut().enumerate() {
            for (half, slot) in slot.iter_mut().enumerate() {
                let n = 2 * pair + half;
                for lane in 0..LANES {
                    let x = samples[n + lane * HOP] * window[n];
                    slot[lane] = x;
                    squares[lane] += x * x;
                }
            }
        }
        *energies = squares.map(|sum| (sum / FRAME as f32).sqrt());
    }
}

wide! {
    /// Half the root of four times the power.
    fn magnitudes(power: &[Lanes], magnitudes: &mut [Lanes]) {
        for (to, from) in magnitudes.iter_mut().zip(power) {
            for lane in 0..LANES {
                to[lane] = 0.5 * from[lane].sqrt();
            }
        }
    }
}

wide! {
    fn evaluate(points: &[Point], values: &[Lanes], curvatures: &[Lanes], out: &mut [Lanes]) {
        for (to, Point { bin, weights: [a, b, c, d] }) in out.iter_mut().zip(points) {
            for lane in 0..LANES {
                let value = a * values[*bin][lane] + b * values[bin + 1][lane]
                    + (c * curvatures[*bin][lane] + d * curvatures[bin + 1][lane]);
                to[lane] = if value > 0.0 { value } else { 0.0 };
            }
        }
    }
}

wide! {
    /// Adds the shifted spectra to `sums`, which holds the first.
    fn summate(spectrum: &[Lanes], shifts: &[usize; HARMONICS], sums: &mut [Lanes]) {
        let mut scale = COMPRESSION;
        for &shift in &shifts[1..] {
            for (to, from) in sums.iter_mut().zip(&spectrum[shift..]) {
                for lane in 0..LANES {
                    to[lane] += from[lane] * scale;
                }
            }
            scale *= COMPRESSION;
        }
    }
}

/// Empties the stretches between peaks (all but two bins to each side), then smooths.
fn sharpen(spectra: &mut [Lanes], peaks: &mut [[u8; LANES]]) {
    find_peaks(spectra, peaks);
    let mut before = [None; LANES];
    for (bin, peaks) in peaks.iter().enumerate() {
        for lane in lanes(*peaks) {
            if let Some(before) = before[lane].replace(bin)
                && before + 3 < bin - 2
            {
                spectra[before + 3..bin - 2].iter_mut().for_each(|values| values[lane] = 0.0);
            }
        }
    }
    smooth(spectra);
}

/// The lanes whose byte is not 0, ascending.
fn lanes(flags: [u8; LANES]) -> impl Iterator<Item = usize> {
    let mut bits = u64::from_le_bytes(flags);
    std::iter::from_fn(move || {
        let lane = (bits != 0).then_some(bits.trailing_zeros() as usize / 8)?;
        bits &= bits - 1;
        Some(lane)
    })
}

wide! {
    /// Where a spectrum is no lower than beside it. (Equality counts to the right, but not at the ends.)
    fn find_peaks(spectra: &[Lanes], peaks: &mut [[u8; LANES]]) {
        let last = BINS - 1;
        for lane in 0..LANES {
            peaks[0][lane] = u8::from(spectra[0][lane] > spectra[1][lane]);
            peaks[last][lane] = u8::from(spectra[last][lane] > spectra[last - 1][lane]);
        }
        for (three, peaks) in spectra.windows(3).zip(&mut peaks[1..]) {
            for lane in 0..LANES {
                peaks[lane] = u8::from((three[1][lane] > three[0][lane]) & (three[1][lane] >= three[2][lane]));
            }
        }
    }
}

wide! {
    fn smooth(spectra: &mut [Lanes]) {
        let mut left = [0.0; LANES];
        for bin in 0..BINS - 1 {
            let (here, right) = (spectra[bin], spectra[bin + 1]);
            for lane in 0..LANES {
                spectra[bin][lane] = 0.25 * (left[lane] + 2.0 * here[lane] + right[lane]);
            }
            left = here;
        }
    }
}

wide! {
    /// Where the sums are higher than on both sides; their totals.
    fn find_maxima(sums: &[Lanes], maxima: &mut [[u8; LANES]], totals: &mut Lanes) {
        for (three, maxima) in sums.windows(3).zip(&mut maxima[1..]) {
            for lane in 0..LANES {
                maxima[lane] = u8::from((three[0][lane] < three[1][lane]) & (three[1][lane] > three[2][lane]));
            }
        }
        for point in sums {
            for lane in 0..LANES {
                totals[lane] += point[lane];
            }
        }
    }
}

/// The highest maxima of each sum, best first, and how far they stand out.
fn pick(sums: &[Lanes], maxima: &mut [[u8; LANES]]) -> [[Candidate; CANDIDATES]; LANES] {
    let mut totals = [0.0; LANES];
    find_maxima(sums, maxima, &mut totals);
    let mut best = [[(0usize, 0.0f32); CANDIDATES]; LANES];
    for (i, maxima) in maxima.iter().enumerate().take(BINS - 1).skip(1) {
        for lane in lanes(*maxima) {
            let (height, best) = (sums[i][lane], &mut best[lane]);
            if height > best[CANDIDATES - 1].1
                && let Some(place) = best.iter().position(|&(_, known)| known < height)
            {
                best.copy_within(place..CANDIDATES - 1, place + 1);
                best[place] = (i, height);
            }
        }
    }
    let step = ((HIGHEST.log2() - LOWEST.log2()) / (BINS - 1) as f64) as f32;
    let mut candidates = [[Candidate::default(); CANDIDATES]; LANES];
    for (lane, candidates) in candidates.iter_mut().enumerate() {
        let mean = totals[lane] / BINS as f32;
        let mut slots = candidates.iter_mut();
        for (i, height) in best[lane].into_iter().filter(|&(_, height)| height > 0.0) {
            let (left, right) = (sums[i - 1][lane], sums[i + 1][lane]);
            let shift = 0.5 * (left - right) / (left - 2.0 * height + right);
            let peak = height - 0.25 * (left - right) * shift;
            let hertz = ((LOWEST as f32).log2() + (i as f32 + shift) * step).exp2();
            if RANGE.contains(&hertz)
                && let Some(slot) = slots.next()
            {
                *slot = Candidate { hertz, voicing: (1.0 - mean / peak).max(0.0) };
            }
        }
    }
    candidates
}
