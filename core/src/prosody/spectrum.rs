//! The shape of the spectrum: slopes, balance, cepstrum, from the power spectra that F0 has already made.
//!
//! Input: power of eight frames side by side (Hann window of 40 ms, bins of 15.625 Hz). Output: a [`Shape`] a frame. Levels
//! in dB are 10 log10 of the power, relative to a full-scale sine.
//!
//! - Slopes 0-500 and 500-1500 Hz: least-squares line through the levels of the bins, dB per Hz (GeMAPS).
//! - Alpha ratio and Hammarberg index: as in GeMAPS, with the upper band ending at 4 instead of 5 kHz, hence the names.
//! - LFCC: 20 triangular bands of equal width from 200 to 3600 Hz, levels, DCT-II. On a telephone line linear bands keep what
//!   tells voices apart at its upper end (X. Zhou et al., "Linear versus mel frequency cepstral coefficients for speaker
//!   recognition", ASRU 2011, 559-564).
//!
//! Levels lower than 40 dB below the frame's strongest band count as 40 dB below it: there codecs speak, not people.

use super::eight::{LANES, Lanes};
use crate::simd::wide;

/// Cepstral coefficients kept, from the first on.
pub(crate) const LFCC: usize = 12;
/// Bands that they are made from.
const BANDS: usize = 20;
const BAND_LOW: f64 = 200.0;
const BAND_HIGH: f64 = 3600.0;
/// Frames over which a code tells a rise.
const CODE_STEP: usize = 3;
/// Width of a bin, Hz.
pub(crate) const BIN_HZ: f32 = 15.625;
/// Bins whose levels are computed: to 1500 Hz.
pub(crate) const LEVELS: usize = 97;
const SLOPE_SPLIT: usize = 32;
/// What a full-scale sine has at its bin.
const FULL_SCALE: f32 = 25_600.0;
/// Power that is added to every bin and band: 110 dB below full scale.
const FLOOR: f32 = 1e-11 * FULL_SCALE;
/// Bands are not taken to be lower than so far below the frame's strongest, dB.
const RANGE: f32 = 40.0;

/// What is known of the spectrum of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Slope of the levels from 0 to 500 Hz, dB/Hz.
    pub(crate) slope_low: f32,
    /// Slope from 500 to 1500 Hz, dB/Hz.
    pub(crate) slope_middle: f32,
    /// Energy 50-1000 Hz over 1-4 kHz, dB.
    pub(crate) alpha: f32,
    /// Highest level below 2 kHz less the highest from 2 to 4 kHz, dB.
    pub(crate) hammarberg: f32,
    /// Cepstral coefficients 1 to 12, dB.
    pub(crate) lfcc: [f32; LFCC],
    /// Mean absolute change of the bands' levels since the last frame, dB.
    pub(crate) flux: f32,
    /// Levels of the bins to 1500 Hz, dB.
    pub(crate) levels: [f32; LEVELS],
    /// Which of two neighbouring bands rose more over the last [`CODE_STEP`] frames, a bit each ([`Repetition`](super::repetition)).
    pub(crate) code: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            slope_low: 0.0,
            slope_middle: 0.0,
            alpha: 0.0,
            hammarberg: 0.0,
            lfcc: [0.0; LFCC],
            flux: 0.0,
            levels: [0.0; LEVELS],
            code: 0,
        }
    }
}

/// Tables and memory.
#[derive(Debug)]
pub(crate) struct ShapeAnalyser {
    levels: Box<[Lanes]>,
    bands: [Lanes; BANDS],
    filters: Vec<(usize, Vec<f32>)>,
    cosines: [[f32; BANDS]; LFCC],
    /// Bands of the last frames, newest first.
    before: [[f32; BANDS]; CODE_STEP],
}

impl ShapeAnalyser {
    pub(crate) fn new() -> Self {
        let step = (BAND_HIGH - BAND_LOW) / (BANDS + 1) as f64;
        let filter = |band: usize| {
            let middle = BAND_LOW + step * (band + 1) as f64;
            let weight = |bin: usize| (1.0 - (bin as f64 * f64::from(BIN_HZ) - middle).abs() / step).max(0.0) as f32;
            let first = (0..257).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            (first, (first..257).map(weight).take_while(|&w| w > 0.0).collect())
        };
        let cosine = |order: usize, band: usize| {
            let angle = std::f64::consts::PI * (order + 1) as f64 * (band as f64 + 0.5) / BANDS as f64;
            (angle.cos() / BANDS as f64) as f32
        };
        Self {
            levels: vec![[0.0; LANES]; LEVELS].into(),
            bands: [[0.0; LANES]; BANDS],
            filters: (0..BANDS).map(filter).collect(),
            cosines: std::array::from_fn(|order| std::array::from_fn(|band| cosine(order, band))),
            before: [[0.0; BANDS]; CODE_STEP],
        }
    }

    /// Forgets the stream; tables and memory stay.
    pub(crate) fn reset(&mut self) {
        self.before = [[0.0; BANDS]; CODE_STEP];
    }

    /// Shapes of eight frames from their power at bins 0 to 256 (four times the squared magnitude).
    pub(crate) fn analyse(&mut self, power: &[Lanes]) -> [Shape; LANES] {
        to_levels(&power[..LEVELS], &mut self.levels);
        for (band, (first, weights)) in self.bands.iter_mut().zip(&self.filters) {
            *band = band_power(&power[*first..*first + weights.len()], weights);
        }
        let bands = self.bands;
        to_levels(&bands, &mut self.bands);
        let sums = [4..64, 64..256].map(|bins: std::ops::Range<usize>| total(&power[bins]));
        let peaks = [1..128, 128..256].map(|bins: std::ops::Range<usize>| highest(&power[bins]));
        let low = slope(&self.levels[..=SLOPE_SPLIT]);
        let middle = slope(&self.levels[SLOPE_SPLIT..]);
        std::array::from_fn(|lane| {
            let mut shape = Shape {
                slope_low: low[lane],
                slope_middle: middle[lane],
                alpha: ratio(sums[0][lane], sums[1][lane]),
                hammarberg: ratio(peaks[0][lane], peaks[1][lane]),
                ..Shape::default()
            };
            for (to, from) in shape.levels.iter_mut().zip(&self.levels) {
                *to = from[lane];
            }
            self.cepstrum(lane, &mut shape);
            shape
        })
    }

    fn cepstrum(&mut self, lane: usize, shape: &mut Shape) {
        let strongest = self.bands.iter().fold(f32::MIN, |a, b| a.max(b[lane]));
        let mut change = 0.0;
        let mut bands = [0.0; BANDS];
        for ((band, lanes), before) in bands.iter_mut().zip(&self.bands).zip(&self.before[0]) {
            *band = lanes[lane].max(strongest - RANGE);
            change += (*band - before).abs();
        }
        shape.flux = change / BANDS as f32;
        let old = &self.before[CODE_STEP - 1];
        let rise = |band: usize| bands[band] - old[band];
        shape.code = (1..BANDS).fold(0, |code, band| code << 1 | u32::from(rise(band - 1) > rise(band)));
        self.before.rotate_right(1);
        self.before[0] = bands;
        for (coefficient, cosines) in shape.lfcc.iter_mut().zip(&self.cosines) {
            *coefficient = bands.iter().zip(cosines).map(|(b, c)| b * c).sum();
        }
    }
}

fn ratio(above: f32, below: f32) -> f32 {
    10.0 * ((above + FLOOR) / (below + FLOOR)).log10()
}

/// Least-squares slope over the bins, dB/Hz.
fn slope(levels: &[Lanes]) -> Lanes {
    let middle = 0.5 * (levels.len() - 1) as f32;
    let mut sums = [0.0; LANES];
    let mut squares = 0.0;
    for (bin, level) in levels.iter().enumerate() {
        let x = bin as f32 - middle;
        squares += x * x;
        for lane in 0..LANES {
            sums[lane] += x * level[lane];
        }
    }
    sums.map(|sum| sum / (squares * BIN_HZ))
}

fn total(power: &[Lanes]) -> Lanes {
    let mut sums = [0.0; LANES];
    for bin in power {
        for lane in 0..LANES {
            sums[lane] += bin[lane];
        }
    }
    sums
}

fn highest(power: &[Lanes]) -> Lanes {
    let mut peaks = [0.0f32; LANES];
    for bin in power {
        for lane in 0..LANES {
            peaks[lane] = if bin[lane] > peaks[lane] { bin[lane] } else { peaks[lane] };
        }
    }
    peaks
}

fn band_power(power: &[Lanes], weights: &[f32]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (bin, weight) in power.iter().zip(weights) {
        for lane in 0..LANES {
            sums[lane] += bin[lane] * weight;
        }
    }
    sums
}

wide! {
    /// 10 log10(power / full scale), eight at a time: exponent, and a polynomial of degree 6 in the mantissa (a least-squares
    /// fit at Chebyshev nodes) that is right to 3e-5 dB.
    fn to_levels(power: &[Lanes], levels: &mut [Lanes]) {
        const DB_PER_OCTAVE: f32 = 3.010_3;
        const FIT: [f32; 6] = [1.442_683_2, -0.720_442_35, 0.469_301_7, -0.303_389_67, 0.146_433_62, -0.034_595_21];
        for (to, from) in levels.iter_mut().zip(power) {
            for lane in 0..LANES {
                let bits = ((from[lane] + FLOOR) / FULL_SCALE).to_bits();
                let exponent = (bits >> 23) as i32 - 127;
                let t = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000) - 1.0;
                let fit = FIT[0] + t * (FIT[1] + t * (FIT[2] + t * (FIT[3] + t * (FIT[4] + t * FIT[5]))));
                to[lane] = DB_PER_OCTAVE * (exponent as f32 + t * fit);
            }
        }
    }
}

/// Level of the first harmonic over that of the second, dB: highest bins within .2 F0 of 1 and 2 F0. NaN beyond 1500 Hz.
pub(crate) fn h1_h2(levels: &[f32; LEVELS], f0: f32) -> f32 {
    let harmonic = |number: f32| {
        let (low, high) = ((number - 0.2) * f0 / BIN_HZ, (number + 0.2) * f0 / BIN_HZ);
        let bins = levels.get(low.ceil() as usize..=high as usize)?;
        bins.iter().copied().reduce(f32::max)
    };
    match (harmonic(1.0), harmonic(2.0)) {
        (Some(first), Some(second)) => first - second,
        _ => f32::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_slopes_and_ratios_of_a_line() {
        // Levels fall by 12 dB each 1000 Hz from -20 dB.
        let power: Vec<Lanes> = (0..257)
            .map(|bin| [FULL_SCALE * 10f32.powf((-20.0 - 0.012 * bin as f32 * BIN_HZ) / 10.0); LANES])
            .collect();
        let shapes = ShapeAnalyser::new().analyse(&power);
        for shape in &shapes {
            assert!((shape.slope_low + 0.012).abs() < 1e-5, "{}", shape.slope_low);
            assert!((shape.slope_middle + 0.012).abs() < 1e-5, "{}", shape.slope_middle);
            assert!((shape.levels[64] + 32.0).abs() < 1e-3, "{}", shape.levels[64]);
            // From bin 1 to bin 128.
            assert!((shape.hammarberg - 0.012 * 127.0 * BIN_HZ).abs() < 0.01, "{}", shape.hammarberg);
            // Sums of geometric series: bins 4 to 63 (62.5 Hz to 984 Hz) over bins 64 to 255.
            let power = |bin: i32| 10f64.powf(-0.0012 * f64::from(BIN_HZ)).powi(bin);
            let alpha = 10.0 * ((power(4) - power(64)) / (power(64) - power(256))).log10();
            assert!((f64::from(shape.alpha) - alpha).abs() < 1e-3, "{} for {alpha}", shape.alpha);
        }
        // Nothing changes from the first frame to the others.
        assert!(shapes[1..].iter().all(|shape| shape.flux == 0.0));
    }

    #[test]
    fn harmonics_are_read_at_their_bins() {
        let mut levels = [-80.0; LEVELS];
        (levels[13], levels[26], levels[39]) = (-30.0, -24.5, -10.0);
        assert!((h1_h2(&levels, 203.0) + 5.5).abs() < 1e-6);
        assert!(h1_h2(&levels, 900.0).is_nan());
    }
}
