//! Containers and codecs by symphonia.

use std::collections::{HashMap, VecDeque};
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
    FORMAT_ID_ADTS, FORMAT_ID_AIFF, FORMAT_ID_FLAC, FORMAT_ID_MKV, FORMAT_ID_MP1, FORMAT_ID_MP2, FORMAT_ID_MP3,
    FORMAT_ID_OGG, FORMAT_ID_WAVE,
};
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};
use symphonia::default::{register_enabled_codecs, register_enabled_formats};

use super::decode::unsupported;
use super::ogg::{self, Hole};
use super::{Block, Format, Source, clean, matroska};
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
/// Seconds by which a packet's time may be ahead of the audio before it without anything being missing.
const TOLERATED_LEAD: f64 = 0.01;
/// Seconds of missing audio that a file may have silence for; times that leave out more are taken for wrong.
const MOST_MISSING: f64 = 600.0;
/// Packets of a page of Ogg, at most.
const MOST_PACKETS: usize = 255;
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
/// A packet that can't be decoded becomes silence of its length, so that times stay right. So does one that is missing, where
/// packets tell their time to the sample: of Ogg, a page in which a single bit is wrong is dropped, of FLAC a frame.
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
    /// The time at which the next packet begins if none is missing, where packets tell it to the sample.
    next_time: Option<i64>,
    /// Where something may be missing in an Ogg file, by stream, the next one first.
    holes: HashMap<u32, VecDeque<Hole>>,
    /// Whether audio was missing with a page.
    holed: bool,
    /// Packets that were read ahead, up to the end of a page or the error that came there.
    ahead: VecDeque<Read>,
    /// What is left of the silence before the first of them, in frames.
    silence: u64,
    /// Frames of silence that stand for what is missing.
    filled: u64,
    /// Frames handed out or about to be, and frames of broken and missing packets.
    frames: u64,
    lost: u64,
    /// Seconds that the last packet has less than its container says: only the decoder knows where it ends.
    last_short: f64,
    announced: Option<Length>,
    /// The file, to be looked at again where it ends unexpectedly.
    file: Option<File>,
    /// The container could only be read as a stream: something is missing.
    incomplete: bool,
    ended: bool,
}

/// What the container gives when it is asked for a packet.
type Read = Result<Option<Packet>, SymphoniaError>;

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
        let io = |error| Error::io(path, error);
        let (again, whole) = (file.try_clone().map_err(io)?, file.try_clone().map_err(io)?);
        let mut holes = HashMap::<_, VecDeque<_>>::new();
        for hole in ogg::holes(&file).map_err(io)? {
            holes.entry(hole.serial).or_default().push_back(hole);
        }
        (&again).seek(SeekFrom::Start(0)).map_err(io)?;
        match Self::try_open(path, Box::new(file)).map(|source| Self { file: Some(whole), holes, ..source }) {
            Err(first) if !matches!(first, Error::Io { .. }) => {
                (&again).seek(SeekFrom::Start(0)).map_err(io)?;
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
            next_time: None,
            holes: HashMap::new(),
            holed: false,
            ahead: VecDeque::new(),
            silence: 0,
            filled: 0,
            frames: 0,
            lost: 0,
            last_short: 0.0,
            announced: announced_length(&*reader, &track),
            file: None,
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

    /// Reads and decodes one packet, or gives a piece of the silence before it.
    fn step(&mut self) -> Result<Step> {
        if self.silence > 0 {
            return Ok(self.fall_silent());
        }
        let packet = match self.ahead.pop_front().unwrap_or_else(|| self.reader.next_packet()) {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Step::End),
            Err(SymphoniaError::ResetRequired) => return self.reselect().map(|()| Step::Nothing),
            Err(SymphoniaError::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(Error::io(&self.path, error));
            }
            Err(SymphoniaError::IoError(_)) if self.ends_with_its_file()? => return Ok(Step::End),
            Err(SymphoniaError::IoError(_)) => return Err(self.malformed("the file ends within a packet")),
            Err(error) => return Err(self.malformed(&error.to_string())),
        };
        if packet.track_id != self.track {
            return Ok(Step::Nothing);
        }
        let missing = self.missing_before(&packet);
        if missing > 0 {
            self.silence = missing;
            self.ahead.push_front(Ok(Some(packet)));
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
        let told = self.time_base.and_then(|base| seconds(base, packet.dur)).unwrap_or(0.0);
        self.last_short = (told - format.seconds(buffer.frames() as u64)).clamp(0.0, 1.0);
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

    /// Frames that are missing before a packet, by its time; takes the packet's own into account where there are none.
    fn missing_before(&mut self, packet: &Packet) -> u64 {
        let (Some(base), true) = (self.time_base, self.tells_time()) else { return 0 };
        // The page after a hole claims to begin where the hole does.
        let (hole, pages) = self.hole_before(packet);
        let begins = packet.pts.get().saturating_add(hole);
        let expected = *self.next_time.get_or_insert(begins);
        let lead = u64::try_from(begins.saturating_sub(expected)).unwrap_or(0);
        let lead_seconds = seconds(base, Duration::new(lead)).unwrap_or(0.0);
        let rate = f64::from(self.format.sample_rate);
        let missing = (lead_seconds * rate).round();
        if lead_seconds > TOLERATED_LEAD {
            self.next_time = Some(begins);
            if missing + self.filled as f64 <= MOST_MISSING * rate {
                self.filled += missing as u64;
                // Where all pages of Ogg are there, the recorder itself has left a gap: that is no damage.
                if pages || self.reader.format_info().format != FORMAT_ID_OGG {
                    self.lost += missing as u64;
                }
                return missing as u64;
            }
        }
        self.next_time = self.next_time.map(|expected| expected.saturating_add(length(packet)));
        0
    }

    /// The length of the hole that a packet stands behind, 0 for most, and whether pages are missing there: the time at which
    /// its page ends less all that is in the page, which is read ahead for that.
    fn hole_before(&mut self, packet: &Packet) -> (i64, bool) {
        let time = packet.pts.get();
        let Some(holes) = self.holes.get_mut(&self.track) else { return (0, false) };
        // The first packet is read before the file is searched for holes.
        while holes.pop_front_if(|hole| hole.after <= time).is_some() {}
        let Some(hole) = holes.pop_front_if(|hole| hole.before <= time) else { return (0, false) };
        let mut end = time.saturating_add(length(packet));
        let mut read = 0;
        while end < hole.after && read < MOST_PACKETS {
            let next = self.ahead.get(read).is_none().then(|| self.reader.next_packet());
            self.ahead.extend(next);
            match self.ahead.get(read) {
                // The next page begins at its right time, later than this one ends.
                Some(Ok(Some(next))) if next.track_id == self.track && next.pts.get() > end => break,
                Some(Ok(Some(next))) if next.track_id == self.track => end = end.saturating_add(length(next)),
                Some(Ok(Some(_))) => {}
                _ => break,
            }
            read += 1;
        }
        let missing = hole.after.saturating_sub(end).max(0);
        let pages = hole.pages && missing > 0;
        self.holed |= pages;
        (missing, pages)
    }

    /// Whether packets tell their time to the sample. Others round it, or take it from a clock on the wall.
    fn tells_time(&self) -> bool {
        [FORMAT_ID_OGG, FORMAT_ID_FLAC].contains(&self.reader.format_info().format)
    }

    /// A piece of the silence that is due.
    fn fall_silent(&mut self) -> Step {
        let frames = self.silence.min(u64::from(self.format.sample_rate));
        self.silence -= frames;
        self.frames += frames;
        for channel in &mut self.decoded {
            channel.resize(frames as usize, 0.0);
        }
        Step::Samples
    }

    /// Whether the container is one that tells no sizes, and so ends with its file.
    fn ends_with_its_file(&self) -> Result<bool> {
        match &self.file {
            Some(file) if self.reader.format_info().format == FORMAT_ID_MKV => file
                .metadata()
                .and_then(|metadata| matroska::is_whole(file, metadata.len()))
                .map_err(|error| Error::io(&self.path, error)),
            _ => Ok(false),
        }
    }

    /// A chained stream begins anew: takes its first audio track.
    fn reselect(&mut self) -> Result<()> {
        let (track, parameters) = first_audio_track(&self.path, &*self.reader)?;
        self.decoder = make_decoder(&self.path, &parameters, is_mpeg(&*self.reader))?;
        self.time_base = track.time_base;
        if track.id != self.track {
            self.track = track.id;
            // The announced length, and times, were those of the first link.
            (self.announced, self.next_time) = (None, None);
        }
        Ok(())
    }

    /// Reports audio that is missing now that the track has ended.
    fn check_end(&self) -> Result<()> {
        if self.frames == 0 {
            return Err(self.malformed("no samples could be decoded"));
        }
        let seconds = self.format.seconds(self.frames);
        if let Some(Length { seconds: announced, tolerance: Some(tolerance) }) = self.announced
            && announced - seconds > tolerance + self.last_short
        {
            // The last page of Ogg has been read, so what is missing is missing before it.
            if self.reader.format_info().format == FORMAT_ID_OGG {
                let missing = announced - seconds + self.format.seconds(self.lost);
                return Err(self.defective(format!("{missing:.3} s are missing; {seconds:.3} s were read")));
            }
            return Err(self.malformed(&format!("its header announces {announced:.3} s")));
        }
        if self.incomplete {
            return Err(self.malformed("its container is incomplete"));
        }
        let lost = self.format.seconds(self.lost);
        let exact = self.announced.is_some_and(|length| length.tolerance == Some(EXACT));
        if lost > if exact || self.holed { 0.0 } else { TOLERATED_LOSS } {
            let what = "are missing or could not be decoded, and count as silence";
            return Err(self.defective(format!("{lost:.3} s {what}; {seconds:.3} s were read")));
        }
        Ok(())
    }

    /// The error for damage somewhere in what was read.
    fn defective(&self, reason: String) -> Error {
        Error::MalformedAudio { path: self.path.clone(), reason }
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
    // A stream that was cut out of a longer one keeps that one's times.
    let before = track.time_base.and_then(|base| seconds(base, Duration::new(track.start_ts.get().max(0) as u64)));
    let before = before.filter(|_| format == FORMAT_ID_OGG).unwrap_or(0.0);
    of_track.or_else(of_media).map(|seconds| Length { seconds: seconds - before, tolerance })
}

/// The time that a packet takes, with what is cut off its ends.
fn length(packet: &Packet) -> i64 {
    let whole = packet.dur.saturating_add(packet.trim_start).saturating_add(packet.trim_end);
    i64::try_from(whole.get()).unwrap_or(i64::MAX)
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
        // Of a container that was recognised: its end is not there, where the index of MP4 files stands.
        SymphoniaError::Unsupported(what) if what.starts_with("isomp4: missing") || what.starts_with("mkv: missing") => {
            malformed(format!("it was cut off, or never finished ({what})"))
        }
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
