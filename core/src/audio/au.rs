//! Headers of Sun/NeXT audio files (`.au`, `.snd`): where the samples are, and in which layout.
//!
//! Six big-endian words: the mark `.snd`, the position of the samples, their length in bytes (all ones where the writer did
//! not know it), the encoding, the sample rate, the channels; then a remark of any length.
//!
//! Source: Sun Microsystems, audio_filehdr(3) and `<audio/au.h>`, as documented with the Open Group's `audio/basic` registration
//! (RFC 2046, section 4.3).

use std::path::Path;

use super::Format;
use super::pcm::Layout;
use crate::{Error, Result};

/// Bytes of the fixed header.
pub(super) const HEADER_BYTES: usize = 24;

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Au {
    pub(super) format: Format,
    pub(super) layout: Layout,
    /// File position of the first sample.
    pub(super) start: u64,
    /// Bytes of samples announced; `None`: to the end of the file.
    pub(super) bytes: Option<u64>,
}

/// Whether a file that starts with `head` is an `.au` file.
pub(super) fn is_au(head: &[u8]) -> bool {
    head.starts_with(b".snd")
}

/// Reads the header in `head`, the first bytes of the file at `path`.
///
/// # Errors
/// [`Error::MalformedAudio`] for a broken header, [`Error::UnsupportedAudio`] for an encoding, rate or channel count that is
/// not read.
pub(super) fn read_header(path: &Path, head: &[u8]) -> Result<Au> {
    let malformed =
        |reason: &str| Error::MalformedAudio { path: path.to_owned(), reason: format!("the .au file {reason}") };
    let (words, _) = head.as_chunks::<4>();
    let &[_, start, bytes, encoding, sample_rate, channels, ..] = words else {
        return Err(malformed("ends within its header"));
    };
    let [start, bytes, encoding, sample_rate, channels] =
        [start, bytes, encoding, sample_rate, channels].map(u32::from_be_bytes);
    if (start as usize) < HEADER_BYTES {
        return Err(malformed(&format!("places its samples at byte {start}, within the header of {HEADER_BYTES}")));
    }
    let layout = match encoding {
        1 => Layout::Ulaw,
        2 => Layout::S8,
        3 => Layout::S16be,
        4 => Layout::S24be,
        5 => Layout::S32be,
        6 => Layout::F32be,
        7 => Layout::F64be,
        27 => Layout::Alaw,
        other => {
            let name = match other {
                23..=26 => "G.721, G.722 or G.723 ADPCM",
                _ => "an encoding of its own",
            };
            return Err(super::decode::unsupported(path, &format!("an .au file in {name} (encoding {other})")));
        }
    };
    let format = Format { sample_rate, channels: channels as usize };
    if let Some(reason) = format.fault() {
        return Err(Error::UnsupportedAudio { path: path.to_owned(), reason });
    }
    // All ones is the standard's "not known"; zero is what a recorder that was killed has left there.
    let known = bytes != u32::MAX && bytes != 0;
    Ok(Au { format, layout, start: u64::from(start), bytes: known.then_some(u64::from(bytes)) })
}
