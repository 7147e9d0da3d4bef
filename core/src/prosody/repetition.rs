//! Phrase repetition: whether a stream says the same again, sound for sound.
//!
//! A code of 19 bits a frame: bit m says whether the level of band m rose more than that of band m + 1 over the last 30 ms (J.
//! Haitsma, T. Kalker, "A highly robust audio fingerprinting system", ISMIR 2002, 107-115, with the 20 bands of the cepstrum).
//! A phrase is a stretch of .6 s and more of speech between gaps of .25 s. When it ends it is laid over each phrase of the last
//! 80 s that is as long as it (to 15 %), shifted by up to 100 ms; the smallest share of bits that differ is its distance. People
//! who say the same words again come to .4 and more, as unlike phrases do; a replayed prompt to .1 to .3, whatever codec it
//! went through.
//!
//! Memory is constant (33 kB). A frame costs nothing; a phrase's end some ten microseconds.

use super::stats::Moments;

/// Codes kept.
const KEPT: usize = 8192;
/// Phrases kept.
const PHRASES: usize = 64;
/// Bits of a code.
const BITS: u32 = 19;
/// Shortest phrase, and the gap that ends it, frames.
const LEAST_PHRASE: u64 = 60;
const LEAST_GAP: u64 = 25;
/// How far phrases are shifted, frames.
const SHIFT: u64 = 10;
/// Below this share of bits that differ a phrase counts as said again.
const SAME: f64 = 0.33;

/// A stretch of frames.
#[derive(Debug, Clone, Copy, Default)]
struct Phrase {
    start: u64,
    length: u64,
}

/// Compares each phrase of a stream with those before it.
#[derive(Debug, Clone)]
pub(crate) struct Repetition {
    codes: Box<[u32]>,
    time: u64,
    phrases: [Phrase; PHRASES],
    count: usize,
    /// Start of the phrase that goes on, and its last frame of speech.
    current: Option<(u64, u64)>,
    totals: Totals,
}

/// What has been found in the segment.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    frames: u64,
    repeated: u64,
    distances: Moments,
}

impl Repetition {
    pub(crate) fn new() -> Self {
        Self::with(vec![0; KEPT].into())
    }

    /// At the start, with codes of silence.
    fn with(codes: Box<[u32]>) -> Self {
        Self {
            codes,
            time: 0,
            phrases: [Phrase::default(); PHRASES],
            count: 0,
            current: None,
            totals: Totals::default(),
        }
    }

    /// Starts a new segment; earlier phrases stay known.
    pub(crate) fn clear(&mut self) {
        self.totals = Totals::default();
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        let mut codes = std::mem::take(&mut self.codes);
        // Phrases are compared with a shift, which may reach before the first frame.
        codes.fill(0);
        *self = Self::with(codes);
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, code: u32, speech: bool) {
        self.codes[(self.time % KEPT as u64) as usize] = code;
        match &mut self.current {
            Some((_, last)) if speech => *last = self.time,
            None if speech => self.current = Some((self.time, self.time)),
            Some((start, last)) if self.time - *last >= LEAST_GAP => {
                let phrase = Phrase { start: *start, length: *last + 1 - *start };
                self.current = None;
                self.finish(phrase);
            }
            _ => {}
        }
        self.time += 1;
    }

    /// Share of the time in phrases that had been said before, NaN without a phrase that could be compared; and the mean distance
    /// of a phrase from the one before it that is most alike.
    pub(crate) fn values(&self) -> [f64; 2] {
        let Totals { frames, repeated, distances } = self.totals;
        [repeated as f64 / frames as f64, distances.mean()]
    }

    fn finish(&mut self, phrase: Phrase) {
        // A phrase must be in memory to its first shifted frame.
        if phrase.length < LEAST_PHRASE || phrase.length > KEPT as u64 / 4 {
            return;
        }
        let mut nearest = f64::NAN;
        for &other in &self.phrases[..self.count.min(PHRASES)] {
            let alike = phrase.length.abs_diff(other.length) * 100 <= 15 * phrase.length;
            if alike && other.start + KEPT as u64 > self.time + SHIFT {
                nearest = nearest.min(self.distance(phrase, other));
            }
        }
        if nearest.is_finite() {
            self.totals.frames += phrase.length;
            self.totals.repeated += if nearest < SAME { phrase.length } else { 0 };
            self.totals.distances.add(nearest);
        }
        self.phrases[self.count % PHRASES] = phrase;
        self.count += 1;
    }

    /// Least share of bits that differ, over all shifts.
    fn distance(&self, phrase: Phrase, other: Phrase) -> f64 {
        let length = phrase.length.min(other.length);
        let code = |time: u64| self.codes[(time % KEPT as u64) as usize];
        let differing = |shift: u64| -> u32 {
            (0..length)
                .map(|k| (code(phrase.start + k) ^ code(other.start + KEPT as u64 - SHIFT + k + shift)).count_ones())
                .sum()
        };
        let least = (0..=2 * SHIFT).map(differing).min().unwrap_or(u32::MAX);
        f64::from(least) / (length * u64::from(BITS)) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes a phrase of codes that follow from `seed`, with `flips` of 19 bits changed in each, and a gap.
    fn say(repetition: &mut Repetition, seed: u64, length: u64, flips: u32) {
        let mut state = seed;
        for frame in 0..length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let wrong = (0..flips).fold(0, |bits, k| bits | 1 << ((frame as u32 * 7 + k * 5) % BITS));
            repetition.push((state >> 40) as u32 & 0x7_ffff ^ wrong, true);
        }
        (0..40).for_each(|_| repetition.push(0, false));
    }

    #[test]
    fn a_phrase_said_again_is_known_and_another_is_not() {
        let mut repetition = Repetition::new();
        assert!(repetition.values()[0].is_nan());
        say(&mut repetition, 1, 100, 0);
        assert!(repetition.values()[0].is_nan(), "nothing to compare with");
        say(&mut repetition, 2, 100, 0);
        assert_eq!(repetition.values()[0], 0.0);
        say(&mut repetition, 1, 100, 3);
        let [share, _] = repetition.values();
        assert_eq!(share, 0.5);
        repetition.clear();
        say(&mut repetition, 2, 104, 0);
        let [share, distance] = repetition.values();
        assert_eq!(share, 1.0);
        assert!(distance < 0.05, "{distance}");
    }

    #[test]
    fn short_and_forgotten_phrases_do_not_count() {
        let mut repetition = Repetition::new();
        say(&mut repetition, 1, 50, 0);
        say(&mut repetition, 1, 50, 0);
        assert!(repetition.values()[0].is_nan());
        say(&mut repetition, 1, 100, 0);
        (0..KEPT).for_each(|_| repetition.push(0, false));
        say(&mut repetition, 1, 100, 0);
        assert!(repetition.values()[0].is_nan(), "80 s later it is forgotten");
    }
}
