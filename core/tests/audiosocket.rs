//! AudioSocket's messages out of bytes in any pieces, and hostile ones.
#![cfg(feature = "telephony")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use callprint::telephony::{AudioSocketDecoder, AudioSocketFault, AudioSocketMessage, CallId, hang_up, silence};
use proptest::prelude::*;

const UUID: [u8; 16] = [0x40, 0x32, 0x5e, 0xc2, 0x5e, 0xfd, 0x4b, 0xd3, 0x80, 0x5f, 0x53, 0x57, 0x6e, 0x58, 0x1d, 0x13];

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What the decoder makes of these pieces, in words, and how it ended.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Result<(), AudioSocketFault>) {
    let (mut decoder, mut heard) = (AudioSocketDecoder::new(), Vec::new());
    for piece in pieces {
        if let Err(fault) = decoder.push(piece, |message| heard.push(format!("{message:?}"))) {
            return (heard, Err(fault));
        }
    }
    (heard, Ok(()))
}

fn call() -> Vec<u8> {
    let mut bytes = message(0x01, &UUID);
    bytes.extend(message(0x10, &[1, 0, 0xff, 0xff]));
    bytes.extend(message(0x10, &[]));
    bytes.extend(message(0x03, b"5"));
    bytes.extend(message(0x7e, b"something new"));
    bytes.extend(message(0x10, &[7; 320]));
    bytes.extend(message(0x10, &[9; 65_534]));
    bytes.extend(hang_up());
    bytes
}

#[test]
fn a_call_is_told_message_by_message() {
    let (heard, end) = decode([&call()[..]]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard.len(), 8);
    let mut decoder = AudioSocketDecoder::new();
    let mut seen = Vec::new();
    decoder
        .push(&call()[..26], |message| match message {
            AudioSocketMessage::Id(id) => seen.push(id.to_string()),
            AudioSocketMessage::Audio { sample_rate, bytes } => seen.push(format!("{sample_rate} {bytes:?}")),
            other => panic!("{other:?}"),
        })
        .unwrap();
    assert_eq!(seen, ["40325ec2-5efd-4bd3-805f-53576e581d13", "8000 [1, 0, 255, 255]"]);
    assert!(!decoder.is_within_message());
    decoder.push(&[0x10], |_| panic!("too early")).unwrap();
    assert!(decoder.is_within_message());
}

#[test]
fn one_byte_at_a_time_is_the_same() {
    assert_eq!(decode(call().chunks(1)), decode([&call()[..]]));
}

#[test]
fn faults_are_told_apart() {
    let id = message(0x01, &UUID);
    let after_id = |next: &[u8]| decode([&id[..], next]).1;
    assert_eq!(decode([&message(0x10, &[0, 0])[..]]).1, Err(AudioSocketFault::NoId(0x10)));
    // Someone who takes the port for a web server.
    assert_eq!(decode([&b"GET"[..]]).1, Err(AudioSocketFault::NoId(b'G')));
    assert_eq!(after_id(&id), Err(AudioSocketFault::SecondId));
    for (kind, payload) in [(0x01, &UUID[..15]), (0x01, &[])] {
        let fault = decode([&message(kind, payload)[..]]).1.unwrap_err();
        assert!(fault.to_string().contains(&format!("a payload of {} bytes, but a UUID has 16", payload.len())));
    }
    assert!(matches!(after_id(&message(0x10, &[1, 2, 3])), Err(AudioSocketFault::Length { kind: 0x10, bytes: 3, .. })));
    assert!(matches!(after_id(&message(0x03, b"55")), Err(AudioSocketFault::Length { kind: 0x03, .. })));
    let two_rates = [message(0x10, &[0, 0]), message(0x16, &[0, 0])].concat();
    assert_eq!(after_id(&two_rates), Err(AudioSocketFault::Rate { from: 8000, to: 48_000 }));
}

#[test]
fn every_rate_of_the_protocol_is_known() {
    for (kind, rate) in (0x10..=0x18).zip([8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]) {
        let (heard, _) = decode([&message(0x01, &UUID)[..], &message(kind, &[0, 1])]);
        assert_eq!(heard[1], format!("Audio {{ sample_rate: {rate}, bytes: [0, 1] }}"));
        let mut answer = Vec::new();
        silence(rate, 2, &mut answer);
        assert_eq!(answer, message(kind, &[0; 4]));
    }
}

#[test]
fn answers_stay_within_a_message() {
    let mut answer = Vec::new();
    silence(8000, 100_000, &mut answer);
    assert_eq!(answer, message(0x10, &[0; 65_534]));
    assert_eq!(CallId(UUID).to_string().len(), 36);
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(cuts in proptest::collection::vec(1usize..70_000, 0..20)) {
        let bytes = call();
        let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(decode(pieces), decode([&bytes[..]]));
    }

    #[test]
    fn any_bytes_give_messages_or_a_fault(bytes: Vec<u8>, cut in 0usize..64) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(decode([&bytes[..cut], &bytes[cut..]]), decode([&bytes[..]]));
    }
}
