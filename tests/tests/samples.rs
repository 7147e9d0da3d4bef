//! The first command of the README: what `callprint scan corpus/samples` says is what is true of the sample calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{collections::BTreeMap, sync::OnceLock};

use end_to_end::{Robot, Sample, json_lines, run, samples};
use serde_json::Value;

/// How far beyond the labelled stretch a match may reach, s: a code describes 0.4 s of sound.
const REACH: f64 = 0.5;

/// The reports of the program on the folder of samples, by file name; scanned once.
fn reports() -> &'static BTreeMap<String, Value> {
    static REPORTS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let lines = json_lines(&run(["scan", "corpus/samples", "--format", "json"]));
        let name = |report: &Value| report["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        lines.into_iter().map(|report| (name(&report), report)).collect()
    })
}

fn robots() -> impl Iterator<Item = (Sample, Robot)> {
    samples().into_iter().filter_map(|sample| sample.robot.clone().map(|robot| (sample, robot)))
}

/// Asserts `rule` of the best match of every sample that holds a known script; tells all samples that break it.
fn assert_best(rule: impl Fn(&Sample, &Robot, &Value, &Value) -> bool) {
    let broken: Vec<String> = robots()
        .filter(|(sample, robot)| {
            let report = &reports()[&sample.file];
            !rule(sample, robot, report, &report["matches"][0])
        })
        .map(|(sample, robot)| {
            format!("{} ({}), {robot:?}: {}", sample.file, sample.condition, reports()[&sample.file]["matches"])
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_sample_is_reported() {
    let mut labelled: Vec<String> = samples().into_iter().map(|sample| sample.file).collect();
    labelled.sort();
    assert_eq!(reports().keys().cloned().collect::<Vec<_>>(), labelled);
}

#[test]
fn known_scripts_are_named() {
    assert!(robots().count() >= 5);
    assert_best(|_, robot, _, best| best["script"] == robot.script.as_str());
}

#[test]
fn people_and_unknown_scripts_match_nothing() {
    let others: Vec<Sample> = samples().into_iter().filter(|sample| sample.robot.is_none()).collect();
    assert!(others.len() >= 2);
    for sample in others {
        assert_eq!(reports()[&sample.file]["matches"], serde_json::json!([]), "{}", sample.file);
    }
}

#[test]
fn matches_lie_where_the_script_plays() {
    assert_best(|_, robot, _, best| {
        let (start, end) = (best["query_start"].as_f64().unwrap_or(-1.0), best["query_end"].as_f64().unwrap_or(-1.0));
        let inside = start > robot.onset - REACH && end < robot.end + REACH && start < end;
        inside && best["channel"] == robot.channel
    });
}

/// Most robots of the samples start to speak at the beginning of their script, so that a match's place in the script is
/// its place after the onset.
#[test]
fn the_place_in_the_script_fits_the_place_in_the_call() {
    assert_best(|_, robot, _, best| {
        let number = |key: &str| best[key].as_f64().unwrap_or(f64::NAN);
        let begun = number("query_start") - number("script_start") / number("speed");
        (begun - robot.onset).abs() < REACH
    });
}

#[test]
fn the_speed_of_playing_is_measured() {
    assert_best(|sample, _, _, best| {
        let played = if sample.condition.contains("speed +4 %") { 1.04 } else { 1.0 };
        best["speed"].as_f64().is_some_and(|speed| (speed - played).abs() < 0.015)
    });
}

#[test]
fn matches_are_below_the_false_alarm_rate_and_known_before_the_call_ends() {
    assert_best(|_, robot, report, best| {
        let rate = best["false_alarms_per_hour"].as_f64().unwrap_or(f64::NAN);
        let decided = report["decided_at"].as_f64().unwrap_or(f64::NAN);
        rate <= 0.01 && decided > robot.onset && decided <= report["seconds"].as_f64().unwrap()
    });
}
