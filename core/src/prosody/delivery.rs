//! Delivery: where there is speech, where it pauses, and its syllables.
//!
//! - Speech is what lies above a level threshold: 25 dB below the 99th percentile of the frame levels so far (the value of
//!   N. H. de Jong, T. Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically", Behavior
//!   Research Methods 41 (2009), 385-390), raised to 4 dB above the 5th percentile where that is higher (a noisy line), but
//!   not above 15 dB below the 99th. As long as the two are less than 10 dB apart there is no speech at all: the noise of
//!   a line keeps its level, speech does not.
//! - A pause is a stretch of at least .25 s below it with speech on both sides (250 ms: N. H. de Jong, H. R. Bosker,
//!   "Choosing a threshold for silent pauses to measure second language fluency", DiSS 2013, 17-20).
//! - A syllable nucleus is a voiced peak of the smoothed level above the threshold with a dip of at least 2 dB before it
//!   and after it (de Jong & Wempe 2009, with the level of 50 ms triangular windows for Praat's intensity).
//!
//! What differs from the source: the percentiles are those of the stream so far (which runs .4 s ahead of the frames
//! judged), since a live call has no end yet.

use super::stats::{Histogram, Moments};

/// Shortest gap that counts as a pause, frames of 10 ms.
const LEAST_PAUSE: u64 = 25;
/// Dip on both sides of a syllable nucleus, dB.
const DIP: f32 = 2.0;
/// No speech as long as the 5th and 99th percentile of the level are closer, dB.
const LEAST_RANGE: f32 = 10.0;
/// Nothing below this level is speech, dB re full scale.
const LEAST_THRESHOLD: f32 = -65.0;
/// Lowest level that is told apart, dB re full scale.
pub(crate) const LEAST_LEVEL: f32 = -100.0;

/// The level above which a frame counts as speech.
#[derive(Debug, Clone)]
pub(crate) struct SpeechThreshold {
    levels: Histogram,
    threshold: f32,
    /// 5th and 99th percentile of the levels, dB.
    range: (f32, f32),
    seen: u64,
}

impl SpeechThreshold {
    pub(crate) fn new() -> Self {
        Self::with(Histogram::new(LEAST_LEVEL, 10.0, 1.0))
    }

    /// At the start, with an empty histogram.
    fn with(levels: Histogram) -> Self {
        Self { levels, threshold: f32::INFINITY, range: (f32::NAN, f32::NAN), seen: 0 }
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        let mut levels = std::mem::take(&mut self.levels);
        levels.clear();
        *self = Self::with(levels);
    }

    /// Takes in the level of the newest frame, dB.
    pub(crate) fn observe(&mut self, level: f32) {
        if level > LEAST_LEVEL {
            self.levels.add(level);
        }
        self.seen += 1;
        // Percentiles move slowly: a tenth of the work is enough.
        if self.seen <= 50 || self.seen.is_multiple_of(10) {
            let peak = self.levels.quantile(0.99) as f32;
            let floor = self.levels.quantile(0.05) as f32;
            self.range = (floor, peak);
            let threshold = (peak - 25.0).max((floor + 4.0).min(peak - 15.0));
            // Speech changes its level; what has not done so yet is the noise of the line (or a tone).
            let alive = peak - floor >= LEAST_RANGE;
            self.threshold = if alive { threshold.max(LEAST_THRESHOLD) } else { f32::INFINITY };
        }
    }

    pub(crate) fn get(&self) -> f32 {
        self.threshold
    }

    /// Level of the floor and of loud speech, dB; NaN at the start.
    pub(crate) fn range(&self) -> (f32, f32) {
        self.range
    }
}

/// Speech time and pauses of a stream of frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pauses {
    /// Frames since the last speech, while inside speech or a gap; `None` before the first speech.
    gap: Option<u64>,
    speech: u64,
    short_gaps: u64,
    lengths: Moments,
}

impl Pauses {
    pub(crate) fn step(&mut self, speech: bool) {
        if !speech {
            self.gap = self.gap.map(|gap| gap + 1);
            return;
        }
        match self.gap {
            Some(gap) if gap >= LEAST_PAUSE => self.lengths.add(gap as f64),
            Some(gap) => self.short_gaps += gap,
            None => {}
        }
        self.gap = Some(0);
        self.speech += 1;
    }

    /// Whether there was speech already.
    pub(crate) fn within(&self) -> bool {
        self.gap.is_some()
    }

    /// Lengths of the pauses between speech, frames.
    pub(crate) fn lengths(&self) -> Moments {
        self.lengths
    }

    /// Frames of speech, gaps too short for a pause included.
    pub(crate) fn speech_frames(&self) -> u64 {
        self.speech + self.short_gaps
    }

    /// Frames from the first speech to the last.
    pub(crate) fn span_frames(&self) -> u64 {
        self.speech_frames() + (self.lengths.count() as f64 * self.lengths.mean().max(0.0)).round() as u64
    }
}

/// Counts syllable nuclei.
#[derive(Debug, Clone)]
pub(crate) struct Syllables {
    /// Mean squares of the last five frames, newest last, and whether each was voiced.
    power: [f32; 5],
    voiced: [bool; 5],
    /// Lowest smoothed level since the last nucleus, and the highest since that low.
    low: f32,
    peak: f32,
    peak_voiced: bool,
    nuclei: u64,
}

impl Syllables {
    pub(crate) fn new() -> Self {
        let nothing = f32::INFINITY;
        Self { power: [0.0; 5], voiced: [false; 5], low: nothing, peak: -nothing, peak_voiced: false, nuclei: 0 }
    }

    /// Takes the next frame: its mean square, whether it is voiced, and the speech threshold in dB. Says whether a nucleus
    /// was found.
    pub(crate) fn step(&mut self, power: f32, voiced: bool, threshold: f32) -> bool {
        self.power.rotate_left(1);
        self.voiced.rotate_left(1);
        (self.power[4], self.voiced[4]) = (power, voiced);
        let p = &self.power;
        let smooth = (p[0] + 2.0 * p[1] + 3.0 * p[2] + 2.0 * p[3] + p[4]) / 9.0;
        self.track(decibel(smooth), self.voiced[2], threshold)
    }

    fn track(&mut self, level: f32, voiced: bool, threshold: f32) -> bool {
        let before = self.nuclei;
        if level > self.peak {
            (self.peak, self.peak_voiced) = (level, voiced);
        }
        if self.peak - level >= DIP && self.peak > threshold && self.peak - self.low >= DIP {
            self.nuclei += u64::from(self.peak_voiced);
            (self.low, self.peak) = (level, level);
            self.peak_voiced = voiced;
        } else if level < self.low {
            // A new low starts the search for a peak again.
            (self.low, self.peak, self.peak_voiced) = (level, level, voiced);
        }
        self.nuclei > before
    }

    /// Nuclei found so far; the last frames of a stream may hold one more, which no dip has confirmed.
    pub(crate) fn count(&self) -> u64 {
        self.nuclei
    }
}

/// Power to dB, not below [`LEAST_LEVEL`].
pub(crate) fn decibel(power: f32) -> f32 {
    (10.0 * power.max(1e-12).log10()).max(LEAST_LEVEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_gaps_of_a_quarter_second_between_speech() {
        let mut pauses = Pauses::default();
        for (speech, frames) in [(false, 90), (true, 100), (false, 24), (true, 10), (false, 30), (true, 5), (false, 99)]
        {
            (0..frames).for_each(|_| pauses.step(speech));
        }
        assert_eq!((pauses.lengths().count(), pauses.lengths().mean()), (1, 30.0));
        assert_eq!((pauses.speech_frames(), pauses.span_frames()), (139, 169));
    }

    #[test]
    fn syllables_are_voiced_peaks_between_dips() {
        // 4 humps of 6 dB at 5 a second, the third of them unvoiced.
        let mut syllables = Syllables::new();
        for frame in 0..80 {
            let level = -20.0 - 3.0 * (std::f32::consts::TAU * frame as f32 / 20.0).cos();
            syllables.step(10f32.powf(level / 10.0), !(40..60).contains(&frame), -45.0);
        }
        for _ in 0..10 {
            syllables.step(1e-9, false, -45.0);
        }
        assert_eq!(syllables.count(), 3);
    }
}
