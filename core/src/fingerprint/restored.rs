//! Soft values of stored codes: what an index forgot of them, from the bands that it keeps.
//!
//! An index stores the signs of a code's 128 values and, beside, the bands in steps of 3 dB and 20 ms. From these the values come out
//! again but for what the steps lose: they correlate with the values of the audio by .96, with a wrong sign in 9 of 100. Where the sign is
//! not the stored one, the value was near its threshold, and 0 is what is known of it.

use super::{
    code::{BITS, Code},
    extract::{BANDS, CODE_HOP, raise_valleys},
    kernel::{kernel, padded, project, temporal},
    model::model,
};

/// Restores the values of a rendering's codes.
#[derive(Debug)]
pub(crate) struct Restorer {
    /// Frames of 10 ms of padded bands, one after the other.
    frames: Vec<i16>,
    floors: Vec<i16>,
    features: Vec<i16>,
}

impl Restorer {
    /// Without a rendering.
    pub(crate) fn new() -> Self {
        Self { frames: Vec::new(), floors: vec![0; padded(BANDS)], features: vec![0; kernel().features()] }
    }

    /// Takes the log bands of a rendering, two frames after the other, 1/256 octave of power.
    pub(crate) fn begin(&mut self, pairs: impl Iterator<Item = [i16; BANDS]>) {
        self.frames.clear();
        for bands in pairs {
            for _frame in 0..2 {
                self.frames.extend_from_slice(&bands);
                self.frames.resize(self.frames.len().next_multiple_of(padded(BANDS)), 0);
            }
        }
    }

    /// The values of code number `number`, which is stored as `code`; zeros where the bands end before.
    pub(crate) fn values(&mut self, number: usize, code: Code) -> [i8; BITS] {
        let (model, width) = (model(), padded(BANDS));
        let begin = number.saturating_mul(CODE_HOP * width);
        let end = begin.saturating_add(model.patch * width);
        let Some(window) = self.frames.get(begin..end) else { return [0; BITS] };
        raise_valleys(model, window, &mut self.floors);
        temporal(kernel(), window, &self.floors, &mut self.features);
        let (mut values, found) = project(kernel(), &self.features);
        for ((values, found), stored) in values.as_chunks_mut::<64>().0.iter_mut().zip(found.0).zip(code.0) {
            let mut differing = found ^ stored;
            while differing != 0 {
                values[differing.trailing_zeros() as usize] = 0;
                differing &= differing - 1;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{Bands, Reference};

    /// Syllables of changing vowels: harmonics of 120 Hz under two moving resonances.
    fn speech() -> Vec<f32> {
        let vowel = |time: f32, hertz: f32| {
            let near = |centre: f32| (-((hertz - centre) / 180.0).powi(2)).exp();
            near(500.0 + 250.0 * (7.0 * time).sin()) + 0.5 * near(1700.0 + 600.0 * (4.3 * time).sin())
        };
        (0..24_000)
            .map(|n| {
                let time = n as f32 / 8000.0;
                let voice = (1..26)
                    .map(|k| k as f32 * 120.0)
                    .map(|f| vowel(time, f) * (2.0 * std::f32::consts::PI * f * time).sin());
                0.1 * (0.2 + (9.0 * time).sin().max(0.0)) * voice.sum::<f32>()
            })
            .collect()
    }

    #[test]
    fn values_come_out_again_from_coarse_bands() {
        let reference = Reference::of(&speech());
        let coarse = |pair: &[Bands; 2]| -> Bands {
            std::array::from_fn(|b| {
                let mean = (i32::from(pair[0][b]) + i32::from(pair[1][b])) / 2;
                ((mean + 128).div_euclid(256) * 256) as i16
            })
        };
        let mut restorer = Restorer::new();
        restorer.begin(reference.bands.as_chunks::<2>().0.iter().map(coarse));
        let (mut both, mut ours, mut theirs, mut against) = (0.0, 0.0, 0.0, 0);
        let codes: Vec<_> = reference.codes.iter().enumerate().filter(|(_, code)| code.active).collect();
        for &(number, code) in &codes {
            let values = restorer.values(number, code.soft.code());
            for (&a, &b) in values.iter().zip(code.soft.values()) {
                let (a, b) = (f64::from(a), f64::from(b));
                both += a * b;
                ours += a * a;
                theirs += b * b;
                against += usize::from(a * b < 0.0);
            }
        }
        assert!(codes.len() > 40, "{} codes have sound", codes.len());
        assert_eq!(against, 0, "no value contradicts its stored sign");
        let correlation = both / (ours * theirs).sqrt();
        assert!(correlation > 0.93, "{correlation}");
    }

    #[test]
    fn past_the_bands_nothing_is_known() {
        let mut restorer = Restorer::new();
        restorer.begin(std::iter::repeat_n([0; BANDS], 20));
        assert_eq!(restorer.values(1, Code([!0, 0])), [0; BITS]);
        assert_eq!(restorer.values(usize::MAX, Code([!0, 0])), [0; BITS]);
    }
}
