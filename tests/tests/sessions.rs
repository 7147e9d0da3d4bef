//! A live session gives what a scan of the same audio gives, whatever the pieces, and says it while the call is up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::sync::{Arc, LazyLock};

use callprint::{
    Index, Session, SessionConfig, SessionEvent,
    audio::{Block, Encoding, FileSource, Source},
    detect::{ScanOptions, ScanReport, Scanner},
};
use end_to_end::{corpus, g711};

static INDEX: LazyLock<Arc<Index>> = LazyLock::new(|| Arc::new(Index::builtin().unwrap()));

/// Sizes of pieces, in samples; used over and over.
const CUTS: [&[usize]; 3] = [&[1], &[79, 80, 81, 3, 517, 160, 7999], &[8000]];

/// One channel of a sample call as it is, and its rate.
fn channel(file: &str, channel: usize) -> (u32, Vec<f32>) {
    let mut source = FileSource::open(corpus(file)).unwrap();
    let (mut block, mut samples) = (Block::default(), Vec::new());
    while source.next_block(&mut block).unwrap() {
        samples.extend_from_slice(&block.channels[channel]);
    }
    (source.format().sample_rate, samples)
}

/// The events of a session that is fed in pieces of these sizes, and its report.
fn listen(session: &mut Session, samples: &[f32], sizes: &[usize]) -> (Vec<SessionEvent>, ScanReport) {
    let (mut events, mut rest) = (Vec::new(), samples);
    for &size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        session.push_f32(piece);
        events.extend(std::iter::from_fn(|| session.poll()));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    session.finish();
    events.extend(std::iter::from_fn(|| session.poll()));
    (events, session.report("call"))
}

fn session(sample_rate: u32) -> Session {
    Session::new(INDEX.clone(), SessionConfig { sample_rate, ..SessionConfig::default() }).unwrap()
}

fn script(rendering: usize) -> &'static str {
    INDEX.rendering(rendering).script
}

#[test]
fn a_session_gives_what_a_scan_gives_in_whatever_pieces() {
    for (file, number) in
        [("samples/dental-gsm.wav", 0), ("samples/insure-stereo.wav", 0), ("samples/solar-fast.mp3", 0)]
    {
        let (rate, samples) = channel(file, number);
        let (events, report) = listen(&mut session(rate), &samples, CUTS[2]);
        if FileSource::open(corpus(file)).unwrap().format().channels == 1 {
            let scanner = Scanner::new(&INDEX, ScanOptions::default()).unwrap();
            let scanned = scanner.scan("call", &mut FileSource::open(corpus(file)).unwrap(), &mut |_| ()).unwrap();
            assert_eq!(report, scanned, "{file}");
        }
        let mut reused = session(rate);
        for sizes in &CUTS[..2] {
            let again = listen(&mut reused, &samples, sizes);
            assert!(again == (events.clone(), report.clone()), "{file} in pieces of {sizes:?}");
            reused.reset();
        }
    }
}

#[test]
fn a_robot_is_named_while_the_call_is_up() {
    let (rate, samples) = channel("samples/dental-gsm.wav", 0);
    let mut session = session(rate);
    let mut named = None;
    for (n, piece) in samples.chunks(160).enumerate() {
        session.push_f32(piece);
        while let Some(event) = session.poll() {
            if let SessionEvent::Match { at, found } = event {
                named.get_or_insert((script(found.rendering), at, n));
                assert!(found.false_alarms_per_hour <= 0.01 && found.query_end <= at);
            }
        }
    }
    let (name, at, piece) = named.expect("a match");
    assert_eq!(name, "dental-01");
    // The event came out of the push that brought the audio time it carries.
    assert!((at - 0.02 * (piece + 1) as f64).abs() <= 0.02, "{at} {piece}");
    assert!(0.02 * (piece as f64) < samples.len() as f64 / 8000.0 - 1.0, "known only at the end");
}

#[test]
fn g711_and_16_bit_samples_are_their_linear_values() {
    let (_, samples) = channel("samples/settle-alaw-noise.wav", 0);
    let heard = |push: &dyn Fn(&mut Session)| {
        let mut session = session(8000);
        push(&mut session);
        session.finish();
        let report = session.report("");
        assert!(!report.matches.is_empty(), "a script plays");
        report
    };
    let as_i16: Vec<i16> = samples.iter().map(|s| (s * 32_768.0) as i16).collect();
    assert_eq!(heard(&|session| session.push_i16(&as_i16)), heard(&|session| session.push_f32(&samples)));
    let (bytes, values) = g711(Encoding::Ulaw, &samples);
    assert_eq!(heard(&|session| session.push_ulaw(&bytes)), heard(&|session| session.push_f32(&values)));
    let (bytes, values) = g711(Encoding::Alaw, &samples);
    assert_eq!(heard(&|session| session.push_alaw(&bytes)), heard(&|session| session.push_f32(&values)));
}

#[test]
fn a_session_that_may_stop_rests_two_seconds_after_a_match() {
    let (_, samples) = channel("samples/loan-amr.flac", 0);
    let config = SessionConfig { stop_when_decided: true, ..SessionConfig::default() };
    let mut session = Session::new(INDEX.clone(), config).unwrap();
    let decided_at = samples.chunks(160).find_map(|piece| {
        session.push_f32(piece);
        session.is_decided().then(|| session.seconds())
    });
    session.push_f32(&samples);
    session.finish();
    let events: Vec<SessionEvent> = std::iter::from_fn(|| session.poll()).collect();
    let found = events.iter().find(|e| e.kind() == "match").unwrap();
    assert_eq!(events.last().map(SessionEvent::kind), Some("ended"));
    let stood = decided_at.unwrap() - found.at();
    assert!((2.0..2.5).contains(&stood), "decided {stood} s after the match");
    assert_eq!(session.report("call").matches.len(), 1, "the script plays twice, and is heard once");
}

#[test]
fn a_session_at_another_rate_tells_the_same_times_also_when_it_is_used_again() {
    let (_, samples) = channel("samples/dental-gsm.wav", 0);
    let (events, report) = listen(&mut session(8000), &samples, CUTS[2]);
    // Every sample six times: what that adds lies above 4 kHz.
    let six_times: Vec<f32> = samples.iter().flat_map(|&sample| [sample; 6]).collect();
    let mut wide = session(48_000);
    let first = listen(&mut wide, &six_times, &[960]);
    assert_eq!(first.1.seconds, report.seconds);
    assert!(first.0.iter().map(SessionEvent::kind).eq(events.iter().map(SessionEvent::kind)), "{:?}", first.0);
    assert!(first.0.iter().zip(&events).all(|(a, b)| (a.at() - b.at()).abs() < 0.5), "{:?}", first.0);
    wide.reset();
    wide.push_f32(&six_times[..100_001]);
    wide.reset();
    assert!(listen(&mut wide, &six_times, &[960]) == first, "whatever it heard before");
}

#[test]
fn a_human_is_declared_unmatched_once_enough_was_heard() {
    let (_, samples) = channel("samples/human.flac", 0);
    let config = SessionConfig { unmatched_after: 3.0, stop_when_decided: true, ..SessionConfig::default() };
    let mut session = Session::new(INDEX.clone(), config).unwrap();
    let (events, report) = listen(&mut session, &samples, &[160]);
    let kinds: Vec<_> = events.iter().map(SessionEvent::kind).collect();
    assert_eq!(kinds, ["answered", "unmatched", "ended"]);
    session.reset();
    assert_eq!(listen(&mut session, &samples, &[160]).0, events, "the next call is a new one");
    let declared = session.config().unmatched_after;
    assert!((declared..declared + 0.5).contains(&report.channels[0].active_seconds), "it rests after that");
    assert!(Session::new(INDEX.clone(), SessionConfig { unmatched_after: f64::NAN, ..config }).is_err());
    assert!(Session::new(INDEX.clone(), SessionConfig { sample_rate: 0, ..config }).is_err());
}
