//! Opus, decoded at 8 kHz: packets from files through symphonia, which finds but does not decode them, and from RTP.
//!
//! The decoder is the crate `opus-decoder`: Rust without unsafe code, so that neither a C compiler nor trust in C is needed
//! for packets from anywhere. It is asked for 8 kHz, which skips what lies above 4 kHz at the source. It conceals lost packets and
//! does not use the forward error correction in the next one.
//!
//! Source: RFC 6716 with RFC 8251 (the codec), RFC 7845 section 5.1 (header, pre-skip), RFC 7587 (RTP: clock of 48 kHz).

use opus_decoder::OpusDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef, layouts,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult, well_known::CODEC_ID_OPUS,
};
use symphonia::core::codecs::registry::{RegisterableAudioDecoder, SupportedAudioCodec};
use symphonia::core::errors::{Result, decode_error, unsupported_error};
use symphonia::core::packet::PacketRef;

use super::SAMPLE_RATE;

/// Samples at 8 kHz of the longest packet, 120 ms.
pub(crate) const LONGEST: usize = 960;
/// Clock of Opus in containers and RTP, per sample at 8 kHz.
const CLOCK: usize = 48_000 / SAMPLE_RATE as usize;

/// Opus for symphonia's registry.
pub(super) struct Opus {
    parameters: AudioCodecParameters,
    decoder: OpusDecoder,
    channels: usize,
    pcm: Vec<f32>,
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
        let Ok(decoder) = OpusDecoder::new(SAMPLE_RATE, channels) else {
            return unsupported_error("opus: no decoder for this stream");
        };
        let pre_skip = match parameters.extra_data.as_deref() {
            Some([b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, _, low, high, ..]) => {
                usize::from(u16::from_le_bytes([*low, *high]))
            }
            _ => 0,
        };
        Ok(Self {
            parameters: parameters.clone(),
            decoder,
            channels,
            pcm: vec![0.0; LONGEST * channels],
            out: AudioBuffer::new(AudioSpec::new(SAMPLE_RATE, layout), LONGEST),
            pre_skip,
        })
    }
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        self.decoder.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        &SUPPORTED[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        let Ok(frames) = self.decoder.decode_float(packet.data, &mut self.pcm, false) else {
            return decode_error("opus: damaged packet");
        };
        self.out.clear();
        self.out.render_uninit(Some(frames));
        self.out.copy_from_slice_interleaved(&&self.pcm[..frames * self.channels]);
        let (start, end) = (packet.trim_start.get() as usize + self.pre_skip, packet.trim_end.get() as usize);
        // A packet may be shorter than what is to be skipped.
        let dropped = start.min(frames * CLOCK);
        self.pre_skip = self.pre_skip.saturating_sub(dropped);
        self.out.trim(dropped / CLOCK, end / CLOCK);
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
