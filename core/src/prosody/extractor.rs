//! The extractor: samples in, descriptors each 10 ms and functionals out.

use super::{
    delivery::decibel,
    functionals::{Collector, Functionals, Hop},
    lld::Lld,
    path::{BLOCK, DELAY, Decision, PathFinder},
    pitch::{Candidates, HALF_WINDOW, PitchAnalyser},
};
use std::collections::VecDeque;

/// Samples from one frame to the next: 10 ms.
const HOP: usize = 80;
/// Samples read to each side of a frame's centre.
const REACH: usize = HALF_WINDOW;
/// Samples kept: enough that moving the tail to the front is rare.
const CAPACITY: usize = 8192;
/// Larger values are no audio ([`MAX_SAMPLE`](crate::audio::MAX_SAMPLE)), and their squares would overflow.
const LARGEST: f32 = 65_536.0;

/// Streaming prosody of one channel of 8 kHz audio.
///
/// Samples go in by [`push`](Self::push) in pieces of any size; [`Lld`]s come out in order, 0.4 to 0.5 s behind the newest
/// sample, since the F0 path waits for what follows. [`functionals`](Self::functionals) may be asked at any time,
/// [`finish`](Self::finish) ends the stream. The results are the same bit for bit however the samples are cut into pieces.
///
/// Memory is constant (about 150 kB), whatever the length of the stream, and nothing is allocated after construction
/// except by `functionals` and `finish`.
///
/// ```
/// use callprint::prosody::Extractor;
///
/// // Half a second of a 200 Hz pulse train.
/// let samples: Vec<f32> = (0..4000).map(|n| if n % 40 == 0 { 0.5 } else { 0.0 }).collect();
/// let mut extractor = Extractor::new();
/// extractor.push(&samples, |lld| assert!(lld.f0 == 0.0 || (lld.f0 - 200.0).abs() < 1.0));
/// let functionals = extractor.finish(|_| {});
/// let semitones = functionals.get("F0semitoneFrom27.5Hz_sma3nz_percentile50.0").unwrap_or(f64::NAN);
/// assert!((semitones - 12.0 * (200.0f64 / 27.5).log2()).abs() < 0.1);
/// ```
#[derive(Debug)]
pub struct Extractor {
    /// Samples still needed; `buffer[0]` is the sample `REACH` before the first one of the next frame's hop, less half a hop.
    buffer: Vec<f32>,
    /// Start of the next frame's window in `buffer`.
    next: usize,
    pitch: PitchAnalyser,
    path: PathFinder,
    pending: VecDeque<Pending>,
    collector: Collector,
    received: u64,
    analysed: u64,
    emitted: u64,
}

/// A frame that waits for its F0.
#[derive(Debug, Clone, Copy)]
struct Pending {
    level: f32,
    hop: Hop,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new()
    }
}

impl Extractor {
    /// An extractor at the start of a stream.
    pub fn new() -> Self {
        let mut buffer = Vec::with_capacity(CAPACITY);
        // The window of frame 0 begins before the first sample.
        buffer.resize(REACH - HOP / 2, 0.0);
        Self {
            buffer,
            next: 0,
            pitch: PitchAnalyser::new(),
            path: PathFinder::new(),
            pending: VecDeque::with_capacity(DELAY + BLOCK),
            collector: Collector::new(),
            received: 0,
            analysed: 0,
            emitted: 0,
        }
    }

    /// Takes in samples in [-1, 1] at 8 kHz; `each` is called for every frame that is ready, in order.
    ///
    /// Values that are not finite count as 0, those beyond ±65536 are clipped there.
    pub fn push(&mut self, samples: &[f32], mut each: impl FnMut(&Lld)) {
        self.received += samples.len() as u64;
        for part in samples.chunks(CAPACITY / 2) {
            self.append(part, &mut each);
        }
    }

    /// Functionals of the frames that have come out so far.
    pub fn functionals(&self) -> Functionals {
        self.collector.functionals()
    }

    /// Ends the stream: hands out the remaining frames and the functionals of all of it.
    ///
    /// n samples have given `ceil(n / 80)` frames then.
    pub fn finish(mut self, mut each: impl FnMut(&Lld)) -> Functionals {
        let frames = self.received.div_ceil(HOP as u64);
        let zeros = [0.0; HOP];
        while self.analysed < frames {
            self.append(&zeros, &mut each);
        }
        let Self { path, pending, collector, emitted, .. } = &mut self;
        path.finish(&mut |decision| emit(decision, pending, collector, emitted, &mut each));
        self.collector.functionals()
    }

    fn append(&mut self, samples: &[f32], each: &mut impl FnMut(&Lld)) {
        if self.buffer.len() + samples.len() > CAPACITY {
            self.buffer.drain(..self.next);
            self.next = 0;
        }
        let clean = |&x: &f32| if x.is_finite() { x.clamp(-LARGEST, LARGEST) } else { 0.0 };
        self.buffer.extend(samples.iter().map(clean));
        while self.buffer.len() - self.next >= 2 * REACH && self.analysed < self.received.div_ceil(HOP as u64) {
            self.analyse_next(each);
        }
    }

    /// Analyses the frame whose window starts at `next`.
    fn analyse_next(&mut self, each: &mut impl FnMut(&Lld)) {
        let mut window = [0.0; 2 * REACH];
        window.copy_from_slice(&self.buffer[self.next..self.next + 2 * REACH]);
        let candidates = self.pitch.analyse(&window);

        let hop = &window[REACH - HOP / 2..REACH + HOP / 2];
        let real = (self.received - self.analysed * HOP as u64).min(HOP as u64) as usize;
        self.collector.observe_samples(&hop[..real]);
        let power = variance(&window[REACH - HOP..REACH + HOP]);
        let constant = hop.iter().all(|&x| x == hop[0]);
        let level = decibel(power);
        self.collector.observe_level(level);
        self.pending.push_back(Pending { level, hop: Hop { power, constant } });
        self.next += HOP;
        self.analysed += 1;
        self.decide(candidates, each);
    }

    fn decide(&mut self, candidates: Candidates, each: &mut impl FnMut(&Lld)) {
        let Self { path, pending, collector, emitted, .. } = self;
        path.push(candidates, &mut |decision| emit(decision, pending, collector, emitted, each));
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
    let Some(Pending { level, hop }) = pending.pop_front() else { return };
    let time = (*emitted as f64 + 0.5) * 0.01;
    *emitted += 1;
    let (f0, voicing, hnr) = match decision.voiced {
        Some(candidate) => {
            let r = candidate.correlation.clamp(1e-6, 1.0 - 1e-6);
            (candidate.log2_f0.exp2(), candidate.correlation, 10.0 * (r / (1.0 - r)).log10())
        }
        None => (0.0, decision.best_correlation, f32::NAN),
    };
    let lld = Lld { time, f0, voicing, hnr, level };
    collector.push(&lld, hop);
    each(&lld);
}

/// Mean square less the squared mean.
fn variance(samples: &[f32]) -> f32 {
    let n = samples.len() as f32;
    let mean = samples.iter().sum::<f32>() / n;
    samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n
}
