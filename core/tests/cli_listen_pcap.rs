//! `callprint listen --pcap`: many calls of one capture, heard by several threads.
#![cfg(all(feature = "cli", feature = "telephony"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;
mod rtp_support;

use std::{collections::BTreeMap, fs, path::Path};

use cli_support::{ALAW, CLIPS, g711, index, run, run_with_input, samples};
use rtp_support::{ethernet, in_order, ipv4, pcap, pcap_at};
use serde_json::{Value, json};

/// Packets of 20 ms of a clip as A-law, after half a second of silence, from one source; the first at a time in µs.
fn call(ssrc: u32, clip: &str, begins: u64) -> Vec<(u64, Vec<u8>)> {
    let clip = samples(clip);
    let bytes: Vec<u8> = [0.0; 4000].iter().chain(&clip).map(|&sample| g711(ALAW, sample)).collect();
    let packet = |(number, payload): (usize, &[u8])| {
        let mut rtp = vec![0x80, 8];
        rtp.extend((number as u16).to_be_bytes());
        rtp.extend((160 * number as u32).to_be_bytes());
        rtp.extend(ssrc.to_be_bytes());
        rtp.extend(payload);
        (begins + 20_000 * number as u64, ethernet(Vec::new(), 0x0800, &ipv4(&rtp)))
    };
    bytes.chunks_exact(160).enumerate().map(packet).collect()
}

/// What was printed of each call, in its order.
fn events(capture: &Path, options: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let mut arguments = vec!["listen", "--pcap", capture.to_str().unwrap(), "--index", index().to_str().unwrap()];
    arguments.extend(options);
    let mut calls: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in run(arguments).assert_done().json() {
        calls.entry(event["call"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    calls
}

#[test]
fn every_call_of_a_capture_is_told_of_alike_whatever_the_threads() {
    // Twelve calls that overlap: of each clip two.
    let mut packets: Vec<(u64, Vec<u8>)> = (0..2 * CLIPS.len())
        .flat_map(|number| call(number as u32, CLIPS[number % CLIPS.len()], 700_000 * number as u64))
        .collect();
    packets.sort_by_key(|&(time, _)| time);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let capture = folder.join(format!("calls-{}.pcap", std::process::id()));
    fs::write(&capture, pcap_at(1, &packets)).unwrap();

    let calls = events(&capture, &["--jobs", "1"]);
    assert_eq!(calls.len(), 2 * CLIPS.len());
    for (call, events) in &calls {
        let number = usize::from_str_radix(call.rsplit_once('/').unwrap().1, 16).unwrap();
        let script = CLIPS[number % CLIPS.len()].split_once("__").unwrap().0;
        let named: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "match").map(|event| &event["script"]).collect();
        assert_eq!(named, [&json!(script)], "{call}");
        let ended = events.last().unwrap();
        assert_eq!((&ended["type"], &ended["lost"]), (&json!("ended"), &json!(0)), "{call}");
    }
    assert_eq!(events(&capture, &["--jobs", "5"]), calls);

    // With a call's end the search rests: the same match, and nothing after it.
    for (call, events) in events(&capture, &["--jobs", "2", "--until-decided"]) {
        let matches =
            |events: &[Value]| events.iter().filter(|event| event["type"] == "match").cloned().collect::<Vec<_>>();
        assert_eq!(matches(&events), matches(&calls[&call]), "{call}");
        assert_eq!(events.last().unwrap()["at"], calls[&call].last().unwrap()["at"], "{call}");
    }
    fs::remove_file(capture).unwrap();
}

#[test]
fn more_streams_than_allowed_take_the_place_of_those_unheard() {
    // A robot speaks, and every 100 ms somebody sends three packets of a new stream.
    let mut packets = call(1, CLIPS[0], 0);
    for number in 0..40 {
        packets.extend(call(100 + number, CLIPS[1], 7_000 + 100_000 * u64::from(number)).into_iter().take(3));
    }
    packets.sort_by_key(|&(time, _)| time);
    let capture = pcap_at(1, &packets);
    let index = index().to_str().unwrap();
    let ran = run_with_input(["listen", "--pcap", "-", "--max-calls", "3", "--index", index], &capture).assert_done();
    assert!(
        ran.stderr.contains("1 RTP stream ended to make room for others; --max-calls allows more"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("41 RTP streams heard (38 of them not to their end"), "{}", ran.stderr);
    let events = ran.json();
    let ended = |reason: &str| events.iter().filter(|event| event["reason"] == reason).count();
    assert_eq!((ended("made_room"), ended("end_of_input")), (38, 3));
    let robot: Vec<&str> = events
        .iter()
        .filter(|event| event["call"].as_str().unwrap().ends_with("/00000001"))
        .filter_map(|event| event["reason"].as_str().or(event["script"].as_str()))
        .collect();
    assert_eq!(robot, ["dental-01", "end_of_input"]);
}

#[test]
fn a_capture_in_which_nothing_is_found_says_what_it_holds() {
    let index = index().to_str().unwrap();
    let says = |capture: &[u8]| {
        let ran = run_with_input(["listen", "--pcap", "-", "--index", index], capture).assert_done();
        assert_eq!(ran.stdout, "");
        ran.stderr
    };
    // RTP within MPLS (RFC 3032), which is not read.
    let labelled: Vec<Vec<u8>> = in_order(50)
        .iter()
        .map(|packet| ethernet(Vec::new(), 0x8847, &[vec![0, 1, 1, 64], ipv4(packet)].concat()))
        .collect();
    let text = says(&pcap(1, &labelled));
    assert!(text.contains("0 RTP streams heard in 50 packets, 0 of them UDP") && text.contains("MPLS"), "{text}");
    // UDP that is no RTP.
    let names = vec![ethernet(Vec::new(), 0x0800, &ipv4(&[0x12; 40])); 7];
    let text = says(&pcap(1, &names));
    assert!(text.contains("0 RTP streams heard in 7 packets, 7 of them UDP; a stream is"), "{text}");
}

#[test]
fn a_capture_with_a_small_snapshot_length_is_told_of_once() {
    let whole: Vec<(u64, Vec<u8>)> =
        in_order(50).iter().enumerate().map(|(n, packet)| (20_000 * n as u64, ipv4(packet)[..100].to_vec())).collect();
    let mut capture = pcap_at(101, &whole);
    for record in 0..50 {
        let at = 24 + record * 116 + 12;
        capture[at..at + 4].copy_from_slice(&200u32.to_le_bytes());
    }
    let ran = run_with_input(["listen", "--pcap", "-", "--index", index().to_str().unwrap()], &capture).assert_done();
    assert_eq!(ran.stderr.matches("cut short").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 RTP stream heard in 50 packets, 50 of them UDP\n"), "{}", ran.stderr);
}
