//! Scores scans of whole calls: was the script named, how soon, where, and what was named wrongly.
//!
//! A *decided* match is one that a live listener would have announced while the call ran (`decided_at` is set). Of a call whose
//! script is in the index (`bot`), the best decided match must name the right script: **recall**. A call without a known script
//! in which anything was decided is a **false alarm**. **Decision time** is the audio time of that right match less the true
//! onset of the script; **onset error** is `|query_start − script_start / speed − onset|`, since a match may begin anywhere in
//! the script. A **handover** event is right within [`HANDOVER_TOLERANCE`] of the labelled one.

use std::collections::BTreeMap;

use callprint::{
    detect::{EventKind, Match, ScanReport},
    index::script_of,
};
use serde::Serialize;

use crate::{
    labels::Call,
    snippets::Passed,
    stats::{quantile, share, threshold},
};

/// False alarms accepted at the operating point of the tables, per call.
pub const FALSE_ALARMS_PER_CALL: f64 = 0.001;

/// How far from the labelled handover an event may be, s.
pub const HANDOVER_TOLERANCE: f64 = 1.5;

/// What a live listener with one threshold got right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LiveTable {
    /// The threshold: largest false-alarm rate, per hour, at which something counted as a match.
    pub max_far: f64,
    /// Share of bot calls whose best decided match names the right script.
    pub recall: f64,
    /// Bot calls.
    pub bots: usize,
    /// Calls without a known script in which a match was decided.
    pub false_alarms: usize,
    /// The same by kind of call.
    pub false_alarms_by_kind: BTreeMap<String, Passed>,
    /// Bot calls in which another script than the right one was decided, whether or not the right one was too.
    pub wrong_script: usize,
    /// Median time from the script's onset to the decision, s.
    pub decision_p50_s: Option<f64>,
    /// 95th percentile of it, s.
    pub decision_p95_s: Option<f64>,
    /// Median error of the script's onset, s.
    pub onset_error_p50_s: Option<f64>,
    /// 95th percentile of it, s.
    pub onset_error_p95_s: Option<f64>,
    /// Of the bot calls with a handover, the share with an event near it.
    pub handover_recall: f64,
    /// Bot calls with a handover.
    pub handovers: usize,
    /// The same share among calls of scripts that are not in the index.
    pub handover_recall_other_bot: f64,
    /// Calls of any kind with a handover event where none is labelled near it.
    pub handover_false: usize,
    /// Recall by channel condition.
    pub recall_by_condition: BTreeMap<String, f64>,
}

/// Recall where candidates of whole calls are ranked by one figure, without regard to when they were decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ranked {
    /// What a call's best candidate must exceed.
    pub threshold: f64,
    /// Share of bot calls whose best candidate is right and exceeds it.
    pub recall: f64,
    /// Negative calls whose best candidate exceeds it.
    pub false_alarms: usize,
}

/// The false-alarm rate per hour at which one call in [`1 / FALSE_ALARMS_PER_CALL`](FALSE_ALARMS_PER_CALL) of the mean length
/// of these raises a false alarm, if stated rates are true.
pub fn stated_max_far(calls: &[Call]) -> f64 {
    let hours = calls.iter().map(|call| call.seconds).sum::<f64>() / 3600.0 / calls.len().max(1) as f64;
    FALSE_ALARMS_PER_CALL / hours
}

/// The largest false-alarm rate that lets at most `int(n · FALSE_ALARMS_PER_CALL)` of the n negative calls pass, judged by
/// their best candidates: just below the rate that the best one to be kept out states. Where no negative has a candidate,
/// the largest rate that any call states, so that all pass, and no less than the rate that allows so many.
pub fn observed_max_far(calls: &[Call], reports: &[ScanReport]) -> f64 {
    let lowest =
        |report: &ScanReport| report.matches.iter().map(|m| m.false_alarms_per_hour).fold(f64::INFINITY, f64::min);
    let negatives: Vec<f64> = zip_negatives(calls, reports).map(|(_, report)| -lowest(report)).collect();
    let kept_out = threshold(&negatives, FALSE_ALARMS_PER_CALL).map_or(f64::INFINITY, |limit| -limit);
    let far = if kept_out.is_finite() {
        // A scan compares scores; the margin outlasts the rounding of a rate to a score.
        kept_out * (1.0 - 1e-9)
    } else {
        let stated = reports.iter().flat_map(|report| &report.matches).map(|found| found.false_alarms_per_hour);
        stated.fold(stated_max_far(calls), f64::max)
    };
    // A threshold must be positive; a negative that states a rate of 0 can't be kept out by any.
    far.max(f64::MIN_POSITIVE)
}

/// How sure a match is by its stated false-alarm rate: `-ln` of it, so that higher is surer.
pub fn sure_by_far(found: &Match) -> f64 {
    -found.false_alarms_per_hour.ln()
}

/// How sure a match is by its score.
pub fn sure_by_score(found: &Match) -> f64 {
    found.score
}

/// Ranks whole calls by their best candidate under `sure`, at [`FALSE_ALARMS_PER_CALL`].
pub fn rank(calls: &[Call], reports: &[ScanReport], sure: fn(&Match) -> f64) -> Ranked {
    let negatives: Vec<f64> = zip_negatives(calls, reports).map(|(_, report)| best(report, sure)).collect();
    let limit = threshold(&negatives, FALSE_ALARMS_PER_CALL).unwrap_or(f64::NEG_INFINITY);
    let right = |(call, report): (&Call, &ScanReport)| {
        top(report, sure).is_some_and(|found| names(call, found) && sure(found) > limit)
    };
    Ranked {
        threshold: limit,
        recall: share(zip_bots(calls, reports).filter(|pair| right(*pair)).count(), bots(calls)),
        false_alarms: negatives.iter().filter(|sureness| **sureness > limit).count(),
    }
}

/// Scores the decisions of scans made with threshold `max_far`, one report per call in the same order.
pub fn live(calls: &[Call], reports: &[ScanReport], max_far: f64) -> LiveTable {
    let mut decisions = Vec::new();
    let mut onset_errors = Vec::new();
    let mut wrong_script = 0;
    let mut by_condition: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (call, report) in zip_bots(calls, reports) {
        let (found, all) = by_condition.entry(call.condition.clone()).or_default();
        *all += 1;
        wrong_script += usize::from(decided(report).any(|found| !names(call, found)));
        let Some(right) = decided(report).next().filter(|best| names(call, best)) else { continue };
        *found += 1;
        if let (Some(onset), Some(at)) = (call.script_onset, right.decided_at) {
            decisions.push(at - onset);
            onset_errors.push((right.query_start - right.script_start / right.speed - onset).abs());
        }
    }
    let false_alarms_by_kind = false_alarms(calls, reports);
    let (handover_recall, handovers) = handover_recall(calls, reports, true);
    LiveTable {
        max_far,
        recall: share(by_condition.values().map(|(found, _)| found).sum(), bots(calls)),
        bots: bots(calls),
        false_alarms: false_alarms_by_kind.values().map(|kind| kind.above).sum(),
        false_alarms_by_kind,
        wrong_script,
        decision_p50_s: quantile(&decisions, 0.5),
        decision_p95_s: quantile(&decisions, 0.95),
        onset_error_p50_s: quantile(&onset_errors, 0.5),
        onset_error_p95_s: quantile(&onset_errors, 0.95),
        handover_recall,
        handovers,
        handover_recall_other_bot: self::handover_recall(calls, reports, false).0,
        handover_false: calls.iter().zip(reports).filter(|(call, report)| has_false_handover(call, report)).count(),
        recall_by_condition: by_condition.into_iter().map(|(name, (found, all))| (name, share(found, all))).collect(),
    }
}

fn zip_bots<'a>(calls: &'a [Call], reports: &'a [ScanReport]) -> impl Iterator<Item = (&'a Call, &'a ScanReport)> {
    calls.iter().zip(reports).filter(|(call, _)| call.truth.is_some())
}

fn zip_negatives<'a>(calls: &'a [Call], reports: &'a [ScanReport]) -> impl Iterator<Item = (&'a Call, &'a ScanReport)> {
    calls.iter().zip(reports).filter(|(call, _)| call.truth.is_none())
}

fn bots(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.truth.is_some()).count()
}

fn names(call: &Call, found: &Match) -> bool {
    call.truth.as_deref().map(script_of) == Some(found.script.as_str())
}

fn decided(report: &ScanReport) -> impl Iterator<Item = &Match> {
    report.matches.iter().filter(|found| found.decided_at.is_some())
}

/// The candidate that is surest; NaN counts as not sure at all.
fn top(report: &ScanReport, sure: fn(&Match) -> f64) -> Option<&Match> {
    report.matches.iter().filter(|found| !sure(found).is_nan()).max_by(|a, b| sure(a).total_cmp(&sure(b)))
}

fn best(report: &ScanReport, sure: fn(&Match) -> f64) -> f64 {
    top(report, sure).map_or(f64::NEG_INFINITY, sure)
}

fn false_alarms(calls: &[Call], reports: &[ScanReport]) -> BTreeMap<String, Passed> {
    let mut by_kind: BTreeMap<String, Passed> = BTreeMap::new();
    for (call, report) in zip_negatives(calls, reports) {
        let passed = by_kind.entry(call.kind.clone()).or_default();
        passed.of += 1;
        passed.above += usize::from(decided(report).next().is_some());
    }
    by_kind
}

fn handovers(report: &ScanReport) -> impl Iterator<Item = f64> {
    report.events.iter().filter(|event| event.kind == EventKind::Handover).map(|event| event.at)
}

/// Share of labelled handovers that were seen, and their number, among calls of known scripts or of the others.
fn handover_recall(calls: &[Call], reports: &[ScanReport], known: bool) -> (f64, usize) {
    let labelled: Vec<_> = calls
        .iter()
        .zip(reports)
        .filter(|(call, _)| call.truth.is_some() == known)
        .filter_map(|(call, report)| Some((call.handover?, report)))
        .collect();
    let seen = labelled.iter().filter(|(true_at, report)| handovers(report).any(|at| near(at, *true_at))).count();
    (share(seen, labelled.len()), labelled.len())
}

fn has_false_handover(call: &Call, report: &ScanReport) -> bool {
    handovers(report).any(|at| call.handover.is_none_or(|true_at| !near(at, true_at)))
}

fn near(at: f64, true_at: f64) -> bool {
    (at - true_at).abs() <= HANDOVER_TOLERANCE
}
