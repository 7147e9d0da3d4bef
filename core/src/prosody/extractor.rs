//! The extractor: samples in, descriptors each 10 ms and functionals out.

use super::{
    collector::{Collector, Hop},
    delivery::decibel,
    eight::LANES,
    formants::{FORMANTS, FormantAnalyser, Predictor, formants},
    functionals::Functionals,
    gemaps::Gemaps,
    lld::Lld,
    path::{BLOCK, DELAY, Decision, PathFinder},
    perturbation::perturbation,
    pitch::{HALF_WINDOW, HOP, PitchAnalyser},
    spectrum::{Shape, ShapeAnalyser, h1_h2},
    windows::{Group, Windows},
};
use std::collections::VecDeque;

/// Samples read to each side of a frame's centre.
const REACH: usize = HALF_WINDOW;

/// Streaming prosody of one channel of 8 kHz audio.
///
/// Samples go in by [`push`](Self::push) in pieces of any size; [`Lld`]s come out in order, 0.4 to 0.5 s behind the newest
/// sample, since the F0 path waits for what follows. [`functionals`](Self::functionals) may be asked at any time,
/// [`finish`](Self::finish) ends the stream. The results are the same bit for bit however the samples are cut into pieces.
///
/// Memory is constant (about 700 kB), whatever the length of the stream, and nothing is allocated after construction
/// except some kilobytes by `functionals` and `finish`.
///
/// ```
/// use callprint::prosody::Extractor;
///
/// // Half a second of a 200 Hz pulse train.
/// let samples: Vec<f32> = (0..4000).map(|n| if n % 40 == 0 { 0.5 } else { 0.0 }).collect();
/// let mut extractor = Extractor::new();
/// extractor.push(&samples, |lld| assert!(lld.f0 == 0.0 || (lld.f0 - 200.0).abs() < 1.0));
/// let functionals = extractor.finish(|_| {});
/// let semitones = functionals.get("F0pitch_amean").unwrap_or(f64::NAN);
/// assert!((semitones - 12.0 * (200.0f64 / 27.5).log2()).abs() < 0.1);
/// ```
#[derive(Debug)]
pub struct Extractor {
    windows: Windows,
    stages: Stages,
    gemaps: Option<Box<Gemaps>>,
}

/// Everything behind the windows.
#[derive(Debug)]
struct Stages {
    pitch: PitchAnalyser,
    shapes: ShapeAnalyser,
    /// None where formants are not wanted.
    formants: Option<FormantAnalyser>,
    path: PathFinder,
    pending: VecDeque<Pending>,
    collector: Collector,
    emitted: u64,
}

/// Who follows the frames within the crate.
pub(super) trait Follower {
    /// The next frame.
    fn frame(&mut self, lld: &Lld);
    /// Some frames were collected.
    fn group(&mut self, collector: &mut Collector);
}

/// A frame that waits for its F0.
#[derive(Debug, Clone, Copy)]
struct Pending {
    level: f32,
    hop: Hop,
    shape: Shape,
    predictor: Option<Predictor>,
    window: [f32; 2 * REACH],
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Extractor {
    /// An extractor at the start of a stream.
    pub fn new() -> Self {
        let stages = Stages {
            pitch: PitchAnalyser::new(),
            shapes: ShapeAnalyser::new(),
            formants: Some(FormantAnalyser::new()),
            path: PathFinder::new(),
            pending: VecDeque::with_capacity(DELAY + 2 * BLOCK),
            collector: Collector::new(),
            emitted: 0,
        };
        Self { windows: Windows::new(), stages, gemaps: Some(Box::new(Gemaps::new())) }
    }

    /// An extractor without the functionals of eGeMAPS and without formants, which are NaN: twice as fast.
    pub(super) fn without_egemaps() -> Self {
        let mut extractor = Self { gemaps: None, ..Self::new() };
        extractor.stages.formants = None;
        extractor
    }

    /// Forgets the stream; the memory stays. For extractors [without eGeMAPS](Self::without_egemaps), whose chain ends with its
    /// stream.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.gemaps.is_none(), "its chain is not reset");
        let Stages { pitch, shapes, formants: _, path, pending, collector, emitted } = &mut self.stages;
        self.windows.reset();
        pitch.reset();
        shapes.reset();
        *path = PathFinder::new();
        pending.clear();
        collector.reset();
        *emitted = 0;
    }

    /// Takes in samples in [-1, 1] at 8 kHz; `each` is called for every frame that is ready, in order.
    ///
    /// Values that are not finite count as 0, those beyond ±65536 are clipped there.
    pub fn push(&mut self, samples: &[f32], mut each: impl FnMut(&Lld)) {
        let Self { windows, stages, gemaps } = self;
        windows.push(samples, &mut |group| stages.group(group, LANES * HOP, &mut each));
        if let Some(gemaps) = gemaps {
            gemaps.push(samples);
        }
    }

    /// Functionals of the frames that have come out so far.
    pub fn functionals(&self) -> Functionals {
        self.stages.collector.functionals(self.gemaps.as_deref())
    }

    /// Takes in samples; `follower` hears of each frame, and of each group of frames after which a functional may have changed, which does
    /// not depend on how the samples are cut.
    pub(super) fn push_to(&mut self, samples: &[f32], follower: &mut impl Follower) {
        let Self { windows, stages, .. } = self;
        windows.push(samples, &mut |group| {
            stages.group(group, LANES * HOP, &mut |lld| follower.frame(lld));
            follower.group(&mut stages.collector);
        });
    }

    /// The collector, for its segment.
    pub(super) fn collector(&self) -> &Collector {
        &self.stages.collector
    }

    /// Ends the stream: hands out the remaining frames and the functionals of all of it.
    ///
    /// n samples have given `ceil(n / 80)` frames then.
    pub fn finish(mut self, mut each: impl FnMut(&Lld)) -> Functionals {
        let Self { windows, stages, gemaps } = &mut self;
        if let Some(gemaps) = gemaps {
            gemaps.finish();
        }
        windows.finish(&mut |group, samples| stages.group(group, samples, &mut each));
        let Stages { path, pending, collector, emitted, .. } = stages;
        path.finish(&mut |decision| emit(decision, pending, collector, emitted, &mut each));
        self.functionals()
    }
}

impl Stages {
    /// Analyses the frames of a group, of whose hops the first `samples` samples are within the stream.
    fn group(&mut self, group: &Group, samples: usize, each: &mut impl FnMut(&Lld)) {
        let candidates = self.pitch.analyse(group);
        let shapes = self.shapes.analyse(self.pitch.power());
        if let Some(formants) = &mut self.formants {
            formants.analyse(self.pitch.power());
        }
        for (lane, candidates) in candidates.into_iter().enumerate().take(samples.div_ceil(HOP)) {
            let mut window = [0.0; 2 * REACH];
            window.copy_from_slice(&group[lane * HOP..lane * HOP + 2 * REACH]);
            let hop = &window[REACH - HOP / 2..REACH + HOP / 2];
            self.collector.observe_samples(&hop[..(samples - lane * HOP).min(HOP)]);
            let power = variance(&window[REACH - HOP..REACH + HOP]);
            let constant = hop.iter().all(|&x| x == hop[0]);
            let level = decibel(power);
            self.collector.observe_level(level);
            let hop = Hop { power, constant, code: shapes[lane].code };
            let predictor = self.formants.as_ref().map(|formants| formants.predictor(lane));
            self.pending.push_back(Pending { level, hop, shape: shapes[lane], predictor, window });
            let Self { path, pending, collector, emitted, .. } = self;
            path.push(candidates, &mut |decision| emit(decision, pending, collector, emitted, each));
        }
    }
}

/// Joins a decision with the frame that waited for it.
fn emit(
    decision: Decision,
    pending: &mut VecDeque<Pending>,
    collector: &mut Collector,
    emitted: &mut u64,
    each: &mut impl FnMut(&Lld),
) {
    let Some(Pending { level, hop, shape, predictor, window }) = pending.pop_front() else { return };
    let time = (*emitted as f64 + 0.5) * 0.01;
    *emitted += 1;
    let mut lld = Lld {
        time,
        f0: 0.0,
        voicing: decision.best_correlation,
        hnr: f32::NAN,
        level,
        jitter: f32::NAN,
        shimmer: f32::NAN,
        h1_h2: f32::NAN,
        slope_0_500: shape.slope_low,
        slope_500_1500: shape.slope_middle,
        alpha_ratio: shape.alpha,
        hammarberg: shape.hammarberg,
        flux: shape.flux,
        lfcc: shape.lfcc,
        formants: [f32::NAN; FORMANTS],
        speech: collector.is_speech(level),
    };
    if let Some(candidate) = decision.voiced {
        let r = candidate.correlation.clamp(1e-6, 1.0 - 1e-6);
        lld.f0 = candidate.log2_f0.exp2();
        lld.voicing = candidate.correlation;
        lld.hnr = 10.0 * (r / (1.0 - r)).log10();
        lld.h1_h2 = h1_h2(&shape.levels, lld.f0);
        lld.formants = predictor.as_ref().map_or(lld.formants, formants);
        if let Some(found) = perturbation(&window, lld.f0) {
            (lld.jitter, lld.shimmer) = (found.jitter, found.shimmer);
        }
    }
    collector.push(&lld, hop);
    each(&lld);
}

/// Mean square less the squared mean.
fn variance(samples: &[f32]) -> f32 {
    let n = samples.len() as f32;
    let mean = sum(samples, |x| x) / n;
    sum(samples, |x| (x - mean) * (x - mean)) / n
}

/// Sum of `f` over the samples, in eight interleaved parts.
pub(super) fn sum(samples: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; 8];
    let parts = samples.chunks_exact(8);
    let rest: f32 = parts.remainder().iter().map(|&x| f(x)).sum();
    for part in parts {
        for (sum, &x) in sums.iter_mut().zip(part) {
            *sum += f(x);
        }
    }
    sums.iter().sum::<f32>() + rest
}
