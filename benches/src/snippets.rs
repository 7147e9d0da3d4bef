//! Scores answers on snippets: how often the best candidate is right, and how many right ones stand clear of the negatives.
//!
//! A *positive* is a snippet of a reference. Its answer is a *hit* where it names the right script. **top-1** is the share of
//! hits among the positives. Thresholds come from the negatives of the same set: **R@0** is the share of positives that are
//! hits with a score above that of every negative, **R@1%** above that of all but `int(n/100)` of the n negatives. Comparison
//! is strict. Groups by condition, and by length rounded to half a second, use the thresholds of the whole set.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use callprint::index::script_of;
use serde::Serialize;

use crate::{
    labels::Snippet,
    stats::{share, threshold},
};

/// The best candidate for a snippet.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The rendering named; none where nothing was found.
    pub rendering: Option<String>,
    /// What answers are ranked by, higher = surer; not looked at without a rendering.
    pub score: f64,
}

/// The figures of one group of positives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Group {
    /// Positives in the group.
    pub n: usize,
    /// Share whose best candidate is of the right script.
    pub script_top1: f64,
    /// Share whose best candidate is the right rendering.
    pub rendering_top1: f64,
    /// Recall where no negative passes.
    pub r0: f64,
    /// Recall where at most 1 % of the negatives pass.
    pub r1: f64,
}

/// Negatives of one kind above the 1 % threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Those above.
    pub above: usize,
    /// All of the kind.
    pub of: usize,
}

/// The table of snippets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnippetTable {
    /// All positives.
    #[serde(flatten)]
    pub all: Group,
    /// By channel condition.
    pub by_condition: BTreeMap<String, Group>,
    /// By length, `1.5` to … in seconds.
    pub by_seconds: BTreeMap<String, Group>,
    /// By kind of negative.
    pub negatives: BTreeMap<String, Passed>,
    /// Score of the best negative.
    pub threshold_r0: f64,
    /// Score that 1 % of the negatives exceed.
    pub threshold_r1: f64,
}

struct Row<'a> {
    label: &'a Snippet,
    score: f64,
    script_hit: bool,
    rendering_hit: bool,
}

/// Scores one answer per label, in the same order; an answer too few counts as nothing found.
///
/// # Errors
/// A set without negatives, or without positives, has no recall to state.
pub fn evaluate(labels: &[Snippet], answers: &[Answer]) -> Result<SnippetTable> {
    let rows = join(labels, answers);
    let (positives, negatives): (Vec<&Row<'_>>, Vec<&Row<'_>>) = rows.iter().partition(|row| row.label.truth.is_some());
    let negative_scores: Vec<f64> = negatives.iter().map(|row| row.score).collect();
    let none = threshold(&negative_scores, 0.0).context("the set of snippets has no negatives")?;
    let percent = threshold(&negative_scores, 0.01).context("the set of snippets has no negatives")?;
    anyhow::ensure!(!positives.is_empty(), "the set of snippets has no positives");

    let mut by_kind: BTreeMap<String, Passed> = BTreeMap::new();
    for row in negatives {
        let passed = by_kind.entry(row.label.kind.clone()).or_default();
        passed.of += 1;
        passed.above += usize::from(row.score > percent);
    }
    Ok(SnippetTable {
        all: group(&positives, none, percent),
        by_condition: groups(&positives, none, percent, |label| label.condition.clone()),
        by_seconds: groups(&positives, none, percent, |label| length_group(label.seconds)),
        negatives: by_kind,
        threshold_r0: none,
        threshold_r1: percent,
    })
}

/// A length as the name of its group: rounded to half a second, halves of those to even, one decimal.
fn length_group(seconds: f64) -> String {
    format!("{:.1}", (seconds * 2.0).round_ties_even() / 2.0)
}

fn join<'a>(labels: &'a [Snippet], answers: &'a [Answer]) -> Vec<Row<'a>> {
    let join_one = |(n, label): (usize, &'a Snippet)| {
        let found = answers.get(n).and_then(|answer| Some((answer.rendering.as_deref()?, answer.score)));
        let (rendering, score) = found.unzip();
        let truth = label.truth.as_deref();
        Row {
            label,
            score: score.filter(|score| !score.is_nan()).unwrap_or(f64::NEG_INFINITY),
            script_hit: truth.is_some() && rendering.map(script_of) == truth.map(script_of),
            rendering_hit: truth.is_some() && rendering == truth,
        }
    };
    labels.iter().enumerate().map(join_one).collect()
}

fn group(rows: &[&Row<'_>], none: f64, percent: f64) -> Group {
    let n = rows.len();
    let count = |counts: &dyn Fn(&Row<'_>) -> bool| share(rows.iter().filter(|row| counts(row)).count(), n);
    Group {
        n,
        script_top1: count(&|row| row.script_hit),
        rendering_top1: count(&|row| row.rendering_hit),
        r0: count(&|row| row.script_hit && row.score > none),
        r1: count(&|row| row.script_hit && row.score > percent),
    }
}

fn groups(rows: &[&Row<'_>], none: f64, percent: f64, key: impl Fn(&Snippet) -> String) -> BTreeMap<String, Group> {
    let mut sorted: BTreeMap<String, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        sorted.entry(key(row.label)).or_default().push(row);
    }
    sorted.into_iter().map(|(name, some)| (name, group(&some, none, percent))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_round_to_half_seconds_with_ties_to_even() {
        for (seconds, name) in [(1.5, "1.5"), (1.62, "1.5"), (2.9, "3.0"), (1.25, "1.0"), (1.75, "2.0"), (12.0, "12.0")]
        {
            assert_eq!(length_group(seconds), name);
        }
    }

    #[test]
    fn a_set_of_one_sort_is_refused() {
        let positive = Snippet {
            id: "q".into(),
            truth: Some("a__b".into()),
            condition: "gsm".into(),
            seconds: 1.0,
            ref_offset: None,
            speed: None,
            kind: "positive".into(),
        };
        let negative = Snippet { truth: None, ..positive.clone() };
        assert!(evaluate(&[positive], &[]).is_err_and(|e| e.to_string().contains("negatives")));
        assert!(evaluate(&[negative], &[]).is_err_and(|e| e.to_string().contains("positives")));
    }
}
