//! Counts of RTP streams, next to those of tshark.
//!
//! `data/rtp-streams.tsv` holds what `tshark -q -z rtp,streams` says of the captures made here: name, SSRC, packets, lost.
//! `tests/real_software.sh` asks the tshark that is installed again. tshark counts a doubled packet as making up for a lost
//! one (expected minus received, as in RFC 3550); callprint tells both, so that its `lost` minus `duplicates` is tshark's.
#![cfg(feature = "telephony")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod rtp_support;

use callprint::telephony::PayloadTypes;
use rtp_support::{LINKS, hear, in_order, pcap, pcapng, raw, silence_not_sent};

const GOLDEN: &str = include_str!("data/rtp-streams.tsv");

/// A stream that is known: SSRC, packets, and of them lost, out of order and doubled.
type Known = (u32, u64, u64, u64, u64);

const SSRC: u32 = 0x1234_abcd;
const OTHER: u32 = 0xcafe_0001;

/// A packet of another source.
fn from_other(mut packet: Vec<u8>) -> Vec<u8> {
    packet[8..12].copy_from_slice(&OTHER.to_be_bytes());
    packet
}

/// Packets without those at these places.
fn without(packets: &[Vec<u8>], gone: &[usize]) -> Vec<Vec<u8>> {
    packets.iter().enumerate().filter(|(n, _)| !gone.contains(n)).map(|(_, packet)| packet.clone()).collect()
}

/// All captures: their name, their bytes and what is known of them by their making.
fn captures() -> Vec<(String, Vec<u8>, Vec<Known>)> {
    // The sequence numbers begin at 65,530: all captures go over their end.
    let packets = in_order(60);
    let mut captures = Vec::new();
    for (name, link, wrap) in LINKS {
        // Lost: 20 to 24 in a row, 2 and 40 by themselves; 31 before 30.
        let mut some = packets.clone();
        some.swap(30, 31);
        let some: Vec<Vec<u8>> = without(&some, &[2, 20, 21, 22, 23, 24, 40]).iter().map(wrap).collect();
        captures.push((format!("{name}.pcap"), pcap(link, &some), vec![(SSRC, 53, 7, 1, 0)]));
        captures.push((format!("{name}.pcapng"), pcapng(link as u16, &some), vec![(SSRC, 53, 7, 1, 0)]));
    }
    captures.push(("whole.pcap".to_owned(), raw(&packets), vec![(SSRC, 60, 0, 0, 0)]));
    // Lost where the numbers begin anew: 65535, 0 and 1.
    captures.push(("wrap.pcap".to_owned(), raw(&without(&packets, &[5, 6, 7])), vec![(SSRC, 57, 3, 0, 0)]));

    let mut mixed = packets.clone();
    mixed.swap(10, 11);
    mixed.swap(20, 26);
    captures.push(("reordered.pcap".to_owned(), raw(&mixed), vec![(SSRC, 60, 0, 7, 0)]));
    let mut twice = packets.clone();
    twice.insert(30, packets[30].clone());
    twice.insert(40, packets[33].clone());
    captures.push(("doubled.pcap".to_owned(), raw(&twice), vec![(SSRC, 62, 0, 0, 2)]));
    let some = without(&twice, &[15, 16, 17, 50]);
    captures.push(("doubled-and-lost.pcap".to_owned(), raw(&some), vec![(SSRC, 58, 4, 0, 2)]));
    captures.push(("comfort-noise.pcap".to_owned(), silence_not_sent(), vec![(SSRC, 21, 0, 0, 0)]));

    // Two sources from one port to another, packet by packet.
    let other: Vec<Vec<u8>> = without(&packets, &[12, 13]).into_iter().map(from_other).collect();
    let both: Vec<Vec<u8>> = packets.iter().zip(&other).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
    captures.push(("two-sources.pcap".to_owned(), raw(&both), vec![(SSRC, 58, 0, 0, 0), (OTHER, 58, 2, 0, 0)]));
    captures
}

#[test]
fn counts_are_those_of_tshark() {
    let mut table = String::new();
    for (name, bytes, known) in captures() {
        // Where to put the captures, so that tshark can be asked.
        if let Some(folder) = std::env::var_os("CALLPRINT_WRITE_CAPTURES") {
            std::fs::write(std::path::Path::new(&folder).join(&name), &bytes).unwrap();
        }
        let (heard, failure) = hear(&bytes, PayloadTypes::default());
        assert_eq!(failure, None, "{name}");
        assert_eq!(heard.len(), known.len(), "{name}");
        for (ssrc, packets, lost, out_of_order, duplicates) in known {
            let stream = heard.iter().find(|(key, _)| key.ends_with(&format!("/{ssrc:08x}"))).unwrap().1;
            assert_eq!(stream.counts(), (packets, lost, out_of_order, duplicates), "{name}, {ssrc:08x}");
            table += &format!("{name}\t{ssrc:08x}\t{packets}\t{}\n", lost as i64 - duplicates as i64);
        }
    }
    let mut ours: Vec<&str> = table.lines().collect();
    ours.sort_unstable();
    assert_eq!(ours, GOLDEN.lines().collect::<Vec<_>>());
}
