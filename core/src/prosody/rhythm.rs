//! Rhythm: how even syllables are, and how fast level and F0 swing.
//!
//! - nPVI, the normalised pairwise variability index, over the intervals between neighbouring syllable nuclei of a phrase
//!   (E. Grabe, E. L. Low, "Durational variability in speech and the rhythm class hypothesis", Laboratory Phonology 7 (2002), 515-546, with intervals between
//!   nuclei for vowels): 100 · mean of |d1 - d2| / ((d1 + d2) / 2).
//! - Modulation spectrum: share of the power of a contour near 1.5, 3, 6 and 12 Hz, from one-pole complex resonators as wide as their
//!   frequency, so that it streams (the bands of S. Greenberg, B. E. D. Kingsbury, "The modulation spectrogram", ICASSP 1997, 1647-1650, cover the same range).

use super::stats::Moments;

/// Nuclei further apart than this are not of one phrase, frames.
const PHRASE: u64 = 60;
/// Centres of the modulation bands, Hz.
pub(crate) const MODULATIONS: [f32; 4] = [1.5, 3.0, 6.0, 12.0];

/// Pairwise variability of the intervals between nuclei.
#[derive(Debug, Clone, Default)]
pub(crate) struct Npvi {
    last: Option<u64>,
    interval: Option<u64>,
    differences: Moments,
}

impl Npvi {
    /// Takes the frame of the next nucleus.
    pub(crate) fn nucleus(&mut self, frame: u64) {
        let interval = self.last.map(|last| frame.saturating_sub(last)).filter(|d| (1..PHRASE).contains(d));
        if let (Some(before), Some(now)) = (self.interval, interval) {
            self.differences.add(200.0 * before.abs_diff(now) as f64 / (before + now) as f64);
        }
        (self.last, self.interval) = (Some(frame), interval);
    }

    /// The index so far; NaN without two intervals.
    pub(crate) fn value(&self) -> f64 {
        self.differences.mean()
    }
}

/// Modulation spectrum of a contour at 100 values a second.
#[derive(Debug, Clone)]
pub(crate) struct Modulation {
    turns: [(f32, f32); 4],
    states: [(f32, f32); 4],
    mean: f32,
    powers: [f64; 4],
}

impl Modulation {
    pub(crate) fn new() -> Self {
        let turns = MODULATIONS.map(|hz| {
            let (radius, angle) =
                ((-std::f64::consts::PI * f64::from(hz) / 100.0).exp(), std::f64::consts::TAU * f64::from(hz) / 100.0);
            ((radius * angle.cos()) as f32, (radius * angle.sin()) as f32)
        });
        Self { turns, states: [(0.0, 0.0); 4], mean: f32::NAN, powers: [0.0; 4] }
    }

    /// Takes the next value; its slow mean (1 s) does not count.
    pub(crate) fn push(&mut self, value: f32) {
        if self.mean.is_nan() {
            self.mean = value;
        }
        self.mean += 0.01 * (value - self.mean);
        let x = value - self.mean;
        for (((re, im), &(cos, sin)), (power, hz)) in
            self.states.iter_mut().zip(&self.turns).zip(self.powers.iter_mut().zip(MODULATIONS))
        {
            // Gain at the centre is 1 / (1 - radius), about 100 / (π hz).
            let next = (*re * cos - *im * sin + x * hz * 0.0314, *re * sin + *im * cos);
            (*re, *im) = next;
            *power += f64::from(next.0 * next.0 + next.1 * next.1);
        }
    }

    /// Shares of the bands, sum 1; NaN where nothing moved.
    pub(crate) fn shares(&self) -> [f64; 4] {
        let sum: f64 = self.powers.iter().sum();
        self.powers.map(|power| power / sum)
    }

    /// Starts the powers again; the contour goes on.
    pub(crate) fn clear(&mut self) {
        self.powers = [0.0; 4];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_syllables_have_no_variability_and_alternating_ones_the_closed_form() {
        let mut even = Npvi::default();
        (0..10).for_each(|i| even.nucleus(20 * i));
        assert_eq!(even.value(), 0.0);
        // Intervals 10, 30, 10, 30: 200 · 20 / 40.
        let mut alternating = Npvi::default();
        [0, 10, 40, 50, 80].iter().for_each(|&frame| alternating.nucleus(frame));
        assert_eq!(alternating.value(), 100.0);
    }

    #[test]
    fn a_swing_shows_in_its_band() {
        for (band, hz) in MODULATIONS.into_iter().enumerate() {
            let mut modulation = Modulation::new();
            (0..1000).for_each(|n| modulation.push((std::f32::consts::TAU * hz * n as f32 / 100.0).sin()));
            let shares = modulation.shares();
            let best = (0..4).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap();
            assert_eq!(best, band, "{hz} Hz: {shares:?}");
        }
    }
}
