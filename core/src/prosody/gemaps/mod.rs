//! The eGeMAPSv02 functionals that make sense in the telephone band, after openSMILE's own definitions.
//!
//! Purpose: columns that carry eGeMAPS's names must mean what eGeMAPS means. Its F0 is a subharmonic summation over windows of
//! 60 ms with a Viterbi search, and voicing, jitter, shimmer, harmonics and segments all follow from it; with another F0 they
//! would be other quantities. So this is a chain of its own beside the [`F0Tracker`](super::F0Tracker), on the same vectorised
//! transform.
//!
//! | part | what |
//! |---|---|
//! | `subharmonic` | F0 candidates of a frame (Hermes 1988) |
//! | `viterbi` | F0 path, voiced or unvoiced, 0.4 s behind |
//! | `harmonics` | harmonics-to-noise ratio, H1-H2, spectral slopes |
//! | `periods` | jitter and shimmer by following periods through the waveform |
//! | `peaks` | rising and falling slopes of the F0 contour |
//!
//! Frame k covers the samples from `80 k` to `80 k + 480`, as openSMILE's; only whole frames count. What differs: the F0 path
//! is decided 48 frames behind, whether or not all paths have met; the slopes of a contour with more than some thousand turning
//! points rest on the newest ones.
//!
//! Agreement with openSMILE 3.0 (Python package 2.6.0) on the same 8 kHz audio: program `prosody-peers`.
//!
//! # Sources
//!
//! - F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
//!   IEEE Transactions on Affective Computing 7 (2016), 190-202; configuration GeMAPSv01b/eGeMAPSv02 of openSMILE.
//! - D. J. Hermes, "Measurement of pitch by subharmonic summation", J. Acoust. Soc. Am. 83 (1988), 257-264.
//! - I. Luengo et al., "Evaluation of pitch detection algorithms under real conditions", ICASSP 2007, 1057-1060.

mod harmonics;
mod peaks;
mod periods;
mod subharmonic;
mod viterbi;

use super::{contour::Contour, functionals::Row, lld::semitones, stats::Runs};
use harmonics::{Slopes, SpectralFrame};
use peaks::VoicedPeaks;
use periods::Periods;
use subharmonic::Analyser;
use viterbi::{LAG, Path};

const HOP: usize = 80;
/// Samples of a frame of 60 ms.
const FRAME: usize = 480;
const LANES: usize = super::eight::LANES;
/// Samples that a group of frames reads.
const GROUP: usize = FRAME + (LANES - 1) * HOP;
/// Frames held back: a group beyond the lag of the path.
const RING: usize = LAG + LANES;
/// Samples kept behind the newest: periods are followed at the lag of the path.
const HISTORY: usize = (RING + 2) * HOP + 4 * FRAME;
const CAPACITY: usize = 4 * HISTORY;
/// Root mean square of a windowed frame below which it counts as unvoiced.
const LEAST_ENERGY: f32 = 0.001;

/// The chain and its statistics.
#[derive(Debug)]
pub(super) struct Gemaps {
    buffer: Vec<f32>,
    /// Sample number of `buffer[0]`.
    first: u64,
    /// Frames analysed and frames decided.
    analysed: u64,
    decided: u64,
    analyser: Analyser,
    slopes: Slopes,
    path: Path,
    ring: Box<[SpectralFrame]>,
    periods: Periods,
    statistics: Statistics,
}

impl Gemaps {
    pub(super) fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(CAPACITY),
            first: 0,
            analysed: 0,
            decided: 0,
            analyser: Analyser::new(),
            slopes: Slopes::new(),
            path: Path::new(),
            ring: vec![SpectralFrame::default(); RING].into(),
            periods: Periods::default(),
            statistics: Statistics::new(),
        }
    }

    /// Takes in samples.
    pub(super) fn push(&mut self, samples: &[f32]) {
        for part in samples.chunks(CAPACITY / 4) {
            self.append(part);
            while self.at(self.analysed) + GROUP <= self.buffer.len() {
                self.analyse(LANES);
            }
        }
    }

    /// Ends the stream: whole frames that are left.
    pub(super) fn finish(&mut self) {
        let end = self.first + self.buffer.len() as u64;
        while let Some(left) = end.checked_sub(self.analysed * HOP as u64 + FRAME as u64) {
            let count = (left as usize / HOP + 1).min(LANES);
            let missing = (self.at(self.analysed) + GROUP).saturating_sub(self.buffer.len());
            self.append(&[0.0; GROUP][..missing.min(GROUP)]);
            self.analyse(count);
        }
        while self.decided < self.analysed {
            let f0 = self.path.decide((self.analysed - self.decided) as usize);
            self.describe(f0);
        }
    }

    /// Adds the 29 functionals of `FEATURES` before the sound level.
    pub(super) fn values(&self, row: &mut Row) {
        self.statistics.values(row);
    }

    /// Place of a frame's first sample in the buffer.
    fn at(&self, frame: u64) -> usize {
        (frame * HOP as u64 - self.first) as usize
    }

    fn append(&mut self, samples: &[f32]) {
        if self.buffer.len() + samples.len() > CAPACITY {
            let gone = self.at(self.analysed).saturating_sub(HISTORY);
            self.buffer.drain(..gone);
            self.first += gone as u64;
        }
        let clean = |&x: &f32| if x.is_finite() { x.clamp(-65_536.0, 65_536.0) } else { 0.0 };
        self.buffer.extend(samples.iter().map(clean));
    }

    /// Analyses the next group, of which `count` frames are within the stream.
    fn analyse(&mut self, count: usize) {
        let from = self.at(self.analysed);
        let Some(samples) = self.buffer.get(from..from + GROUP) else { return };
        let candidates = self.analyser.analyse(samples);
        let slopes = self.slopes.analyse(samples);
        for lane in 0..count {
            let slot = &mut self.ring[(self.analysed % RING as u64) as usize];
            self.analyser.store(lane, slot);
            slot.slopes = slopes[lane];
            self.path.push(&candidates[lane]);
            self.analysed += 1;
            if self.analysed - self.decided > LAG as u64 {
                let f0 = self.path.decide(LAG + 1);
                self.describe(f0);
            }
        }
    }

    /// Everything that follows from the F0 of the oldest frame that has none yet.
    fn describe(&mut self, f0: f32) {
        let frame = &self.ring[(self.decided % RING as u64) as usize];
        let f0 = if frame.energy < LEAST_ENERGY { 0.0 } else { f0 };
        let start = self.at(self.decided);
        let (jitter, shimmer) = self.periods.step(&self.buffer, self.first, start, f0);
        self.statistics.push(frame, f0, jitter, shimmer);
        self.decided += 1;
    }
}

/// What the functionals are made of.
#[derive(Debug)]
struct Statistics {
    f0: VoicedPeaks,
    /// Jitter, shimmer, HNR, H1-H2, the two slopes.
    voiced: [Contour; 6],
    unvoiced: [Contour; 2],
    voiced_runs: Runs,
    unvoiced_runs: Runs,
    frames: u64,
}

impl Statistics {
    fn new() -> Self {
        Self {
            f0: VoicedPeaks::new(),
            voiced: Default::default(),
            unvoiced: Default::default(),
            voiced_runs: Runs::new(1),
            unvoiced_runs: Runs::new(1),
            frames: 0,
        }
    }

    fn push(&mut self, frame: &SpectralFrame, f0: f32, jitter: f32, shimmer: f32) {
        let voiced = f0 > 0.0;
        // A value of 0 stands for none (`nz`).
        let there = |value: f32, when: bool| if when && value != 0.0 { value } else { f32::NAN };
        self.f0.push(if voiced { semitones(f0).max(1.0) } else { f32::NAN });
        let (hnr, h1_h2) = if voiced { (frame.hnr(f0), frame.h1_h2(f0)) } else { (0.0, 0.0) };
        let values = [jitter, shimmer, hnr, h1_h2, frame.slopes[0], frame.slopes[1]];
        for (contour, value) in self.voiced.iter_mut().zip(values) {
            contour.push(there(value, voiced));
        }
        for (contour, value) in self.unvoiced.iter_mut().zip(frame.slopes) {
            contour.push(there(value, !voiced));
        }
        self.voiced_runs.step(voiced);
        self.unvoiced_runs.step(!voiced);
        self.frames += 1;
    }

    fn values(&self, row: &mut Row) {
        self.f0.values(row);
        for contour in &self.voiced {
            let moments = contour.moments();
            // Over the mean with its sign, as openSMILE does.
            row.extend([moments.mean(), moments.stddev() / moments.mean()]);
        }
        row.extend(self.unvoiced.iter().map(|contour| contour.moments().mean()));
        let (voiced, unvoiced) = (self.voiced_runs.lengths(), self.unvoiced_runs.lengths());
        row.extend([voiced.count() as f64 * 100.0 / self.frames as f64]);
        for lengths in [voiced, unvoiced] {
            // openSMILE measures from a segment's first frame to its last: one frame less than it has.
            row.extend([(lengths.mean() - 1.0) / 100.0, lengths.stddev() / 100.0]);
        }
    }
}
