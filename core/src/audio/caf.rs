//! Headers of CAF files that need no decoder: where the samples are, and in which layout.
//!
//! A program that writes to a pipe says -1 for the length of the samples, which then last to the end of the file; symphonia looks
//! for further chunks there, and finds no samples in a cut file. So PCM and G.711 are read here; other codecs go to symphonia.
//!
//! Source: Apple Core Audio Format Specification 1.0, "Audio Description Chunk" and "Audio Data Chunk".

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::Format;
use super::pcm::Layout;
use crate::{Error, Result};

/// Chunks before the samples after which a file is taken for rubbish.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the file header, of a chunk's header, of the description, and of the count of edits before the samples.
const FILE_HEADER: u64 = 8;
const CHUNK_HEADER: u64 = 12;
const DESCRIPTION: usize = 32;
const EDIT_COUNT: u64 = 4;

/// Samples that need no decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caf {
    pub(super) format: Format,
    pub(super) layout: Layout,
    /// File position of the first sample.
    pub(super) start: u64,
    /// Bytes of samples announced; `None`: to the end of the file.
    pub(super) bytes: Option<u64>,
}

/// Whether a file that starts with `head` is a CAF file.
pub(super) fn is_caf(head: &[u8]) -> bool {
    head.starts_with(b"caff")
}

/// Reads the header of a CAF file of `length` bytes; `None` where a decoder is needed.
///
/// # Errors
/// [`Error::MalformedAudio`] for a broken header, [`Error::UnsupportedAudio`] for a rate or channel count that is not read,
/// [`Error::Io`] where reading fails.
pub(super) fn read_header(path: &Path, reader: &mut BufReader<File>, length: u64) -> Result<Option<Caf>> {
    let io = |error| Error::io(path, error);
    let malformed =
        |reason: &str| Error::MalformedAudio { path: path.to_owned(), reason: format!("the CAF file {reason}") };
    let take = |reader: &mut BufReader<File>, bytes: &mut [u8]| match reader.read_exact(bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(malformed("ends within its header")),
        read => read.map_err(io),
    };
    let mut position = FILE_HEADER;
    let mut description = None;
    for _ in 0..MAX_CHUNKS {
        reader.seek(SeekFrom::Start(position)).map_err(io)?;
        let mut head = [0; CHUNK_HEADER as usize];
        take(reader, &mut head)?;
        let [i, j, k, l, size @ ..] = head;
        let size = i64::from_be_bytes(size);
        position += CHUNK_HEADER;
        match &[i, j, k, l] {
            b"desc" if size >= DESCRIPTION as i64 => {
                let mut bytes = [0; DESCRIPTION];
                take(reader, &mut bytes)?;
                match describe(&bytes) {
                    Some(found) => description = Some(found),
                    None => return Ok(None),
                }
            }
            b"data" => {
                let Some((format, layout)) = description else {
                    return Err(malformed("has samples before its description"));
                };
                if let Some(reason) = format.fault() {
                    return Err(Error::UnsupportedAudio { path: path.to_owned(), reason });
                }
                let bytes = u64::try_from(size).ok().map(|size| size.saturating_sub(EDIT_COUNT));
                return Ok(Some(Caf { format, layout, start: position + EDIT_COUNT, bytes }));
            }
            _ => {}
        }
        position = u64::try_from(size).ok().and_then(|size| position.checked_add(size)).unwrap_or(u64::MAX);
        if position >= length {
            return Err(malformed("ends before its samples: there is no `data` chunk"));
        }
    }
    Err(malformed("has thousands of chunks and no samples"))
}

/// Format and layout, where samples of this description need no decoder.
fn describe(bytes: &[u8; DESCRIPTION]) -> Option<(Format, Layout)> {
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let [a, b, c, d, e, f, g, h, ..] = *bytes;
    let rate = f64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let (flags, bytes_per_packet, channels, bits) = (word(12), word(16), word(24), word(28));
    let (float, little) = (flags & 1 != 0, flags & 2 != 0);
    let layout = match (&bytes[8..12], float, bits, little) {
        (b"ulaw", ..) => Layout::Ulaw,
        (b"alaw", ..) => Layout::Alaw,
        (b"lpcm", true, 32, true) => Layout::F32le,
        (b"lpcm", true, 32, false) => Layout::F32be,
        (b"lpcm", true, 64, true) => Layout::F64le,
        (b"lpcm", true, 64, false) => Layout::F64be,
        (b"lpcm", false, 8, _) => Layout::S8,
        (b"lpcm", false, 16, true) => Layout::S16le,
        (b"lpcm", false, 16, false) => Layout::S16be,
        (b"lpcm", false, 24, true) => Layout::S24le,
        (b"lpcm", false, 24, false) => Layout::S24be,
        (b"lpcm", false, 32, true) => Layout::S32le,
        (b"lpcm", false, 32, false) => Layout::S32be,
        _ => return None,
    };
    // Samples that do not fill their container are left to symphonia; so is a rate that is no whole number.
    let plain = u64::from(bytes_per_packet) == layout.bytes() as u64 * u64::from(channels);
    (plain && rate >= 0.0 && rate.fract() == 0.0)
        .then_some((Format { sample_rate: rate as u32, channels: channels as usize }, layout))
}
