//! Constants of the machine-voice model, written by `corpus/training/voice_fit.py`. Do not edit.

use super::machine::Term;

const fn term(feature: usize, mean: f64, deviation: f64, weight: f64) -> Term {
    Term { feature, mean, deviation, weight }
}

/// Features, their scale and weight.
#[rustfmt::skip]
pub(super) const TERMS: [Term; 11] = [
    term(35, 1.096347, 3.282890e-1, 1.238921), // shimmerPitch_stddev
    term(71, 2.676030e-1, 2.525095e-2, 1.361322), // levelModulation_6Hz
    term(74, 5.434008e-1, 8.852319e-2, -1.211444), // flux_stddevNorm
    term(103, 7.220399e-1, 1.228892e-1, 9.614863e-1), // lfcc1step_stddev
    term(126, 7.431329e-1, 8.957131e-2, 1.059581), // lfccGrowth_40ms
    term(130, -8.599490e-2, 4.658761e-2, -5.221180e-1), // lfccReturn_80ms
    term(131, 5.764016, 1.049592, -1.057158), // lfccDimension
    term(132, 1.299981, 5.819858e-1, -6.973863e-1), // F0runRise_lnStddev
    term(133, -1.554420, 4.829207e-1, -9.854150e-1), // F0runResidual_lnPercentile50.0
    term(134, 1.446684, 2.810750e-1, -7.070255e-1), // levelRunEnd_lnStddev
    term(135, -3.170172, 3.936724e-1, -1.074171), // jitterPitch_lnPercentile90.0
];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = -4.469045e-1;
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = (0.712436, -0.467558);
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = (0.366, 0.634);
