//! A piece of a rendering is matched wherever it begins, and still is when it has ended.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    Index,
    audio::read_channels_8k,
    detect::{ScanOptions, Scanner},
};
use end_to_end::{corpus, renderings};

/// Samples of a cut (4 s at 8 kHz).
const CUT: usize = 32_000;

/// The cuts of four seconds of `clip` that begin at `starts` and that `script` is not matched in.
fn lost(scanner: &Scanner, script: &str, clip: &[f32], starts: impl Iterator<Item = usize>) -> Vec<usize> {
    let is_lost = |start: &usize| {
        let report = scanner.scan_samples("cut", &clip[*start..start + CUT]).unwrap();
        // A default match needs 2.6 s of script; some cuts are pauses to nearly a half.
        report.channels[0].active_seconds >= 2.4 && !report.matches.iter().any(|m| m.script == script)
    };
    starts.filter(is_lost).collect()
}

#[test]
fn a_match_holds_wherever_the_stream_begins_on_the_grid_of_codes() {
    // Its line passes just before the first code. A pause follows 2.8 s after these starts, and after it the match was lost.
    let clip = read_channels_8k(corpus("renderings/energy-01__hib.flac"), 60.0).unwrap().swap_remove(0);
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1.0, all: false }).unwrap();
    // Codes are 40 ms apart, 320 samples.
    let starts = 37_161 - 160..37_161 + 160;
    assert_eq!(lost(&scanner, "energy-01", &clip, starts.step_by(8)), [0; 0]);
}

#[test]
fn every_script_is_matched_in_a_clean_cut() {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1.0, all: false }).unwrap();
    for (i, path) in renderings().iter().enumerate() {
        let clip = read_channels_8k(path, 60.0).unwrap().swap_remove(0);
        let id = path.file_stem().unwrap().to_str().unwrap();
        let script = id.split("__").next().unwrap();
        let start = (997 * i) % (clip.len() - CUT);
        assert_eq!(lost(&scanner, script, &clip, [start].into_iter()), [0; 0], "{id}");
    }
}

#[test]
fn a_part_of_a_script_is_matched_amid_silence_and_amid_noise() {
    // A robot waits for an answer before and after: what the script goes on with does not come, and nothing else does.
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1.0, all: false }).unwrap();
    let pause = vec![0.0; CUT];
    let mut state = 1u32;
    let mut hiss = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Some 40 dB under full scale.
        0.02 * (state as f32 / u32::MAX as f32 - 0.5)
    };
    for path in renderings().iter().step_by(4) {
        let clip = read_channels_8k(path, 60.0).unwrap().swap_remove(0);
        let id = path.file_stem().unwrap().to_str().unwrap();
        let middle = (clip.len() - CUT) / 2;
        let silent = [&pause[..], &clip[middle..middle + CUT], &pause].concat();
        let noisy: Vec<f32> = silent.iter().map(|sample| sample + hiss()).collect();
        for (line, call) in [("silence", silent), ("noise", noisy)] {
            let found = scanner.scan_samples("call", &call).unwrap().matches;
            assert!(found.iter().any(|m| id.starts_with(&m.script)), "{id} amid {line}: {found:?}");
        }
    }
}

#[test]
fn a_robot_that_stops_to_listen_stays_matched_when_somebody_answers() {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1.0, all: false }).unwrap();
    let answer = read_channels_8k(corpus("samples/human.flac"), 60.0).unwrap().swap_remove(0);
    let answer = &answer[16_000..32_000];
    let (mut lost, mut calls) = (Vec::new(), 0);
    for path in renderings().iter().step_by(4) {
        let clip = read_channels_8k(path, 60.0).unwrap().swap_remove(0);
        let id = path.file_stem().unwrap().to_str().unwrap();
        let call = [&clip[..25_600], &[0.0; 8000], answer, &[0.0; 8000]].concat();
        let found = scanner.scan_samples("call", &call).unwrap().matches;
        calls += 1;
        if !found.iter().any(|m| id.starts_with(&m.script)) {
            lost.push(id.to_owned());
        }
    }
    // Scripts that begin alike, or with a pause, have said too little by then.
    assert!(10 * lost.len() <= calls, "{} of {calls} lost: {lost:?}", lost.len());
}
