//! `callprint words`: the forms of the results, and what becomes of input that is none.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use std::path::{Path, PathBuf};

use cli_support::run;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/samples").join(name)
}

fn words(options: &[&str], path: &Path) -> cli_support::Ran {
    run(["words"].iter().chain(options).map(AsRef::as_ref).chain([path.as_os_str()]))
}

#[test]
fn a_line_of_json_names_the_script_and_where_it_is_said() {
    let ran = words(&["--format", "json", "--fail-if-none"], &sample("insure-stereo.wav")).assert_done();
    let report = &ran.json()[0];
    assert!((report["seconds"].as_f64().unwrap() - 16.4).abs() < 0.1);
    let found = &report["same_words"][0];
    assert_eq!((found["script"].as_str(), found["channel"].as_u64()), (Some("insure-01"), Some(0)));
    assert!(found["false_alarms_per_hour"].as_f64().unwrap() < 0.1, "{found}");
    // samples.tsv: the script begins at 2.2 s.
    let begins = found["query_start"].as_f64().unwrap() - found["script_start"].as_f64().unwrap();
    assert!((begins - 2.2).abs() < 0.5, "{found}");
}

#[test]
fn no_rate_is_told_that_the_hours_behind_it_can_not_show() {
    let path = sample("insure-stereo.wav");
    let ran = words(&["--max-far", "0.001"], &path).assert_done();
    assert!(ran.stdout.contains("words   insure-01 on left, false alarms at most 1 in 1,000 h\n"), "{ran:?}");
    let ran = words(&["--max-far", "0.0009"], &path);
    assert!(ran.status == Some(2) && ran.stderr.contains("no rate under 0.001 per hour is stated"), "{ran:?}");
}

#[test]
fn csv_has_a_header_and_a_line_for_each_script() {
    let ran = words(&["--format", "csv"], &sample("insure-stereo.wav")).assert_done();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("file,seconds,channel,script,rendering,score,false_alarms_per_hour,query_start"));
    assert!(lines.len() == 2 && lines[1].contains(",left,insure-01,"), "{ran:?}");
    // A recording without a script keeps a line.
    let ran = words(&["--format", "csv"], &sample("human.flac")).assert_done();
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
}

#[test]
fn who_says_none_of_the_scripts_says_none() {
    for name in ["human.flac", "unknown-robot.ogg"] {
        let ran = words(&["--fail-if-none"], &sample(name));
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("no script by its words"), "{ran:?}");
    }
}

#[test]
fn what_became_of_all_files_is_told_at_the_end() {
    let [stereo, human, none] = ["insure-stereo.wav", "human.flac", "samples.tsv"].map(sample);
    let paths = [stereo.as_os_str(), human.as_os_str(), none.as_os_str()];
    let ran = run(["words"].iter().map(AsRef::as_ref).chain(paths));
    let told = "callprint: 3 files: 1 with the words of a script, 1 without, 1 failed; 32.2 s of audio\n";
    assert!(ran.stderr.ends_with(told) && ran.status == Some(2), "{ran:?}");
    let ran = words(&["--quiet"], &human).assert_done();
    assert!(ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn what_is_no_audio_is_told_and_skipped() {
    let path = sample("samples.tsv");
    words(&[], &path).assert_refused(&path, "");
    assert_eq!(words(&["--max-far", "0"], &path).status, Some(2));
}
