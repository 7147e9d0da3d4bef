//! From scores to false-alarm rates.
//!
//! Chance matches come of two causes. Unrelated sound fits somewhere by accident: the score of the best such alignment grows with
//! the logarithm of how much there is to align with, and its upper tail falls exponentially, as for local alignments of
//! sequences (Karlin & Altschul, "Methods for assessing the statistical significance of molecular sequence features", PNAS 87,
//! 1990). And speakers and scripts of the index say some words elsewhere, too, as often as they do, however large the
//! index. So the expected number of wrong matches of score s or higher per hour of audio, in an index of M seconds, is
//! `(shared + chance * M) * exp(-lambda * s)`. A score is a log-likelihood ratio in nats, of which lambda is 1.

use zerocopy::little_endian::F64;

use super::format::StoredCalibration;
use crate::IndexFault;

/// Matches of score 0 or higher on words that speakers of the index say elsewhere, per hour of audio; such that 0.1 an hour
/// holds on 20.8 h of telephone speech, six tenths of it by voices of the index that say other things
/// (`corpus/training/calibrate.py`).
const SHARED: f64 = 0.37;
/// Accidental matches of score 0 or higher per hour of audio and second of index: the upper bound (95 %) from none of score
/// -3 in 3.1 h of speech against as much of an index of 66,900 s of real speech as is in another language: 141,000 hours and
/// seconds (`corpus/training/chance.py`). Three reached -3.9, all on recorded letters.
const CHANCE: f64 = 1.1e-6;
/// Decay of wrong matches per nat of score: by definition. What those above -2 show by themselves is 0.64 +- 0.17.
const DECAY: f64 = 1.0;

/// The false-alarm model of one index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Expected wrong matches of score 0 or higher per hour of audio.
    rate: f64,
    /// Decay per nat of score (lambda).
    decay: f64,
}

impl Calibration {
    /// The model of an index that holds `seconds` of codes.
    pub(crate) fn for_size(seconds: f64) -> Self {
        Self { rate: SHARED + CHANCE * seconds, decay: DECAY }
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
        let small = Calibration::for_size(1e9);
        let large = Calibration::for_size(1e11);
        for rate in [1.0, 0.1, 0.01] {
            assert!((small.false_alarms_per_hour(small.score_at(rate)) / rate - 1.0).abs() < 1e-9);
            let growth = large.false_alarms_per_hour(small.score_at(rate)) / rate;
            assert!((growth - 100.0).abs() < 0.2, "where accidents are nearly all: {growth}");
        }
    }

    #[test]
    fn words_that_speakers_repeat_do_not_become_more_with_other_speakers() {
        let (tiny, small) = (Calibration::for_size(10.0), Calibration::for_size(10_000.0));
        assert!(small.score_at(0.01) - tiny.score_at(0.01) < 0.1, "a thousand renderings cost next to nothing");
    }
}
