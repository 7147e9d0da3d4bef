//! Audio in: files, raw PCM streams and pushed samples, all as blocks of planar `f32`, then 8 kHz.
//!
//! Everything behind this module sees one channel of 8 kHz samples in [-1, 1]. A [`Source`] hands out blocks of bounded
//! size, so memory does not grow with the length of a recording.

#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "decode")]
mod discover;
mod pcm;
#[cfg(feature = "decode")]
mod resample;

#[cfg(feature = "decode")]
pub use decode::FileSource;
#[cfg(feature = "decode")]
pub use discover::{AUDIO_EXTENSIONS, find_audio};
pub use pcm::{Encoding, PcmSource};
#[cfg(feature = "decode")]
pub use resample::{Resampler, read_channels_8k};

use crate::Result;

/// The sample rate that everything after decoding works at, Hz.
pub const SAMPLE_RATE: u32 = 8000;

/// Sample rate and channel count of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Samples per second and channel, 1000 to 384000 Hz.
    pub sample_rate: u32,
    /// Channels, 1 to 32; each is analysed by itself.
    pub channels: usize,
}

/// A block of planar samples: one vector per channel, all of the same length, values nominally in [-1, 1].
///
/// Samples that are not finite (a float file can hold NaN) have been replaced by 0 by the source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    /// `channels[c][n]`: sample n of channel c.
    pub channels: Vec<Vec<f32>>,
}

impl Block {
    /// Samples per channel in this block.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }
}

/// Audio that comes in blocks: a file, a pipe, a live stream.
pub trait Source {
    /// Sample rate and channels; constant over the life of the source.
    fn format(&self) -> Format;

    /// Length in seconds where the container tells it (a hint for progress bars, not to be relied on).
    fn seconds_hint(&self) -> Option<f64>;

    /// Replaces `block` by the next samples (at most about a second of them); `false` at the end.
    ///
    /// # Errors
    /// [`Error::MalformedAudio`](crate::Error::MalformedAudio) where the data is broken beyond what a decoder can skip,
    /// [`Error::Io`](crate::Error::Io) where reading fails.
    fn next_block(&mut self, block: &mut Block) -> Result<bool>;
}
