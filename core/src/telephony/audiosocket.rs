//! AudioSocket: the audio of one call over one TCP connection, as Asterisk's application and channel driver of that name speak it.
//!
//! A message is a type (1 byte), a length (2 bytes, big-endian) and a payload of that length. Asterisk connects and says
//! first which call it is (a UUID), then sends a message for each 20 ms of signed 16-bit little-endian mono audio; it expects
//! audio in return.
//!
//! Source: Asterisk's `res_audiosocket` and its documentation (docs.asterisk.org, Configuration / Channel Drivers / AudioSocket).

use std::fmt;

/// Bytes of a message's head.
const HEAD: usize = 3;
/// Sample rates of the audio types from 0x10 on, Hz.
const RATES: [u32; 9] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

const HANG_UP: u8 = 0x00;
const ID: u8 = 0x01;
const DTMF: u8 = 0x03;
const AUDIO: u8 = 0x10;
const ERROR: u8 = 0xff;

/// One message of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioSocketMessage<'a> {
    /// The call is over.
    HangUp,
    /// Which call it is: the first message, and only the first.
    Id(CallId),
    /// A key was pressed: an ASCII digit, letter, `*` or `#`.
    Dtmf(u8),
    /// Audio.
    Audio {
        /// Samples per second; the same for all messages of a call.
        sample_rate: u32,
        /// Signed 16-bit little-endian samples of one channel.
        bytes: &'a [u8],
    },
    /// The peer reports an error; the payload is its own.
    Error(&'a [u8]),
    /// A type that is not known here; to be passed over.
    Unknown(u8),
}

/// The UUID of a call; prints as `8-4-4-4-12` hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub [u8; 16]);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            let dash = if matches!(n, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// What a peer did against the protocol; the connection is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioSocketFault {
    /// Something other than the UUID came first.
    #[error(
        "the first message has type {0:#04x}, but must be the call's UUID (type 0x01); is the peer an AudioSocket client?"
    )]
    NoId(u8),
    /// A second UUID came.
    #[error("a second UUID came; a connection carries one call")]
    SecondId,
    /// A message whose length its type does not allow.
    #[error("a message of type {kind:#04x} has a payload of {bytes} bytes, but {expected}")]
    Length {
        /// Its type.
        kind: u8,
        /// Its length.
        bytes: usize,
        /// What the type asks for.
        expected: &'static str,
    },
    /// The sample rate changed within a call.
    #[error("the sample rate changes from {from} to {to} Hz within the call")]
    Rate {
        /// Rate so far, Hz.
        from: u32,
        /// Rate of the message, Hz.
        to: u32,
    },
}

/// Messages out of bytes that arrive in any pieces.
///
/// Holds at most one unfinished message: up to 64 KiB, in practice a few hundred bytes.
#[derive(Debug, Clone, Default)]
pub struct AudioSocketDecoder {
    /// The beginning of a message whose end has not come.
    partial: Vec<u8>,
    identified: bool,
    sample_rate: Option<u32>,
}

impl AudioSocketDecoder {
    /// A decoder at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they came and hands each message that is complete to `handle`, in order.
    ///
    /// # Errors
    /// The first [`AudioSocketFault`]; messages before it have been handed on, bytes after it are not looked at.
    pub fn push(
        &mut self,
        bytes: &[u8],
        mut handle: impl FnMut(AudioSocketMessage<'_>),
    ) -> Result<(), AudioSocketFault> {
        let mut rest = bytes;
        if !self.partial.is_empty() {
            let mut partial = std::mem::take(&mut self.partial);
            while let Some(missing) = missing(&partial) {
                let Some((more, after)) = rest.split_at_checked(missing) else {
                    partial.extend_from_slice(rest);
                    self.partial = partial;
                    return Ok(());
                };
                partial.extend_from_slice(more);
                rest = after;
                self.check(&partial)?;
            }
            handle(self.message(partial[0], &partial[HEAD..])?);
            partial.clear();
            // The next message most likely is of the same length: its memory is kept, that of a giant is not.
            partial.shrink_to(4096);
            self.partial = partial;
        }
        while missing(rest).is_none() {
            self.check(rest)?;
            let (message, after) = rest.split_at(HEAD + length(rest));
            handle(self.message(message[0], &message[HEAD..])?);
            rest = after;
        }
        self.check(rest)?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Whether a message has begun and not ended: a peer that closes now was cut off.
    pub fn is_within_message(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Looks at a message's head as soon as it is there: who takes the port for another service is told before the 64 KiB
    /// that its first bytes seem to announce.
    fn check(&self, bytes: &[u8]) -> Result<(), AudioSocketFault> {
        let (Some(&kind), true) = (bytes.first(), bytes.len() >= HEAD) else { return Ok(()) };
        let bytes = length(bytes);
        let wrong = |expected| Err(AudioSocketFault::Length { kind, bytes, expected });
        match kind {
            ID if self.identified => Err(AudioSocketFault::SecondId),
            ID if bytes != 16 => wrong("a UUID has 16"),
            ID | HANG_UP | ERROR => Ok(()),
            kind if !self.identified => Err(AudioSocketFault::NoId(kind)),
            DTMF if bytes != 1 => wrong("a key press has 1"),
            kind if rate(kind).is_some() && bytes % 2 == 1 => wrong("16-bit samples need an even number"),
            _ => Ok(()),
        }
    }

    /// The message of a type and a payload that have passed [`check`](Self::check).
    fn message<'a>(&mut self, kind: u8, payload: &'a [u8]) -> Result<AudioSocketMessage<'a>, AudioSocketFault> {
        Ok(match (kind, payload) {
            (HANG_UP, _) => AudioSocketMessage::HangUp,
            (ERROR, _) => AudioSocketMessage::Error(payload),
            (DTMF, &[digit]) => AudioSocketMessage::Dtmf(digit),
            (ID, _) => {
                self.identified = true;
                AudioSocketMessage::Id(CallId(payload.try_into().unwrap_or_default()))
            }
            _ => match rate(kind) {
                Some(to) => match *self.sample_rate.get_or_insert(to) {
                    from if from != to => return Err(AudioSocketFault::Rate { from, to }),
                    sample_rate => AudioSocketMessage::Audio { sample_rate, bytes: payload },
                },
                None => AudioSocketMessage::Unknown(kind),
            },
        })
    }
}

/// The sample rate of an audio type.
fn rate(kind: u8) -> Option<u32> {
    RATES.get(usize::from(kind.checked_sub(AUDIO)?)).copied()
}

/// The length that a message's head announces; 0 while the head is unfinished.
fn length(bytes: &[u8]) -> usize {
    match bytes {
        [_, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Bytes that `bytes` lacks to be a message, or a head; none if it holds one.
fn missing(bytes: &[u8]) -> Option<usize> {
    let wanted = if bytes.len() < HEAD { HEAD } else { HEAD + length(bytes) };
    wanted.checked_sub(bytes.len()).filter(|&missing| missing > 0)
}

/// The message that ends a call.
pub fn hang_up() -> [u8; 3] {
    [HANG_UP, 0, 0]
}

/// Appends a message of `samples` zeros (at most 32,767) at `sample_rate` to `out`, for a listener that has nothing to say:
/// Asterisk takes a line without answers for dead. A rate that the protocol lacks counts as 8 kHz.
pub fn silence(sample_rate: u32, samples: usize, out: &mut Vec<u8>) {
    let kind = RATES.iter().position(|&rate| rate == sample_rate).unwrap_or(0) as u8;
    let bytes = 2 * samples.min(usize::from(u16::MAX) / 2);
    let [high, low] = (bytes as u16).to_be_bytes();
    out.extend([AUDIO + kind, high, low]);
    out.resize(out.len() + bytes, 0);
}
