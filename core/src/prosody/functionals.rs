//! Functionals: statistics of the low-level descriptors over a growing segment.

use super::{
    FEATURES,
    delivery::{LEAST_LEVEL, Pauses, SpeechThreshold, Syllables},
    extractor::sum,
    lld::Lld,
    stats::{Histogram, Moments, Runs},
};

const FRAMES_PER_SECOND: f64 = 100.0;
/// Shortest run of voiced or unvoiced frames that counts as a segment.
const LEAST_SEGMENT: u64 = 1;

/// One value for each of [`FEATURES`] over a segment of audio; NaN where a feature is not defined (the mean F0 of silence).
#[derive(Debug, Clone, PartialEq)]
pub struct Functionals {
    seconds: f64,
    values: Vec<f64>,
}

impl Functionals {
    /// Length of the segment, s.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The values in the order of [`FEATURES`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Names and values in the order of [`FEATURES`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        FEATURES.iter().map(|feature| feature.name).zip(self.values.iter().copied())
    }

    /// The value of a feature; `None` for a name that is not in [`FEATURES`].
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }
}

/// What the extractor knows of a hop besides its [`Lld`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hop {
    /// Mean square of the 20 ms around the hop, without the mean.
    pub(crate) power: f32,
    /// Whether no sample of the hop differs from the next.
    pub(crate) constant: bool,
}

/// Collects frames; answers at any time.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    threshold: SpeechThreshold,
    pauses: Pauses,
    syllables: Syllables,
    f0: VoicedContour,
    voiced_runs: Runs,
    unvoiced_runs: Runs,
    voicing: Moments,
    hnr: Moments,
    speech_levels: Histogram,
    levels: Histogram,
    frames: u64,
    voiced: u64,
    constant: u64,
    /// Sum of squares of all samples, and their number.
    squares: f64,
    samples: u64,
}

impl Collector {
    pub(crate) fn new() -> Self {
        let levels = Histogram::new(LEAST_LEVEL, 10.0, 0.1);
        Self {
            threshold: SpeechThreshold::new(),
            pauses: Pauses::default(),
            syllables: Syllables::new(),
            f0: VoicedContour::new(),
            voiced_runs: Runs::new(LEAST_SEGMENT),
            unvoiced_runs: Runs::new(LEAST_SEGMENT),
            voicing: Moments::default(),
            hnr: Moments::default(),
            speech_levels: levels.clone(),
            levels,
            frames: 0,
            voiced: 0,
            constant: 0,
            squares: 0.0,
            samples: 0,
        }
    }

    /// Takes in the level (dB) of the newest frame, ahead of [`push`](Self::push), which waits for the F0 path.
    pub(crate) fn observe_level(&mut self, level: f32) {
        self.threshold.observe(level);
    }

    /// Takes in the raw samples of a hop, for the equivalent sound level.
    pub(crate) fn observe_samples(&mut self, samples: &[f32]) {
        self.squares += f64::from(sum(samples, |x| x * x));
        self.samples += samples.len() as u64;
    }

    /// Takes in the next finished frame.
    pub(crate) fn push(&mut self, lld: &Lld, hop: Hop) {
        let voiced = lld.voiced();
        let threshold = self.threshold.get();
        let speech = lld.level > threshold;
        self.frames += 1;
        self.voiced += u64::from(voiced);
        self.constant += u64::from(hop.constant);
        self.voiced_runs.step(voiced);
        self.unvoiced_runs.step(!voiced);
        self.pauses.step(speech);
        self.syllables.step(hop.power, voiced, threshold);
        self.f0.push(lld.semitones());
        if voiced {
            self.voicing.add(f64::from(lld.voicing));
            self.hnr.add(f64::from(lld.hnr));
        }
        if !hop.constant {
            self.levels.add(lld.level);
        }
        if speech {
            self.speech_levels.add(lld.level);
        }
    }

    /// The functionals of everything so far.
    pub(crate) fn functionals(&self) -> Functionals {
        let mut values = Vec::with_capacity(FEATURES.len());
        self.f0_values(&mut values);
        self.segment_values(&mut values);
        values.push(10.0 * (self.squares / self.samples as f64).log10());
        self.voice_values(&mut values);
        self.delivery_values(&mut values);
        values.push(self.constant as f64 / self.frames as f64);
        for value in &mut values {
            // No frames: 0 / 0; digital silence: log 0. Neither is a number that a reader could use.
            if !value.is_finite() {
                *value = f64::NAN;
            }
        }
        Functionals { seconds: self.samples as f64 / 8000.0, values }
    }

    fn f0_values(&self, values: &mut Vec<f64>) {
        let f0 = self.f0.closed();
        let percentiles = [0.2, 0.5, 0.8].map(|q| f0.histogram.quantile(q));
        values.extend([f0.moments.mean(), f0.moments.stddev_norm()]);
        values.extend(percentiles);
        values.push(percentiles[2] - percentiles[0]);
    }

    fn segment_values(&self, values: &mut Vec<f64>) {
        let voiced = self.voiced_runs.lengths();
        let unvoiced = self.unvoiced_runs.lengths();
        values.push(voiced.count() as f64 * FRAMES_PER_SECOND / self.frames as f64);
        for lengths in [voiced, unvoiced] {
            values.extend([lengths.mean() / FRAMES_PER_SECOND, lengths.stddev() / FRAMES_PER_SECOND]);
        }
    }

    fn voice_values(&self, values: &mut Vec<f64>) {
        values.extend([self.voiced as f64 / self.frames as f64, self.voicing.mean()]);
        values.extend([self.hnr.mean(), self.hnr.stddev()]);
        values.push(self.speech_levels.quantile(0.5));
        values.push(self.levels.quantile(0.95) - self.levels.quantile(0.05));
    }

    fn delivery_values(&self, values: &mut Vec<f64>) {
        let speech = self.pauses.speech_frames() as f64 / FRAMES_PER_SECOND;
        let span = self.pauses.span_frames() as f64 / FRAMES_PER_SECOND;
        let lengths = self.pauses.lengths();
        let nuclei = self.syllables.count() as f64;
        values.extend([speech, lengths.count() as f64 * 60.0 / span]);
        values.extend([lengths.mean() / FRAMES_PER_SECOND, lengths.stddev_norm()]);
        values.extend([nuclei / span, nuclei / speech]);
    }
}

/// F0 in semitones, smoothed as eGeMAPS does (`sma3nz`: mean over three frames, of those that are voiced).
#[derive(Debug, Clone)]
struct VoicedContour {
    /// The frame before last and the last; 0 for unvoiced.
    last: [f32; 2],
    moments: Moments,
    histogram: Histogram,
}

impl VoicedContour {
    fn new() -> Self {
        // 75 to 600 Hz are 17.4 to 53.4 semitones.
        Self { last: [0.0; 2], moments: Moments::default(), histogram: Histogram::new(15.0, 55.0, 0.02) }
    }

    fn push(&mut self, next: f32) {
        let [before, middle] = self.last;
        if middle > 0.0 {
            let neighbours = [before, middle, next];
            let voiced = neighbours.iter().filter(|&&value| value > 0.0).count();
            let smooth = neighbours.iter().sum::<f32>() / voiced as f32;
            self.moments.add(f64::from(smooth));
            self.histogram.add(smooth);
        }
        self.last = [middle, next];
    }

    /// A copy in which the newest frame is counted too.
    fn closed(&self) -> Self {
        let mut closed = self.clone();
        closed.push(0.0);
        closed
    }
}
