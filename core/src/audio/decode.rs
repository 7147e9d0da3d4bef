//! Audio files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use super::demux::DemuxSource;
use super::pcm::PcmSource;
use super::wav::{self, Wav};
use super::{Block, Format, Resampler, SAMPLE_RATE, Source};
use crate::{Error, Result};

/// An audio file being decoded block by block.
///
/// The content decides what a file is, not its name. Read are WAV (8 to 32-bit integers, 32 and 64-bit floats, mu-law,
/// A-law, IMA and Microsoft ADPCM; RF64 and BW64; files whose recorder never wrote the lengths), AIFF, FLAC, MP1, MP2,
/// MP3, Ogg (Vorbis, FLAC), AAC-LC and ALAC in ADTS or MP4, CAF, Matroska and WebM. Of several audio tracks, the first is
/// read. Not read are Opus, AMR, GSM, Speex and WMA: the error says how to convert such a file.
///
/// A file that is cut off gives what it holds and then an error, as [`Source::next_block`] describes. This can be seen
/// wherever the container announces a length; Ogg, ADTS and MP3 without an encoder's header do not, and such a file, cut
/// between two packets, looks whole.
#[derive(Debug)]
pub struct FileSource {
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Samples(PcmSource<Take<BufReader<File>>>),
    Demux(Box<DemuxSource>),
}

impl FileSource {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be opened or read, [`Error::UnsupportedAudio`] if it is empty, no regular file, or
    /// of a kind, codec, sample rate or channel count that is not read, [`Error::MalformedAudio`] if it is broken before
    /// the first sample.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |error| Error::io(path, error);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(io(std::io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            let reason = "not a regular file; pipe raw PCM to the standard input instead".to_owned();
            return Err(Error::UnsupportedAudio { path: path.to_owned(), reason });
        }
        if metadata.len() == 0 {
            return Err(Error::UnsupportedAudio { path: path.to_owned(), reason: "the file is empty".to_owned() });
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut head = Vec::new();
        reader.by_ref().take(64).read_to_end(&mut head).map_err(io)?;
        reader.seek(SeekFrom::Start(0)).map_err(io)?;
        if wav::is_wav(&head)
            && let Wav::Samples { format, layout, start, bytes } = wav::read_header(path, &mut reader, metadata.len())?
        {
            reader.seek(SeekFrom::Start(start)).map_err(io)?;
            // Announced lengths beyond the end of the file are caught when the samples run out.
            let samples = reader.take(bytes.unwrap_or(u64::MAX));
            let announced = Some(bytes.unwrap_or(metadata.len().saturating_sub(start)));
            let source = PcmSource::with_layout(path.to_owned(), samples, layout, format, announced);
            return Ok(Self { reader: Reader::Samples(source) });
        }
        if let Some(what) = foreign(&head) {
            return Err(unsupported(path, what));
        }
        let mut file = reader.into_inner();
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Self { reader: Reader::Demux(Box::new(DemuxSource::open(path, file)?)) })
    }
}

impl Source for FileSource {
    fn format(&self) -> Format {
        match &self.reader {
            Reader::Samples(source) => source.format(),
            Reader::Demux(source) => source.format(),
        }
    }

    fn seconds_hint(&self) -> Option<f64> {
        match &self.reader {
            Reader::Samples(source) => source.seconds_hint(),
            Reader::Demux(source) => source.seconds_hint(),
        }
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        match &mut self.reader {
            Reader::Samples(source) => source.next_block(block),
            Reader::Demux(source) => source.next_block(block),
        }
    }
}

/// Kinds of audio file that are known by their first bytes, but not read.
fn foreign(head: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"#!AMR", "an AMR file"),
        (b".snd", "a Sun/NeXT .au file"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
        (b"NIST_1A", "a NIST SPHERE file"),
        (b"wvpk", "a WavPack file"),
    ];
    KINDS.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, name)| name)
}

/// The error for audio that is recognised, but not read.
pub(super) fn unsupported(path: &Path, what: &str) -> Error {
    Error::UnsupportedAudio {
        path: path.to_owned(),
        reason: format!("{what} is not read; convert it, for example with `ffmpeg -i INPUT -c:a pcm_s16le OUTPUT.wav`"),
    }
}

/// A whole file as 8 kHz samples, one vector per channel, all of the same length: for short clips such as renderings.
///
/// # Errors
/// Those of [`FileSource::open`] and [`Source::next_block`] (a damaged file gives no clip), [`Error::UnsupportedAudio`]
/// for a file longer than `max_seconds`, [`Error::InvalidArgument`] if `max_seconds` is not positive.
pub fn read_channels_8k(path: impl AsRef<Path>, max_seconds: f64) -> Result<Vec<Vec<f32>>> {
    let path = path.as_ref();
    if max_seconds.is_nan() || max_seconds <= 0.0 {
        return Err(Error::InvalidArgument(format!("max_seconds is {max_seconds}, but must be more than 0")));
    }
    let mut source = FileSource::open(path)?;
    let format = source.format();
    let mut resamplers =
        (0..format.channels).map(|_| Resampler::new(format.sample_rate)).collect::<Result<Vec<_>>>()?;
    let mut clip = vec![Vec::new(); format.channels];
    let mut block = Block::default();
    while source.next_block(&mut block)? {
        for ((resampler, input), output) in resamplers.iter_mut().zip(&block.channels).zip(&mut clip) {
            resampler.push(input, output);
            if output.len() as f64 > max_seconds * f64::from(SAMPLE_RATE) {
                let reason = format!("longer than {max_seconds} s, the most that a clip may have; cut it");
                return Err(Error::UnsupportedAudio { path: path.to_owned(), reason });
            }
        }
    }
    for (resampler, output) in resamplers.iter_mut().zip(&mut clip) {
        resampler.finish(output);
    }
    Ok(clip)
}
