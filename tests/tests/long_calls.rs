//! A call that lasts, in which scripts come again and again (an announcement while on hold, a trunk of many calls), is told as a
//! short one: each play once, however many came before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::sync::Arc;

use callprint::{
    Index, Session, SessionConfig, SessionEvent,
    detect::{ScanOptions, Scanner},
};
use end_to_end::{clip, corpus};

/// More plays than a session announces places at a time (32), and than it keeps matches (96).
const PLAYS: usize = 110;
/// Samples of a pause of 1 s.
const PAUSE: usize = 8000;

/// A script played again and again, and then the first 4 s of another.
fn call(plays: usize) -> Vec<f32> {
    let mut call = Vec::new();
    let again = clip(corpus("renderings/loan-02__taco.flac"));
    for _ in 0..plays {
        call.extend_from_slice(&again);
        call.resize(call.len() + PAUSE, 0.0);
    }
    call.extend_from_slice(&clip(corpus("renderings/dental-01__fs2.flac"))[..4 * PAUSE]);
    call
}

/// Events of a session that hears `call`, and the scripts that its report names at the end.
fn told(call: &[f32], config: SessionConfig) -> (Vec<SessionEvent>, Vec<String>) {
    let mut session = Session::new(Arc::new(Index::builtin().unwrap()), config).unwrap();
    let mut events = Vec::new();
    for part in call.chunks(160) {
        session.push_f32(part);
        events.extend(std::iter::from_fn(|| session.poll()));
    }
    session.finish();
    events.extend(std::iter::from_fn(|| session.poll()));
    let report = session.report("call");
    (events, report.matches.into_iter().map(|m| m.script).collect())
}

#[test]
fn each_play_is_told_once_and_when_it_is_heard() {
    let call = call(PLAYS);
    let (events, report) = told(&call, SessionConfig { machine_voice: false, ..SessionConfig::default() });
    let index = Index::builtin().unwrap();
    let mut scripts = Vec::new();
    for event in &events {
        assert!(!matches!(event, SessionEvent::MatchRevoked { .. } | SessionEvent::Unmatched { .. }), "{event:?}");
        if let SessionEvent::Match { at, found } = event {
            assert!(at - found.query_end < 1.0, "told {at:.1} s: {found:?}");
            scripts.push(index.rendering(found.rendering).script.to_owned());
        }
    }
    let scanner = Scanner::new(&index, ScanOptions::default()).unwrap();
    let scanned = scanner.scan_samples("call", &call).unwrap();
    let mut in_order: Vec<_> = scanned.matches.iter().map(|m| (m.query_start, m.script.clone())).collect();
    in_order.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(scripts.len(), PLAYS + 1, "a match for each play");
    assert!(scripts.iter().eq(in_order.iter().map(|(_, script)| script)), "the matches of a scan");
    assert!(report.iter().any(|script| script == "dental-01"), "the latest are in the report, too");
}

#[test]
fn a_match_that_has_passed_still_counts_for_the_call() {
    // A script, and then a person who speaks long enough for a call without a match.
    let mut call = call(0);
    for words in ["sample-sources/human-words-1.flac", "sample-sources/human-words-2.flac"] {
        (0..8).for_each(|_| call.extend_from_slice(&clip(corpus(words))));
    }
    let (events, _) = told(&call, SessionConfig::default());
    let kinds: Vec<&str> = events.iter().map(SessionEvent::kind).collect();
    assert!(kinds.contains(&"match") && !kinds.contains(&"unmatched"), "{kinds:?}");
    assert!(call.len() > 60 * 8000, "long enough for the match to have passed");
}
