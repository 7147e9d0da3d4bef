//! A phrase that a script has, too, says nothing for the script once other speech before it has been forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    Index,
    detect::{ScanOptions, Scanner},
};
use end_to_end::{clip, corpus};

/// Samples per second.
const RATE: f64 = 8000.0;

fn rendering(name: &str) -> Vec<f32> {
    clip(corpus(&format!("renderings/{name}__fs2.flac")))
}

/// The scripts matched in 9 s of one script, the last `seconds` of `script`, and 10 s of a third, all in one voice.
fn matched(script: &str, seconds: f64) -> Vec<String> {
    let (before, phrase, after) = (rendering("beauty-11"), rendering(script), rendering("debt-01"));
    let last =
        |samples: &[f32], seconds: f64| samples[samples.len().saturating_sub((seconds * RATE) as usize)..].to_vec();
    let first = (10.0 * RATE) as usize;
    let call = [last(&before, 9.0), last(&phrase, seconds), after[..first.min(after.len())].to_vec()].concat();
    let index = Index::builtin().unwrap();
    // The loosest limit that makes sense: what is above it was believed at some moment.
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1000.0, all: false }).unwrap();
    let report = scanner.scan_samples("call", &call).unwrap();
    report.matches.into_iter().map(|m| m.script).collect()
}

#[test]
fn a_phrase_is_not_taken_for_its_script_when_what_spoke_against_it_leaves_the_window() {
    for script in ["dental-01", "dental-11", "agency-11", "decor-11"] {
        for seconds in [1.3, 1.6] {
            assert!(!matched(script, seconds).iter().any(|m| m == script), "{script}, {seconds} s");
        }
    }
}

#[test]
fn the_same_script_is_found_where_enough_of_it_plays() {
    for script in ["dental-01", "dental-11", "agency-11", "decor-11"] {
        assert!(matched(script, 5.0).iter().any(|m| m == script), "{script}");
    }
}
