//! Payload types of RTP and their decoders, all to 8 kHz.
//!
//! Source: RFC 3551 section 6 (static types), RFC 3389 (comfort noise), RFC 7587 (Opus).

use std::fmt;

use crate::audio::g722::G722Decoder;
use crate::audio::gsm::{self, GsmDecoder};
#[cfg(feature = "opus")]
use crate::audio::opus::OpusStream;
use crate::audio::{expand_alaw, expand_ulaw};
use crate::{Error, Result};

/// A codec that RTP carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RtpCodec {
    /// G.711 mu-law, static type 0.
    Pcmu,
    /// G.711 A-law, static type 8.
    Pcma,
    /// GSM 06.10, static type 3.
    Gsm,
    /// G.722 at 64 kbit/s, static type 9.
    G722,
    /// Opus, a dynamic type.
    Opus,
    /// Comfort noise, static type 13 (19 in old devices): heard as silence.
    ComfortNoise,
}

impl RtpCodec {
    /// The codec of that name in SDP, in any case; none for those not decoded here.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "pcmu" => Self::Pcmu,
            "pcma" => Self::Pcma,
            "gsm" => Self::Gsm,
            "g722" => Self::G722,
            #[cfg(feature = "opus")]
            "opus" => Self::Opus,
            "cn" => Self::ComfortNoise,
            _ => return None,
        })
    }

    /// Units of the RTP timestamp per sample at 8 kHz.
    pub(super) fn clock(self) -> u32 {
        if self == Self::Opus { 6 } else { 1 }
    }
}

impl fmt::Display for RtpCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Gsm => "GSM",
            Self::G722 => "G722",
            Self::Opus => "opus",
            Self::ComfortNoise => "CN",
        })
    }
}

/// Which payload type means which codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadTypes([Option<RtpCodec>; 128]);

impl Default for PayloadTypes {
    /// The static types.
    fn default() -> Self {
        let mut types = [None; 128];
        for (number, codec) in [
            (0, RtpCodec::Pcmu),
            (3, RtpCodec::Gsm),
            (8, RtpCodec::Pcma),
            (9, RtpCodec::G722),
            (13, RtpCodec::ComfortNoise),
            (19, RtpCodec::ComfortNoise),
        ] {
            types[number] = Some(codec);
        }
        Self(types)
    }
}

impl PayloadTypes {
    /// Gives a dynamic type, 96 to 127, a codec.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another number.
    pub fn set(&mut self, number: u8, codec: RtpCodec) -> Result<()> {
        if !(96..128).contains(&number) {
            return Err(Error::InvalidArgument(format!("payload type {number} is not dynamic: those are 96 to 127")));
        }
        self.0[usize::from(number)] = Some(codec);
        Ok(())
    }

    /// The codec of a type.
    pub fn get(&self, number: u8) -> Option<RtpCodec> {
        self.0.get(usize::from(number)).copied().flatten()
    }
}

/// The decoder of a stream: the state of its codec.
pub(super) enum Decoder {
    Pcmu,
    Pcma,
    Gsm(Box<GsmDecoder>),
    G722(Box<G722Decoder>),
    #[cfg(feature = "opus")]
    Opus(Box<OpusStream>),
    Silence,
}

impl Decoder {
    pub(super) fn new(codec: RtpCodec) -> Self {
        match codec {
            RtpCodec::Pcmu => Self::Pcmu,
            RtpCodec::Pcma => Self::Pcma,
            RtpCodec::Gsm => Self::Gsm(Box::new(GsmDecoder::new())),
            RtpCodec::G722 => Self::G722(Box::new(G722Decoder::new())),
            #[cfg(feature = "opus")]
            RtpCodec::Opus => OpusStream::new().map_or(Self::Silence, |stream| Self::Opus(Box::new(stream))),
            _ => Self::Silence,
        }
    }

    /// Appends the samples of `payload` to `out`; nothing where it is damaged.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) {
        let mut push = |sample: i16| out.push(f32::from(sample) / 32_768.0);
        match self {
            Self::Pcmu => payload.iter().for_each(|&byte| push(expand_ulaw(byte))),
            Self::Pcma => payload.iter().for_each(|&byte| push(expand_alaw(byte))),
            Self::Gsm(decoder) => {
                let (frames, _) = payload.as_chunks::<{ gsm::FRAME_BYTES }>();
                frames.iter().for_each(|frame| decoder.frame(frame, &mut push));
            }
            Self::G722(decoder) => payload.iter().for_each(|&byte| push(decoder.sample(byte))),
            #[cfg(feature = "opus")]
            Self::Opus(decoder) => {
                let begin = out.len();
                // One hostile packet may not end a run over thousands of calls.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoder.decode(payload, out))).is_err() {
                    out.truncate(begin);
                    *self = Self::new(RtpCodec::Opus);
                }
            }
            Self::Silence => {}
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}
