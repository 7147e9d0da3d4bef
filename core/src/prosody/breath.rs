//! Breath-like events: soft noise of some length beside speech, as of breathing in before a phrase.
//!
//! A run of 100 to 800 ms of frames that are unvoiced, at least 18 dB below the loudest speech, at least 5 dB above the noise of
//! the line, and bright (the energy from 1 to 4 kHz no more than 3 dB below that from 50 to 1000 Hz, which hum and distant voices
//! are not). Two frames that are not so may lie within. Low level, absence of voice and a flat spectrum are what tell breaths
//! apart in D. Ruinskiy, Y. Lavner, "An effective algorithm for automatic detection and exact demarcation of breath sounds in
//! speech and song signals", IEEE Trans. ASLP 15 (2007), 838-850; templates of a speaker are not used here.

use super::stats::Moments;

const BELOW_PEAK: f32 = 18.0;
const ABOVE_FLOOR: f32 = 5.0;
const BRIGHT: f32 = 3.0;
const SHORTEST: u32 = 10;
const LONGEST: u32 = 80;
const HOLES: u32 = 2;

/// Counts breath-like events of a stream of frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Breaths {
    length: u32,
    holes: u32,
    /// Lengths in frames.
    lengths: Moments,
}

impl Breaths {
    /// Takes the next frame: whether it is voiced, its level, the level of loud speech and of the floor (dB), and the alpha ratio (dB).
    pub(crate) fn step(&mut self, voiced: bool, level: f32, (floor, peak): (f32, f32), alpha: f32) {
        let soft = (floor + ABOVE_FLOOR..peak - BELOW_PEAK).contains(&level);
        if soft && !voiced && alpha < BRIGHT {
            self.length += 1 + self.holes;
            self.holes = 0;
        } else if self.length > 0 {
            self.holes += 1;
            if self.holes > HOLES {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if (SHORTEST..=LONGEST).contains(&self.length) {
            self.lengths.add(f64::from(self.length));
        }
        (self.length, self.holes) = (0, 0);
    }

    /// Lengths of the events, frames; one that has not ended is not among them.
    pub(crate) fn lengths(&self) -> Moments {
        self.lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_bright_noise_of_the_right_length_counts() {
        let mut breaths = Breaths::default();
        let levels = (-70.0, -20.0);
        let mut run = |frames: usize, voiced: bool, level: f32, alpha: f32| {
            (0..frames).for_each(|_| breaths.step(voiced, level, levels, alpha));
            (0..5).for_each(|_| breaths.step(false, -70.0, levels, 0.0));
            breaths.lengths().count()
        };
        assert_eq!(run(30, false, -50.0, 0.0), 1);
        assert_eq!(run(30, true, -50.0, 0.0), 1, "voiced");
        assert_eq!(run(30, false, -30.0, 0.0), 1, "as loud as speech");
        assert_eq!(run(30, false, -67.0, 0.0), 1, "the noise of the line");
        assert_eq!(run(30, false, -50.0, 9.0), 1, "hum");
        assert_eq!(run(6, false, -50.0, 0.0), 1, "too short");
        assert_eq!(run(90, false, -50.0, 0.0), 1, "too long");
        assert_eq!(run(12, false, -50.0, 0.0), 2);
        assert_eq!(breaths.lengths().mean(), 21.0);
    }
}
