//! Any rate to 8 kHz by rubato.

use std::path::Path;

use crate::Result;

/// Streaming conversion of one channel from any rate to 8 kHz; a copy where the rate is 8 kHz already.
///
/// The output does not depend on how the input is cut into pushes; its delay is compensated, and after
/// [`finish`](Self::finish) `round(n * 8000 / rate)` samples have come out for n in.
#[derive(Debug)]
pub struct Resampler {}

impl Resampler {
    /// A converter from `rate` Hz (1000 to 384000).
    pub fn new(rate: u32) -> Result<Self> {
        let _ = rate;
        unimplemented!()
    }
    /// Appends what `input` gives to `output`.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let _ = (input, output);
    }
    /// Flushes the filter's tail at the end of the stream.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        let _ = output;
    }
}

/// A whole file as 8 kHz samples, one vector per channel: for short clips such as renderings.
/// Refuses more than `max_seconds`.
pub fn read_channels_8k(path: impl AsRef<Path>, max_seconds: f64) -> Result<Vec<Vec<f32>>> {
    let _ = (path, max_seconds);
    unimplemented!()
}
