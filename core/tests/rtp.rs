//! Captures to streams of samples: links, orders, losses, silences, and what is no RTP.
#![cfg(feature = "telephony")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod rtp_support;

use std::io::{Cursor, Read};

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use callprint::telephony::{CaptureReader, Datagram, PayloadTypes, RtpCodec, StreamEnd, StreamEvent, Streams};
use proptest::prelude::*;
use rtp_support::{
    LINKS, ethernet, hear, hear_from, in_order, ipv4, only, pcap, pcap_at, pcapng, pcapng_at, raw, rtp,
    silence_not_sent,
};

#[test]
fn every_link_and_container_gives_the_same_audio() {
    let packets = in_order(20);
    let expected = only(&raw(&packets));
    assert_eq!((expected.samples.len(), expected.counts()), (3200, (20, 0, 0, 0)));
    // The first byte of the first packet, (65530 * 13) mod 256 = 0xb2, is A-law for segment 6, step 7.
    assert_eq!(expected.samples[0], 12_032.0 / 32_768.0);
    for (_, link, wrap) in LINKS {
        let wrapped: Vec<Vec<u8>> = packets.iter().map(wrap).collect();
        assert_eq!(only(&pcap(link, &wrapped)), expected, "link type {link}");
        assert_eq!(only(&pcapng(link as u16, &wrapped)), expected, "link type {link} in pcapng");
    }
    let (heard, failure) = hear(&pcap(105, &packets), PayloadTypes::default());
    assert!(heard.is_empty() && failure.unwrap().contains("link type 105"));
}

#[test]
fn sections_of_a_capture_have_interfaces_of_their_own() {
    // Two files put together: the first of raw IP, the second of Ethernet.
    let packets = in_order(20);
    let first: Vec<Vec<u8>> = packets[..10].iter().map(|packet| ipv4(packet)).collect();
    let second: Vec<Vec<u8>> = packets[10..].iter().map(|packet| ethernet(Vec::new(), 0x0800, &ipv4(packet))).collect();
    assert_eq!(only(&[pcapng(101, &first), pcapng(1, &second)].concat()), only(&raw(&packets)));
}

/// A pcap file of packets at these seconds and fractions, with a magic number in some byte order.
fn pcap_of(magic: u32, word: fn(u32) -> [u8; 4], packets: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
    let version = if word(1)[0] == 1 { 0x0004_0002 } else { 0x0002_0004 };
    let mut bytes: Vec<u8> = [magic, version, 0, 0, 0x4_0000, 101].into_iter().flat_map(word).collect();
    for (seconds, fraction, packet) in packets {
        bytes.extend([*seconds, *fraction, packet.len() as u32, packet.len() as u32].into_iter().flat_map(word));
        bytes.extend(packet);
    }
    bytes
}

#[test]
fn packets_have_the_times_at_which_they_were_captured() {
    let packet = ipv4(&rtp(0, 0));
    let times = |capture: Vec<u8>| {
        let mut reader = CaptureReader::new("x", Cursor::new(capture)).unwrap();
        let mut times = Vec::new();
        while reader.next_datagram(|datagram| times.push(datagram.time)).unwrap() {}
        times
    };
    // A second and a quarter apart.
    let expected = [Duration::from_millis(1_700_000_000_500), Duration::from_millis(1_700_000_001_750)];
    for (magic, second) in [(0xa1b2_c3d4, 1_000_000), (0xa1b2_3c4d, 1_000_000_000)] {
        for word in [u32::to_le_bytes, u32::to_be_bytes] {
            let packets = [(1_700_000_000, second / 2), (1_700_000_001, second / 4 * 3)];
            let packets = packets.map(|(seconds, fraction)| (seconds, fraction, packet.clone()));
            assert_eq!(times(pcap_of(magic, word, &packets)), expected, "{magic:x}, {second} units a second");
        }
    }
    // Microseconds unless the interface says else; nanoseconds; parts of 2^-10 s.
    for (options, second) in
        [(&[][..], 1_000_000), (&[0, 9, 0, 1, 9, 0, 0, 0], 1_000_000_000), (&[0, 9, 0, 1, 0x8a, 0, 0, 0], 1024)]
    {
        let packets = [1_700_000_000 * second + second / 2, 1_700_000_001 * second + second / 4 * 3];
        let packets = packets.map(|time| (time, packet.clone()));
        assert_eq!(times(pcapng_at(101, options, &packets)), expected, "{options:?}");
    }
}

/// A pipe that gives a byte at a time.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_pipe_may_bring_any_pieces() {
    for capture in [raw(&in_order(12)), pcapng(101, &in_order(12).iter().map(|p| ipv4(p)).collect::<Vec<_>>())] {
        let pieces = hear_from(Trickle(Cursor::new(capture.clone())), PayloadTypes::default());
        assert_eq!(pieces, hear(&capture, PayloadTypes::default()));
        assert_eq!(pieces.0.into_values().next().unwrap().samples.len(), 12 * 160);
    }
}

#[test]
fn packets_out_of_order_or_doubled_give_the_same_audio() {
    let packets = in_order(40);
    let expected = only(&raw(&packets));
    let mut mixed = packets.clone();
    mixed.swap(4, 5);
    mixed.swap(20, 26);
    mixed.insert(30, packets[30].clone());
    mixed.insert(36, packets[29].clone());
    let heard = only(&raw(&mixed));
    assert_eq!(heard.samples, expected.samples);
    // 5 before 4; 26 before 20 to 25, which then are behind it.
    assert_eq!(heard.counts(), (42, 0, 7, 2));
    // The very first packets, too: they are put in order before the stream is known to be one.
    let mut mixed = packets;
    mixed.swap(1, 2);
    assert_eq!(only(&raw(&mixed)).samples, expected.samples);
    // What is lost is counted from the lowest number, whichever came first.
    mixed.swap(0, 2);
    mixed.remove(30);
    assert_eq!(only(&raw(&mixed)).counts(), (39, 1, 1, 0));
}

#[test]
fn lost_packets_are_bridged_and_later_audio_keeps_its_time() {
    let packets = in_order(40);
    let expected = only(&raw(&packets));
    let mut some = packets;
    some.drain(20..25);
    let heard = only(&raw(&some));
    assert_eq!((heard.samples.len(), heard.counts()), (6400, (35, 5, 0, 0)));
    assert_eq!(heard.samples[..3200], expected.samples[..3200]);
    assert_eq!(heard.samples[4000..], expected.samples[4000..]);
    // Fading repetitions of the last 20 ms for 60 ms, then nothing.
    for (n, &sample) in heard.samples[3200..4000].iter().enumerate() {
        let faded = [0.5, 0.25, 0.125, 0.0, 0.0][n / 160] * expected.samples[3040 + n % 160];
        assert_eq!(sample, faded, "sample {n} of the gap");
    }
}

#[test]
fn a_lost_packet_is_given_up_when_eight_later_ones_have_come() {
    // The third packet comes late, behind so many others: after eight it is too late to be heard.
    let packets = in_order(40);
    let expected = only(&raw(&packets));
    for (behind, heard_whole) in [(7, true), (8, false)] {
        let mut late = packets.clone();
        let packet = late.remove(3);
        late.insert(3 + behind, packet);
        let heard = only(&raw(&late));
        assert_eq!(heard.samples == expected.samples, heard_whole, "{behind} packets late");
        assert_eq!((heard.samples.len(), heard.counts()), (6400, (40, 0, 1, 0)), "{behind} packets late");
    }
}

#[test]
fn a_packet_that_is_thousands_late_is_neither_doubled_nor_lost() {
    for behind in [900, 1100, 2000, 2999] {
        let mut packets = in_order(3100);
        let late = packets.remove(50);
        packets.splice(50 + behind..50 + behind, [late.clone(), late]);
        assert_eq!(only(&raw(&packets)).counts(), (3101, 0, 1, 1), "{behind} packets late");
    }
}

#[test]
fn a_call_of_more_packets_than_are_remembered_is_heard_to_its_end() {
    let packets = in_order(9000);
    let heard = only(&raw(&packets));
    assert_eq!((heard.samples.len(), heard.counts()), (9000 * 160, (9000, 0, 0, 0)));
    let mut some = packets;
    some.drain(8000..8005);
    assert_eq!(only(&raw(&some)).counts(), (8995, 5, 0, 0));
}

#[test]
fn silence_that_was_not_sent_is_silence() {
    let heard = only(&silence_not_sent());
    assert_eq!((heard.samples.len(), heard.counts()), (1600 + 16_000 + 1600, (21, 0, 0, 0)));
    assert!(heard.samples[1600..17_600].iter().all(|&sample| sample == 0.0));
    // A call that ends in silence has the codec of what was said.
    let mut noise = rtp(10, 1600);
    noise[1] = 13;
    noise.truncate(13);
    let first = (0..10).map(|n| rtp(n, u32::from(n) * 160));
    let ends_silent = only(&raw(&first.chain([noise]).collect::<Vec<_>>()));
    assert_eq!((ends_silent.samples.len(), ends_silent.counts.unwrap().codec), (1600, "PCMA".to_owned()));
    // A party that listens for nearly as long as a stream may be idle has its whole time.
    let before = (0..10).map(|n| (n * 20_000, rtp(n as u16, n as u32 * 160)));
    let after = (0..10).map(|n| (29_000_000 + n * 20_000, rtp(10 + n as u16, 232_000 + n as u32 * 160)));
    let packets: Vec<_> = before.chain(after).map(|(time, packet)| (time, ipv4(&packet))).collect();
    assert_eq!(only(&pcap_at(101, &packets)).samples.len(), 232_000 + 1600);
    // A timestamp that jumps by an hour within 20 ms is no hour of silence.
    let jump = [in_order(10), (0..10).map(|n| rtp(4 + n, 100_000_000 + u32::from(n) * 160)).collect()].concat();
    assert!(only(&raw(&jump)).samples.len() < 20 * 160 + 9000);
}

#[test]
fn a_sender_that_begins_anew_is_heard_on() {
    let again: Vec<Vec<u8>> = (0..20).map(|n| rtp(20_000 + n, u32::from(n) * 160)).collect();
    let heard = only(&raw(&[in_order(20), again.clone()].concat()));
    assert_eq!((heard.samples.len(), heard.counts()), (6400, (40, 0, 0, 0)));
    // What it lost before counts, and what had come behind the loss is heard.
    let mut before = in_order(20);
    let behind = before.split_off(15).split_off(2);
    let heard_behind = only(&raw(&in_order(20))).samples[17 * 160..].to_vec();
    let heard = only(&raw(&[before, behind, again].concat()));
    assert_eq!((heard.samples.len(), heard.counts()), (6400, (38, 2, 0, 0)));
    assert_eq!(heard.samples[17 * 160..20 * 160], heard_behind);
}

#[test]
fn other_codecs_are_decoded_by_static_and_given_types() {
    let speech = include_bytes!("data/speech.gsm");
    let gsm: Vec<Vec<u8>> = speech
        .chunks_exact(33)
        .enumerate()
        .map(|(n, frame)| {
            let mut packet = rtp(n as u16, n as u32 * 160);
            packet[1] = 3;
            packet.truncate(12);
            packet.extend(frame);
            packet
        })
        .collect();
    let heard = only(&raw(&gsm));
    let expected: Vec<f32> = include_bytes!("data/speech-gsm.s16le")
        .as_chunks()
        .0
        .iter()
        .map(|&sample| f32::from(i16::from_le_bytes(sample)) / 32_768.0)
        .collect();
    assert_eq!(heard.samples, expected);
    assert_eq!(heard.counts.unwrap().codec, "GSM");

    let dynamic: Vec<Vec<u8>> = in_order(10)
        .into_iter()
        .map(|mut packet| {
            packet[1] = 100;
            packet
        })
        .collect();
    let unknown = only(&raw(&dynamic));
    assert_eq!((unknown.samples.len(), unknown.counts.unwrap().codec), (0, "payload type 100".to_owned()));
    let mut types = PayloadTypes::default();
    types.set(100, RtpCodec::from_name("PCMA").unwrap()).unwrap();
    let (heard, _) = hear(&raw(&dynamic), types.clone());
    assert_eq!(heard.into_values().next().unwrap().samples, only(&raw(&in_order(10))).samples);
    assert!(types.set(8, RtpCodec::Gsm).is_err());
}

/// The packets in an Ogg file (RFC 3533): segments of up to 255 bytes, the first shorter one ends a packet.
#[cfg(feature = "opus")]
fn ogg_packets(mut file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    while let Some(&count) = file.get(26) {
        let (lengths, mut body) = file[27..].split_at(count.into());
        for &length in lengths {
            let (segment, rest) = body.split_at(length.into());
            packet.extend(segment);
            body = rest;
            if length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = body;
    }
    packets
}

#[cfg(feature = "opus")]
#[test]
fn opus_is_decoded_where_its_type_is_given() {
    // Behind two headers; 20 ms each, counted in samples of 48 kHz.
    let packets: Vec<Vec<u8>> = ogg_packets(include_bytes!("data/tone-opus.ogg"))[2..]
        .iter()
        .enumerate()
        .map(|(n, opus)| {
            let mut packet = rtp(n as u16, n as u32 * 960);
            packet[1] = 96;
            packet.truncate(12);
            packet.extend(opus);
            packet
        })
        .collect();
    let mut types = PayloadTypes::default();
    types.set(96, RtpCodec::from_name("opus").unwrap()).unwrap();
    let hear = |packets: &[Vec<u8>]| hear(&raw(packets), types.clone()).0.into_values().next().unwrap();
    let whole = hear(&packets);
    assert_eq!((whole.samples.len(), whole.counts()), (packets.len() * 160, (packets.len() as u64, 0, 0, 0)));
    // Both channels in one: 500 and 1250 Hz at the same level.
    let settled: Vec<f64> = whole.samples[800..2400].iter().map(|&sample| f64::from(sample)).collect();
    let power: f64 = settled.iter().map(|sample| sample * sample).sum();
    for hertz in [500.0, 1250.0] {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in settled.iter().enumerate() {
            let (sin, cos) = (std::f64::consts::TAU * hertz * n as f64 / 8000.0).sin_cos();
            (re, im) = (re + sample * cos, im + sample * sin);
        }
        let share = 2.0 * (re * re + im * im) / (settled.len() as f64 * power);
        assert!((0.45..0.55).contains(&share), "{hertz} Hz: {share}");
    }
    // A lost packet is a gap of its length, not of six times that.
    let mut some = packets;
    some.remove(10);
    let gap = hear(&some);
    assert_eq!((gap.samples.len(), gap.counts().1), (whole.samples.len(), 1));
}

#[test]
fn other_traffic_is_no_rtp() {
    let dns = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'w', b'w', b'w', 0, 0, 1, 0, 1];
    // RTCP, STUN, and packets that look right but have numbers from anywhere.
    let rtcp = [vec![0x80, 200], vec![0; 26]].concat();
    let stun = [vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], vec![7; 12]].concat();
    let mut packets = Vec::new();
    for n in 0..50u16 {
        packets.extend([dns.clone(), rtcp.clone(), stun.clone(), rtp(n.wrapping_mul(7919), 0)]);
    }
    // In order, but of sizes that no frames of GSM, and no packets of G.711, have.
    for (kind, bytes) in [(3, 160), (8, 20)] {
        packets.extend((0..50u16).map(|n| {
            let mut packet = rtp(n, 160 * u32::from(n));
            packet[1] = kind;
            packet[8] = kind;
            packet.truncate(12 + bytes);
            packet
        }));
    }
    let (heard, failure) = hear(&raw(&packets), PayloadTypes::default());
    assert_eq!((heard.len(), failure), (0, None));
}

/// A packet of the call with this source, at a time in ms.
fn packet_of(streams: &mut Streams, ssrc: u32, number: u16, ms: u64, ends: &mut Vec<(u32, StreamEnd)>) {
    let mut payload = rtp(number, 160 * u32::from(number));
    payload[8..12].copy_from_slice(&ssrc.to_be_bytes());
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let time = Duration::from_millis(1_000_000_000_000 + ms);
    let datagram = Datagram { time, source: address(4000), destination: address(5000), payload: &payload, cut: false };
    streams.push(&datagram, &mut |key, event| {
        if let StreamEvent::Ended(end, counts) = event {
            assert!(counts.packets >= 3);
            ends.push((key.ssrc, end));
        }
    });
}

#[test]
fn a_flood_of_streams_takes_the_place_of_its_own_and_not_of_those_that_speak() {
    let mut streams = Streams::with_limit(PayloadTypes::default(), 100);
    let mut ends = Vec::new();
    // Ten calls of 20 ms packets; between two packets of each, 20 streams of three packets and 40 that never come so far.
    for round in 0..200u16 {
        let ms = 20 * u64::from(round);
        for call in 0..10 {
            packet_of(&mut streams, call, round, ms, &mut ends);
        }
        for flood in 0..20 {
            let ssrc = 1000 + 100 * u32::from(round) + flood;
            (0..3).for_each(|number| packet_of(&mut streams, ssrc, number, ms + 5, &mut ends));
        }
        (60..100)
            .for_each(|flood| packet_of(&mut streams, 1000 + 100 * u32::from(round) + flood, 0, ms + 6, &mut ends));
        assert!(streams.len() <= 100);
    }
    assert_eq!(ends.len(), 200 * 20 + 10 - 100);
    assert!(ends.iter().all(|&(ssrc, end)| ssrc >= 1000 && end == StreamEnd::MadeRoom));
    // In the order in which they began.
    assert!(ends.is_sorted_by_key(|&(ssrc, _)| ssrc));
}

#[test]
fn streams_begun_under_a_flood_of_candidates_are_found() {
    let mut streams = Streams::new(PayloadTypes::default());
    let mut flood = 1000;
    for number in 0..3 {
        packet_of(&mut streams, 1, number, 20 * u64::from(number), &mut Vec::new());
        for _ in 0..700 {
            packet_of(&mut streams, flood, 0, 20 * u64::from(number) + 1, &mut Vec::new());
            flood += 1;
        }
    }
    assert_eq!(streams.len(), 1);
}

#[test]
fn a_packet_stamped_years_ahead_or_back_leaves_idle_streams_to_end() {
    const YEARS: u64 = 100_000_000_000;
    for stray in [1_000 + YEARS, 0] {
        let mut streams = Streams::new(PayloadTypes::default());
        let mut ends = Vec::new();
        let base = YEARS / 2;
        let stray = if stray == 0 { 0 } else { base + stray };
        for number in 0..10 {
            packet_of(&mut streams, 1, number, base + 20 * u64::from(number), &mut ends);
        }
        packet_of(&mut streams, 1, 10, stray, &mut ends);
        // Another call goes on, the first falls silent.
        for number in 0..3000 {
            packet_of(&mut streams, 2, number, base + 200 + 20 * u64::from(number), &mut ends);
        }
        assert_eq!(ends, [(1, StreamEnd::Idle)], "stamped {stray}");
    }
}

#[test]
fn a_clock_that_is_set_ends_no_call_that_goes_on() {
    const HOUR: u64 = 3_600_000;
    for set_to in [HOUR / 2, 2 * HOUR] {
        let mut streams = Streams::new(PayloadTypes::default());
        let mut ends = Vec::new();
        for number in 0..3000u16 {
            let begin = if number < 500 { HOUR } else { set_to };
            packet_of(&mut streams, 1, number, begin + 20 * u64::from(number), &mut ends);
            if number < 400 {
                packet_of(&mut streams, 2, number, begin + 20 * u64::from(number), &mut ends);
            }
        }
        assert_eq!((&ends[..], streams.len()), (&[(2, StreamEnd::Idle)][..], 1), "set to {set_to} ms");
    }
}

#[test]
fn packets_that_a_capture_has_the_beginning_of_are_told() {
    let whole: Vec<Vec<u8>> = in_order(4).iter().map(|packet| ipv4(packet)).collect();
    let mut capture = pcap_at(101, &whole.iter().map(|packet| (0, packet[..100].to_vec())).collect::<Vec<_>>());
    // Of the last three the real length stands in the record.
    for record in 1..4 {
        let at = 24 + record * 116 + 12;
        capture[at..at + 4].copy_from_slice(&200u32.to_le_bytes());
    }
    let mut reader = CaptureReader::new("x", Cursor::new(capture)).unwrap();
    let mut cut = Vec::new();
    while reader.next_datagram(|datagram| cut.push((datagram.cut, datagram.payload.len()))).unwrap() {}
    assert_eq!(cut, [(false, 72), (true, 72), (true, 72), (true, 72)]);
}

#[test]
fn cut_and_foreign_captures_are_named() {
    let capture = raw(&in_order(20));
    let (heard, failure) = hear(&capture[..capture.len() - 100], PayloadTypes::default());
    assert_eq!(heard.into_values().next().unwrap().samples.len(), 19 * 160);
    assert!(failure.unwrap().contains("broken after packet 19: it ends within a packet"));
    for (bytes, says) in [
        (&b"RIFF\0\0\0\0WAVEfmt \0\0\0\0\0\0\0\0"[..], "neither a pcap nor a pcapng"),
        (&capture[..10], "ends within its header"),
        (&[], "ends within its header"),
    ] {
        let (heard, failure) = hear(bytes, PayloadTypes::default());
        assert!(heard.is_empty() && failure.as_ref().unwrap().contains(says), "{failure:?}");
    }
}

proptest! {
    #[test]
    fn damage_never_panics(at in 24usize..4000, value: u8, more in proptest::collection::vec(any::<(u16, u8)>(), 0..20)) {
        for mut capture in [raw(&in_order(20)), pcapng(101, &in_order(20).iter().map(|p| ipv4(p)).collect::<Vec<_>>())] {
            let length = capture.len();
            capture[at.min(length - 1)] = value;
            for (at, value) in &more {
                capture[usize::from(*at) % length] = *value;
            }
            let (heard, _) = hear(&capture, PayloadTypes::default());
            // No time is made up: at most what the packets can stand for.
            prop_assert!(heard.values().map(|heard| heard.samples.len()).sum::<usize>() < 20 * 8000 * 61);
        }
    }
}
