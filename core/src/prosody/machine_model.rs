//! Constants of the machine-voice model, written by `corpus/training/voice.py`. Do not edit.

use super::machine::Term;

/// Features, their scale and weight.
pub(super) const TERMS: [Term; 0] = [];
/// Log-odds of an average voice.
pub(super) const BIAS: f64 = 0.0;
/// Slope and offset from raw to calibrated log-odds.
pub(super) const CALIBRATION: (f64, f64) = (1.0, 0.0);
/// Probabilities between which nothing is said.
pub(super) const ABSTAIN: (f64, f64) = (0.4, 0.6);
