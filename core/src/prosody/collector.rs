//! Collects frames into functionals, one at a time, in constant memory.

use super::{
    breath::Breaths,
    contour::Contour,
    delivery::{LEAST_LEVEL, Pauses, SpeechThreshold, Syllables},
    dynamics::{Dimension, Growth, Recurrence},
    extractor::sum,
    formants::FORMANTS,
    functionals::{Functionals, Row},
    gemaps::Gemaps,
    lld::Lld,
    repetition::Repetition,
    rhythm::{Modulation, Npvi},
    runs::VoicedRuns,
    spectrum::LFCC,
    stats::{Histogram, Moments, Runs},
    turns::TURNS,
};

const FRAMES_PER_SECOND: f64 = 100.0;
/// Functionals that [`Gemaps`] gives.
const GEMAPS: usize = 29;
/// Shortest run of voiced or unvoiced frames that counts as a segment.
const LEAST_SEGMENT: u64 = 1;
/// Levels are not taken to be lower than so far below the speech threshold where their swing counts, dB.
const SWING_BELOW: f32 = 5.0;

/// What the extractor knows of a hop besides its [`Lld`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hop {
    /// Mean square of the 20 ms around the hop, without the mean.
    pub(crate) power: f32,
    /// Whether no sample of the hop differs from the next.
    pub(crate) constant: bool,
    /// See [`Repetition`].
    pub(crate) code: u32,
}

/// Collects frames; answers at any time.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    threshold: SpeechThreshold,
    /// Frames since the start of the stream.
    time: u64,
    before: Option<Lld>,
    before_that: Option<f32>,
    level_swing: Modulation,
    f0_swing: Modulation,
    repetition: Repetition,
    growth: Growth,
    recurrence: Recurrence,
    dimension: Dimension,
    runs: VoicedRuns,
    counts: Counts,
    voice: Voice,
    speech: Speech,
}

/// Time and level.
#[derive(Debug, Clone)]
struct Counts {
    pauses: Pauses,
    syllables: Syllables,
    npvi: Npvi,
    breaths: Breaths,
    voiced_runs: Runs,
    unvoiced_runs: Runs,
    constant_runs: Runs,
    levels: Histogram,
    speech_levels: Histogram,
    floor: Moments,
    frames: u64,
    voiced: u64,
    constant: u64,
    /// Sum of squares of all samples, and their number.
    squares: f64,
    samples: u64,
}

/// What only voiced frames have.
#[derive(Debug, Clone, Default)]
struct Voice {
    f0: Contour,
    jitter: Contour,
    shimmer: Contour,
    hnr: Contour,
    h1_h2: Contour,
    formants: [Contour; FORMANTS],
    voicing: Moments,
    f0_step: Moments,
    f0_bend: Moments,
}

/// What frames of speech have.
#[derive(Debug, Clone, Default)]
struct Speech {
    flux: Moments,
    level_step: Moments,
    alpha: Moments,
    hammarberg: Moments,
    lfcc: [Moments; LFCC],
    lfcc_step: [Moments; LFCC],
}

impl Counts {
    fn new() -> Self {
        let levels = Histogram::new(LEAST_LEVEL, 10.0, 0.1);
        Self::with(levels.clone(), levels)
    }

    /// At the start, with empty histograms.
    fn with(levels: Histogram, speech_levels: Histogram) -> Self {
        Self {
            pauses: Pauses::default(),
            syllables: Syllables::new(),
            npvi: Npvi::default(),
            breaths: Breaths::default(),
            voiced_runs: Runs::new(LEAST_SEGMENT),
            unvoiced_runs: Runs::new(LEAST_SEGMENT),
            constant_runs: Runs::new(5),
            levels,
            speech_levels,
            floor: Moments::default(),
            frames: 0,
            voiced: 0,
            constant: 0,
            squares: 0.0,
            samples: 0,
        }
    }

    fn clear(&mut self) {
        let (mut levels, mut speech_levels) =
            (std::mem::take(&mut self.levels), std::mem::take(&mut self.speech_levels));
        levels.clear();
        speech_levels.clear();
        *self = Self::with(levels, speech_levels);
    }
}

impl Voice {
    fn push(&mut self, lld: &Lld) {
        let voiced = lld.voiced();
        for (contour, value) in [
            (&mut self.f0, lld.semitones()),
            (&mut self.jitter, lld.jitter),
            (&mut self.shimmer, lld.shimmer),
            (&mut self.hnr, lld.hnr),
            (&mut self.h1_h2, lld.h1_h2),
        ] {
            contour.push(if voiced { value } else { f32::NAN });
        }
        for (contour, value) in self.formants.iter_mut().zip(lld.formants) {
            contour.push(value);
        }
        if voiced {
            self.voicing.add(f64::from(lld.voicing));
        }
    }
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self {
            threshold: SpeechThreshold::new(),
            time: 0,
            before: None,
            before_that: None,
            level_swing: Modulation::new(),
            f0_swing: Modulation::new(),
            repetition: Repetition::new(),
            growth: Growth::default(),
            recurrence: Recurrence::new(),
            dimension: Dimension::new(),
            runs: VoicedRuns::new(),
            counts: Counts::new(),
            voice: Voice::default(),
            speech: Speech::default(),
        }
    }

    /// Starts a new segment; the stream goes on. Nothing is allocated.
    pub(crate) fn restart(&mut self) {
        self.counts.clear();
        self.voice = Voice::default();
        self.speech = Speech::default();
        self.level_swing.clear();
        self.f0_swing.clear();
        self.repetition.clear();
        self.growth.clear();
        self.recurrence.clear();
        self.dimension.clear();
        self.runs.clear();
    }

    /// Forgets the stream. Nothing is allocated.
    pub(crate) fn reset(&mut self) {
        self.restart();
        self.threshold.reset();
        (self.time, self.before, self.before_that) = (0, None, None);
        // What `restart` keeps of the stream, in those that keep something.
        (self.level_swing, self.f0_swing) = (Modulation::new(), Modulation::new());
        self.repetition.reset();
        self.growth = Growth::default();
        self.recurrence.reset();
        self.dimension.reset();
        self.runs.reset();
    }

    /// Takes in the level (dB) of the newest frame, ahead of [`push`](Self::push), which waits for the F0 path.
    pub(crate) fn observe_level(&mut self, level: f32) {
        self.threshold.observe(level);
    }

    /// Takes in the raw samples of a hop, for the equivalent sound level.
    pub(crate) fn observe_samples(&mut self, samples: &[f32]) {
        self.counts.squares += f64::from(sum(samples, |x| x * x));
        self.counts.samples += samples.len() as u64;
    }

    /// Seconds of speech in the segment.
    pub(crate) fn speech_seconds(&self) -> f64 {
        self.counts.pauses.speech_frames() as f64 / FRAMES_PER_SECOND
    }

    /// Whether a level (dB) is that of speech, by what has been observed so far.
    pub(crate) fn is_speech(&self, level: f32) -> bool {
        level > self.threshold.get()
    }

    /// Takes in the next finished frame.
    pub(crate) fn push(&mut self, lld: &Lld, hop: Hop) {
        let threshold = self.threshold.get();
        let speech = lld.speech;
        self.repetition.push(hop.code, speech);
        self.growth.push(lld);
        self.recurrence.push(lld);
        self.dimension.push(lld);
        self.runs.push(lld);
        self.counts.breaths.step(lld.voiced(), lld.level, self.threshold.range(), lld.alpha_ratio);
        self.count(lld, hop, speech, threshold);
        self.voice.push(lld);
        self.swing(lld, threshold);
        if speech {
            self.compare(lld, threshold);
        }
        self.before_that = match &self.before {
            Some(before) if before.voiced() && lld.voiced() => Some(lld.semitones() - before.semitones()),
            _ => None,
        };
        self.before = Some(*lld);
        self.time += 1;
    }

    fn count(&mut self, lld: &Lld, hop: Hop, speech: bool, threshold: f32) {
        let counts = &mut self.counts;
        let voiced = lld.voiced();
        counts.frames += 1;
        counts.voiced += u64::from(voiced);
        counts.constant += u64::from(hop.constant);
        counts.voiced_runs.step(voiced);
        counts.unvoiced_runs.step(!voiced);
        counts.constant_runs.step(hop.constant);
        if !hop.constant && !speech && counts.pauses.within() {
            counts.floor.add(f64::from(lld.level));
        }
        counts.pauses.step(speech);
        if counts.syllables.step(hop.power, voiced, threshold) {
            counts.npvi.nucleus(self.time);
        }
        if !hop.constant {
            counts.levels.add(lld.level);
        }
        if speech {
            counts.speech_levels.add(lld.level);
        }
    }

    /// Swing of level and F0.
    fn swing(&mut self, lld: &Lld, threshold: f32) {
        if threshold.is_finite() {
            self.level_swing.push(lld.level.max(threshold - SWING_BELOW));
        }
        if lld.voiced() {
            let semitones = lld.semitones();
            self.f0_swing.push(semitones);
            if let Some(before) = self.before.filter(Lld::voiced) {
                let step = semitones - before.semitones();
                // A jump of more than half an octave is an error or a new phrase, not a movement.
                if step.abs() < 6.0 {
                    self.voice.f0_step.add(f64::from(step.abs()));
                    if let Some(last) = self.before_that.filter(|last| last.abs() < 6.0) {
                        self.voice.f0_bend.add(f64::from((step - last).abs()));
                    }
                }
            }
        }
    }

    /// Speech against the speech of the frame before.
    fn compare(&mut self, lld: &Lld, threshold: f32) {
        let speech = &mut self.speech;
        speech.alpha.add(f64::from(lld.alpha_ratio));
        speech.hammarberg.add(f64::from(lld.hammarberg));
        for (moments, &value) in speech.lfcc.iter_mut().zip(&lld.lfcc) {
            moments.add(f64::from(value));
        }
        let Some(before) = self.before.filter(|before| before.level > threshold) else { return };
        speech.flux.add(f64::from(lld.flux));
        speech.level_step.add(f64::from((lld.level - before.level).abs()));
        for ((moments, &value), &old) in speech.lfcc_step.iter_mut().zip(&lld.lfcc).zip(&before.lfcc) {
            moments.add(f64::from(value - old));
        }
    }

    /// The functionals of the segment so far; without `gemaps` the first 29 are NaN.
    pub(super) fn functionals(&self, gemaps: Option<&Gemaps>) -> Functionals {
        let mut row = Row::new();
        match gemaps {
            Some(gemaps) => gemaps.values(&mut row),
            None => row.extend([f64::NAN; GEMAPS]),
        }
        row.extend([10.0 * (self.counts.squares / self.counts.samples as f64).log10()]);
        self.tracked(&mut row);
        self.delivery(&mut row);
        self.detail(&mut row);
        self.further(&mut row);
        row.finish(self.counts.samples as f64 / 8000.0)
    }

    /// Voice by Boersma's F0.
    fn tracked(&self, row: &mut Row) {
        let voice = &self.voice;
        for contour in [&voice.f0, &voice.jitter, &voice.shimmer, &voice.hnr, &voice.h1_h2] {
            let moments = contour.moments();
            row.extend([moments.mean(), moments.stddev()]);
        }
        let counts = &self.counts;
        let (voiced, unvoiced) = (counts.voiced_runs.lengths(), counts.unvoiced_runs.lengths());
        row.extend([voiced.count() as f64 * FRAMES_PER_SECOND / counts.frames as f64]);
        for lengths in [voiced, unvoiced] {
            row.extend([lengths.mean() / FRAMES_PER_SECOND, lengths.stddev() / FRAMES_PER_SECOND]);
        }
    }

    fn delivery(&self, row: &mut Row) {
        let counts = &self.counts;
        row.extend([counts.voiced as f64 / counts.frames as f64, self.voice.voicing.mean()]);
        row.extend([counts.speech_levels.quantile(0.5)]);
        row.extend([counts.levels.quantile(0.95) - counts.levels.quantile(0.05)]);
        let speech = self.speech_seconds();
        let span = counts.pauses.span_frames() as f64 / FRAMES_PER_SECOND;
        let lengths = counts.pauses.lengths();
        let nuclei = counts.syllables.count() as f64;
        row.extend([speech, lengths.count() as f64 * 60.0 / span]);
        row.extend([lengths.mean() / FRAMES_PER_SECOND, lengths.stddev_norm()]);
        row.extend([nuclei / span, nuclei / speech, counts.npvi.value()]);
        row.extend([counts.constant as f64 / counts.frames as f64]);
        let gaps = counts.constant_runs.lengths().count() as f64;
        row.extend([gaps * 60.0 * FRAMES_PER_SECOND / counts.frames as f64, counts.floor.stddev()]);
    }

    fn detail(&self, row: &mut Row) {
        let (voice, speech) = (&self.voice, &self.speech);
        row.extend([voice.f0_step.mean(), voice.f0_step.stddev_norm()]);
        row.extend([voice.f0_bend.mean(), voice.f0_bend.stddev_norm()]);
        row.extend(self.f0_swing.shares());
        row.extend([speech.level_step.mean(), speech.level_step.stddev_norm()]);
        row.extend(self.level_swing.shares());
        row.extend([speech.flux.mean(), speech.flux.stddev_norm()]);
        for moments in [&speech.alpha, &speech.hammarberg] {
            row.extend([moments.mean(), moments.stddev()]);
        }
        row.extend(speech.lfcc.iter().map(Moments::mean));
        row.extend(speech.lfcc.iter().map(Moments::stddev));
        row.extend(speech.lfcc_step.iter().map(Moments::stddev));
    }

    /// Formants, breaths, repetition; what two channels make between them is for [`Turns`](super::turns::Turns) to say.
    fn further(&self, row: &mut Row) {
        for contour in &self.voice.formants {
            let moments = contour.moments();
            row.extend([moments.mean(), moments.stddev()]);
        }
        let breaths = self.counts.breaths.lengths();
        row.extend([breaths.count() as f64 * 60.0 * FRAMES_PER_SECOND / self.counts.frames as f64]);
        row.extend([breaths.mean() / FRAMES_PER_SECOND]);
        row.extend(self.repetition.values());
        row.extend(self.growth.values());
        row.extend([self.recurrence.value(), self.growth.returning(), self.dimension.value()]);
        row.extend(self.runs.values());
        row.extend([f64::NAN; TURNS]);
    }
}
