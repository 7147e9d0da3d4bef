//! Six calls with known truth and made-up reports, small enough to score by hand.

use benches::{
    calls::{live, observed_max_far, rank, stated_max_far, sure_by_far, sure_by_score},
    labels::Call,
};
use callprint::detect::{Event, EventKind, MachineVoice, Match, ScanReport};

fn call(id: &str, truth: Option<&str>, kind: &str, onset: f64, handover: Option<f64>) -> Call {
    Call {
        id: id.to_owned(),
        truth: truth.map(str::to_owned),
        condition: "gsm".to_owned(),
        script_onset: Some(onset),
        handover,
        seconds: 18.0,
        kind: kind.to_owned(),
    }
}

/// A match of 3 s whose script began at 4.0 s of the call, played 2 % too fast, heard from second 1.02 of the script on.
fn found(script: &str, score: f64, far: f64, decided_at: Option<f64>) -> Match {
    Match {
        script: script.to_owned(),
        rendering: format!("{script}__amy"),
        category: String::new(),
        channel: 0,
        score,
        false_alarms_per_hour: far,
        ber: 0.2,
        query_start: 5.0,
        query_end: 8.0,
        script_start: 1.02,
        script_end: 4.08,
        speed: 1.02,
        decided_at,
        rivals: Vec::new(),
        evidence: Default::default(),
        alignment: Default::default(),
        heard: None,
    }
}

fn report(matches: Vec<Match>, handovers: &[f64]) -> ScanReport {
    let voice = MachineVoice { probability: None, abstained: true, seconds: 0.0 };
    ScanReport {
        file: String::new(),
        seconds: 18.0,
        decided_at: matches.first().and_then(|best| best.decided_at),
        matches,
        machine_voice: voice,
        events: handovers
            .iter()
            .map(|at| Event { kind: EventKind::Handover, at: *at, channel: 0, probability: None })
            .collect(),
        channels: Vec::new(),
    }
}

fn set() -> (Vec<Call>, Vec<ScanReport>) {
    let loan = Some("loan-01__bob");
    [
        // Right script, decided 2.5 s after its onset at 3.9 s; the match says 4.0 s. Handover seen 1.5 s late: still right.
        (
            call("c0", loan, "bot", 3.9, Some(12.0)),
            report(vec![found("loan-01", 30.0, 1e-9, Some(6.4)), found("card-01", 4.0, 2.0, None)], &[13.5]),
        ),
        // The best decided match is wrong; the right one comes second. Handover 2 s early: missed, and false.
        (
            call("c1", loan, "bot", 4.0, Some(12.0)),
            report(vec![found("card-01", 40.0, 1e-12, Some(7.0)), found("loan-01", 20.0, 1e-5, Some(8.0))], &[10.0]),
        ),
        // Right, but below the threshold: a candidate only.
        (call("c2", loan, "bot", 4.0, None), report(vec![found("loan-01", 12.0, 1e-3, None)], &[])),
        // Right, decided 4.5 s after its onset at 4.2 s.
        (call("c3", loan, "bot", 4.2, None), report(vec![found("loan-01", 28.0, 1e-8, Some(8.7))], &[9.0])),
        // An unknown script taken for a known one; its handover is seen.
        (
            call("c4", None, "other_bot", 4.0, Some(11.0)),
            report(vec![found("card-01", 15.0, 1e-4, Some(9.0)), found("loan-01", 9.0, 0.5, None)], &[11.2]),
        ),
        // A person, in whom nothing but a weak candidate was heard.
        (call("c5", None, "human", 4.0, None), report(vec![found("card-01", 18.0, 0.02, None)], &[])),
    ]
    .into_iter()
    .unzip()
}

#[test]
fn decisions_of_a_live_listener() {
    let (calls, reports) = set();
    let table = live(&calls, &reports, 0.01);
    assert_eq!((table.bots, table.recall), (4, 0.5), "c0 and c3");
    assert_eq!(table.wrong_script, 1, "c1");
    assert_eq!(table.false_alarms, 1, "c4");
    assert_eq!((table.false_alarms_by_kind["other_bot"].above, table.false_alarms_by_kind["human"].above), (1, 0));
    let near = |value: Option<f64>, expected: f64| value.is_some_and(|value| (value - expected).abs() < 1e-9);
    // Decided 2.5 and 4.5 s after the onset; the 95th percentile lies .95 of the way.
    assert!(near(table.decision_p50_s, 3.5) && near(table.decision_p95_s, 4.4), "{table:?}");
    // The match says that the script began at 5.0 - 1.02 / 1.02 = 4.0 s; truly at 3.9 and 4.2 s.
    assert!(near(table.onset_error_p50_s, 0.15) && near(table.onset_error_p95_s, 0.195), "{table:?}");
}

#[test]
fn handovers_within_a_second_and_a_half() {
    let (calls, reports) = set();
    let table = live(&calls, &reports, 0.01);
    assert_eq!((table.handover_recall, table.handovers), (0.5, 2), "c0, not c1");
    assert_eq!(table.handover_recall_other_bot, 1.0, "c4");
    assert_eq!(table.handover_false, 2, "c1 and c3");
}

#[test]
fn candidates_of_whole_calls_ranked() {
    let (calls, reports) = set();
    // Best negative scores 18: c0 (30) and c3 (28) exceed it, c1 is led by the wrong script, c2 (12) does not.
    let by_score = rank(&calls, &reports, sure_by_score);
    assert_eq!((by_score.threshold, by_score.recall, by_score.false_alarms), (18.0, 0.5, 0));
    let by_far = rank(&calls, &reports, sure_by_far);
    assert!((by_far.threshold - 1e4f64.ln()).abs() < 1e-9);
    assert_eq!(by_far.recall, 0.5);
}

#[test]
fn the_threshold_keeps_the_best_negative_out() {
    let (calls, mut reports) = set();
    let far = observed_max_far(&calls, &reports);
    assert!(far < 1e-4 && far > 0.999_999e-4, "just below what c4 states, {far}");
    // Without any candidate on a negative call everything may pass: the largest rate is that of c0's second candidate.
    reports[4].matches.clear();
    reports[5].matches.clear();
    assert_eq!(observed_max_far(&calls, &reports), 2.0);
    reports[5].matches.push(found("card-01", 99.0, 0.0, None));
    assert!(observed_max_far(&calls, &reports) > 0.0, "a threshold is positive even where a negative states 0");
}

#[test]
fn the_stated_rate_that_a_user_would_set() {
    // Calls of 18 s: 1000 of them are 5 h, one false alarm in that is 0.2 an hour.
    let (calls, _) = set();
    assert!((stated_max_far(&calls) - 0.2).abs() < 1e-12);
}

#[test]
fn the_json_has_the_agreed_keys() -> anyhow::Result<()> {
    let (calls, reports) = set();
    let json = serde_json::to_value(live(&calls, &reports, 0.01))?;
    for key in [
        "recall",
        "false_alarms",
        "decision_p50_s",
        "decision_p95_s",
        "onset_error_p50_s",
        "handover_recall",
        "handover_false",
    ] {
        assert!(json[key].is_number(), "{key} in {json}");
    }
    Ok(())
}

#[test]
fn a_set_without_bots_has_no_recall() -> anyhow::Result<()> {
    let (calls, reports) = set();
    let table = live(&calls[4..], &reports[4..], 0.01);
    assert!(table.recall.is_nan() && serde_json::to_value(&table)?["recall"].is_null());
    assert_eq!(table.decision_p50_s, None);
    Ok(())
}
