//! Files without a header, which are known by their name: what Asterisk, FreeSWITCH and sox write under these extensions.
//!
//! A name counts only where the content shows no container, so that a WAV file called `.ulaw` stays a WAV file. Raw GSM is
//! also known by its content, except under a name of A-law: each of its frames begins with the nibble 0xD, as do A-law's small samples.

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

/// The first bytes of containers, and what they are called.
const MARKS: &[(&[u8], &str)] = &[
    (b"RIFF", "a WAV file"),
    (b"RF64", "a WAV file (RF64)"),
    (b"BW64", "a WAV file (BW64)"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"ID3", "an MP3 file"),
    (b"FORM", "an AIFF file"),
    (b"caff", "a CAF file"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (b".snd", "an .au file"),
];

/// What a file without a header holds.
#[derive(Debug)]
pub(super) enum Headerless {
    Samples(Layout, Format),
    Coded(Box<Codec>),
    /// Something that the name does not tell.
    Unknown,
}

/// What the container is called that bytes beginning with `head` are in; `None` where they may be raw samples.
///
/// A program that takes raw samples can so tell its user that a file was meant.
pub fn container_name(head: &[u8]) -> Option<&'static str> {
    let mp4 = || (head.get(4..8) == Some(b"ftyp")).then_some("an MP4 file");
    MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|&(_, name)| name).or_else(mp4)
}

/// What the file at `path` holds, if it has no header.
pub(super) fn recognise(path: &Path, head: &[u8]) -> Option<Headerless> {
    if container_name(head).is_some() {
        return None;
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let extension = extension.as_deref().unwrap_or_default();
    if is_gsm(head, extension) {
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

/// Whether `head` is the beginning of raw GSM. A-law at rest has the mark in all its bytes, not only where frames begin.
fn is_gsm(head: &[u8], extension: &str) -> bool {
    let marked = head.chunks_exact(gsm::FRAME_BYTES).take_while(|frame| GsmDecoder::is_frame(frame)).count();
    let all_marked = marked > 0 && marked == head.len() / gsm::FRAME_BYTES;
    let at_rest = head.iter().all(|&byte| GsmDecoder::is_frame(&[byte]));
    match extension {
        "gsm" => all_marked,
        // Sound may begin within `head`, after a rest that bears most of the marks.
        "al" | "alaw" | "pcma" => false,
        _ => all_marked && marked >= SURE_FRAMES && !at_rest,
    }
}
