//! The fingerprint against an independent implementation, and what a user may rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    fingerprint::{Extractor, QueryFrame, SPEEDS, model, reference_codes},
    signal::{Framer, MelBank},
};

/// The golden file's input, from integer arithmetic alone: noise, a rising sawtooth and pauses.
fn test_signal() -> Vec<f32> {
    let (mut state, mut phase, mut step) = (1u32, 0u32, 100_000_000u32);
    (0..16_000)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            phase = phase.wrapping_add(step);
            step += 20_000;
            let noise = ((state >> 16) as i32 - 32768) >> 5;
            let saw = ((phase >> 16) as i32 - 32768) >> 3;
            let pause = i / 1000 % 5 == 4;
            let sample = if pause { 0 } else { (noise + saw) >> (i / 1000 % 3) };
            sample as f32 / 32768.0
        })
        .collect()
}

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("data/fingerprint-golden.json")).unwrap()
}

fn codes(samples: &[f32], piece: usize) -> Vec<QueryFrame> {
    let mut out = Vec::new();
    let mut extractor = Extractor::new();
    for part in samples.chunks(piece) {
        extractor.push(part, |_| (), |c| out.push(c));
    }
    out
}

fn hex(code: &QueryFrame) -> String {
    code.soft.code().0.iter().flat_map(|w| w.to_le_bytes()).map(|b| format!("{b:02x}")).collect()
}

#[test]
fn bands_equal_the_reference_implementation_to_a_unit() {
    // The reference is numpy (corpus/training/frontend.py) and shares no code with this crate. Its FFT adds in another
    // order, so a band may round the other way: one unit is 0.012 dB.
    let (mut framer, mut frames) = (Framer::new(), Vec::new());
    let m = model();
    let bank = MelBank::new(&m.edges, m.floor as f32, 1.0);
    framer.push(&test_signal(), |power| {
        let mut bands = vec![0i16; bank.bands()];
        bank.apply(power, &mut bands);
        frames.push(bands);
    });
    assert_eq!(frames.len() as u64, golden()["speed_1"]["frames"].as_u64().unwrap());
    for (name, i) in [("bands_frame_3", 3), ("bands_frame_100", 100)] {
        for (mine, theirs) in frames[i].iter().zip(golden()["speed_1"][name].as_array().unwrap()) {
            assert!((i64::from(*mine) - theirs.as_i64().unwrap()).abs() <= 1, "{name}: {mine} {theirs}");
        }
    }
}

#[test]
fn codes_equal_the_reference_implementation() {
    let unit = SPEEDS.iter().position(|&s| s == 1.0).unwrap();
    let mine: Vec<_> = codes(&test_signal(), 16_000).into_iter().filter(|c| c.speed == unit).collect();
    let golden = golden();
    let theirs = golden["speed_1"]["codes"].as_array().unwrap();
    assert_eq!(mine.len(), theirs.len());
    let different: u32 = mine
        .iter()
        .zip(theirs)
        .map(|(m, t)| {
            let (a, b) = (hex(m), t.as_str().unwrap());
            (0..32)
                .map(|i| u32::from_str_radix(&a[i..=i], 16).unwrap() ^ u32::from_str_radix(&b[i..=i], 16).unwrap())
                .map(u32::count_ones)
                .sum::<u32>()
        })
        .sum();
    // A value within rounding of its threshold may fall the other way: fewer than 1 bit in 2,000.
    assert!(f64::from(different) < mine.len() as f64 * 128.0 / 2000.0, "{different} bits of {}", mine.len() * 128);
    for (value, theirs) in mine[50].soft.values().iter().zip(golden["speed_1"]["soft8_code_50"].as_array().unwrap()) {
        assert!((i64::from(*value) - theirs.as_i64().unwrap()).abs() <= 1);
    }
}

#[test]
fn codes_do_not_depend_on_the_pieces() {
    let x = test_signal();
    let whole = codes(&x, x.len());
    for piece in [1, 13, 80, 159, 4000] {
        assert_eq!(codes(&x, piece), whole, "pieces of {piece}");
    }
}

#[test]
fn a_speed_change_is_undone_by_the_lane_of_that_speed() {
    // A chirp with a syllable-like envelope, in closed form, at speed 1 and played 5 % faster.
    let play = |speed: f64| -> Vec<f32> {
        (0..(16_000.0 / speed) as usize)
            .map(|n| {
                let t = n as f64 / 8000.0 * speed;
                let phase = 2.0 * std::f64::consts::PI * (140.0 * t + 30.0 * (2.0 * t).sin());
                let envelope = 0.55 - 0.45 * (2.0 * std::f64::consts::PI * 3.0 * t).cos();
                let formant =
                    |h: i32| (-((f64::from(h) * 140.0 - 900.0 - 500.0 * (4.0 * t).sin()) / 500.0).powi(2)).exp();
                ((1..22).map(|h| (phase * f64::from(h)).sin() * (formant(h) + 0.05)).sum::<f64>() * envelope * 0.05)
                    as f32
            })
            .collect()
    };
    let lane = SPEEDS.iter().position(|&s| s == 1.05).unwrap();
    let original = reference_codes(&play(1.0));
    let faster = codes(&play(1.05), 80);
    let error = |speed: usize| {
        let pairs = original
            .iter()
            .filter_map(|r| faster.iter().find(|q| q.speed == speed && q.frame == r.frame).map(|q| (r, q)));
        let (n, bits) = pairs.fold((0, 0), |(n, bits), (r, q)| (n + 1, bits + r.soft.code().distance(q.soft.code())));
        f64::from(bits) / (128.0 * f64::from(n))
    };
    let unit = SPEEDS.iter().position(|&s| s == 1.0).unwrap();
    assert!(error(lane) < 0.12, "{}", error(lane));
    assert!(error(unit) > 2.0 * error(lane), "{} {}", error(unit), error(lane));
}

#[test]
fn silence_tones_and_steady_noise_have_no_active_codes() {
    let seconds = 4 * 8000;
    let tone = |f: &[f64]| -> Vec<f32> {
        (0..seconds)
            .map(|n| {
                f.iter().map(|f| 0.1 * (2.0 * std::f64::consts::PI * f * n as f64 / 8000.0).sin()).sum::<f64>() as f32
            })
            .collect()
    };
    let mut state = 1u32;
    let mut noise = |amplitude: f32| -> Vec<f32> {
        (0..seconds)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                amplitude * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
            })
            .collect()
    };
    for (name, x) in [
        ("digital silence", vec![0.0; seconds]),
        ("450 Hz", tone(&[450.0])),
        ("440 + 480 Hz", tone(&[440.0, 480.0])),
        ("comfort noise", noise(0.004)),
        ("loud noise", noise(0.3)),
    ] {
        let active = codes(&x, 160).iter().filter(|c| c.active && c.time() > 0.6).count();
        assert_eq!(active, 0, "{name}");
    }
}
