//! Captures to streams of samples: links, orders, losses, silences, and what is no RTP.
#![cfg(feature = "telephony")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod rtp_support;

use std::io::{Cursor, Read};

use callprint::telephony::{PayloadTypes, RtpCodec};
use proptest::prelude::*;
use rtp_support::{LINKS, hear, hear_from, in_order, ipv4, only, pcap, pcapng, raw, rtp, silence_not_sent};

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
fn silence_that_was_not_sent_is_silence() {
    let heard = only(&silence_not_sent());
    assert_eq!((heard.samples.len(), heard.counts()), (1600 + 16_000 + 1600, (21, 0, 0, 0)));
    assert!(heard.samples[1600..17_600].iter().all(|&sample| sample == 0.0));
    // A timestamp that jumps by an hour within 20 ms is no hour of silence.
    let jump = [in_order(10), (0..10).map(|n| rtp(4 + n, 100_000_000 + u32::from(n) * 160)).collect()].concat();
    assert!(only(&raw(&jump)).samples.len() < 20 * 160 + 9000);
}

#[test]
fn a_sender_that_begins_anew_is_heard_on() {
    let again: Vec<Vec<u8>> = (0..20).map(|n| rtp(20_000 + n, u32::from(n) * 160)).collect();
    let heard = only(&raw(&[in_order(20), again].concat()));
    assert_eq!((heard.samples.len(), heard.counts()), (6400, (40, 0, 0, 0)));
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
    let (heard, failure) = hear(&raw(&packets), PayloadTypes::default());
    assert_eq!((heard.len(), failure), (0, None));
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
