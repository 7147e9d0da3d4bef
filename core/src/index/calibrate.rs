//! From scores to false-alarm rates.
//!
//! Chance matches come of two causes. Unrelated sound fits somewhere by accident: the score of the best such alignment grows with
//! the logarithm of how much there is to align with, and its upper tail falls exponentially, as for local alignments of
//! sequences (Karlin & Altschul, "Methods for assessing the statistical significance of molecular sequence features", PNAS 87,
//! 1990). And speakers and scripts of the index say some words elsewhere, too, as often as they do, however large the
//! index. So the expected number of wrong matches of score s or higher per hour of audio, in an index of M seconds, is
//!
//! ```text
//! chance * M * exp(-lambda * s) + shared * exp(-lambda * (s - KNEE))    for s >= KNEE; below, the second falls by `LOW_DECAY`
//! ```
//!
//! A score is a log-likelihood ratio in nats, of which lambda is 1. Words that are said elsewhere are few: below the knee not many more
//! of them come with each nat than there are.

use zerocopy::little_endian::F64;

use super::format::StoredCalibration;
use crate::IndexFault;

/// Score at which the rate of shared words bends, nats.
const KNEE: f64 = 1.5;
/// Matches of score [`KNEE`] or higher on words that speakers of the index say elsewhere, per hour of audio: 12 in two collections of
/// 41.5 h of telephone speech, six tenths of it by voices of the index that say other things, five in 20.8 h more
/// (`corpus/training/calibrate.py`). That is .16, the collections by themselves say .05, .24 and .24; .12 is as low as three seconds of a
/// clean clip need to be a match at 0.01 an hour.
const SHARED: f64 = 0.12;
/// Decay of these per nat below the knee, so that 1 an hour is kept: 35 of the two collections reach -1, 37 of the second -2.5.
const LOW_DECAY: f64 = 0.5;
/// Accidental matches of score 0 or higher per hour of audio and second of index: the upper bound (95 %) from none of score
/// -3 in 3.1 h of speech against as much of an index of 66,900 s of real speech as is in another language: 141,000 hours and
/// seconds (`corpus/training/chance.py`). Three reached -3.9, all on recorded letters.
const CHANCE: f64 = 1.1e-6;
/// Decay per nat of score: by definition.
const DECAY: f64 = 1.0;
/// Halvings of an interval of scores until it is as small as can be.
const HALVINGS: usize = 64;

/// The false-alarm model of one index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Accidents of score 0 or higher per hour of audio.
    accidents: f64,
    /// Decay per nat of score (lambda).
    decay: f64,
    /// Matches on shared words of score [`KNEE`] or higher per hour of audio, and their decay below.
    shared: f64,
    low_decay: f64,
}

impl Calibration {
    /// The model of an index that holds `seconds` of codes.
    pub(crate) fn for_size(seconds: f64) -> Self {
        Self { accidents: CHANCE * seconds, decay: DECAY, shared: SHARED, low_decay: LOW_DECAY }
    }

    /// What is stored is the rate at score 0 that holds above the knee, the decay there, and of shared words the rate at the knee and the
    /// decay below. A file of before has no such words: one decay for all.
    pub(crate) fn from_stored(stored: StoredCalibration) -> Result<Self, IndexFault> {
        let [rate, decay, shared, low_decay] = stored.0.map(F64::get);
        let accidents = (rate - shared * (decay * KNEE).exp()).max(0.0);
        let falls = rate > 0.0 && decay > 0.0 && shared >= 0.0;
        let bends = (0.0..=decay).contains(&low_decay) && (shared == 0.0 || low_decay > 0.0);
        if !(falls && bends && (rate + decay + shared + accidents).is_finite() && accidents + shared > 0.0) {
            return Err(IndexFault::Damaged("the calibration is not usable".into()));
        }
        Ok(Self { accidents, decay, shared, low_decay })
    }

    pub(crate) fn to_stored(self) -> StoredCalibration {
        let rate = self.accidents + self.shared * (self.decay * KNEE).exp();
        StoredCalibration([rate, self.decay, self.shared, self.low_decay].map(F64::new))
    }

    /// Expected wrong matches of `score` (nats) or higher per hour of audio.
    pub fn false_alarms_per_hour(&self, score: f64) -> f64 {
        let beyond = score - KNEE;
        let decay = if beyond < 0.0 { self.low_decay } else { self.decay };
        // What never happens does not at any score either, also where the exponential has no bound.
        let falling = |rate: f64, exponent: f64| if rate > 0.0 { rate * exponent.exp() } else { 0.0 };
        falling(self.accidents, -self.decay * score) + falling(self.shared, -decay * beyond)
    }

    /// The score at which wrong matches come `rate` times an hour.
    pub fn score_at(&self, rate: f64) -> f64 {
        let at_knee = self.false_alarms_per_hour(KNEE);
        let above = |decay: f64| KNEE + (at_knee / rate).ln() / decay;
        if rate <= at_knee || self.shared == 0.0 {
            return above(self.decay);
        }
        // Below the knee the rate falls by `low_decay` at least and by `decay` at most.
        let (mut low, mut high) = (above(self.low_decay), above(self.decay));
        for _ in 0..HALVINGS {
            let middle = low + (high - low) / 2.0;
            if self.false_alarms_per_hour(middle) > rate { low = middle } else { high = middle }
        }
        high
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
    fn below_the_knee_rate_and_score_are_inverse_too_and_the_rate_falls() {
        for seconds in [0.0, 2e3, 1e6] {
            let model = Calibration::for_size(seconds);
            let mut last = f64::INFINITY;
            for rate in [1e4, 100.0, 3.0, 1.0, 0.2, 0.15, 0.149, 0.05, 1e-6] {
                let score = model.score_at(rate);
                assert!((model.false_alarms_per_hour(score) / rate - 1.0).abs() < 1e-9, "{seconds} {rate} {score}");
                assert!(std::mem::replace(&mut last, rate) > rate);
            }
            let rates: Vec<f64> = (-80..80).map(|s| model.false_alarms_per_hour(f64::from(s) / 10.0)).collect();
            assert!(rates.windows(2).all(|pair| pair[1] < pair[0]));
        }
    }

    #[test]
    fn words_that_speakers_repeat_do_not_become_more_with_other_speakers() {
        let (tiny, small) = (Calibration::for_size(10.0), Calibration::for_size(10_000.0));
        assert!(small.score_at(0.01) - tiny.score_at(0.01) < 0.1, "a thousand renderings cost next to nothing");
    }

    #[test]
    fn what_was_stored_is_read_again_also_that_of_before() {
        let stored = |values: [f64; 4]| Calibration::from_stored(StoredCalibration(values.map(F64::new)));
        let model = Calibration::for_size(5e4);
        let again = Calibration::from_stored(model.to_stored()).expect("what was written");
        for score in [-3.0, 0.0, KNEE, 4.0] {
            let ratio = again.false_alarms_per_hour(score) / model.false_alarms_per_hour(score);
            assert!((ratio - 1.0).abs() < 1e-12, "{score}: {ratio}");
        }
        // Rate at 0 and decay, and nothing else.
        let before = stored([0.4, 1.0, 0.0, 0.0]).expect("a file of before");
        assert!((before.score_at(0.04) - 10f64.ln()).abs() < 1e-12);
        assert!((before.false_alarms_per_hour(-2.0) - 0.4 * 2f64.exp()).abs() < 1e-12);
        // Nothing that speaks for it: as often as can be, whatever the file.
        let steep = stored([1e-300, 700.0, 1e-9, 1.0]).expect("steep, but a model");
        for model in [model, before, steep] {
            assert_eq!(model.false_alarms_per_hour(f64::NEG_INFINITY), f64::INFINITY);
            assert_eq!(model.false_alarms_per_hour(f64::INFINITY), 0.0);
        }
        let wrong = [
            [0.0, 1.0, 0.0, 0.0],
            [0.4, 0.0, 0.0, 0.0],
            [0.4, 1.0, -0.1, 0.5],
            [0.4, 1.0, 0.1, 0.0],
            [0.4, 1.0, 0.1, 2.0],
            [f64::NAN, 1.0, 0.1, 0.5],
        ];
        assert!(wrong.into_iter().all(|values| stored(values).is_err()));
    }
}
