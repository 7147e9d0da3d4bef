//! A set of eight positives and two hundred negatives, small enough to score by hand.

use benches::{
    labels::Snippet,
    report::write_answers,
    snippets::{Answer, Group, Passed, SnippetTable, evaluate},
};

fn snippet(id: usize, truth: Option<&str>, condition: &str, seconds: f64, kind: &str) -> Snippet {
    Snippet {
        id: format!("q{id}"),
        truth: truth.map(str::to_owned),
        condition: condition.to_owned(),
        seconds,
        ref_offset: None,
        speed: None,
        kind: kind.to_owned(),
    }
}

fn answer(rendering: &str, score: f64) -> Answer {
    Answer { rendering: Some(rendering.to_owned()), score }
}

/// Negatives score 1 to 200: music 1 to 150, siblings 151 to 200. Best negative: 200. One per cent of 200 is 2, so the
/// threshold of R@1% is the third best, 198.
fn set() -> (Vec<Snippet>, Vec<Answer>) {
    let truth = Some("loan-01__amy");
    let nothing = Answer { rendering: None, score: f64::NEG_INFINITY };
    let (mut labels, mut answers): (Vec<_>, Vec<_>) = [
        // Right by rendering, clear of everything.
        (snippet(0, truth, "gsm", 1.5, "positive"), answer("loan-01__amy", 300.0)),
        // Right script in another voice, between the thresholds.
        (snippet(1, truth, "gsm", 1.5, "positive"), answer("loan-01__bob", 199.5)),
        // Wrong, and very sure.
        (snippet(2, truth, "gsm", 2.0, "positive"), answer("card-01__amy", 400.0)),
        // Right, but no better than the 1 % threshold itself.
        (snippet(3, truth, "alaw", 2.0, "positive"), answer("loan-01__amy", 198.0)),
        (snippet(4, truth, "alaw", 2.0, "positive"), nothing),
        // Right, with a score that is no number: below every threshold.
        (snippet(5, truth, "alaw", 5.02, "positive"), answer("loan-01__amy", f64::NAN)),
        // Right, and exactly as good as the best negative.
        (snippet(6, truth, "alaw", 4.9, "positive"), answer("loan-01__amy", 200.0)),
        // 1.25 s is half-way between the groups 1.0 and 1.5 and goes to the even one.
        (snippet(7, truth, "alaw", 1.25, "positive"), answer("loan-01__amy", 250.0)),
    ]
    .into_iter()
    .unzip();
    for score in 1..=200 {
        labels.push(snippet(7 + score, None, "gsm", 2.0, if score <= 150 { "music" } else { "sibling" }));
        answers.push(answer("loan-01__amy", score as f64));
    }
    (labels, answers)
}

fn table() -> anyhow::Result<SnippetTable> {
    let (labels, answers) = set();
    evaluate(&labels, &answers)
}

#[test]
fn totals() -> anyhow::Result<()> {
    let table = table()?;
    assert_eq!((table.threshold_r0, table.threshold_r1), (200.0, 198.0));
    assert_eq!(table.all, Group { n: 8, script_top1: 0.75, rendering_top1: 0.625, r0: 0.25, r1: 0.5 });
    Ok(())
}

#[test]
fn groups_use_the_thresholds_of_the_whole_set() -> anyhow::Result<()> {
    let table = table()?;
    let third = 1.0 / 3.0;
    assert_eq!(table.by_condition.keys().collect::<Vec<_>>(), ["alaw", "gsm"]);
    assert_eq!(
        table.by_condition["gsm"],
        Group { n: 3, script_top1: 2.0 * third, rendering_top1: third, r0: third, r1: 2.0 * third }
    );
    assert_eq!(table.by_condition["alaw"], Group { n: 5, script_top1: 0.8, rendering_top1: 0.8, r0: 0.2, r1: 0.4 });
    let lengths: Vec<_> = table.by_seconds.iter().map(|(name, group)| (name.as_str(), group.n)).collect();
    assert_eq!(lengths, [("1.0", 1), ("1.5", 2), ("2.0", 3), ("5.0", 2)]);
    assert_eq!(table.by_seconds["5.0"], Group { n: 2, script_top1: 1.0, rendering_top1: 1.0, r0: 0.0, r1: 0.5 });
    Ok(())
}

#[test]
fn negatives_above_the_threshold_by_kind() -> anyhow::Result<()> {
    let table = table()?;
    assert_eq!(table.negatives["sibling"], Passed { above: 2, of: 50 });
    assert_eq!(table.negatives["music"], Passed { above: 0, of: 150 });
    Ok(())
}

#[test]
fn the_json_has_the_agreed_keys() -> anyhow::Result<()> {
    let json = serde_json::to_value(table()?)?;
    assert_eq!(json["script_top1"], 0.75);
    assert_eq!(json["rendering_top1"], 0.625);
    assert_eq!(json["r0"], 0.25);
    assert_eq!(json["r1"], 0.5);
    assert_eq!(json["by_condition"]["alaw"]["r1"], 0.4);
    assert_eq!(json["by_seconds"]["5.0"]["script_top1"], 1.0);
    assert_eq!(json["negatives"]["sibling"], serde_json::json!({"above": 2, "of": 50}));
    Ok(())
}

#[test]
fn where_nothing_is_found_everywhere_nothing_is_recalled() -> anyhow::Result<()> {
    let (labels, _) = set();
    let table = evaluate(&labels, &[])?;
    assert_eq!(table.all, Group { n: 8, script_top1: 0.0, rendering_top1: 0.0, r0: 0.0, r1: 0.0 });
    Ok(())
}

#[test]
fn answers_keep_every_digit_and_mark_what_was_not_found() -> anyhow::Result<()> {
    let (labels, mut answers) = set();
    answers[0].score = 0.1 + 0.2;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("answers.tsv");
    write_answers(&path, &labels, &answers)?;
    let text = std::fs::read_to_string(&path)?;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 208);
    assert_eq!(lines[0], "q0\tloan-01__amy\t0.30000000000000004");
    assert_eq!(lines[4], "q4\t-\t0");
    Ok(())
}
