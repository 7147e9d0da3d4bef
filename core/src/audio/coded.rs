//! Telephone codecs of fixed frames without a container of their own: GSM 06.10 and G.722.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use super::g722::G722Decoder;
use super::gsm::{self, GsmDecoder};
use super::{Block, Format, SAMPLE_RATE, Source};
use crate::{Error, Result};

/// Units decoded for one block, at most: 20 ms each for GSM, one sample for G.722.
const READ_BYTES: usize = 1024;

/// A codec and its state.
#[derive(Debug, Clone)]
pub(super) enum Codec {
    /// GSM 06.10 in frames of 33 bytes.
    Gsm(GsmDecoder),
    /// GSM 06.10 in pairs of frames, 65 bytes: "WAV49".
    GsmPairs(GsmDecoder),
    /// G.722 at 64 kbit/s.
    G722(G722Decoder),
}

impl Codec {
    /// Bytes that decode as a whole.
    fn unit(&self) -> usize {
        match self {
            Self::Gsm(_) => gsm::FRAME_BYTES,
            Self::GsmPairs(_) => gsm::PAIR_BYTES,
            Self::G722(_) => 1,
        }
    }

    /// Samples of a unit.
    fn samples(&self) -> usize {
        match self {
            Self::Gsm(_) => gsm::FRAME_SAMPLES,
            Self::GsmPairs(_) => 2 * gsm::FRAME_SAMPLES,
            Self::G722(_) => 1,
        }
    }

    /// Appends what the whole units in `bytes` hold to `out`; the number of frames without the codec's mark.
    fn decode(&mut self, bytes: &[u8], out: &mut Vec<f32>) -> usize {
        let mut push = |sample: i16| out.push(f32::from(sample) / 32_768.0);
        match self {
            Self::Gsm(decoder) => {
                let (frames, _) = bytes.as_chunks();
                frames.iter().for_each(|frame| decoder.frame(frame, &mut push));
                return frames.iter().filter(|frame| !GsmDecoder::is_frame(*frame)).count();
            }
            Self::GsmPairs(decoder) => bytes.as_chunks().0.iter().for_each(|pair| decoder.pair(pair, &mut push)),
            Self::G722(decoder) => bytes.iter().for_each(|&byte| push(decoder.sample(byte))),
        }
        0
    }
}

/// Frames of a telephone codec, decoded block by block; one channel at 8 kHz.
#[derive(Debug)]
pub(super) struct CodedSource<R> {
    reader: R,
    path: PathBuf,
    codec: Codec,
    /// Bytes that a header or the file's size announces.
    announced: Option<u64>,
    read: u64,
    /// GSM frames without their mark.
    foreign: usize,
    buffer: Vec<u8>,
    ended: bool,
}

/// Fills `bytes` as far as the stream goes; how many were read.
pub(super) fn read_full(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(space) = bytes.get_mut(filled..).filter(|space| !space.is_empty()) {
        match reader.read(space) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl<R: Read> CodedSource<R> {
    pub(super) fn new(path: PathBuf, reader: R, codec: Codec, announced: Option<u64>) -> Self {
        let capacity = (READ_BYTES / codec.unit()) * codec.unit();
        Self { reader, path, codec, announced, read: 0, foreign: 0, buffer: vec![0; capacity], ended: false }
    }

    /// Reads until the buffer is full or the stream ends; the bytes read.
    fn fill(&mut self) -> Result<usize> {
        read_full(&mut self.reader, &mut self.buffer).map_err(|error| Error::io(&self.path, error))
    }

    fn seconds(&self, bytes: u64) -> f64 {
        (bytes / self.codec.unit() as u64 * self.codec.samples() as u64) as f64 / f64::from(SAMPLE_RATE)
    }

    fn malformed(&self, reason: String) -> Error {
        Error::MalformedAudio { path: self.path.clone(), reason }
    }

    /// Reports what is wrong with the place where the stream ended.
    fn check_end(&self) -> Result<()> {
        let (seconds, unit) = (self.seconds(self.read), self.codec.unit() as u64);
        if self.read < unit {
            return Err(self.malformed("holds no samples".to_owned()));
        }
        if let Some(announced) = self.announced
            && announced / unit > self.read / unit
        {
            let total = self.seconds(announced);
            return Err(self.malformed(format!("ends after {seconds:.3} s, but its header announces {total:.3} s")));
        }
        // Writers pad a chunk to an even length.
        if self.read % unit > 1 {
            let left = self.read % unit;
            return Err(
                self.malformed(format!("ends after {seconds:.3} s within a frame: {left} of {unit} bytes are left"))
            );
        }
        match self.foreign {
            0 => Ok(()),
            foreign => Err(self.malformed(format!("{foreign} of {} GSM frames lack their mark", self.read / unit))),
        }
    }
}

impl<R: Read> Source for CodedSource<R> {
    fn format(&self) -> Format {
        Format { sample_rate: SAMPLE_RATE, channels: 1 }
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.announced.map(|bytes| self.seconds(bytes))
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.reset(1);
        if self.ended {
            return Ok(false);
        }
        let filled = self.fill();
        self.ended = !matches!(filled, Ok(count) if count >= self.codec.unit());
        let filled = filled?;
        self.read += filled as u64;
        if self.ended {
            return self.check_end().map(|()| false);
        }
        let whole = filled - filled % self.codec.unit();
        self.foreign += self.codec.decode(&self.buffer[..whole], &mut block.channels[0]);
        Ok(true)
    }
}
