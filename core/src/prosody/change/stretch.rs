//! A stretch of speech between two gaps, as sums: joined in a moment, whatever their length.

use super::super::{lld::Lld, spectrum::LFCC};

/// Jitter is not taken to be smaller before its logarithm.
const LEAST_JITTER: f32 = 1e-4;

/// Number, sum and sum of squares of values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) count: f32,
    sum: f32,
    squares: f32,
}

impl Sums {
    /// Takes a value; what is not finite is not defined there.
    pub(super) fn add(&mut self, value: f32) {
        if value.is_finite() {
            self.count += 1.0;
            self.sum += value;
            self.squares += value * value;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// NaN without a value.
    pub(super) fn mean(&self) -> f32 {
        self.sum / self.count
    }

    /// With divisor n; NaN without a value.
    pub(super) fn variance(&self) -> f32 {
        let mean = self.mean();
        (self.squares / self.count - mean * mean).max(0.0)
    }
}

/// What is known of a stretch, or of several.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretch {
    /// First frame, and the one after the last.
    pub(super) begin: u64,
    pub(super) end: u64,
    /// Frames of speech, and the voiced among them.
    pub(super) speech: u32,
    pub(super) voiced: u32,
    /// F0, semitones; of voiced frames, as the next three.
    pub(super) f0: Sums,
    /// Shimmer, dB.
    pub(super) shimmer: Sums,
    /// Natural logarithm of the jitter.
    pub(super) jitter: Sums,
    /// Harmonics-to-noise ratio, dB.
    pub(super) hnr: Sums,
    /// Change of the first cepstral coefficient (the tilt of the spectrum) in 10 ms, dB.
    pub(super) tilt_step: Sums,
    /// Cepstral coefficients, dB.
    pub(super) lfcc: [Sums; LFCC],
}

impl Stretch {
    pub(super) fn starting(begin: u64) -> Self {
        Self { begin, end: begin, ..Self::default() }
    }

    /// Takes a frame of speech, and the one before it if that was one, too.
    pub(super) fn add(&mut self, lld: &Lld, before: Option<&Lld>) {
        self.speech += 1;
        for (sums, &value) in self.lfcc.iter_mut().zip(&lld.lfcc) {
            sums.add(value);
        }
        if let Some(before) = before {
            self.tilt_step.add(lld.lfcc[0] - before.lfcc[0]);
        }
        if lld.voiced() {
            self.voiced += 1;
            self.f0.add(lld.semitones());
            self.shimmer.add(lld.shimmer);
            self.hnr.add(lld.hnr);
            if lld.jitter.is_finite() {
                self.jitter.add(lld.jitter.max(LEAST_JITTER).ln());
            }
        }
    }

    /// Adds what another holds; where it lies stays.
    pub(super) fn join(&mut self, other: &Self) {
        self.speech += other.speech;
        self.voiced += other.voiced;
        for (sums, more) in [
            (&mut self.f0, &other.f0),
            (&mut self.shimmer, &other.shimmer),
            (&mut self.jitter, &other.jitter),
            (&mut self.hnr, &other.hnr),
            (&mut self.tilt_step, &other.tilt_step),
        ] {
            sums.join(more);
        }
        for (sums, more) in self.lfcc.iter_mut().zip(&other.lfcc) {
            sums.join(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_stretches_are_as_one() {
        let frames: Vec<Lld> =
            (0..9).map(|n| Lld { f0: 100.0 + 10.0 * n as f32, lfcc: [n as f32; LFCC], ..Lld::steady() }).collect();
        let of = |frames: &[Lld]| {
            let mut stretch = Stretch::starting(0);
            frames.iter().for_each(|lld| stretch.add(lld, None));
            stretch
        };
        let (whole, mut joined) = (of(&frames), of(&frames[..4]));
        joined.join(&of(&frames[4..]));
        assert_eq!((joined.speech, joined.voiced), (9, 9));
        assert!((joined.f0.mean() - whole.f0.mean()).abs() < 1e-4);
        assert!((joined.lfcc[3].mean() - 4.0).abs() < 1e-4);
        assert!((joined.lfcc[3].variance() - 60.0 / 9.0).abs() < 1e-4);
    }

    #[test]
    fn what_is_not_defined_does_not_count() {
        let mut stretch = Stretch::starting(0);
        stretch.add(&Lld { jitter: f32::NAN, ..Lld::steady() }, None);
        stretch.add(&Lld { jitter: 0.01, ..Lld::steady() }, None);
        assert!((stretch.jitter.mean() - 0.01f32.ln()).abs() < 1e-4);
    }
}
