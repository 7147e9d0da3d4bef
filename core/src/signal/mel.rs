//! Log bands: triangular filters on the mel scale, logarithm in fixed point.
//!
//! Fixed point from here on makes everything that follows integer arithmetic, equal on every machine. The unit is
//! 1/256 octave of power (0.012 dB).
//!
//! Source of the filters: Davis & Mermelstein, "Comparison of parametric representations for monosyllabic word
//! recognition", IEEE Trans. ASSP 28(4), 1980; here of height 1 and limited to the telephone band.

use super::{BINS, Spectrum};

/// Steps of the fixed-point logarithm per octave of power.
pub const LOG_UNITS_PER_OCTAVE: i32 = 256;

/// Width of a bin, Hz.
const BIN_HZ: f64 = 31.25;

/// Entries of the mantissa table.
const TABLE: usize = 512;

/// One band's filter: weights from its first bin on.
#[derive(Debug, Clone)]
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

/// A bank of triangular filters with a power floor.
#[derive(Debug, Clone)]
pub struct MelBank {
    filters: Vec<Filter>,
    floor: f32,
    mantissa: [i16; TABLE],
}

impl MelBank {
    /// A bank whose band b rises from `edges[b]`, peaks at `edges[b + 1]` and falls to `edges[b + 2]` (Hz), with `floor`
    /// added to each band's power. All edges are first multiplied by `speed`: a voice played 5 % faster has all its
    /// frequencies 5 % higher, and a bank of speed 1.05 sees it as the bank of speed 1 sees the original.
    pub fn new(edges: &[f64], floor: f32, speed: f64) -> Self {
        let filters = edges.windows(3).map(|e| Filter::triangle(e[0] * speed, e[1] * speed, e[2] * speed)).collect();
        let mantissa = std::array::from_fn(|i| {
            let x = 1.0 + (i as f64 + 0.5) / TABLE as f64;
            (f64::from(LOG_UNITS_PER_OCTAVE) * x.log2() + 0.5).floor() as i16
        });
        Self { filters, floor, mantissa }
    }

    /// Number of bands.
    pub fn bands(&self) -> usize {
        self.filters.len()
    }

    /// Writes the log power of each band, in 1/256 octave, to `out` (length [`bands`](Self::bands)).
    pub fn apply(&self, power: &Spectrum, out: &mut [i16]) {
        for (filter, out) in self.filters.iter().zip(out) {
            let mut sum = self.floor;
            for (w, p) in filter.weights.iter().zip(&power[filter.first..]) {
                sum += w * p;
            }
            *out = log2_with(&self.mantissa, sum);
        }
    }
}

impl Filter {
    fn triangle(low: f64, mid: f64, high: f64) -> Self {
        let weight = |bin: usize| {
            let f = bin as f64 * BIN_HZ;
            ((f - low) / (mid - low)).min((high - f) / (high - mid)).max(0.0) as f32
        };
        let first = (0..BINS).find(|&k| weight(k) > 0.0).unwrap_or(0);
        let weights = (first..BINS).map(weight).take_while(|&w| w > 0.0).collect();
        Self { first, weights }
    }
}

fn log2_with(mantissa: &[i16; TABLE], value: f32) -> i16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    (exponent * LOG_UNITS_PER_OCTAVE) as i16 + mantissa[(bits >> 14) as usize % TABLE]
}

/// log2 of a positive `value` in 1/256 octave: 256 x the exponent plus a table over the 9 highest mantissa bits; off by
/// at most 0.9 units.
pub fn log2_fixed(value: f32) -> i16 {
    thread_local!(static BANK: MelBank = MelBank::new(&[], 1.0, 1.0));
    BANK.with(|bank| log2_with(&bank.mantissa, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right_to_a_unit() {
        for exponent in -20..40 {
            for step in 0..37 {
                let x = 2f32.powi(exponent) * (1.0 + step as f32 / 37.0);
                let exact = 256.0 * f64::from(x).log2();
                assert!((f64::from(log2_fixed(x)) - exact).abs() <= 0.9, "{x}");
            }
        }
    }

    #[test]
    fn a_faster_bank_hears_a_faster_tone_as_the_plain_bank_hears_the_tone() {
        let edges = [500.0, 1000.0, 1500.0, 2000.0];
        let mut tone = [0.0; BINS];
        tone[32] = 1e6; // 1000 Hz
        let mut faster = [0.0; BINS];
        faster[40] = 1e6; // 1250 Hz
        let (mut a, mut b) = ([0i16; 2], [0i16; 2]);
        MelBank::new(&edges, 1.0, 1.0).apply(&tone, &mut a);
        MelBank::new(&edges, 1.0, 1.25).apply(&faster, &mut b);
        assert_eq!(a, b);
        assert_eq!(a[0], log2_fixed(1e6 + 1.0));
    }

    #[test]
    fn silence_is_the_floor() {
        let mut out = [0i16; 1];
        MelBank::new(&[300.0, 1000.0, 3000.0], 1024.0, 1.0).apply(&[0.0; BINS], &mut out);
        assert_eq!(out[0], log2_fixed(1024.0));
    }
}
