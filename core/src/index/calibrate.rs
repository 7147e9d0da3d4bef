//! From scores to false-alarm rates.
//!
//! The score of the best chance alignment in an hour of unrelated audio grows with the logarithm of how much there is to
//! align with, and its upper tail falls exponentially, as for local alignments of sequences (Karlin & Altschul, "Methods
//! for assessing the statistical significance of molecular sequence features", PNAS 87, 1990). So the expected number of
//! chance matches of score s or higher per hour of audio, in an index of M seconds, is `K * M * exp(-lambda * s)`. A score is
//! a log-likelihood ratio in nats, of which lambda is 1.

use zerocopy::little_endian::F64;

use super::format::StoredCalibration;
use crate::IndexFault;

/// Chance matches of score 0 or higher per hour of audio and second of index; fitted on 20.8 h of telephone speech, six tenths
/// of it by voices of the index that say other things (`corpus/training/calibrate.py`).
const RATE: f64 = 2.7e-4;
/// Decay of chance matches per nat of score: by definition. What those above -2 show by themselves is 0.74 +- 0.19.
const DECAY: f64 = 1.0;

/// The false-alarm model of one index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Expected chance matches of score 0 or higher per hour of audio (K * M).
    rate: f64,
    /// Decay per nat of score (lambda).
    decay: f64,
}

impl Calibration {
    /// The model of an index that holds `seconds` of codes.
    pub(crate) fn for_size(seconds: f64) -> Self {
        Self { rate: RATE * seconds.max(1.0), decay: DECAY }
    }

    pub(crate) fn from_stored(stored: StoredCalibration) -> Result<Self, IndexFault> {
        let [rate, decay, ..] = stored.0.map(F64::get);
        if !(rate.is_finite() && rate > 0.0 && decay.is_finite() && decay > 0.0) {
            return Err(IndexFault::Damaged("the calibration is not usable".into()));
        }
        Ok(Self { rate, decay })
    }

    pub(crate) fn to_stored(self) -> StoredCalibration {
        StoredCalibration([self.rate, self.decay, 0.0, 0.0].map(F64::new))
    }

    /// Expected wrong matches of `score` (nats) or higher per hour of audio.
    pub fn false_alarms_per_hour(&self, score: f64) -> f64 {
        self.rate * (-self.decay * score).exp()
    }

    /// The score at which wrong matches come `rate` times an hour.
    pub fn score_at(&self, rate: f64) -> f64 {
        (self.rate / rate).ln() / self.decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_score_are_inverse_and_the_rate_grows_with_the_index() {
        let small = Calibration::for_size(100.0);
        let large = Calibration::for_size(10_000.0);
        for rate in [1.0, 0.1, 0.01] {
            assert!((small.false_alarms_per_hour(small.score_at(rate)) / rate - 1.0).abs() < 1e-9);
            assert!((large.false_alarms_per_hour(small.score_at(rate)) / rate - 100.0).abs() < 1e-6);
        }
    }
}
