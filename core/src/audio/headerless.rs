//! Files without a header, which are known by their name: what Asterisk, FreeSWITCH and sox write under these extensions.
//!
//! A name counts only where the content shows no container, so that a WAV file called `.ulaw` stays a WAV file. Raw GSM is
//! also known by its content: each of its frames begins with the nibble 0xD.

use std::path::Path;

use super::coded::Codec;
use super::g722::G722Decoder;
use super::gsm::{self, GsmDecoder};
use super::pcm::Layout;
use super::{Format, SAMPLE_RATE};

/// Bytes of a file's beginning that decide what it is.
pub(super) const HEAD_BYTES: usize = 32 * gsm::FRAME_BYTES;

/// Frames from which raw GSM is known whatever the file is called: unrelated bytes would have all their marks once in 2^64.
const SURE_FRAMES: usize = 16;

/// The first bytes of containers.
const MARKS: &[&[u8]] =
    &[b"OggS", b"fLaC", b"FORM", b"caff", b"ID3", b"\x1a\x45\xdf\xa3", b"RIFF", b"RF64", b"BW64", b".snd"];

/// What a file without a header holds.
#[derive(Debug)]
pub(super) enum Headerless {
    Samples(Layout, Format),
    Coded(Box<Codec>),
    /// Something that the name does not tell.
    Unknown,
}

/// Whether `head` begins as a container does.
pub(super) fn is_container(head: &[u8]) -> bool {
    MARKS.iter().any(|mark| head.starts_with(mark)) || head.get(4..8) == Some(b"ftyp")
}

/// What the file at `path` holds, if it has no header.
pub(super) fn recognise(path: &Path, head: &[u8]) -> Option<Headerless> {
    if is_container(head) {
        return None;
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let extension = extension.as_deref().unwrap_or_default();
    let marked = head.chunks_exact(gsm::FRAME_BYTES).take_while(|frame| GsmDecoder::is_frame(frame)).count();
    let all_marked = marked > 0 && marked == head.len() / gsm::FRAME_BYTES;
    if all_marked && (marked >= SURE_FRAMES || extension == "gsm") {
        return Some(Headerless::Coded(Box::new(Codec::Gsm(GsmDecoder::new()))));
    }
    let mono = |layout, sample_rate| Some(Headerless::Samples(layout, Format { sample_rate, channels: 1 }));
    match extension {
        "ul" | "ulaw" | "mulaw" | "pcmu" => mono(Layout::Ulaw, SAMPLE_RATE),
        "al" | "alaw" | "pcma" => mono(Layout::Alaw, SAMPLE_RATE),
        "sln" => mono(Layout::S16le, SAMPLE_RATE),
        "sln12" => mono(Layout::S16le, 12_000),
        "sln16" => mono(Layout::S16le, 16_000),
        "sln24" => mono(Layout::S16le, 24_000),
        "sln32" => mono(Layout::S16le, 32_000),
        "sln44" => mono(Layout::S16le, 44_100),
        "sln48" => mono(Layout::S16le, 48_000),
        "sln96" => mono(Layout::S16le, 96_000),
        "sln192" => mono(Layout::S16le, 192_000),
        "g722" => Some(Headerless::Coded(Box::new(Codec::G722(G722Decoder::new())))),
        "raw" | "pcm" | "s16" | "sw" => Some(Headerless::Unknown),
        _ => None,
    }
}
