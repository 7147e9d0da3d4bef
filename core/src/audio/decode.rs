//! Audio files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

#[cfg(feature = "amr")]
use super::amr::{self, AmrSource};
use super::coded::{Codec, CodedSource};
use super::demux::DemuxSource;
use super::gsm::GsmDecoder;
use super::headerless::{self, Headerless};
use super::pcm::{Encoding, Layout, PcmSource};
use super::wav::{self, Wav};
use super::{Block, Format, Resampler, SAMPLE_RATE, Source, au, caf};
use crate::{Error, Result};

/// An audio file being decoded block by block.
///
/// The content decides what a file is, not its name. Read are WAV (8 to 32-bit integers, 32 and 64-bit floats, mu-law,
/// A-law, GSM 06.10, IMA and Microsoft ADPCM; RF64 and BW64; files whose recorder never wrote the lengths), Sun/NeXT .au,
/// AIFF, FLAC, MP1, MP2, MP3, Ogg (Vorbis, FLAC, Opus), AAC-LC and ALAC in ADTS or MP4, CAF, Matroska and WebM. Of several
/// audio tracks, the first is read. With the feature `amr`, AMR files are read, too. Not read are wide-band AMR, Speex, WMA,
/// G.723.1 and G.729: the error says how to convert such a file.
///
/// Files without a header say by their name what they are, as a switchboard's recordings do: `.ulaw` `.ul` `.pcmu` and
/// `.alaw` `.al` `.pcma` (8 kHz), `.sln` (8 kHz; `.sln12` to `.sln192` other rates; 16-bit little-endian), `.gsm`, `.g722`.
/// [`open_raw`](Self::open_raw) reads a headerless file of any other name.
///
/// A file that is cut off gives what it holds and then an error, as [`Source::next_block`] describes. Two exceptions: a
/// cut CAF file with a codec, or MP4 file with its index at the end, can't be read at all; and Ogg, ADTS and MP3 without an encoder's header
/// announce no length, so that such a file looks whole if the cut falls between two packets.
#[derive(Debug)]
pub struct FileSource {
    reader: Reader,
}

type Data = Take<BufReader<File>>;

#[derive(Debug)]
enum Reader {
    Samples(PcmSource<Data>),
    Coded(Box<CodedSource<Data>>),
    Demux(Box<DemuxSource>),
    #[cfg(feature = "amr")]
    Amr(Box<AmrSource<Data>>),
}

/// An open regular file and its beginning.
struct Opened<'p> {
    path: &'p Path,
    reader: BufReader<File>,
    length: u64,
    head: Vec<u8>,
}

impl<'p> Opened<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        let io = |error| Error::io(path, error);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(io(std::io::ErrorKind::IsADirectory.into()));
        }
        let refuse = |reason: &str| Err(Error::UnsupportedAudio { path: path.to_owned(), reason: reason.to_owned() });
        if !metadata.is_file() {
            return refuse("not a regular file; pipe raw PCM to the standard input instead");
        }
        if metadata.len() == 0 {
            return refuse("the file is empty");
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut head = Vec::new();
        reader.by_ref().take(headerless::HEAD_BYTES as u64).read_to_end(&mut head).map_err(io)?;
        reader.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Self { path, reader, length: metadata.len(), head })
    }

    /// The part of the file from `start` on, of `bytes` where a header announces them; and the length announced.
    ///
    /// Announced lengths beyond the end of the file are caught when the samples run out.
    fn data(mut self, start: u64, bytes: Option<u64>) -> Result<(Data, u64)> {
        self.reader.seek(SeekFrom::Start(start)).map_err(|error| Error::io(self.path, error))?;
        Ok((self.reader.take(bytes.unwrap_or(u64::MAX)), bytes.unwrap_or(self.length.saturating_sub(start))))
    }

    fn samples(self, layout: Layout, format: Format, start: u64, bytes: Option<u64>) -> Result<Reader> {
        let path = self.path.to_owned();
        let (data, announced) = self.data(start, bytes)?;
        // Without a header nothing is announced: part of a frame at the end is one left over, not the rest of a longer file.
        let frame = (layout.bytes() * format.channels) as u64;
        let announced = if bytes.is_some() { announced } else { announced - announced % frame };
        Ok(Reader::Samples(PcmSource::with_layout(path, data, layout, format, Some(announced))))
    }

    fn coded(self, codec: Codec, start: u64, bytes: Option<u64>) -> Result<Reader> {
        let path = self.path.to_owned();
        let (data, announced) = self.data(start, bytes)?;
        Ok(Reader::Coded(Box::new(CodedSource::new(path, data, codec, Some(announced)))))
    }

    fn demux(self) -> Result<Reader> {
        let mut file = self.reader.into_inner();
        file.seek(SeekFrom::Start(0)).map_err(|error| Error::io(self.path, error))?;
        Ok(Reader::Demux(Box::new(DemuxSource::open(self.path, file)?)))
    }
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
        let mut file = Opened::open(path)?;
        if wav::is_wav(&file.head) {
            match wav::read_header(path, &mut file.reader, file.length)? {
                Wav::Samples { format, layout, start, bytes } => {
                    return file.samples(layout, format, start, bytes).map(Self::from);
                }
                Wav::Gsm { start, bytes } => {
                    return file.coded(Codec::GsmPairs(GsmDecoder::new()), start, bytes).map(Self::from);
                }
                Wav::Coded => return file.demux().map(Self::from),
            }
        }
        if au::is_au(&file.head) {
            let au::Au { format, layout, start, bytes } = au::read_header(path, &file.head)?;
            return file.samples(layout, format, start, bytes).map(Self::from);
        }
        if caf::is_caf(&file.head) {
            return match caf::read_header(path, &mut file.reader, file.length)? {
                Some(caf::Caf { format, layout, start, bytes }) => file.samples(layout, format, start, bytes),
                None => file.demux(),
            }
            .map(Self::from);
        }
        #[cfg(feature = "amr")]
        if file.head.starts_with(amr::MAGIC) {
            let (data, _) = file.data(amr::MAGIC.len() as u64, None)?;
            return Ok(Self::from(Reader::Amr(Box::new(AmrSource::new(path.to_owned(), data)?))));
        }
        if let Some(what) = foreign(&file.head) {
            return Err(unsupported(path, what));
        }
        match headerless::recognise(path, &file.head) {
            Some(Headerless::Samples(layout, format)) => file.samples(layout, format, 0, None),
            Some(Headerless::Coded(codec)) => file.coded(*codec, 0, None),
            Some(Headerless::Unknown) => Err(Error::UnsupportedAudio {
                path: path.to_owned(),
                reason:
                    "a file without a header, and the name does not say how its samples are laid out; name it .sln (16 bit, 8 kHz), .sln16 \
                     (16 kHz), .ulaw or .alaw, or pipe it in, as `callprint scan - --rate 8000 --encoding s16le < x.raw` does (in the \
                     library, FileSource::open_raw)"
                        .to_owned(),
            }),
            None => file.demux(),
        }
        .map(Self::from)
    }

    /// Opens a file without a header whose samples are laid out as `encoding` and `format` say; a header, if there is one
    /// after all, would be heard as a click.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be opened or read, [`Error::UnsupportedAudio`] if it is empty or no regular file,
    /// [`Error::InvalidArgument`] for a rate or channel count outside 1000 to 384000 Hz and 1 to 32.
    pub fn open_raw(path: impl AsRef<Path>, encoding: Encoding, format: Format) -> Result<Self> {
        let path = path.as_ref();
        if let Some(fault) = format.fault() {
            return Err(Error::InvalidArgument(format!("{}: {fault}", path.display())));
        }
        Opened::open(path)?.samples(encoding.into(), format, 0, None).map(Self::from)
    }

    /// Whether the file at `path` begins as a known container does, so that [`open_raw`](Self::open_raw) would be wrong.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::UnsupportedAudio`] as those of [`open`](Self::open).
    pub fn has_header(path: impl AsRef<Path>) -> Result<bool> {
        let head = Opened::open(path.as_ref())?.head;
        Ok(wav::is_wav(&head)
            || au::is_au(&head)
            || foreign(&head).is_some()
            || headerless::container_name(&head).is_some())
    }
}

impl From<Reader> for FileSource {
    fn from(reader: Reader) -> Self {
        Self { reader }
    }
}

impl Source for FileSource {
    fn format(&self) -> Format {
        match &self.reader {
            Reader::Samples(source) => source.format(),
            Reader::Coded(source) => source.format(),
            Reader::Demux(source) => source.format(),
            #[cfg(feature = "amr")]
            Reader::Amr(source) => source.format(),
        }
    }

    fn seconds_hint(&self) -> Option<f64> {
        match &self.reader {
            Reader::Samples(source) => source.seconds_hint(),
            Reader::Coded(source) => source.seconds_hint(),
            Reader::Demux(source) => source.seconds_hint(),
            #[cfg(feature = "amr")]
            Reader::Amr(source) => source.seconds_hint(),
        }
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        match &mut self.reader {
            Reader::Samples(source) => source.next_block(block),
            Reader::Coded(source) => source.next_block(block),
            Reader::Demux(source) => source.next_block(block),
            #[cfg(feature = "amr")]
            Reader::Amr(source) => source.next_block(block),
        }
    }
}

/// Kinds of audio file that are known by their first bytes, but not read.
fn foreign(head: &[u8]) -> Option<&'static str> {
    /// How it begins, what stands at byte 28, and its name.
    const KINDS: &[(&[u8], &[u8], &str)] = &[
        (b"#!AMR-WB", b"", "a wide-band AMR file"),
        (b"#!AMR_MC", b"", "an AMR file of several channels"),
        (b"#!AMR", b"", "an AMR file"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"", "a Windows Media file"),
        (b"NIST_1A", b"", "a NIST SPHERE file"),
        (b"wvpk", b"", "a WavPack file"),
        // The first packet of an Ogg file follows the header of its page, which has one segment.
        (b"OggS", b"Speex   ", "Speex audio"),
    ];
    let later = head.get(28..).unwrap_or_default();
    let kind = KINDS.iter().find(|(start, then, _)| head.starts_with(start) && later.starts_with(then));
    kind.map(|&(.., name)| name)
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
