//! What an index holds of a rendering, for those who look at it: pictures, studies, comparisons of indexes.

use super::{Index, verify};
use crate::fingerprint::{BANDS, CODE_HOP, Code, SPEEDS, stream_time};

/// A stored code of a rendering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenderingCode {
    /// The code.
    pub code: Code,
    /// Time of the middle of its patch in the rendering, s.
    pub time: f64,
    /// Whether the patch holds sound that can be a voice.
    pub active: bool,
}

impl Index {
    /// The stored codes of rendering number `i` in order of time, one every 40 ms; none where there is no such rendering.
    pub fn rendering_codes(&self, i: usize) -> impl Iterator<Item = RenderingCode> + '_ {
        let speed_1 = SPEEDS.iter().position(|&s| s == 1.0).unwrap_or_default();
        let range = self.code_range(i);
        let codes = self.codes().get(range.clone()).unwrap_or_default();
        let levels = self.levels().get(range).unwrap_or_default();
        codes.iter().zip(levels).enumerate().map(move |(j, (code, &level))| RenderingCode {
            code: code.get(),
            time: stream_time((j * CODE_HOP) as f64, speed_1),
            active: level > 0,
        })
    }

    /// The stored bands of rendering number `i`, each 20 ms, in units of 12 dB; none where there is no such rendering.
    pub(crate) fn rendering_bands(&self, i: usize) -> Vec<[f32; BANDS]> {
        self.bands(i).iter().map(verify::unpack).collect()
    }
}
