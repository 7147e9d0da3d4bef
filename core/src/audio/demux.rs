//! Containers and codecs by symphonia.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::well_known::{
    FORMAT_ID_ADTS, FORMAT_ID_AIFF, FORMAT_ID_FLAC, FORMAT_ID_MP1, FORMAT_ID_MP2, FORMAT_ID_MP3, FORMAT_ID_WAVE,
};
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};
use symphonia::default::{register_enabled_codecs, register_enabled_formats};

use super::decode::unsupported;
use super::{Block, Format, Source, clean};
use crate::{Error, Result};

/// Bytes that may stand before the first mark of a container. MPEG audio's mark is short: a wide search finds it in
/// anything, and a recording cut out of a stream has the next one within 1441 bytes.
const PROBE_BYTES: u32 = 1 << 15;
/// Seconds of packets that can't be decoded up to which a file passes: the first frames of an MP3 cut out of a stream
/// refer to what is missing before them.
const TOLERATED_LOSS: f64 = 0.1;
/// Seconds by which coded audio may end before the announced length: encoders round it to whole packets.
const TOLERATED_GAP: f64 = 0.1;
/// The same where the length is exact: less than a sample at any rate.
const EXACT: f64 = 1e-6;
/// What errors say of a file that makes a decoder panic.
const DECODER_FAILED: &str = "the decoder fails on its contents";

/// All container formats that symphonia reads.
static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::new_with_options(&ProbeOptions { max_probe_depth: PROBE_BYTES, ..Default::default() });
    register_enabled_formats(&mut probe);
    probe
});

/// All codecs: symphonia's, and Opus.
static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    register_enabled_codecs(&mut codecs);
    #[cfg(feature = "opus")]
    codecs.register_audio_decoder::<super::opus::Opus>();
    codecs
});

/// The first audio track of a file, decoded by symphonia.
///
/// A packet that can't be decoded becomes silence of its length, so that times stay right.
pub(super) struct DemuxSource {
    path: PathBuf,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    format: Format,
    /// Decoded samples, and how many frames of them have been handed out.
    decoded: Vec<Vec<f32>>,
    used: usize,
    /// Frames of encoder delay still to be dropped.
    delay: usize,
    /// Frames of silence due before the next decoded ones, in place of a broken packet.
    gap: usize,
    /// Frames handed out or about to be, and frames of broken packets.
    frames: u64,
    lost: u64,
    announced: Option<Length>,
    /// The container could only be read as a stream: something is missing.
    incomplete: bool,
    ended: bool,
}

/// A length that the container announces.
#[derive(Debug, Clone, Copy)]
struct Length {
    seconds: f64,
    /// Whether audio that ends earlier must be damaged, and by how many seconds.
    tolerance: Option<f64>,
}

/// What reading one packet gave.
enum Step {
    Samples,
    Nothing,
    End,
}

impl DemuxSource {
    /// Finds the container, the first audio track and its decoder, and decodes the first packet: only then is the format
    /// sure.
    ///
    /// A cut file is refused by demultiplexers that walk over the whole of it first, but not if they take it for a stream
    /// that can't be searched. So that is tried next, and the damage reported at the end.
    pub(super) fn open(path: &Path, file: File) -> Result<Self> {
        let again = file.try_clone().map_err(|error| Error::io(path, error))?;
        match Self::try_open(path, Box::new(file)) {
            Err(first) if !matches!(first, Error::Io { .. }) => {
                (&again).seek(SeekFrom::Start(0)).map_err(|error| Error::io(path, error))?;
                match Self::try_open(path, Box::new(ReadOnlySource::new(again))) {
                    Ok(source) => Ok(Self { incomplete: true, ..source }),
                    Err(_) => Err(first),
                }
            }
            opened => opened,
        }
    }

    fn try_open(path: &Path, media: Box<dyn MediaSource>) -> Result<Self> {
        guarded(|| Self::open_unguarded(path, media))
            .unwrap_or_else(|| Err(Error::MalformedAudio { path: path.to_owned(), reason: DECODER_FAILED.to_owned() }))
    }

    fn open_unguarded(path: &Path, media: Box<dyn MediaSource>) -> Result<Self> {
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(media, Default::default());
        let reader = PROBE
            .probe(&hint, stream, Default::default(), Default::default())
            .map_err(|error| opening_error(path, error))?;
        let (track, parameters) = first_audio_track(path, &*reader)?;
        let mpeg = is_mpeg(&*reader);
        let mut source = Self {
            path: path.to_owned(),
            decoder: make_decoder(path, &parameters, mpeg)?,
            track: track.id,
            time_base: track.time_base,
            format: Format { sample_rate: 0, channels: 0 },
            decoded: Vec::new(),
            used: 0,
            delay: if mpeg { track.delay.unwrap_or(0) as usize } else { 0 },
            gap: 0,
            frames: 0,
            lost: 0,
            announced: announced_length(&*reader, &track),
            incomplete: false,
            ended: false,
            reader,
        };
        source.decode_unguarded()?;
        Ok(source)
    }

    /// Decodes the next samples into `decoded`; `false` at the end of the track.
    fn decode(&mut self) -> Result<bool> {
        guarded(|| self.decode_unguarded()).unwrap_or_else(|| Err(self.malformed(DECODER_FAILED)))
    }

    fn decode_unguarded(&mut self) -> Result<bool> {
        self.used = 0;
        self.decoded.iter_mut().for_each(Vec::clear);
        loop {
            match self.step()? {
                Step::Samples => return Ok(true),
                Step::Nothing => {}
                Step::End => return self.check_end().map(|()| false),
            }
        }
    }

    /// Reads and decodes one packet.
    fn step(&mut self) -> Result<Step> {
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Step::End),
            Err(SymphoniaError::ResetRequired) => return self.reselect().map(|()| Step::Nothing),
            Err(SymphoniaError::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(Error::io(&self.path, error));
            }
            Err(SymphoniaError::IoError(_)) => return Err(self.malformed("the file ends within a packet")),
            Err(error) => return Err(self.malformed(&error.to_string())),
        };
        if packet.track_id != self.track {
            return Ok(Step::Nothing);
        }
        let buffer = match self.decoder.decode(&packet) {
            Ok(buffer) => buffer,
            Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => return Ok(self.lose(&packet)),
            Err(SymphoniaError::ResetRequired) => {
                self.decoder.reset();
                return Ok(self.lose(&packet));
            }
            Err(error) => return Err(self.malformed(&error.to_string())),
        };
        if buffer.frames() == 0 {
            return Ok(Step::Nothing);
        }
        let format = Format { sample_rate: buffer.spec().rate(), channels: buffer.spec().channels().count() };
        buffer.copy_to_vecs_planar(&mut self.decoded);
        self.accept(format)?;
        Ok(Step::Samples)
    }

    /// Checks freshly decoded samples against the format of those before, cleans them and drops the encoder's delay.
    fn accept(&mut self, format: Format) -> Result<()> {
        if self.format.channels == 0 {
            if let Some(reason) = format.fault() {
                return Err(Error::UnsupportedAudio { path: self.path.clone(), reason });
            }
            self.format = format;
        } else if format != self.format {
            let (from, to) = (self.format, format);
            self.decoded.iter_mut().for_each(Vec::clear);
            return Err(self.malformed(&format!(
                "it changes from {} Hz x {} to {} Hz x {} channels",
                from.sample_rate, from.channels, to.sample_rate, to.channels
            )));
        }
        let decoded = self.decoded.first().map_or(0, Vec::len);
        let dropped = self.delay.min(decoded);
        self.delay -= dropped;
        for channel in &mut self.decoded {
            channel.drain(..dropped.min(channel.len()));
            channel.iter_mut().for_each(|sample| *sample = clean(*sample));
        }
        let gap = std::mem::take(&mut self.gap);
        for channel in &mut self.decoded {
            channel.splice(..0, std::iter::repeat_n(0.0, gap));
        }
        self.frames += (gap + decoded - dropped) as u64;
        Ok(())
    }

    /// Notes a packet that can't be decoded, at most a second of it. Its silence waits for audio to follow: a file that
    /// ends within a packet gets none.
    fn lose(&mut self, packet: &Packet) -> Step {
        let seconds = self.time_base.and_then(|base| seconds(base, packet.dur)).unwrap_or(0.0).min(1.0);
        let frames = (seconds * f64::from(self.format.sample_rate)).round() as usize;
        let due = std::mem::replace(&mut self.gap, frames);
        self.lost += frames as u64;
        self.frames += due as u64;
        for channel in &mut self.decoded {
            channel.resize(due, 0.0);
        }
        if due > 0 { Step::Samples } else { Step::Nothing }
    }

    /// A chained stream begins anew: takes its first audio track.
    fn reselect(&mut self) -> Result<()> {
        let (track, parameters) = first_audio_track(&self.path, &*self.reader)?;
        self.decoder = make_decoder(&self.path, &parameters, is_mpeg(&*self.reader))?;
        (self.track, self.time_base) = (track.id, track.time_base);
        // The announced length was that of the first link.
        self.announced = None;
        Ok(())
    }

    /// Reports audio that is missing now that the track has ended.
    fn check_end(&self) -> Result<()> {
        if self.frames == 0 {
            return Err(self.malformed("no samples could be decoded"));
        }
        let seconds = self.format.seconds(self.frames);
        if let Some(Length { seconds: announced, tolerance: Some(tolerance) }) = self.announced
            && announced - seconds > tolerance
        {
            return Err(self.malformed(&format!("its header announces {announced:.3} s")));
        }
        if self.incomplete {
            return Err(self.malformed("its container is incomplete"));
        }
        let lost = self.format.seconds(self.lost);
        if lost > TOLERATED_LOSS {
            let reason = format!("{lost:.3} s could not be decoded and count as silence; {seconds:.3} s were read");
            return Err(Error::MalformedAudio { path: self.path.clone(), reason });
        }
        Ok(())
    }

    /// The error for damage at the place that decoding has reached.
    fn malformed(&self, what: &str) -> Error {
        let reason = match self.frames {
            0 => format!("it breaks off before the first sample: {what}"),
            frames => format!("ends after {:.3} s ({frames} samples): {what}", self.format.seconds(frames)),
        };
        Error::MalformedAudio { path: self.path.clone(), reason }
    }
}

impl Source for DemuxSource {
    fn format(&self) -> Format {
        self.format
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.announced.map(|length| length.seconds)
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.reset(self.format.channels);
        while self.used >= self.decoded.first().map_or(0, Vec::len) {
            if self.ended {
                return Ok(false);
            }
            let decoded = self.decode();
            self.ended = !matches!(decoded, Ok(true));
            if !decoded? {
                return Ok(false);
            }
        }
        // A packet may be long (a FLAC frame has up to 65535 samples); a block is at most a second.
        for (decoded, out) in self.decoded.iter().zip(&mut block.channels) {
            out.extend(decoded.iter().skip(self.used).take(self.format.sample_rate as usize));
        }
        self.used += block.frames();
        Ok(true)
    }
}

impl fmt::Debug for DemuxSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemuxSource")
            .field("path", &self.path)
            .field("container", &self.reader.format_info().short_name)
            .field("format", &self.format)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

/// Runs a decoder on bytes from anywhere; `None` if it panics, so that one hostile file can't end a run over thousands.
fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decode)).ok()
}

/// The first audio track of a known codec, or else the first audio track.
fn first_audio_track(path: &Path, reader: &dyn FormatReader) -> Result<(Track, AudioCodecParameters)> {
    let track =
        reader.first_track_known_codec(TrackType::Audio).or_else(|| reader.first_track(TrackType::Audio)).cloned();
    match track.as_ref().and_then(|track| track.codec_params.clone()).zip(track) {
        Some((CodecParameters::Audio(parameters), track)) => Ok((track, parameters)),
        _ => {
            let container = reader.format_info().long_name;
            let reason = format!("the {container} file has no audio track in a codec that is known");
            Err(Error::UnsupportedAudio { path: path.to_owned(), reason })
        }
    }
}

fn make_decoder(path: &Path, parameters: &AudioCodecParameters, mpeg: bool) -> Result<Box<dyn AudioDecoder>> {
    if CODECS.get_audio_decoder(parameters.codec).is_none() {
        return Err(unsupported(path, &codec_name(parameters.codec)));
    }
    // G.711 implies its widths, and symphonia's decoder refuses the 8 bits that CAF files state.
    let mut parameters = parameters.clone();
    if [well_known::CODEC_ID_PCM_ALAW, well_known::CODEC_ID_PCM_MULAW].contains(&parameters.codec) {
        (parameters.bits_per_sample, parameters.bits_per_coded_sample) = (None, None);
    }
    // For MPEG audio, the end of the last packet is cut at a length that may be an estimate, or that of the first of
    // several files joined into one. Nothing may be lost, so its padding stays.
    let options = AudioDecoderOptions::default().gapless(!mpeg);
    CODECS.make_audio_decoder(&parameters, &options).map_err(|error| opening_error(path, error))
}

/// Whether the container is bare MPEG audio.
fn is_mpeg(reader: &dyn FormatReader) -> bool {
    [FORMAT_ID_MP1, FORMAT_ID_MP2, FORMAT_ID_MP3].contains(&reader.format_info().format)
}

/// The length that the container announces for `track`, and how far it can be relied on.
fn announced_length(reader: &dyn FormatReader, track: &Track) -> Option<Length> {
    let of_track = track.time_base.zip(track.duration).and_then(|(base, length)| seconds(base, length));
    let media = reader.media_info();
    let of_media = || media.time_base.zip(media.duration).and_then(|(base, length)| seconds(base, length));
    let format = reader.format_info().format;
    let tolerance = if [FORMAT_ID_FLAC, FORMAT_ID_AIFF, FORMAT_ID_WAVE].contains(&format) {
        Some(EXACT)
    } else if format == FORMAT_ID_ADTS || is_mpeg(reader) && track.delay.is_none() {
        // Only an estimate from the size of the file: there is no header of an encoder with the exact length.
        None
    } else if of_track.is_none() && reader.tracks().len() > 1 {
        // The media as a whole may be longer than its sound.
        None
    } else {
        Some(TOLERATED_GAP)
    };
    of_track.or_else(of_media).map(|seconds| Length { seconds, tolerance })
}

/// `length` units of `base` in seconds.
fn seconds(base: TimeBase, length: Duration) -> Option<f64> {
    base.calc_duration(length).map(|time| time.as_secs_f64())
}

/// What an error of symphonia's means before the first sample.
fn opening_error(path: &Path, error: SymphoniaError) -> Error {
    let malformed = |reason: String| Error::MalformedAudio { path: path.to_owned(), reason };
    match error {
        SymphoniaError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            malformed("ends within its header".to_owned())
        }
        SymphoniaError::IoError(error) => Error::io(path, error),
        SymphoniaError::DecodeError(what) => malformed(what.to_owned()),
        SymphoniaError::Unsupported(what) if what.starts_with("core (probe)") => Error::UnsupportedAudio {
            path: path.to_owned(),
            reason: "not an audio file that callprint reads: WAV, .au, GSM, AIFF, FLAC, MP3, Ogg, AAC, MP4, CAF, Matroska or WebM"
                .to_owned(),
        },
        SymphoniaError::Unsupported(what) => unsupported(path, &format!("audio of this kind ({what})")),
        other => malformed(other.to_string()),
    }
}

/// Name of a codec that symphonia finds, but does not decode.
fn codec_name(codec: AudioCodecId) -> String {
    let name = match codec {
        well_known::CODEC_ID_OPUS => "Opus",
        well_known::CODEC_ID_SPEEX => "Speex",
        well_known::CODEC_ID_AC3 => "AC-3",
        well_known::CODEC_ID_EAC3 => "E-AC-3",
        well_known::CODEC_ID_DCA => "DTS",
        well_known::CODEC_ID_WMA => "Windows Media audio",
        other => return format!("audio in the codec {other}"),
    };
    format!("{name} audio")
}
