//! When a call was answered, and for how long there was a voice: neither ringing nor the line's noise is one, whatever their mixture.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{f32::consts::TAU, sync::Arc};

use callprint::{Index, Session, SessionConfig, SessionEvent};
use end_to_end::{clip, corpus, noise};

const RATE: f32 = 8000.0;

/// Tones of supervision: what, frequencies (Hz), seconds on, seconds off, how often (ITU-T E.180 and its supplement 2; special
/// information tone and calling tone of a fax: E.180, T.30).
const TONES: [(&str, &[f32], f32, f32, usize); 8] = [
    ("ringing, North America", &[440.0, 480.0], 2.0, 4.0, 4),
    ("ringing, China", &[450.0], 1.0, 4.0, 4),
    ("ringing, Europe", &[425.0], 1.0, 4.0, 4),
    ("ringing, United Kingdom", &[400.0, 450.0], 0.4, 0.2, 8),
    ("busy, North America", &[480.0, 620.0], 0.5, 0.5, 8),
    ("busy, China", &[450.0], 0.35, 0.35, 8),
    ("dial tone, North America", &[350.0, 440.0], 8.0, 0.5, 1),
    ("fax", &[1100.0], 0.5, 3.0, 4),
];

fn silence(seconds: f32) -> Vec<f32> {
    vec![0.0; (seconds * RATE) as usize]
}

/// A second of silence, and then the tone in its cadence.
fn tone(frequencies: &[f32], on: f32, off: f32, times: usize) -> Vec<f32> {
    let mut samples = silence(1.0);
    for _ in 0..times {
        let at = |i: usize| frequencies.iter().map(|f| 0.1 * (TAU * f * i as f32 / RATE).sin()).sum::<f32>();
        samples.extend((0..(on * RATE) as usize).map(at));
        samples.extend(silence(off));
    }
    samples
}

/// The same with white noise of so many dB below full scale.
fn with_noise(samples: &[f32], decibels: f32) -> Vec<f32> {
    let scale = 3f32.sqrt() * 10f32.powf(decibels / 20.0);
    samples.iter().zip(noise()).map(|(x, noise)| x + scale * noise).collect()
}

fn robot() -> Vec<f32> {
    clip(corpus("renderings/dental-01__taco.flac")).iter().map(|x| 0.5 * x).collect()
}

/// The events of a call, and its seconds of voice.
fn listen(call: &[f32], stop_when_decided: bool) -> (Vec<SessionEvent>, f64) {
    let config = SessionConfig { stop_when_decided, ..SessionConfig::default() };
    let mut session = Session::new(Arc::new(Index::builtin().unwrap()), config).unwrap();
    session.push_f32(call);
    session.finish();
    let seconds = session.active_seconds();
    (std::iter::from_fn(|| session.poll()).collect(), seconds)
}

#[test]
fn nobody_answers_where_tones_are_all_there_is() {
    for (what, frequencies, on, off, times) in TONES {
        let (events, seconds) = listen(&tone(frequencies, on, off, times), false);
        assert!(matches!(events[..], [SessionEvent::Ended { .. }]) && seconds < 0.1, "{what}: {seconds} s, {events:?}");
    }
}

#[test]
fn nobody_answers_where_noise_is_all_there_is() {
    for decibels in [-70.0, -66.0, -60.0, -50.0, -30.0] {
        let (events, seconds) = listen(&with_noise(&silence(40.0), decibels), false);
        assert!(
            matches!(events[..], [SessionEvent::Ended { .. }]) && seconds < 0.1,
            "{decibels} dB: {seconds} s, {events:?}"
        );
    }
}

#[test]
fn a_robot_after_long_ringing_on_a_noisy_line_is_matched_though_the_search_stops_when_decided() {
    for (what, frequencies, on, off, _) in &TONES[..4] {
        for decibels in [-65.0, -60.0, -55.0] {
            let ringing = tone(frequencies, *on, *off, (30.0 / (on + off)) as usize);
            let rung = ringing.len() as f64 / f64::from(RATE);
            let (events, _) = listen(&with_noise(&[ringing, robot()].concat(), decibels), true);
            let [SessionEvent::Answered { at }, SessionEvent::Match { at: known, .. }, ..] = events[..] else {
                panic!("{what}, {decibels} dB: {events:?}");
            };
            assert!((-0.1..0.3).contains(&(at - rung)), "{what}, {decibels} dB: answered {at} s, rung until {rung} s");
            assert!(known - rung < 5.0, "{what}, {decibels} dB: known {known} s");
        }
    }
}

#[test]
fn an_answer_is_when_the_voice_begins() {
    let (events, seconds) = listen(&[silence(3.0), robot()].concat(), false);
    let voice = robot().len() as f64 / f64::from(RATE);
    assert!((2.95..3.15).contains(&events[0].at()) && events[0].kind() == "answered", "{events:?}");
    assert!((0.6 * voice..voice).contains(&seconds), "{seconds} s of {voice}");
}
