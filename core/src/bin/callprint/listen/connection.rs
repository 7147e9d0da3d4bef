//! One AudioSocket connection: bytes to what hears the call, silence back.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use callprint::{
    SessionEvent,
    telephony::{AudioSocketDecoder, AudioSocketMessage, hang_up, silence},
};
use mio::net::TcpStream;

use super::{
    INTERNAL_ERROR, Listening,
    events::{End, now},
    hearing::{Hearing, isolated},
};
use crate::exit::Failure;

/// Bytes read from a connection before others have their turn: a second of 8 kHz.
const TURN: usize = 16_000;
/// Asterisk gives a line up that has heard nothing for 2 s.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// What all connections share.
pub(crate) struct Shared<'a> {
    pub(crate) listening: &'a Listening<'a>,
    pub(crate) hang_up_far: Option<f64>,
    pub(crate) idle: Duration,
}

/// Whether a connection stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for more.
    Wait,
    /// There may be more to read at once: give others their turn, then come back.
    Again,
    /// It is over.
    Close,
}

/// A connection and the call on it.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    peer: SocketAddr,
    decoder: AudioSocketDecoder,
    /// The UUID; until it has come, the peer's address.
    call: String,
    identified: bool,
    hearing: Option<Hearing>,
    sample_rate: u32,
    /// Samples heard that were not answered yet.
    owed: usize,
    /// Silence on its way out: what the peer does not take at once is not added to.
    unsent: Vec<u8>,
    heard_at: Instant,
    said_at: Instant,
    reason: Option<&'static str>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        // Messages are small and late ones are worthless; a socket that refuses works all the same.
        let _ = stream.set_nodelay(true);
        let now = Instant::now();
        Self {
            stream,
            peer,
            decoder: AudioSocketDecoder::new(),
            call: peer.to_string(),
            identified: false,
            hearing: None,
            sample_rate: callprint::audio::SAMPLE_RATE,
            owed: 0,
            unsent: Vec::new(),
            heard_at: now,
            said_at: now,
            reason: None,
        }
    }

    /// Takes what has arrived and answers it. `buffer` is scratch memory.
    pub(crate) fn ready(&mut self, shared: &Shared<'_>, buffer: &mut [u8]) -> Next {
        isolated(|| self.receive(shared, buffer)).unwrap_or_else(|| {
            shared.listening.give_up(&self.call, self.hearing.as_mut());
            self.reason = Some(INTERNAL_ERROR);
            Next::Close
        })
    }

    fn receive(&mut self, shared: &Shared<'_>, buffer: &mut [u8]) -> Next {
        let mut taken = 0;
        while taken < TURN && self.reason.is_none() {
            match self.stream.read(buffer) {
                Ok(0) => self.reason = Some(self.gone()),
                Ok(count) => {
                    taken += count;
                    self.heard_at = Instant::now();
                    self.take(&buffer[..count], shared);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.answer(shared, Next::Wait);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    shared.listening.console.detail(&format!("{}: {error}", self.peer));
                    self.reason = Some(self.gone());
                }
            }
        }
        self.answer(shared, Next::Again)
    }

    /// Why a call ends whose peer has gone without a word.
    fn gone(&self) -> &'static str {
        if self.decoder.is_within_message() { "cut_off" } else { "closed" }
    }

    /// Looks after a connection that may have nothing to say: closes it when idle, keeps the line alive.
    pub(crate) fn tick(&mut self, shared: &Shared<'_>) -> Next {
        let now = Instant::now();
        if now.duration_since(self.heard_at) >= shared.idle {
            self.reason = Some("idle");
        } else if self.identified && now.duration_since(self.said_at) >= KEEP_ALIVE {
            self.owed = self.owed.max(self.sample_rate as usize / 50);
        }
        self.answer(shared, Next::Wait)
    }

    /// Ends the call and prints its last events.
    pub(crate) fn finish(mut self, shared: &Shared<'_>, reason: &'static str) {
        let end = End { reason: self.reason.unwrap_or(reason), rtp: None };
        if let Some(mut hearing) = self.hearing.take() {
            shared.listening.end(&self.call, &mut hearing, now(), &end);
        } else if self.identified {
            // A call all the same: whoever waits for its end is told.
            let metrics = &shared.listening.metrics;
            metrics.count_opened();
            metrics.count_event(&SessionEvent::Ended { at: 0.0 }, None);
            metrics.count_closed();
            shared.listening.reporter.end_unheard(&self.call, now(), &end);
        }
    }

    fn take(&mut self, bytes: &[u8], shared: &Shared<'_>) {
        let Self { decoder, call, identified, hearing, sample_rate, owed, reason, peer, .. } = self;
        let mut trouble = None;
        let result = decoder.push(bytes, |message| match message {
            AudioSocketMessage::Id(id) => {
                *call = id.to_string();
                *identified = true;
                shared.listening.console.detail(&format!("{peer}: call {call}"));
            }
            AudioSocketMessage::Audio { sample_rate: rate, bytes } => {
                if hearing.is_none() {
                    *sample_rate = rate;
                    match shared.listening.hear(rate) {
                        Ok(made) => *hearing = Some(made),
                        Err(error) => trouble = Some(error.to_string()),
                    }
                }
                if let Some(hearing) = hearing {
                    hearing.push_i16_le(bytes);
                    *owed += bytes.len() / 2;
                    let least = shared.listening.reporter.drain(call, hearing, now());
                    if least.zip(shared.hang_up_far).is_some_and(|(least, limit)| least <= limit) {
                        *reason = Some("matched");
                    }
                }
            }
            AudioSocketMessage::Dtmf(digit) => {
                let at = hearing.as_ref().map_or(0.0, Hearing::seconds);
                shared.listening.reporter.digit(call, at, digit, now());
            }
            AudioSocketMessage::HangUp => *reason = Some("hang_up"),
            AudioSocketMessage::Error(_) => trouble = Some("the peer reports an error".to_owned()),
            AudioSocketMessage::Unknown(kind) => {
                shared
                    .listening
                    .console
                    .detail(&format!("{call}: message of the unknown type {kind:#04x} passed over"));
            }
            _ => {}
        });
        if let Some(trouble) = result.err().map(|fault| fault.to_string()).or(trouble) {
            shared
                .listening
                .console
                .failure(&Failure::new(format_args!("{peer}: {trouble}; the connection is closed")));
            self.reason = Some("fault");
        }
    }

    /// Sends the silence that is owed, and decides how to go on.
    fn answer(&mut self, shared: &Shared<'_>, next: Next) -> Next {
        let owed = std::mem::take(&mut self.owed);
        // A peer that does not read gets no more until it does: Asterisk discards what is late.
        if owed > 0 && self.unsent.is_empty() && self.reason.is_none() {
            silence(self.sample_rate, owed, &mut self.unsent);
        }
        if self.reason == Some("matched") {
            // Only between messages can another begin; the unsent rest goes out first.
            self.unsent.extend(hang_up());
        }
        if let Err(error) = self.flush() {
            shared.listening.console.detail(&format!("{}: {error}", self.peer));
            let gone = self.gone();
            self.reason.get_or_insert(gone);
        }
        if self.reason.is_some() { Next::Close } else { next }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.unsent.drain(..count);
                    self.said_at = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
