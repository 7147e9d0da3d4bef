//! Constants of the machine-voice model, written by `corpus/training/voice_fit.py`. Do not edit.

use super::machine::Term;

const fn term(feature: usize, mean: f64, deviation: f64, weight: f64) -> Term {
    Term { feature, mean, deviation, weight }
}

/// Features, their scale and weight.
#[rustfmt::skip]
pub(super) const TERMS: [Term; 11] = [
    term(42, 1.329599e-1, 5.300110e-2, -6.496548e-1), // voicedRunSec_stddev
    term(69, 1.989160e-1, 3.831884e-2, -2.676968e-1), // levelModulation_1.5Hz
    term(70, 2.477867e-1, 1.398602e-2, -1.618173e-1), // levelModulation_3Hz
    term(71, 2.676030e-1, 2.525095e-2, 1.130292), // levelModulation_6Hz
    term(93, 1.776579, 3.900498e-1, -9.145587e-1), // lfcc3_stddev
    term(103, 7.220399e-1, 1.228892e-1, 1.365102), // lfcc1step_stddev
    term(125, 1.004910, 5.550815e-2, -2.432076e-1), // lfccGrowth_20ms
    term(126, 7.431329e-1, 8.957131e-2, 1.369823), // lfccGrowth_40ms
    term(127, 5.472339e-1, 8.600944e-2, 7.281234e-1), // lfccGrowth_80ms
    term(128, 2.861862e-1, 1.279642e-1, -3.077971e-1), // lfccGrowth_160ms
    term(129, -7.332630e-1, 2.328857e-1, -1.354291), // lfccRecurrence
];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = -7.582716e-1;
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = (9.074973e-1, -1.825614e-1);
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = (0.392, 0.608);
