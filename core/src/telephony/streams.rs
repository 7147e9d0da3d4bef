//! Datagrams to streams of samples: finds RTP without SDP, keeps a playout for each stream, counts what came.
//!
//! Nothing announces RTP, so a stream is taken for one when its first three packets parse, are numbered within a few of each other and
//! have sizes that their payload types allow. They are kept until then, so that neither their audio nor the counts lose them.
//! Like Wireshark's, a stream is told by both addresses and the SSRC; the counts follow its definitions (expected minus
//! received), except that a doubled packet does not make up for a lost one: its losses are `lost` less `duplicates` here.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::capture::Datagram;
use super::clock::Clock;
use super::payload::{PayloadTypes, RtpCodec};
use super::playout::Playout;
use super::rtp::RtpPacket;

/// Packets of a new stream that must agree.
const PROBATION: usize = 3;
/// How far their numbers may lie apart.
const NEAR: u16 = 16;
/// Streams on probation at the same time; the one unheard for the longest time makes room.
const CANDIDATES: usize = 1024;
/// Streams at the same time unless [`Streams::with_limit`] says otherwise.
const STREAMS: usize = 2000;
/// After so long without a packet a stream has ended.
const IDLE: Duration = Duration::from_secs(30);

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}>{}/{:08x}", self.source, self.destination, self.ssrc)
    }
}

/// What became of the packets of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// Name of the codec, or of the payload type that none is known for.
    pub codec: String,
    /// Packets received, doubled ones too.
    pub packets: u64,
    /// Packets that the sequence numbers announce and that never came.
    pub lost: u64,
    /// Packets that came after one with a higher number.
    pub out_of_order: u64,
    /// Packets that came more than once.
    pub duplicates: u64,
}

/// What a stream has to tell.
#[derive(Debug)]
pub enum StreamEvent<'a> {
    /// Audio at 8 kHz.
    Samples(&'a [f32]),
    /// It has ended.
    Ended(StreamEnd, StreamCounts),
}

/// Why a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamEnd {
    /// Nothing came for 30 s.
    Idle,
    /// As many streams as may be were up, this one was unheard for the longest time, and another began.
    MadeRoom,
    /// [`Streams::finish`] was called.
    Finished,
}

/// All streams of a capture.
///
/// Three packets make a stream, and anybody may send them: so there are no more than a limit, and a new one takes the place of the
/// one that was unheard for the longest time. Streams that speak, each 20 ms, keep theirs.
#[derive(Debug)]
pub struct Streams {
    types: PayloadTypes,
    limit: usize,
    candidates: HashMap<StreamKey, Candidate>,
    streams: HashMap<StreamKey, Stream>,
    /// Streams that have begun so far.
    begun: u64,
    clock: Clock,
    swept: Duration,
}

#[derive(Debug)]
struct Candidate {
    packets: Vec<(Duration, Vec<u8>)>,
}

#[derive(Debug)]
struct Stream {
    playout: Playout,
    last: Duration,
    /// The first payload type, for streams without a codec.
    payload_type: u8,
    /// Place among the streams by their beginning, so that they end in that order.
    number: u64,
}

impl Streams {
    /// No streams yet; `types` says which codecs payload types mean.
    pub fn new(types: PayloadTypes) -> Self {
        Self::with_limit(types, STREAMS)
    }

    /// As [`new`](Self::new), with at most `limit` streams at a time, but at least one.
    pub fn with_limit(types: PayloadTypes, limit: usize) -> Self {
        Self {
            types,
            limit: limit.max(1),
            candidates: HashMap::new(),
            streams: HashMap::new(),
            begun: 0,
            clock: Clock::default(),
            swept: Duration::ZERO,
        }
    }

    /// Streams that are up.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is up.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Takes a datagram, and hands on what is due of its stream, and the ends of streams that have fallen silent or make room.
    pub fn push(&mut self, datagram: &Datagram<'_>, sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>)) {
        self.watch_clock(datagram.time, sink);
        let now = self.clock.now();
        let Some(packet) = RtpPacket::parse(datagram.payload) else { return };
        let key = StreamKey { source: datagram.source, destination: datagram.destination, ssrc: packet.ssrc };
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.last = now;
            let mut samples = |samples: &[f32]| sink(&key, StreamEvent::Samples(samples));
            return stream.playout.push(&packet, now, &self.types, &mut samples);
        }
        if !self.plausible(datagram, &packet) {
            return;
        }
        if self.candidates.len() >= CANDIDATES && !self.candidates.contains_key(&key) {
            let oldest = self.candidates.iter().min_by_key(|(_, candidate)| candidate.last()).map(|(&key, _)| key);
            oldest.map(|key| self.candidates.remove(&key));
        }
        let candidate = self.candidates.entry(key).or_insert_with(|| Candidate { packets: Vec::new() });
        candidate.packets.push((now, datagram.payload.to_vec()));
        if candidate.packets.len() < PROBATION {
            return;
        }
        if !candidate.agrees() {
            candidate.packets.remove(0);
            return;
        }
        let packets = self.candidates.remove(&key).map(|candidate| candidate.packets).unwrap_or_default();
        self.make_room(sink);
        let number = self.begun;
        self.begun += 1;
        let mut stream = Stream { playout: Playout::new(), last: now, payload_type: packet.payload_type, number };
        let mut samples = |samples: &[f32]| sink(&key, StreamEvent::Samples(samples));
        for (time, bytes) in packets {
            if let Some(packet) = RtpPacket::parse(&bytes) {
                stream.playout.push(&packet, time, &self.types, &mut samples);
            }
        }
        self.streams.insert(key, stream);
    }

    /// Takes the time of a datagram, and each second looks for streams that have fallen silent.
    fn watch_clock(&mut self, time: Duration, sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>)) {
        if self.clock.take(time) {
            // Nobody knows how long the streams were silent: it counts from here.
            let now = self.clock.now();
            self.swept = now;
            self.streams.values_mut().for_each(|stream| stream.last = now);
            self.candidates.clear();
        } else if self.clock.now().saturating_sub(self.swept) >= Duration::from_secs(1) {
            self.swept = self.clock.now();
            self.sweep(sink);
        }
    }

    /// Ends the stream unheard for the longest time where as many are up as may be.
    fn make_room(&mut self, sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>)) {
        while self.streams.len() >= self.limit {
            let oldest = self.streams.values().map(|stream| (stream.last, stream.number)).min();
            self.end(StreamEnd::MadeRoom, |stream| Some((stream.last, stream.number)) == oldest, sink);
        }
    }

    /// Ends all streams.
    pub fn finish(&mut self, sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>)) {
        self.end(StreamEnd::Finished, |_| true, sink);
        self.candidates.clear();
    }

    /// Whether a packet may be the first of a stream.
    fn plausible(&self, datagram: &Datagram<'_>, packet: &RtpPacket<'_>) -> bool {
        let bytes = packet.payload.len();
        let sized = match self.types.get(packet.payload_type) {
            // From 5 ms to what fits into an Ethernet frame.
            Some(RtpCodec::Pcmu | RtpCodec::Pcma | RtpCodec::G722) => (40..=1500).contains(&bytes),
            Some(RtpCodec::Gsm) => bytes > 0 && bytes.is_multiple_of(33),
            Some(RtpCodec::ComfortNoise) => (1..=32).contains(&bytes),
            Some(_) => (1..=1500).contains(&bytes),
            None => packet.payload_type >= 96 && (1..=1500).contains(&bytes),
        };
        sized && datagram.source.port() >= 1024 && datagram.destination.port() >= 1024
    }

    /// Ends the streams that have fallen silent.
    fn sweep(&mut self, sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>)) {
        let now = self.clock.now();
        self.end(StreamEnd::Idle, |stream| now.saturating_sub(stream.last) >= IDLE, sink);
        self.candidates.retain(|_, candidate| now.saturating_sub(candidate.last()) < IDLE);
    }

    fn end(
        &mut self,
        why: StreamEnd,
        over: impl Fn(&Stream) -> bool,
        sink: &mut impl FnMut(&StreamKey, StreamEvent<'_>),
    ) {
        let mut ended: Vec<(StreamKey, Stream)> = self.streams.extract_if(|_, stream| over(stream)).collect();
        ended.sort_by_key(|(_, stream)| stream.number);
        for (key, mut stream) in ended {
            stream.playout.play_all(&self.types, &mut |samples| sink(&key, StreamEvent::Samples(samples)));
            let counts = stream.playout.counts();
            let codec = match stream.playout.codec() {
                Some(codec) => codec.to_string(),
                None => format!("payload type {}", stream.payload_type),
            };
            let counts = StreamCounts {
                codec,
                packets: counts.packets,
                lost: counts.lost,
                out_of_order: counts.out_of_order,
                duplicates: counts.duplicates,
            };
            sink(&key, StreamEvent::Ended(why, counts));
        }
    }
}

impl Candidate {
    /// When its last packet came.
    fn last(&self) -> Duration {
        self.packets.last().map_or(Duration::ZERO, |&(time, _)| time)
    }

    /// Whether the packets belong to one stream by their numbers.
    fn agrees(&self) -> bool {
        let mut numbers = self.packets.iter().filter_map(|(_, bytes)| RtpPacket::parse(bytes)).map(|p| p.sequence);
        let Some(first) = numbers.next() else { return false };
        numbers.all(|number| number.wrapping_sub(first).cast_signed().unsigned_abs() <= NEAR)
    }
}
