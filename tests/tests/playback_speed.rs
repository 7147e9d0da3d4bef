//! A recording that plays at another speed than its own is found, and less is staked on it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{io::Write, process::Stdio};

use end_to_end::{clip, command, corpus};
use serde_json::Value;

/// Samples per second of the corpus.
const RATE: f64 = 8000.0;

/// The first match of a scan of the first `seconds` of a script, played `speed` times as fast: its samples are said to come faster.
fn played(script: &str, seconds: f64, speed: f64) -> Value {
    let clip = clip(corpus(&format!("renderings/{script}__fs2.flac")));
    let count = (seconds * RATE) as usize;
    let pcm: Vec<u8> = clip[..count].iter().flat_map(|s| ((s * 32767.0) as i16).to_le_bytes()).collect();
    let rate = (RATE * speed).round().to_string();
    let mut scan = command(["scan", "-", "--rate", &rate, "--format", "json", "--max-far", "1", "--quiet"]);
    let mut child = scan.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&pcm).unwrap();
    let report: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    report["matches"][0].clone()
}

#[test]
fn another_speed_is_found_measured_and_believed_less() {
    for script in ["dental-01", "agency-11", "debt-01", "beauty-11"] {
        let usual = played(script, 5.0, 1.0);
        for speed in [0.95, 1.05, 1.1] {
            let other = played(script, 5.0, speed);
            let number = |found: &Value, key: &str| found[key].as_f64().unwrap();
            assert_eq!((usual["script"].as_str(), other["script"].as_str()), (Some(script), Some(script)));
            assert!((number(&other, "speed") - speed).abs() < 0.01, "{script} at {speed}: {other}");
            let cost = number(&usual, "score") - number(&other, "score");
            assert!((0.5..2.0).contains(&cost), "{script} at {speed} costs {cost} nats");
            assert!(number(&other, "false_alarms_per_hour") > number(&usual, "false_alarms_per_hour"));
        }
    }
}
