//! WAV headers: where the samples are, and in which layout.
//!
//! Most call recordings are WAV files, and many of them do not follow the book: recorders that crash leave a length of 0,
//! programs that write to a pipe leave a huge one, G.711 comes with a short `fmt ` chunk or as WAVE_FORMAT_EXTENSIBLE, and
//! long recordings are RF64. So uncompressed and G.711 WAV files are read here; GSM goes to `coded`, ADPCM to symphonia.
//!
//! Sources: Microsoft, Multiple Channel Audio Data and WAVE Files, 2007 (WAVEFORMATEXTENSIBLE); EBU Tech 3306 (RF64);
//! ITU-R BS.2088 (BW64); RFC 2361 (format tags).

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::pcm::Layout;
use super::{Format, SAMPLE_RATE};
use crate::{Error, Result};

/// Chunks before the samples after which a file is taken for rubbish.
const MAX_CHUNKS: usize = 4096;
/// Lengths from here on, where the file does not reach them, stand for "not known" in files written to a pipe.
const PIPE_LENGTH: u64 = 0x7fff_f000;
/// The end of a sub-format GUID that carries a format tag, and of one for ambisonic sound.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const AMBISONIC_TAIL: [u8; 14] = [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0];

/// What a WAV header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wav {
    /// Samples that need no decoder.
    Samples {
        /// Rate and channels, within the accepted ranges.
        format: Format,
        /// Layout of a sample.
        layout: Layout,
        /// File position of the first sample.
        start: u64,
        /// Bytes of samples that the header announces; `None`: to the end of the file.
        bytes: Option<u64>,
    },
    /// GSM 06.10 in pairs of frames ("WAV49").
    Gsm {
        /// File position of the first frame.
        start: u64,
        /// Bytes of frames that the header announces; `None`: to the end of the file.
        bytes: Option<u64>,
    },
    /// A codec that symphonia decodes.
    Coded,
}

/// The contents of a `fmt ` chunk.
#[derive(Debug, Clone, Copy)]
struct Fmt {
    tag: u16,
    channels: u16,
    sample_rate: u32,
    block_align: u16,
    bits: u16,
}

/// Whether a file that starts with `head` is a WAV file.
pub(super) fn is_wav(head: &[u8]) -> bool {
    matches!(head.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && head.get(8..12) == Some(b"WAVE")
}

/// Reads the header of a WAV file of `length` bytes, from its start.
///
/// # Errors
/// [`Error::MalformedAudio`] for a broken header, [`Error::UnsupportedAudio`] for a codec, rate or channel count that is
/// not read, [`Error::Io`] where reading fails.
pub(super) fn read_header(path: &Path, reader: &mut BufReader<File>, length: u64) -> Result<Wav> {
    Header { path, reader, length }.read()
}

/// A header being read; holds what errors need.
struct Header<'a> {
    path: &'a Path,
    reader: &'a mut BufReader<File>,
    length: u64,
}

impl Header<'_> {
    fn read(&mut self) -> Result<Wav> {
        let [_, _, _, _, a, b, c, d, ..] = self.take::<12>()?;
        let mut riff_bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
        let mut position = 12;
        let mut fmt = None;
        let mut long = None;
        for _ in 0..MAX_CHUNKS {
            let [i, j, k, l, a, b, c, d] = self.take::<8>()?;
            let (id, bytes) = ([i, j, k, l], u64::from(u32::from_le_bytes([a, b, c, d])));
            position += 8;
            match &id {
                b"fmt " => fmt = Some(self.read_fmt(bytes)?),
                b"ds64" => long = Some(self.read_ds64(bytes)?),
                b"data" => {
                    let Some(fmt) = fmt else { return Err(self.malformed("has samples before the `fmt ` chunk")) };
                    let mut announced = bytes;
                    if let (0xffff_ffff, Some(long)) = (bytes, long) {
                        (riff_bytes, announced) = long;
                    }
                    let bytes = self.trusted_length(announced, riff_bytes, position);
                    return self.samples(fmt, position, bytes);
                }
                _ => {}
            }
            // Chunks start at even positions.
            position = position.saturating_add(bytes + bytes % 2);
            if position >= self.length {
                return Err(self.malformed("ends before its samples: there is no `data` chunk"));
            }
            self.reader.seek(SeekFrom::Start(position)).map_err(|error| Error::io(self.path, error))?;
        }
        Err(self.malformed("has thousands of chunks and no samples"))
    }

    /// The next N bytes.
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.malformed("ends within its header")),
            Err(error) => Err(Error::io(self.path, error)),
        }
    }

    fn read_fmt(&mut self, bytes: u64) -> Result<Fmt> {
        if bytes < 16 {
            return Err(self.malformed(&format!("has a `fmt ` chunk of {bytes} bytes; at least 16 are needed")));
        }
        let fixed = self.take::<16>()?;
        let word = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let mut tag = word(0);
        if tag == 0xfffe && bytes >= 40 {
            let extension = self.take::<24>()?;
            let tail = &extension[10..];
            if tail != GUID_TAIL && tail != AMBISONIC_TAIL {
                return Err(self.unsupported("a WAV file with a vendor's own sample format"));
            }
            tag = u16::from_le_bytes([extension[8], extension[9]]);
        }
        let sample_rate = u32::from_le_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        Ok(Fmt { tag, channels: word(2), sample_rate, block_align: word(12), bits: word(14) })
    }

    /// The lengths of the file and of its samples in the 64-bit size chunk of RF64 and BW64.
    fn read_ds64(&mut self, bytes: u64) -> Result<(u64, u64)> {
        if bytes < 24 {
            return Err(self.malformed(&format!("has a `ds64` chunk of {bytes} bytes; at least 24 are needed")));
        }
        let [riff, data, _] = [0; 3].map(|_: u8| self.take::<8>().map(u64::from_le_bytes));
        Ok((riff?, data?))
    }

    /// The length of the samples at `start`, where the header can be trusted with it.
    fn trusted_length(&self, announced: u64, riff_bytes: u64, start: u64) -> Option<u64> {
        let present = self.length - start.min(self.length);
        // A recorder that was killed, or that writes to a pipe, has never filled in the lengths, so the RIFF chunk too ends
        // before the samples.
        let unfinished = announced == 0 && present > 0 && riff_bytes.saturating_add(8) <= start;
        let piped = announced >= PIPE_LENGTH && announced > present;
        (!unfinished && !piped).then_some(announced)
    }

    fn samples(&self, fmt: Fmt, start: u64, bytes: Option<u64>) -> Result<Wav> {
        let layout = match fmt.tag {
            0x0001 => self.integer_layout(fmt)?,
            0x0003 if fmt.bits == 32 => Layout::F32le,
            0x0003 if fmt.bits == 64 => Layout::F64le,
            0x0003 => return Err(self.unsupported(&format!("a WAV file with {}-bit float samples", fmt.bits))),
            0x0006 => Layout::Alaw,
            0x0007 => Layout::Ulaw,
            0x0002 | 0x0011 => return Ok(Wav::Coded),
            0x0031 if fmt.channels == 1 && fmt.sample_rate == SAMPLE_RATE => return Ok(Wav::Gsm { start, bytes }),
            tag => return Err(self.unsupported(&format!("a WAV file with {}", codec_name(tag)))),
        };
        let format = Format { sample_rate: fmt.sample_rate, channels: usize::from(fmt.channels) };
        match format.fault() {
            Some(reason) => Err(Error::UnsupportedAudio { path: self.path.to_owned(), reason }),
            None => Ok(Wav::Samples { format, layout, start, bytes }),
        }
    }

    /// Layout of integer PCM: samples fill their container from the top, so the container's width decides.
    fn integer_layout(&self, fmt: Fmt) -> Result<Layout> {
        let needed = fmt.bits.div_ceil(8);
        let container = fmt.block_align.checked_div(fmt.channels).unwrap_or(0);
        let fits = container >= needed && u32::from(container) * u32::from(fmt.channels) == u32::from(fmt.block_align);
        match if fits { container } else { needed } {
            1 => Ok(Layout::U8),
            2 => Ok(Layout::S16le),
            3 => Ok(Layout::S24le),
            4 => Ok(Layout::S32le),
            _ => Err(self.unsupported(&format!("a WAV file with {}-bit samples", fmt.bits))),
        }
    }

    fn malformed(&self, reason: &str) -> Error {
        Error::MalformedAudio { path: self.path.to_owned(), reason: format!("the WAV file {reason}") }
    }

    fn unsupported(&self, what: &str) -> Error {
        super::decode::unsupported(self.path, what)
    }
}

/// Name of a codec by its WAV format tag, for the ones that telephone recordings come in.
fn codec_name(tag: u16) -> String {
    let name = match tag {
        0x0014 | 0x0040 | 0x0045 | 0x0064 => "G.721/G.726 ADPCM",
        0x0022 => "TrueSpeech",
        0x0031 => "GSM 06.10",
        0x0042 => "G.723.1",
        0x0050 | 0x0055 => "MPEG audio",
        0x0083 | 0x0133 => "G.729",
        0x00ff | 0x1600..=0x1610 => "AAC",
        0x0160..=0x0163 => "Windows Media audio",
        0x704f => "Opus",
        _ => return format!("the unknown codec {tag:#06x}"),
    };
    format!("{name} (codec {tag:#06x})")
}
