//! A piece of a rendering is matched wherever it begins, and still is when it has ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    Index,
    detect::{ScanOptions, Scanner},
};
use end_to_end::{clip, corpus, noise, renderings};

/// Samples of a cut (4 s at 8 kHz).
const CUT: usize = 32_000;

/// The name of the script, and the samples, of every `step`-th rendering.
fn scripts(step: usize) -> impl Iterator<Item = (String, Vec<f32>)> {
    renderings().into_iter().step_by(step).map(|path| {
        let (script, _) = path.file_stem().unwrap().to_str().unwrap().split_once("__").unwrap();
        (script.to_owned(), clip(&path))
    })
}

/// Hands `work` what tells how many seconds of sound a call has, and whether a script is matched in it at 1 false alarm an hour.
fn with_matcher(work: impl FnOnce(&dyn Fn(&str, &[f32]) -> (f64, bool))) {
    with_matcher_at(1.0, work);
}

/// The same at so many false alarms an hour.
fn with_matcher_at(max_far: f64, work: impl FnOnce(&dyn Fn(&str, &[f32]) -> (f64, bool))) {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far, all: false }).unwrap();
    work(&|script, call| {
        let report = scanner.scan_samples("call", call).unwrap();
        (report.channels[0].active_seconds, report.matches.iter().any(|m| m.script == script))
    });
}

/// Whether a cut that is no pause to nearly a half was not matched: a default match needs 2.6 s of script.
fn is_lost((active, matched): (f64, bool)) -> bool {
    active >= 2.4 && !matched
}

#[test]
fn a_match_holds_wherever_the_stream_begins_on_the_grid_of_codes() {
    // Its line passes just before the first code. A pause follows 2.8 s after these starts, and after it the match was lost.
    let clip = clip(corpus("renderings/energy-01__hib.flac"));
    with_matcher(|matched| {
        // Codes are 40 ms apart, 320 samples.
        let mut starts = (37_161 - 160..37_161 + 160).step_by(8);
        assert_eq!(starts.find(|&start| is_lost(matched("energy-01", &clip[start..start + CUT]))), None);
    });
}

#[test]
fn every_script_is_matched_in_a_clean_cut() {
    with_matcher(|matched| {
        for (i, (script, clip)) in scripts(1).enumerate() {
            let start = (997 * i) % (clip.len() - CUT);
            assert!(!is_lost(matched(&script, &clip[start..start + CUT])), "{script} from {start}");
        }
    });
}

#[test]
fn a_part_of_a_script_is_matched_amid_silence_and_amid_noise() {
    // A robot waits for an answer before and after: what the script goes on with does not come, and nothing else does.
    let pause = vec![0.0; CUT];
    with_matcher(|matched| {
        for (script, clip) in scripts(4) {
            let middle = (clip.len() - CUT) / 2;
            let silent = [&pause[..], &clip[middle..middle + CUT], &pause].concat();
            let noisy: Vec<f32> = silent.iter().zip(noise()).map(|(sample, hiss)| sample + 0.01 * hiss).collect();
            assert!(matched(&script, &silent).1, "{script} amid silence");
            assert!(matched(&script, &noisy).1, "{script} amid noise");
        }
    });
}

#[test]
fn a_robot_that_stops_to_listen_stays_matched_when_somebody_answers() {
    let answer = clip(corpus("samples/human.flac"));
    let answer = &answer[16_000..32_000];
    let (mut lost, mut calls) = (Vec::new(), 0);
    with_matcher(|matched| {
        for (script, clip) in scripts(4) {
            let call = [&clip[..25_600], &[0.0; 8000], answer, &[0.0; 8000]].concat();
            calls += 1;
            if !matched(&script, &call).1 {
                lost.push(script);
            }
        }
    });
    // Scripts that begin alike, or with a pause, have said too little by then.
    assert!(10 * lost.len() <= calls, "{} of {calls} lost: {lost:?}", lost.len());
}

#[test]
fn a_part_of_a_script_between_other_speech_is_matched_at_the_default_limit() {
    // Without a pause on either side: what the script says before and after is missing, and somebody speaks in its place.
    let words = clip(corpus("sample-sources/human-words-1.flac"));
    let others = &words[..16_000];
    let (mut lost, mut calls) = (Vec::new(), 0);
    with_matcher_at(ScanOptions::default().max_far, |matched| {
        for (script, clip) in scripts(3) {
            let middle = (clip.len() - CUT) / 2;
            let call = [others, &clip[middle..middle + CUT], others].concat();
            calls += 1;
            if !matched(&script, &call).1 {
                lost.push(script);
            }
        }
    });
    // Scripts that pause for a second of the four, or share them with another, have said too little.
    assert!(10 * lost.len() <= calls, "{} of {calls} lost: {lost:?}", lost.len());
}
