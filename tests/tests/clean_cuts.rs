//! A clean piece of a rendering is matched wherever it begins, and still is when it ends.

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
