//! F0 alone: what the [`Extractor`](super::Extractor) does, without the rest.

use super::{
    path::{Decision, PathFinder},
    pitch::{HOP, PitchAnalyser},
    windows::Windows,
};

/// Fundamental frequency of one frame of 10 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct F0 {
    /// Centre of the frame, s from the start of the stream.
    pub time: f64,
    /// Fundamental frequency, 75 to 600 Hz; 0 where unvoiced.
    pub hertz: f32,
    /// Normalised autocorrelation at the period (the best candidate's where unvoiced), 0 to 1.
    pub voicing: f32,
}

/// Streaming F0 of one channel of 8 kHz audio: the same values as [`Lld::f0`](super::Lld::f0), at a third of the cost.
///
/// Values come out in order, 0.41 to 0.5 s behind the newest sample. Memory is constant; nothing is allocated after
/// construction.
///
/// ```
/// let samples: Vec<f32> = (0..8000).map(|n| if n % 50 == 0 { 0.5 } else { 0.0 }).collect();
/// let mut tracker = callprint::prosody::F0Tracker::new();
/// let mut hertz = Vec::new();
/// tracker.push(&samples, |f0| hertz.push(f0.hertz));
/// tracker.finish(|f0| hertz.push(f0.hertz));
/// assert_eq!(hertz.len(), 100);
/// assert!((hertz[50] - 160.0).abs() < 0.1);
/// ```
#[derive(Debug)]
pub struct F0Tracker {
    windows: Windows,
    pitch: PitchAnalyser,
    path: PathFinder,
    emitted: u64,
}

impl Default for F0Tracker {
    fn default() -> Self {
        Self::new()
    }
}

impl F0Tracker {
    /// A tracker at the start of a stream.
    pub fn new() -> Self {
        Self { windows: Windows::new(), pitch: PitchAnalyser::new(), path: PathFinder::new(), emitted: 0 }
    }

    /// Takes in samples in [-1, 1] at 8 kHz; `each` is called for every frame that is ready, in order.
    pub fn push(&mut self, samples: &[f32], mut each: impl FnMut(F0)) {
        let Self { windows, pitch, path, emitted } = self;
        windows.push(samples, &mut |group| {
            for candidates in pitch.analyse(group) {
                path.push(candidates, &mut |decision| each(f0(&decision, emitted)));
            }
        });
    }

    /// Ends the stream: hands out the remaining frames; n samples have given `ceil(n / 80)` then.
    pub fn finish(self, mut each: impl FnMut(F0)) {
        let Self { mut windows, mut pitch, mut path, mut emitted } = self;
        windows.finish(&mut |group, samples| {
            for candidates in pitch.analyse(group).into_iter().take(samples.div_ceil(HOP)) {
                path.push(candidates, &mut |decision| each(f0(&decision, &mut emitted)));
            }
        });
        path.finish(&mut |decision| each(f0(&decision, &mut emitted)));
    }
}

fn f0(decision: &Decision, emitted: &mut u64) -> F0 {
    let time = (*emitted as f64 + 0.5) * 0.01;
    *emitted += 1;
    match decision.voiced {
        Some(candidate) => F0 { time, hertz: candidate.log2_f0.exp2(), voicing: candidate.correlation },
        None => F0 { time, hertz: 0.0, voicing: decision.best_correlation },
    }
}
