//! Captures made by hand, and what is heard in them.
#![allow(dead_code, reason = "each test uses a part of this")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use callprint::telephony::{CaptureReader, PayloadTypes, StreamCounts, StreamEnd, StreamEvent, Streams};

/// What of the streams came out: their samples, and counts at their end.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) samples: Vec<f32>,
    pub(crate) counts: Option<StreamCounts>,
    pub(crate) end: Option<StreamEnd>,
}

impl Heard {
    pub(crate) fn counts(&self) -> (u64, u64, u64, u64) {
        let counts = self.counts.as_ref().unwrap();
        (counts.packets, counts.lost, counts.out_of_order, counts.duplicates)
    }
}

pub(crate) fn hear(capture: &[u8], types: PayloadTypes) -> (BTreeMap<String, Heard>, Option<String>) {
    hear_from(Cursor::new(capture.to_vec()), types)
}

pub(crate) fn hear_from(
    capture: impl Read + Send + 'static,
    types: PayloadTypes,
) -> (BTreeMap<String, Heard>, Option<String>) {
    let mut streams = Streams::new(types);
    let mut heard = BTreeMap::<String, Heard>::new();
    let mut take = |key: &callprint::telephony::StreamKey, event: StreamEvent<'_>| {
        let heard = heard.entry(key.to_string()).or_default();
        match event {
            StreamEvent::Samples(samples) => heard.samples.extend(samples),
            StreamEvent::Ended(end, counts) => (heard.end, heard.counts) = (Some(end), Some(counts)),
        }
    };
    let mut failure = None;
    match CaptureReader::new("x", capture) {
        Err(error) => failure = Some(error.to_string()),
        Ok(mut reader) => loop {
            match reader.next_datagram(|datagram| streams.push(&datagram, &mut take)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failure = Some(error.to_string());
                    break;
                }
            }
        },
    }
    streams.finish(&mut take);
    (heard, failure)
}

/// The only stream of a capture that is whole.
pub(crate) fn only(capture: &[u8]) -> Heard {
    let (heard, failure) = hear(capture, PayloadTypes::default());
    assert_eq!((heard.len(), failure), (1, None));
    heard.into_values().next().unwrap()
}

/// A packet of 160 A-law bytes that differ from packet to packet.
pub(crate) fn rtp(number: u16, timestamp: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 8];
    bytes.extend(number.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(0x1234_abcd_u32.to_be_bytes());
    bytes.extend((0..160u32).map(|n| (n * 7 + u32::from(number) * 13) as u8));
    bytes
}

pub(crate) fn udp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 0x4e, 0x20];
    bytes.extend((payload.len() as u16 + 8).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

pub(crate) fn ipv4(payload: &[u8]) -> Vec<u8> {
    let udp = udp(payload);
    let mut bytes = vec![0x45, 0];
    bytes.extend((udp.len() as u16 + 20).to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    bytes.extend(udp);
    bytes
}

/// IPv6 with a hop-by-hop header before the UDP.
pub(crate) fn ipv6(payload: &[u8]) -> Vec<u8> {
    let udp = udp(payload);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((udp.len() as u16 + 8).to_be_bytes());
    bytes.extend([0, 64]);
    bytes.extend(
        [
            [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        ]
        .concat(),
    );
    bytes.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    bytes.extend(udp);
    bytes
}

pub(crate) fn ethernet(mut tags: Vec<u8>, kind: u16, ip: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.append(&mut tags);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(ip);
    bytes
}

/// A pcap file of these packets, 20 ms apart.
pub(crate) fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let timed: Vec<(u64, Vec<u8>)> =
        packets.iter().enumerate().map(|(n, packet)| (n as u64 * 20_000, packet.clone())).collect();
    pcap_at(link, &timed)
}

/// A pcap file of packets at these microseconds.
pub(crate) fn pcap_at(link: u32, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, link] {
        bytes.extend(u32::to_le_bytes(word));
    }
    for (time, packet) in packets {
        let length = packet.len() as u32;
        for word in [1_000_000_000 + (time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(packet);
    }
    bytes
}

/// A big-endian pcapng file with an interface of nanoseconds, packets 20 ms apart.
pub(crate) fn pcapng(link: u16, packets: &[Vec<u8>]) -> Vec<u8> {
    let timed: Vec<(u64, Vec<u8>)> = packets
        .iter()
        .enumerate()
        .map(|(n, packet)| (1_000_000_000_000_000_000 + n as u64 * 20_000_000, packet.clone()))
        .collect();
    pcapng_at(link, &[0, 9, 0, 1, 9, 0, 0, 0], &timed)
}

/// A big-endian pcapng file with an interface of these options, packets at these times in its units.
pub(crate) fn pcapng_at(link: u16, options: &[u8], packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = (body.len().next_multiple_of(4) + 12) as u32;
        bytes.extend(kind.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(length.to_be_bytes());
    };
    block(0x0a0d_0d0a, &[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    let [high, low] = link.to_be_bytes();
    block(1, &[&[high, low, 0, 0, 0, 0, 0, 0], options, &[0; 4]].concat());
    for (time, packet) in packets {
        let mut body = vec![0; 4];
        body.extend(time.to_be_bytes());
        body.extend([(packet.len() as u32).to_be_bytes(), (packet.len() as u32).to_be_bytes()].concat());
        body.extend(packet);
        block(6, &body);
    }
    bytes
}

pub(crate) fn in_order(count: u16) -> Vec<Vec<u8>> {
    (0..count).map(|n| rtp(65_530u16.wrapping_add(n), 0xffff_fe00_u32.wrapping_add(u32::from(n) * 160))).collect()
}

/// Over raw IP, the shortest of all links.
pub(crate) fn raw(packets: &[Vec<u8>]) -> Vec<u8> {
    pcap(101, &packets.iter().map(|packet| ipv4(packet)).collect::<Vec<_>>())
}

/// An RTP packet as it lies in a capture.
type Wrap = fn(&Vec<u8>) -> Vec<u8>;

/// Ten packets, comfort noise, two seconds of nothing, ten packets.
pub(crate) fn silence_not_sent() -> Vec<u8> {
    let mut packets: Vec<(u64, Vec<u8>)> = (0..10).map(|n| (n * 20_000, rtp(n as u16, n as u32 * 160))).collect();
    let mut noise = rtp(10, 1600);
    noise[1] = 13;
    noise.truncate(13);
    packets.push((200_000, noise));
    packets.extend((0..10).map(|n| (2_200_000 + n * 20_000, rtp(11 + n as u16, 17_600 + n as u32 * 160))));
    let packets: Vec<(u64, Vec<u8>)> = packets.into_iter().map(|(time, packet)| (time, ipv4(&packet))).collect();
    pcap_at(101, &packets)
}

/// What captures are made on: a name, the link type, and what lies around an RTP packet.
pub(crate) const LINKS: [(&str, u32, Wrap); 9] = [
    ("ethernet", 1, |p| ethernet(vec![], 0x0800, &ipv4(p))),
    ("vlan", 1, |p| ethernet(vec![0x81, 0, 0, 5], 0x0800, &ipv4(p))),
    ("two-vlans-ipv6", 1, |p| ethernet(vec![0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], 0x86dd, &ipv6(p))),
    ("cooked", 113, |p| [vec![0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0], ipv4(p)].concat()),
    ("cooked2-ipv6", 276, |p| {
        [vec![0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 2, 2, 2, 2, 2, 2, 0, 0], ipv6(p)].concat()
    }),
    ("bsd-loopback", 0, |p| [vec![2, 0, 0, 0], ipv4(p)].concat()),
    ("ipv4", 228, |p| ipv4(p)),
    ("ipv6", 229, |p| ipv6(p)),
    ("raw-ipv6", 101, |p| ipv6(p)),
];
