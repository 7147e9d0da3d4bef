//! Formants 1 to 3: resonances of the vocal tract, by linear prediction.
//!
//! Steps a frame, from the power spectrum that F0 has already made (Hann window of 40 ms):
//!
//! 1. pre-emphasis from 50 Hz, a factor `1 + a² - 2a cos ω` of the power, and its autocorrelation at the lags 0 to 10;
//! 2. predictor A of order 10 (five resonances below 4 kHz) by the recursion of N. Levinson and J. Durbin (J. Makhoul, "Linear
//!    prediction: a tutorial review", Proc. IEEE 63 (1975), 561-580, section III), eight frames side by side;
//! 3. in voiced frames the roots of A by Laguerre's method with deflation (A. Ralston, P. Rabinowitz, "A First Course in
//!    Numerical Analysis", 2nd ed. 1978, section 8.9); a root z is a resonance at arg z · 8000 / 2π Hz.
//!
//! The formants are the lowest three resonances between 50 Hz and 3950 Hz, as in Praat's `To Formant (burg)` with five formants
//! below 4 kHz (B. S. Atal, S. L. Hanauer, "Speech analysis and synthesis by linear prediction of the speech wave", JASA 50 (1971),
//! 637-655). What differs from Praat: the window (Hann for Gauss), and autocorrelation for Burg's recursion. No formant is carried
//! over from one frame to the next.
//!
//! Cost: about 3,500 multiply-adds a frame for the predictor, done eight at a time, and half a microsecond for the roots.

use super::eight::{LANES, Lanes};
use crate::simd::wide;

/// Formants kept.
pub(crate) const FORMANTS: usize = 3;
const ORDER: usize = 10;
const BINS: usize = 257;
/// Share of the power that is added as white noise: bands that a telephone line cuts off would have no level else.
const WHITE: f32 = 1e-5;
const LOWEST: f64 = 50.0;
const HIGHEST: f64 = 3950.0;
/// Roots nearer to 0 than this resonate with nothing: silence has them there.
const LEAST_RADIUS: f64 = 0.1;
const MOST_STEPS: usize = 30;
/// A step smaller than this is the last.
const TINY: f64 = 1e-8;
/// Roots closer to the real axis than this lie on it.
const REAL: f64 = 1e-5;

/// Coefficients of A, from that of the highest power (1) on.
pub(crate) type Predictor = [f32; ORDER + 1];

/// Tables and memory.
#[derive(Debug)]
pub(crate) struct FormantAnalyser {
    /// Of each bin: pre-emphasis times cos(2π k lag / 512), for the lags 0 to 10.
    rows: Box<[[f32; ORDER + 1]]>,
    predictors: [Lanes; ORDER + 1],
}

impl FormantAnalyser {
    pub(crate) fn new() -> Self {
        use std::f64::consts::{PI, TAU};
        let emphasis = (-TAU * 50.0 / 8000.0).exp();
        let row = |bin: usize| {
            let angle = PI * bin as f64 / (BINS - 1) as f64;
            let ends = if bin == 0 || bin == BINS - 1 { 1.0 } else { 2.0 };
            let factor = ends * (1.0 + emphasis * emphasis - 2.0 * emphasis * angle.cos());
            std::array::from_fn(|lag| (factor * (angle * lag as f64).cos()) as f32)
        };
        Self { rows: (0..BINS).map(row).collect(), predictors: [[0.0; LANES]; ORDER + 1] }
    }

    /// Predictors of eight frames from their power at bins 0 to 256.
    pub(crate) fn analyse(&mut self, power: &[Lanes]) {
        let mut lags = [[0.0; LANES]; ORDER + 1];
        autocorrelate(power, &self.rows, &mut lags);
        levinson(&lags, &mut self.predictors);
    }

    /// The predictor of one of the frames analysed last.
    pub(crate) fn predictor(&self, lane: usize) -> Predictor {
        self.predictors.map(|lanes| lanes[lane])
    }
}

/// Frequencies of the first three formants, Hz, ascending; NaN for those that are not there.
pub(crate) fn formants(predictor: &Predictor) -> [f32; FORMANTS] {
    let mut found = [f64::INFINITY; FORMANTS];
    resonances(predictor, &mut |re, im| {
        let mut hertz = im.abs().atan2(re) * 8000.0 / std::f64::consts::TAU;
        if (LOWEST..=HIGHEST).contains(&hertz) && re * re + im * im > LEAST_RADIUS * LEAST_RADIUS {
            for slot in &mut found {
                if hertz < *slot {
                    std::mem::swap(slot, &mut hertz);
                }
            }
        }
    });
    found.map(|hertz| if hertz.is_finite() { hertz as f32 } else { f32::NAN })
}

/// Hands out one of each pair of complex roots. Real roots are not resonances.
fn resonances(predictor: &Predictor, each: &mut impl FnMut(f64, f64)) {
    let mut a = predictor.map(f64::from);
    let mut degree = ORDER;
    while degree > 2 {
        let (re, im) = laguerre(&a[..=degree]);
        if im.abs() < REAL {
            // Synthetic division by z - re.
            for k in 1..degree {
                a[k] += re * a[k - 1];
            }
            degree -= 1;
        } else {
            each(re, im);
            // By z² - 2 re z + |z|².
            let (sum, product) = (2.0 * re, re * re + im * im);
            a[1] += sum * a[0];
            for k in 2..degree - 1 {
                a[k] += sum * a[k - 1] - product * a[k - 2];
            }
            degree -= 2;
        }
    }
    let half = -0.5 * a[1];
    let square = half * half - a[2];
    if degree == 2 && square < 0.0 {
        each(half, (-square).sqrt());
    }
}

/// A root of the polynomial. The search starts within the unit circle, near which resonances lie.
fn laguerre(a: &[f64]) -> (f64, f64) {
    let n = (a.len() - 1) as f64;
    let (mut x, mut y) = (0.5f64, 0.7f64);
    for _ in 0..MOST_STEPS {
        // Value, derivative and half the second derivative by Horner's scheme.
        let (mut p, mut d, mut s) = ((a[0], 0.0), (0.0, 0.0), (0.0, 0.0));
        for &coefficient in &a[1..] {
            s = (s.0 * x - s.1 * y + d.0, s.0 * y + s.1 * x + d.1);
            d = (d.0 * x - d.1 * y + p.0, d.0 * y + d.1 * x + p.1);
            p = (p.0 * x - p.1 * y + coefficient, p.0 * y + p.1 * x);
        }
        if p.0.abs() + p.1.abs() < TINY * TINY {
            break;
        }
        // With g = d / p and h = g² - 2 s / p the step is n / (g ± √((n - 1)(n h - g²))), here times p throughout.
        let square = (d.0 * d.0 - d.1 * d.1, 2.0 * d.0 * d.1);
        let curve = (s.0 * p.0 - s.1 * p.1, s.0 * p.1 + s.1 * p.0);
        let inside = (
            (n - 1.0) * ((n - 1.0) * square.0 - 2.0 * n * curve.0),
            (n - 1.0) * ((n - 1.0) * square.1 - 2.0 * n * curve.1),
        );
        let root = complex_sqrt(inside);
        let sign = if d.0 * root.0 + d.1 * root.1 < 0.0 { -1.0 } else { 1.0 };
        let below = (d.0 + sign * root.0, d.1 + sign * root.1);
        let size = below.0 * below.0 + below.1 * below.1;
        if size == 0.0 {
            break;
        }
        let step = (n * (p.0 * below.0 + p.1 * below.1) / size, n * (p.1 * below.0 - p.0 * below.1) / size);
        (x, y) = (x - step.0, y - step.1);
        if step.0.abs() + step.1.abs() < TINY {
            break;
        }
    }
    (x, y)
}

fn complex_sqrt((re, im): (f64, f64)) -> (f64, f64) {
    let size = (re * re + im * im).sqrt();
    let (a, b) = ((0.5 * (size + re).max(0.0)).sqrt(), (0.5 * (size - re).max(0.0)).sqrt());
    (a, if im < 0.0 { -b } else { b })
}

wide! {
    fn autocorrelate(power: &[Lanes], rows: &[[f32; ORDER + 1]], lags: &mut [Lanes; ORDER + 1]) {
        let mut sums = [[0.0f32; LANES]; ORDER + 1];
        for (power, row) in power.iter().zip(rows) {
            for (sum, factor) in sums.iter_mut().zip(row) {
                for lane in 0..LANES {
                    sum[lane] += power[lane] * factor;
                }
            }
        }
        *lags = sums;
    }
}

wide! {
    fn levinson(lags: &[Lanes; ORDER + 1], predictor: &mut [Lanes; ORDER + 1]) {
        let mut a = [[0.0f32; LANES]; ORDER + 1];
        a[0] = [1.0; LANES];
        let mut error = [0.0f32; LANES];
        for lane in 0..LANES {
            error[lane] = lags[0][lane] * (1.0 + WHITE) + f32::MIN_POSITIVE;
        }
        for order in 1..=ORDER {
            let mut reflection = lags[order];
            for k in 1..order {
                for lane in 0..LANES {
                    reflection[lane] += a[k][lane] * lags[order - k][lane];
                }
            }
            for lane in 0..LANES {
                reflection[lane] = -reflection[lane] / error[lane];
                error[lane] *= 1.0 - reflection[lane] * reflection[lane];
                error[lane] = if error[lane] > f32::MIN_POSITIVE { error[lane] } else { f32::MIN_POSITIVE };
            }
            let before = a;
            for k in 1..order {
                for lane in 0..LANES {
                    a[k][lane] = before[k][lane] + reflection[lane] * before[order - k][lane];
                }
            }
            a[order] = reflection;
        }
        *predictor = a;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A with resonances at the given frequencies and bandwidths (Hz), and real roots at ±.5 up to degree 10.
    fn predictor(resonances: &[(f64, f64)]) -> Predictor {
        let mut a = vec![1.0];
        let mut multiply = |factor: &[f64]| {
            let mut product = vec![0.0; a.len() + factor.len() - 1];
            for (i, x) in a.iter().enumerate() {
                for (j, y) in factor.iter().enumerate() {
                    product[i + j] += x * y;
                }
            }
            a = product;
        };
        for &(hertz, bandwidth) in resonances {
            let radius = (-std::f64::consts::PI * bandwidth / 8000.0).exp();
            multiply(&[1.0, -2.0 * radius * (std::f64::consts::TAU * hertz / 8000.0).cos(), radius * radius]);
        }
        (resonances.len()..ORDER / 2).for_each(|_| multiply(&[1.0, 0.0, -0.25]));
        std::array::from_fn(|k| a[k] as f32)
    }

    #[test]
    fn resonances_of_a_known_filter_are_found() {
        for (filter, expected) in [
            (vec![(500.0, 60.0), (1500.0, 90.0), (2500.0, 120.0), (3500.0, 200.0)], [500.0, 1500.0, 2500.0]),
            // Two that are close, as in a back vowel.
            (
                vec![(3300.0, 300.0), (420.0, 70.0), (2400.0, 150.0), (650.0, 90.0), (3700.0, 400.0)],
                [420.0, 650.0, 2400.0],
            ),
        ] {
            let found = formants(&predictor(&filter));
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1.0, "{found} for {expected}");
            }
        }
        let two = formants(&predictor(&[(700.0, 100.0), (1200.0, 100.0)]));
        assert!((two[1] - 1200.0).abs() < 1.0 && two[2].is_nan(), "{two:?}");
    }

    #[test]
    fn the_predictor_of_an_all_pole_spectrum_is_its_filter() {
        let filter = predictor(&[(500.0, 60.0), (1500.0, 90.0), (2500.0, 120.0), (3500.0, 200.0)]);
        let emphasis = (-std::f64::consts::TAU * 50.0 / 8000.0).exp();
        let power: Vec<Lanes> = (0..BINS)
            .map(|bin| {
                let angle = std::f64::consts::PI * bin as f64 / (BINS - 1) as f64;
                let part = |f: fn(f64) -> f64| -> f64 {
                    filter.iter().enumerate().map(|(k, &a)| f64::from(a) * f(angle * k as f64)).sum()
                };
                let size = part(f64::cos).powi(2) + part(f64::sin).powi(2);
                let emphasised = 1.0 + emphasis * emphasis - 2.0 * emphasis * angle.cos();
                [(1.0 / size / emphasised) as f32; LANES]
            })
            .collect();
        let mut analyser = FormantAnalyser::new();
        analyser.analyse(&power);
        for lane in 0..LANES {
            let found = formants(&analyser.predictor(lane));
            for (found, expected) in found.into_iter().zip([500.0, 1500.0, 2500.0]) {
                assert!((found - expected).abs() < 5.0, "{found} for {expected}");
            }
        }
        analyser.analyse(&vec![[0.0; LANES]; BINS]);
        assert!(formants(&analyser.predictor(0)).iter().all(|f| f.is_nan()), "silence has no formants");
    }
}
