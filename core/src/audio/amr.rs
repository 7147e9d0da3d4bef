//! AMR files: narrow-band adaptive multi-rate speech as mobile telephones and voice mail store it.
//!
//! A file is the line `#!AMR`, then a frame for each 20 ms: a byte that says the frame's type and whether it is sound, and
//! as many bytes as the type has. Types 0 to 7 are speech at 4.75 to 12.2 kbit/s, 8 is comfort noise, 15 nothing at all.
//!
//! Source: RFC 4867 section 5 (files) and 3GPP TS 26.101 table 1a (types). The codec is [`opencore`](super::opencore)'s.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::coded::read_full;
use super::opencore::{AmrDecoder, FRAME_SAMPLES, LARGEST_FRAME};
use super::{Block, Format, SAMPLE_RATE, Source};
use crate::{Error, Result};

/// The first bytes of a file of one channel of narrow-band speech.
pub(super) const MAGIC: &[u8] = b"#!AMR\n";
/// Frames of a block, at most: a second.
const FRAMES: usize = 50;
/// The type of a frame that holds nothing, in its place in the first byte.
const NOTHING: u8 = 15 << 3;
/// The bit of the first byte that says that a frame is sound.
const SOUND: u8 = 1 << 2;

/// The frames of a file, decoded block by block; one channel at 8 kHz.
pub(super) struct AmrSource<R> {
    reader: R,
    path: PathBuf,
    decoder: AmrDecoder,
    frames: u64,
    ended: bool,
    /// What ended the file, once all samples before it are out.
    failure: Option<Error>,
}

impl<R: Read> AmrSource<R> {
    /// Reads on behind the magic bytes.
    pub(super) fn new(path: PathBuf, reader: R) -> Result<Self> {
        let decoder = AmrDecoder::new().ok_or_else(|| Error::io(&path, ErrorKind::OutOfMemory.into()))?;
        Ok(Self { reader, path, decoder, frames: 0, ended: false, failure: None })
    }

    /// Reads a frame and decodes it to `out`; `false` at the end of the file.
    fn frame(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        let mut frame = [0; LARGEST_FRAME];
        if self.read(&mut frame[..1])? == 0 {
            return if self.frames == 0 { Err(self.malformed("holds no samples".to_owned())) } else { Ok(false) };
        }
        let kind = frame[0] >> 3 & 0x0f;
        let bytes = match kind {
            0..=7 => [12, 13, 15, 17, 19, 20, 26, 31][usize::from(kind)],
            8 => 5,
            15 => 0,
            _ => return Err(self.malformed(format!("{}: frames of type {kind} are none of AMR's", self.place()))),
        };
        let found = self.read(&mut frame[1..=bytes])?;
        if found < bytes {
            let (found, whole) = (found + 1, bytes + 1);
            return Err(
                self.malformed(format!("ends {} within a frame: {found} of {whole} bytes are left", self.place()))
            );
        }
        if frame[0] & SOUND == 0 {
            // What the network knows to be damaged: the decoder fills the gap.
            frame[0] = NOTHING | SOUND;
        }
        self.frames += 1;
        let samples = self.decoder.frame(&frame);
        out.extend(samples.iter().map(|&sample| f32::from(sample) / 32_768.0));
        Ok(true)
    }

    /// Fills `bytes` as far as the file goes; how many were read.
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        read_full(&mut self.reader, bytes).map_err(|error| Error::io(&self.path, error))
    }

    fn place(&self) -> String {
        let seconds = self.frames as f64 * FRAME_SAMPLES as f64 / f64::from(SAMPLE_RATE);
        format!("after {seconds:.3} s")
    }

    fn malformed(&self, reason: String) -> Error {
        Error::MalformedAudio { path: self.path.clone(), reason }
    }
}

impl<R: Read> Source for AmrSource<R> {
    fn format(&self) -> Format {
        Format { sample_rate: SAMPLE_RATE, channels: 1 }
    }

    /// Nothing: frames differ in length, and the file does not say how many there are.
    fn seconds_hint(&self) -> Option<f64> {
        None
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.reset(1);
        while !self.ended && block.frames() < FRAMES * FRAME_SAMPLES {
            let more = self.frame(&mut block.channels[0]);
            self.ended = !matches!(more, Ok(true));
            self.failure = more.err();
        }
        if block.frames() == 0
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        Ok(block.frames() > 0)
    }
}

impl<R> fmt::Debug for AmrSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmrSource").field("path", &self.path).field("frames", &self.frames).finish_non_exhaustive()
    }
}
