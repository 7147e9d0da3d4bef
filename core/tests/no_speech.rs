//! What is no speech at all matches nothing, however generous the threshold.

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

fn matches(samples: &[f32]) -> Vec<(String, f64)> {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1e12, all: true }).unwrap();
    let report = scanner.scan_samples("test", samples).unwrap();
    report.matches.into_iter().map(|m| (m.rendering, m.score)).collect()
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
    assert_eq!(matches(&signal(|_, _| 0.0)), []);
    assert_eq!(matches(&signal(|_, noise| (noise.clamp(-1.4, 1.4)).round() / 32768.0)), []);
}

#[test]
fn comfort_noise_matches_nothing() {
    for level in [0.0005, 0.005, 0.05] {
        assert_eq!(matches(&signal(move |_, noise| level * noise)), [], "white noise of {level}");
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
    assert_eq!(matches(&coloured), []);
}

#[test]
fn ringing_and_busy_tones_match_nothing() {
    // Cadences of ITU-T E.180, supplement 2: China, North America, United Kingdom; busy tones of China and North America.
    assert_eq!(matches(&signal(cadence(&[450.0], 1.0, 4.0))), []);
    assert_eq!(matches(&signal(cadence(&[440.0, 480.0], 2.0, 4.0))), []);
    assert_eq!(matches(&signal(cadence(&[400.0, 450.0], 0.4, 0.2))), []);
    assert_eq!(matches(&signal(cadence(&[450.0], 0.35, 0.35))), []);
    assert_eq!(matches(&signal(cadence(&[480.0, 620.0], 0.5, 0.5))), []);
    let ring = cadence(&[450.0], 1.0, 4.0);
    assert_eq!(matches(&signal(move |t, noise| ring(t, 0.0) + 0.001 * noise)), [], "ringing over line noise");
}
