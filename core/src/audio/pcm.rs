//! Raw PCM from any reader.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::g711::{expand_alaw, expand_ulaw};
use super::{Block, Format, Source, clean};
use crate::{Error, Result};

/// Bytes read at once; a block is at most this long, and at most a second.
const READ_BYTES: usize = 1 << 16;

/// Sample encoding of raw PCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Signed 16-bit little-endian.
    S16le,
    /// 32-bit IEEE float little-endian, nominally in [-1, 1].
    F32le,
    /// G.711 mu-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

/// Sample layouts that raw streams, WAV and .au files use.
#[cfg_attr(not(feature = "decode"), expect(dead_code, reason = "some are only found in files"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    U8,
    S8,
    S16le,
    S16be,
    S24le,
    S24be,
    S32le,
    S32be,
    F32le,
    F32be,
    F64le,
    F64be,
    Ulaw,
    Alaw,
}

impl From<Encoding> for Layout {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::S16le => Self::S16le,
            Encoding::F32le => Self::F32le,
            Encoding::Ulaw => Self::Ulaw,
            Encoding::Alaw => Self::Alaw,
        }
    }
}

impl Layout {
    /// Bytes of a sample.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::S8 | Self::Ulaw | Self::Alaw => 1,
            Self::S16le | Self::S16be => 2,
            Self::S24le | Self::S24be => 3,
            Self::S32le | Self::S32be | Self::F32le | Self::F32be => 4,
            Self::F64le | Self::F64be => 8,
        }
    }

    /// Name for messages.
    fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::S8 => "s8",
            Self::S16le => "s16le",
            Self::S16be => "s16be",
            Self::S24le => "s24le",
            Self::S24be => "s24be",
            Self::S32le => "s32le",
            Self::S32be => "s32be",
            Self::F32le => "f32le",
            Self::F32be => "f32be",
            Self::F64le => "f64le",
            Self::F64be => "f64be",
            Self::Ulaw => "mu-law",
            Self::Alaw => "A-law",
        }
    }

    /// Appends the whole interleaved frames in `bytes` to `channels`; full scale becomes 1.
    fn unpack(self, bytes: &[u8], channels: &mut [Vec<f32>]) {
        match self {
            Self::U8 => each_sample(bytes, channels, |[b]: [u8; 1]| (f32::from(b) - 128.0) / 128.0),
            Self::S16le => each_sample(bytes, channels, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
            // The three bytes become the upper ones of 32 bits, which keeps the sign.
            Self::S24le => each_sample(bytes, channels, |[low, mid, high]: [u8; 3]| {
                i32::from_le_bytes([0, low, mid, high]) as f32 / 2_147_483_648.0
            }),
            Self::S32le => each_sample(bytes, channels, |b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0),
            Self::F32le => each_sample(bytes, channels, |b| clean(f32::from_le_bytes(b))),
            Self::F64le => each_sample(bytes, channels, |b| clean(f64::from_le_bytes(b) as f32)),
            Self::S8 => each_sample(bytes, channels, |b| f32::from(i8::from_be_bytes(b)) / 128.0),
            Self::S16be => each_sample(bytes, channels, |b| f32::from(i16::from_be_bytes(b)) / 32_768.0),
            Self::S24be => each_sample(bytes, channels, |[high, mid, low]: [u8; 3]| {
                i32::from_be_bytes([high, mid, low, 0]) as f32 / 2_147_483_648.0
            }),
            Self::S32be => each_sample(bytes, channels, |b| i32::from_be_bytes(b) as f32 / 2_147_483_648.0),
            Self::F32be => each_sample(bytes, channels, |b| clean(f32::from_be_bytes(b))),
            Self::F64be => each_sample(bytes, channels, |b| clean(f64::from_be_bytes(b) as f32)),
            Self::Ulaw => each_sample(bytes, channels, |[b]: [u8; 1]| f32::from(expand_ulaw(b)) / 32_768.0),
            Self::Alaw => each_sample(bytes, channels, |[b]: [u8; 1]| f32::from(expand_alaw(b)) / 32_768.0),
        }
    }
}

/// Deals the samples of N bytes in `bytes` to the channels in turn.
fn each_sample<const N: usize>(bytes: &[u8], channels: &mut [Vec<f32>], convert: impl Fn([u8; N]) -> f32) {
    let (samples, _) = bytes.as_chunks::<N>();
    for frame in samples.chunks_exact(channels.len()) {
        for (channel, &sample) in channels.iter_mut().zip(frame) {
            channel.push(convert(sample));
        }
    }
}

/// Raw interleaved PCM read block by block.
///
/// A block holds what one read of the reader gives, so that a live pipe is heard at once. A stream that ends within a
/// frame, or before its first one, is reported as [`Error::MalformedAudio`] after all whole frames have come out.
#[derive(Debug)]
pub struct PcmSource<R> {
    reader: R,
    name: PathBuf,
    layout: Layout,
    format: Format,
    /// Frames that a header announced.
    announced: Option<u64>,
    frames: u64,
    /// Bytes read; the first `filled` ones are an unfinished frame.
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
}

impl<R: Read> PcmSource<R> {
    /// A source over `reader`; `name` is what errors call it (a path or `-`).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a sample rate outside 1000 to 384000 Hz or a channel count outside 1 to 32.
    pub fn new(name: &str, reader: R, encoding: Encoding, format: Format) -> Result<Self> {
        match format.fault() {
            Some(fault) => Err(Error::InvalidArgument(format!("{name}: {fault}"))),
            None => Ok(Self::with_layout(PathBuf::from(name), reader, encoding.into(), format, None)),
        }
    }

    /// A source of any layout, for callers that have checked `format`; `announced` is the length in bytes that a header
    /// promises.
    pub(super) fn with_layout(
        name: PathBuf,
        reader: R,
        layout: Layout,
        format: Format,
        announced: Option<u64>,
    ) -> Self {
        let frame = layout.bytes() * format.channels;
        let capacity = (READ_BYTES / frame).clamp(1, format.sample_rate as usize) * frame;
        let announced = announced.map(|bytes| bytes.div_ceil(frame as u64));
        Self { reader, name, layout, format, announced, frames: 0, buffer: vec![0; capacity], filled: 0, ended: false }
    }

    /// Bytes of a frame: one sample of each channel.
    fn frame_bytes(&self) -> usize {
        self.layout.bytes() * self.format.channels
    }

    /// Reads until there is at least a whole frame; `false` at the end of the stream.
    fn fill(&mut self) -> Result<bool> {
        while self.filled < self.frame_bytes() {
            let Some(space) = self.buffer.get_mut(self.filled..) else { return Ok(false) };
            match self.reader.read(space) {
                Ok(0) => return Ok(false),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io(&self.name, error)),
            }
        }
        Ok(true)
    }

    /// What is wrong with the place where the stream ended, if anything.
    fn fault_at_end(&self) -> Option<String> {
        let (frame, encoding) = (self.frame_bytes(), self.layout.name());
        let seconds = self.format.seconds(self.frames);
        let short = self.announced.filter(|&announced| announced > self.frames);
        let left_over = match self.filled {
            0 => String::new(),
            bytes => format!(
                "{bytes} byte{} left over at the end: a frame of {} x {encoding} takes {frame}",
                if bytes == 1 { "" } else { "s" },
                self.format.channels,
            ),
        };
        match short {
            Some(announced) => {
                let total = self.format.seconds(announced);
                let and = if left_over.is_empty() { "" } else { "; " };
                Some(format!(
                    "ends after {seconds:.3} s ({} samples), but its header announces {total:.3} s ({announced} samples){and}{left_over}",
                    self.frames
                ))
            }
            None if !left_over.is_empty() => Some(left_over),
            None if self.frames == 0 => Some("holds no samples".to_owned()),
            None => None,
        }
    }
}

impl<R: Read> Source for PcmSource<R> {
    fn format(&self) -> Format {
        self.format
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.announced.map(|frames| self.format.seconds(frames))
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.reset(self.format.channels);
        if self.ended {
            return Ok(false);
        }
        match self.fill() {
            Ok(true) => {}
            Ok(false) => {
                self.ended = true;
                return match self.fault_at_end() {
                    Some(reason) => Err(Error::MalformedAudio { path: self.name.clone(), reason }),
                    None => Ok(false),
                };
            }
            Err(error) => {
                self.ended = true;
                return Err(error);
            }
        }
        let whole = self.filled - self.filled % self.frame_bytes();
        self.layout.unpack(&self.buffer[..whole], &mut block.channels);
        self.frames += block.frames() as u64;
        self.buffer.copy_within(whole..self.filled, 0);
        self.filled -= whole;
        Ok(true)
    }
}
