//! Opus, decoded at 8 kHz: packets from files through symphonia, which finds but does not decode them, and from RTP.
//!
//! The decoder is the crate `opus-pure`: Rust, so that no C compiler is needed. Its unsafe code is that of vector instructions.
//! It is asked for 48 kHz, the rate that Opus is defined at, and the project's own resampler brings that to 8 kHz, as for every
//! other codec. Asked for 8 kHz itself, this decoder is bit-exact with libopus for narrowband only. Forward error correction is
//! not used. SILK is decoded with integers, the same on every machine; CELT may differ in the last bits from CPU to CPU.
//!
//! Cost: about 1 ms of decoding for a second of one channel, in any mode, and 1 ms of resampling.
//!
//! Source: RFC 6716 with RFC 8251 (the codec), RFC 7845 section 5.1 (header, pre-skip), Encapsulation of Opus in ISO
//! Base Media File Format, section 4.3.2 (header in MP4), RFC 7587 (RTP: clock of 48 kHz).

use opus_pure::OpusDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, Audio, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef, layouts,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult, well_known::CODEC_ID_OPUS,
};
use symphonia::core::codecs::registry::{RegisterableAudioDecoder, SupportedAudioCodec};
use symphonia::core::errors::{Result, decode_error, unsupported_error};
use symphonia::core::packet::PacketRef;

#[cfg(feature = "telephony")]
use super::Resampler;

/// Samples a second of Opus as defined, and of its clock in containers and RTP.
const RATE: u32 = 48_000;
/// Samples of the longest packet, 120 ms.
const LONGEST: usize = 5760;

/// The state of an Opus stream, whose packets it decodes at [`RATE`].
struct Packets {
    decoder: OpusDecoder,
    pcm: Vec<f32>,
}

impl Packets {
    fn new(channels: usize) -> opus_pure::Result<Self> {
        Ok(Self { decoder: OpusDecoder::new(RATE.cast_signed(), channels)?, pcm: vec![0.0; LONGEST * channels] })
    }

    /// The interleaved samples of a packet; `None` where it is damaged.
    fn decode(&mut self, packet: &[u8]) -> Option<&[f32]> {
        // To the decoder, no bytes at all mean that a packet of the length asked for was lost.
        if packet.is_empty() {
            return None;
        }
        let frames = self.decoder.decode(packet, LONGEST, &mut self.pcm).ok()?;
        self.pcm.get(..frames * self.decoder.channels())
    }
}

/// A stream of single packets, both channels in one, at 8 kHz.
#[cfg(feature = "telephony")]
pub(crate) struct OpusStream {
    packets: Packets,
    resampler: Resampler,
}

#[cfg(feature = "telephony")]
impl OpusStream {
    /// The start of a stream; `None` would mean that the decoder does not know its own rate.
    pub(crate) fn new() -> Option<Self> {
        let mut resampler = Resampler::new(RATE).ok()?;
        // The filter sees 5 ms of what follows. With that much silence before the first packet, each gives at once as many
        // samples as it is long, and all come 5 ms late: no more than the codec's own delay, which RTP does not tell either.
        let mut primed = Vec::new();
        while primed.is_empty() {
            resampler.push(&[0.0], &mut primed);
        }
        Some(Self { packets: Packets::new(1).ok()?, resampler })
    }

    /// Appends the samples of a packet; nothing where it is damaged.
    pub(crate) fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) {
        if let Some(samples) = self.packets.decode(packet) {
            self.resampler.push(samples, out);
        }
    }
}

/// Opus for symphonia's registry.
pub(super) struct Opus {
    parameters: AudioCodecParameters,
    packets: Packets,
    out: AudioBuffer<f32>,
    /// Samples at the start that prime the decoder and are not sound.
    pre_skip: usize,
}

impl Opus {
    fn new(parameters: &AudioCodecParameters) -> Result<Self> {
        let channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let layout = match channels {
            1 => layouts::CHANNEL_LAYOUT_MONO,
            2 => layouts::CHANNEL_LAYOUT_STEREO,
            _ => return unsupported_error("opus: more than two channels"),
        };
        let Ok(packets) = Packets::new(channels) else {
            return unsupported_error("opus: no decoder for this stream");
        };
        Ok(Self {
            parameters: parameters.clone(),
            packets,
            out: AudioBuffer::new(AudioSpec::new(RATE, layout), LONGEST),
            pre_skip: pre_skip(parameters.extra_data.as_deref().unwrap_or_default()),
        })
    }
}

/// Samples to skip at the start, by the header of the stream; none where there is no header.
///
/// In MP4 the header is a box of version 0, whose numbers have their highest byte first; symphonia puts the mark before it
/// and leaves it as it is. The header of all else has version 1 and the lowest byte first.
fn pre_skip(header: &[u8]) -> usize {
    match header {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', version, _, first, second, ..] => {
            let bytes = [*first, *second];
            usize::from(if *version == 0 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        }
        _ => 0,
    }
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        // Fails for no decoder that could be made.
        let _ = self.packets.decoder.reset_state();
    }

    fn codec_info(&self) -> &CodecInfo {
        &SUPPORTED[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        let Some(samples) = self.packets.decode(packet.data) else {
            return decode_error("opus: damaged packet");
        };
        let frames = samples.len() / self.out.spec().channels().count();
        self.out.clear();
        self.out.render_uninit(Some(frames));
        self.out.copy_from_slice_interleaved(&samples);
        // A packet may be shorter than what is to be skipped.
        let start = (packet.trim_start.get() as usize + self.pre_skip).min(frames);
        self.pre_skip = self.pre_skip.saturating_sub(start);
        self.out.trim(start, packet.trim_end.get() as usize);
        Ok(self.out.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.out.as_generic_audio_buffer_ref()
    }
}

static SUPPORTED: [SupportedAudioCodec; 1] = [SupportedAudioCodec {
    id: CODEC_ID_OPUS,
    info: CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] },
}];

impl RegisterableAudioDecoder for Opus {
    fn try_registry_new(
        parameters: &AudioCodecParameters,
        _options: &AudioDecoderOptions,
    ) -> Result<Box<dyn AudioDecoder>> {
        Ok(Box::new(Self::new(parameters)?))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        &SUPPORTED
    }
}
