//! Audio in: files, raw PCM streams and pushed samples, all as blocks of planar `f32`, then 8 kHz.
//!
//! Everything behind this module sees one channel of 8 kHz samples in [-1, 1]. A [`Source`] hands out blocks of bounded
//! size, so memory does not grow with the length of a recording.
//!
//! | file or stream | read by |
//! |---|---|
//! | raw s16le, f32le, mu-law, A-law | `pcm`, with G.711 from `g711` |
//! | WAV, RF64 and BW64 with PCM, float, mu-law or A-law | `wav` finds the samples, `pcm` converts them |
//! | Sun/NeXT .au | `au` finds the samples, `pcm` converts them |
//! | CAF with PCM, mu-law or A-law | `caf` finds the samples, `pcm` converts them |
//! | GSM 06.10 (raw, WAV) and G.722 | `coded`, with `gsm` and `g722` |
//! | AMR, with the feature `amr` | `amr`, decoded by a library in C behind `opencore` |
//! | files without a header, known by their name | `headerless` |
//! | Opus in Ogg, Matroska, WebM | `demux` over symphonia, decoded by `opus` |
//! | every other container and codec | `demux`, over symphonia; `matroska` says whether such a file is whole, `ogg` where pages are missing |
//! | folders | `discover` |
//!
//! `resample` then brings each channel to 8 kHz.

#[cfg(feature = "amr")]
mod amr;
#[cfg(feature = "decode")]
mod au;
#[cfg(feature = "decode")]
mod caf;
#[cfg(feature = "decode")]
mod coded;
#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "decode")]
mod demux;
#[cfg(feature = "decode")]
mod discover;
mod g711;
#[cfg(feature = "decode")]
pub(crate) mod g722;
#[cfg(feature = "decode")]
pub(crate) mod gsm;
#[cfg(feature = "decode")]
mod headerless;
#[cfg(feature = "decode")]
mod matroska;
#[cfg(feature = "decode")]
mod ogg;
#[cfg(feature = "amr")]
mod opencore;
#[cfg(feature = "opus")]
pub(crate) mod opus;
mod pcm;
mod resample;
#[cfg(feature = "decode")]
mod wav;

#[cfg(feature = "decode")]
pub use decode::{FileSource, read_channels_8k};
#[cfg(feature = "decode")]
pub use discover::{AUDIO_EXTENSIONS, AudioFolder, find_audio, search_audio};
pub(crate) use g711::{expand_alaw, expand_ulaw};
#[cfg(feature = "decode")]
pub use headerless::container_name;
pub use pcm::{Encoding, PcmSource};
pub use resample::Resampler;

use std::ops::RangeInclusive;

use crate::{Error, Result};

/// The sample rate that everything after decoding works at, Hz.
pub const SAMPLE_RATE: u32 = 8000;

/// Sample rates that a [`Source`] may have, Hz.
pub const SAMPLE_RATES: RangeInclusive<u32> = 1000..=384_000;

/// Channel counts that a [`Source`] may have.
pub const CHANNEL_COUNTS: RangeInclusive<usize> = 1..=32;

/// Largest magnitude of a sample that a [`Source`] hands out.
///
/// Nominal full scale is 1. Float files written with integer scaling reach 32768 and pass unchanged; what lies beyond is
/// no audio, and its square would overflow later on.
pub const MAX_SAMPLE: f32 = 65_536.0;

/// Sample rate and channel count of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Samples per second and channel, 1000 to 384000 Hz.
    pub sample_rate: u32,
    /// Channels, 1 to 32; each is analysed by itself.
    pub channels: usize,
}

impl Format {
    /// What is wrong with this format, with the accepted range; `None` if nothing is.
    fn fault(&self) -> Option<String> {
        if !SAMPLE_RATES.contains(&self.sample_rate) {
            let (low, high) = (SAMPLE_RATES.start(), SAMPLE_RATES.end());
            return Some(format!("sample rate {} Hz is outside {low} to {high} Hz", self.sample_rate));
        }
        if !CHANNEL_COUNTS.contains(&self.channels) {
            let (low, high) = (CHANNEL_COUNTS.start(), CHANNEL_COUNTS.end());
            return Some(format!("channel count {} is outside {low} to {high}", self.channels));
        }
        None
    }

    /// That a [`Source`] may have it: those of other programs say what they like.
    pub(crate) fn check(&self) -> Result<()> {
        self.fault().map_or(Ok(()), |fault| Err(Error::InvalidArgument(fault)))
    }

    /// Seconds that `frames` samples per channel last.
    fn seconds(&self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.sample_rate)
    }
}

/// What channel `number` (from 0) of a recording with `channels` channels is called in results.
///
/// Recorders of calls put the caller on the left and the callee on the right.
pub fn channel_name(number: usize, channels: usize) -> String {
    match (number, channels) {
        (_, 1) => "mono".to_owned(),
        (0, 2) => "left".to_owned(),
        (1, 2) => "right".to_owned(),
        _ => format!("channel {}", number + 1),
    }
}

/// A block of planar samples: one vector per channel, all of the same length, values nominally in [-1, 1].
///
/// Samples that are not finite (a float file can hold NaN) have been replaced by 0 by the source, and magnitudes are at
/// most [`MAX_SAMPLE`].
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

    /// Empties the block and gives it `channels` channels; keeps the memory.
    fn reset(&mut self, channels: usize) {
        self.channels.resize_with(channels, Vec::new);
        self.channels.iter_mut().for_each(Vec::clear);
    }
}

/// Audio that comes in blocks: a file, a pipe, a live stream.
pub trait Source {
    /// Sample rate and channels; constant over the life of the source.
    fn format(&self) -> Format;

    /// Length in seconds where the container tells it (a hint for progress bars, not to be relied on).
    fn seconds_hint(&self) -> Option<f64>;

    /// Replaces `block` by the next samples (at least one, at most a second of them); `false` at the end.
    ///
    /// Damage never costs the audio before it: all samples that can be read come out first, then the error once, then
    /// `false`. So the answer for the blocks before an error stands, and is worth reporting next to the error.
    ///
    /// # Errors
    /// [`Error::MalformedAudio`] where the data is broken beyond what a decoder can skip,
    /// ends before the length that the header announces or within a sample, or holds no sample at all;
    /// [`Error::Io`] where reading fails.
    fn next_block(&mut self, block: &mut Block) -> Result<bool>;
}

/// A sample that later stages can count on: finite, and at most [`MAX_SAMPLE`] in magnitude.
fn clean(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 }
}
