//! The packets of one stream back in order, decoded, gaps filled.
//!
//! Packets are numbered, and their timestamps say where in the audio they belong. A packet that is missing is waited for until
//! [`PATIENCE`] later ones have come; then it counts as lost. Its time is filled by repeating what was heard last, fading out
//! within 60 ms as G.711 Appendix I does; a gap in the timestamps only (silence suppression, RFC 3551 section 4.1) is filled with
//! zeros, because nothing was said.

use std::collections::BTreeMap;
use std::time::Duration;

use super::payload::{Decoder, PayloadTypes, RtpCodec};
use super::rtp::RtpPacket;
use crate::audio::SAMPLE_RATE;

/// Later packets after which a missing one is given up: 160 ms of the usual 20 ms packets.
const PATIENCE: usize = 8;
/// A jump of sequence numbers beyond which the sender has begun anew (RFC 3550, appendix A.1: MAX_DROPOUT).
const RESTART: i64 = 3000;
/// Numbers of which is kept whether they came: more than a packet of the run can be late, and a multiple of 64.
const KEPT: i64 = 4096;
/// Bytes kept of a packet that waits, what an Ethernet frame holds: whoever sends more may not fill the memory with it.
const LONGEST_PACKET: usize = 1500;
/// Samples that are repeated for lost packets, 20 ms, and how many times, each at half the level of the one before.
const REPEAT: usize = 160;
const FADES: usize = 3;
/// Seconds of silence that a gap in the timestamps stands for at most beyond the time that has really passed.
const EARLY: f64 = 1.0;
/// Longest gap filled, s: a party on hold says nothing for long, and hours of zeros tell nothing.
const LONGEST_GAP: f64 = 60.0;

/// What became of the packets of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) packets: u64,
    pub(super) lost: u64,
    pub(super) out_of_order: u64,
    pub(super) duplicates: u64,
}

/// A packet that waits for those before it.
#[derive(Debug)]
struct Waiting {
    payload_type: u8,
    timestamp: u32,
    arrived: Duration,
    payload: Vec<u8>,
}

/// The order of a stream's packets and the state of its decoder.
#[derive(Debug)]
pub(super) struct Playout {
    counts: Counts,
    /// Extended numbers: of the first packet, the highest seen, and the next to be played.
    first: i64,
    highest: i64,
    next: i64,
    /// Packets of runs that ended with a restart: expected, and received without doubles.
    expected_before: u64,
    unique: u64,
    /// One bit for each of the last [`KEPT`] numbers: received.
    seen: Box<[u64; KEPT as usize / 64]>,
    waiting: BTreeMap<i64, Waiting>,
    codec: Option<RtpCodec>,
    decoder: Decoder,
    /// Timestamp at which the next sample belongs, and when the last packet came.
    due: Option<u32>,
    arrived: Duration,
    /// The last samples, for repeating.
    last: Vec<f32>,
    samples: Vec<f32>,
}

impl Playout {
    pub(super) fn new() -> Self {
        Self {
            counts: Counts::default(),
            first: 0,
            highest: 0,
            next: 0,
            expected_before: 0,
            unique: 0,
            seen: Box::new([0; KEPT as usize / 64]),
            waiting: BTreeMap::new(),
            codec: None,
            decoder: Decoder::Silence,
            due: None,
            arrived: Duration::ZERO,
            last: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// The codec of the last audio decoded.
    pub(super) fn codec(&self) -> Option<RtpCodec> {
        self.codec
    }

    pub(super) fn counts(&self) -> Counts {
        let expected = self.expected_before + self.run();
        Counts { lost: expected.saturating_sub(self.unique), ..self.counts }
    }

    /// Packets that the numbers of this run span.
    fn run(&self) -> u64 {
        if self.unique == 0 { 0 } else { (self.highest - self.first + 1) as u64 }
    }

    /// Takes a packet that came at `time`, and hands on the samples that are due.
    pub(super) fn push(
        &mut self,
        packet: &RtpPacket<'_>,
        time: Duration,
        types: &PayloadTypes,
        sink: &mut impl FnMut(&[f32]),
    ) {
        self.counts.packets += 1;
        let number = if self.counts.packets == 1 {
            self.begin(packet.sequence)
        } else {
            // The nearest number with these 16 bits.
            let step = i64::from(packet.sequence.wrapping_sub(self.highest as u16).cast_signed());
            if step.abs() > RESTART {
                self.expected_before += self.run();
                self.play_all(types, sink);
                self.due = None;
                self.begin(packet.sequence)
            } else {
                self.highest + step
            }
        };
        if !self.mark(number) {
            return;
        }
        if number < self.next {
            return; // Too late to be heard.
        }
        let waiting = Waiting {
            payload_type: packet.payload_type,
            timestamp: packet.timestamp,
            arrived: time,
            payload: packet.payload[..packet.payload.len().min(LONGEST_PACKET)].to_vec(),
        };
        self.waiting.insert(number, waiting);
        while let Some((&first, _)) = self.waiting.first_key_value()
            && (first == self.next || self.waiting.len() >= PATIENCE)
        {
            self.play_first(types, sink);
        }
    }

    /// Plays all that waits, at the end of the stream.
    pub(super) fn play_all(&mut self, types: &PayloadTypes, sink: &mut impl FnMut(&[f32])) {
        while !self.waiting.is_empty() {
            self.play_first(types, sink);
        }
    }

    fn begin(&mut self, sequence: u16) -> i64 {
        let number = i64::from(sequence);
        (self.first, self.highest, self.next) = (number, number, number);
        self.seen.fill(0);
        number
    }

    /// Notes a number as received; `false` if it was before.
    fn mark(&mut self, number: i64) -> bool {
        let place = |number: i64| ((number.rem_euclid(KEPT) / 64) as usize, 1u64 << number.rem_euclid(64));
        if number > self.highest {
            for skipped in (self.highest + 1..=number).rev().take(KEPT as usize) {
                let (word, bit) = place(skipped);
                self.seen[word] &= !bit;
            }
            self.highest = number;
        } else if number < self.highest {
            self.counts.out_of_order += 1;
        }
        let (word, bit) = place(number);
        if self.seen[word] & bit != 0 {
            self.counts.duplicates += 1;
            // A double is no matter of order.
            self.counts.out_of_order -= u64::from(number < self.highest);
            return false;
        }
        // A packet from before the first one widens the run.
        self.first = self.first.min(number);
        self.seen[word] |= bit;
        self.unique += 1;
        true
    }

    /// Decodes the first packet that waits and fills the gap before it.
    fn play_first(&mut self, types: &PayloadTypes, sink: &mut impl FnMut(&[f32])) {
        let Some((number, packet)) = self.waiting.pop_first() else { return };
        let lost = number > self.next;
        self.next = number + 1;
        // Key presses and the like have a type of their own, and no samples.
        let Some(codec) = types.get(packet.payload_type) else { return };
        if codec != RtpCodec::ComfortNoise && self.codec != Some(codec) {
            (self.codec, self.decoder) = (Some(codec), Decoder::new(codec));
        }
        let clock = self.codec.map_or(1, RtpCodec::clock);
        if let Some(due) = self.due {
            let gap = i64::from(packet.timestamp.wrapping_sub(due).cast_signed()) / i64::from(clock);
            let passed = packet.arrived.saturating_sub(self.arrived).as_secs_f64();
            let most = ((passed + EARLY).min(LONGEST_GAP) * f64::from(SAMPLE_RATE)) as i64;
            if gap > 0 {
                self.fill(gap.min(most) as usize, lost, sink);
            }
        }
        self.arrived = packet.arrived;
        self.samples.clear();
        if codec != RtpCodec::ComfortNoise {
            self.decoder.decode(&packet.payload, &mut self.samples);
        }
        self.due = Some(packet.timestamp.wrapping_add(self.samples.len() as u32 * clock));
        if !self.samples.is_empty() {
            self.last.clear();
            self.last.extend_from_slice(&self.samples[self.samples.len().saturating_sub(REPEAT)..]);
            sink(&self.samples);
        }
    }

    /// Hands on `count` samples in place of what is missing.
    fn fill(&mut self, count: usize, lost: bool, sink: &mut impl FnMut(&[f32])) {
        let mut left = count;
        if lost {
            for _ in 0..FADES {
                self.last.iter_mut().for_each(|sample| *sample *= 0.5);
                let part = &self.last[..left.min(self.last.len())];
                sink(part);
                left -= part.len();
            }
        }
        let silence = [0.0; REPEAT];
        while left > 0 {
            let part = &silence[..left.min(REPEAT)];
            sink(part);
            left -= part.len();
        }
    }
}
