//! What is no speech at all is not even a candidate, or one far below what is ever reported, however generous the threshold.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::f64::consts::TAU;

use callprint::{
    detect::{ScanOptions, Scanner},
    index::Index,
};

const SECONDS: usize = 20;

fn signal(value: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    // Knuth's MMIX generator; sums of 12 are nearly normal.
    let mut state = 1u64;
    let mut noise = move || {
        let mut sum = -6.0;
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += (state >> 40) as f64 / f64::from(1u32 << 24);
        }
        sum
    };
    (0..8000 * SECONDS).map(|n| value(n as f64 / 8000.0, noise()) as f32).collect()
}

/// The best candidates, also those that are too unlikely ever to be reported: a weakening shows before anything is.
fn candidates(samples: &[f32]) -> Vec<(String, f64)> {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: f64::MAX, all: true }).unwrap().with_hopeless();
    let report = scanner.scan_samples("test", samples).unwrap();
    report.matches.into_iter().map(|found| (found.rendering, found.score)).collect()
}

/// The highest score of a candidate, nats.
fn highest(samples: &[f32]) -> f64 {
    candidates(samples).into_iter().map(|(_, score)| score).fold(f64::NEG_INFINITY, f64::max)
}

/// `frequencies` for `on` seconds, then nothing for `off`.
fn cadence(frequencies: &'static [f64], on: f64, off: f64) -> impl Fn(f64, f64) -> f64 {
    move |t, _| {
        let sum: f64 = frequencies.iter().map(|f| (TAU * f * t).sin()).sum();
        if t % (on + off) < on { 0.1 * sum } else { 0.0 }
    }
}

#[test]
fn silence_and_the_last_bit_match_nothing() {
    assert_eq!(candidates(&signal(|_, _| 0.0)), []);
    assert_eq!(candidates(&signal(|_, noise| (noise.clamp(-1.4, 1.4)).round() / 32768.0)), []);
}

#[test]
fn comfort_noise_matches_nothing() {
    for level in [0.0005, 0.005, 0.05] {
        assert_eq!(candidates(&signal(move |_, noise| level * noise)), [], "white noise of {level}");
    }
    // A line's noise leans to low frequencies.
    let white = signal(|_, noise| noise);
    let mut state = 0.0;
    let coloured: Vec<f32> = white
        .iter()
        .map(|&w| {
            state = 0.8 * state + w;
            0.002 * state
        })
        .collect();
    assert_eq!(candidates(&coloured), []);
}

#[test]
fn ringing_and_busy_tones_match_nothing() {
    // Cadences of ITU-T E.180, supplement 2: China, North America, United Kingdom; busy tones of China and North America.
    assert_eq!(candidates(&signal(cadence(&[450.0], 1.0, 4.0))), []);
    assert_eq!(candidates(&signal(cadence(&[440.0, 480.0], 2.0, 4.0))), []);
    assert_eq!(candidates(&signal(cadence(&[400.0, 450.0], 0.4, 0.2))), []);
    assert_eq!(candidates(&signal(cadence(&[450.0], 0.35, 0.35))), []);
    assert_eq!(candidates(&signal(cadence(&[480.0, 620.0], 0.5, 0.5))), []);
    let ring = cadence(&[450.0], 1.0, 4.0);
    assert_eq!(candidates(&signal(move |t, noise| ring(t, 0.0) + 0.001 * noise)), [], "ringing over line noise");
}

#[test]
fn what_changes_and_is_no_speech_stays_far_below_what_is_reported() {
    // Keys of a telephone, 0.1 s each: too short to be known as tones.
    let keys = |t: f64, _: f64| {
        let key = (t / 0.2) as usize * 7;
        let (row, column) = ([697.0, 770.0, 852.0, 941.0][key % 4], [1209.0, 1336.0, 1477.0][key % 3]);
        if t % 0.2 < 0.1 { 0.1 * ((TAU * row * t).sin() + (TAU * column * t).sin()) } else { 0.0 }
    };
    // A melody with harmonics, four notes a second.
    let melody = |t: f64, _: f64| {
        let hertz = 110.0 * 2f64.powf(((t / 0.25) as usize * 5 % 24) as f64 / 12.0);
        let sum: f64 = (1..12).map(|h| (TAU * hertz * f64::from(h) * t).sin() / f64::from(h)).sum();
        0.1 * sum * (-4.0 * (t % 0.25)).exp()
    };
    // Noise in bursts, as fast as syllables.
    let bursts = |t: f64, noise: f64| 0.1 * noise * (TAU * 2.0 * t).sin().powi(2);
    // Highest here: -8.8, -9.6 and -9.1 nats. Nothing under -4 is reported.
    for (name, score) in
        [("keys", highest(&signal(keys))), ("melody", highest(&signal(melody))), ("bursts", highest(&signal(bursts)))]
    {
        assert!(score < -7.0, "{name}: {score}");
    }
}
