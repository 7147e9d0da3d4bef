//! What a measurement prints and writes: the text table, the JSON object, answers for other scorers, dumps for research.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    io::Write,
    path::Path,
};

use anyhow::{Context, Result};
use callprint::{
    detect::{Match, ScanReport},
    index::script_of,
};
use serde::Serialize;

use crate::{
    calibration::FarCheck,
    calls::{LiveTable, Ranked},
    labels::{Call, Snippet},
    snippets::{Answer, Group, Passed, SnippetTable},
};

/// Everything that `accuracy` measures; its JSON is the object that `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    /// Snippets, where the folder has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippets: Option<SnippetTable>,
    /// Calls, where the folder has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallTables>,
    /// Stated against observed false-alarm rates.
    pub far_check: Vec<FarCheck>,
    /// What was searched and what it cost.
    pub run: Run,
}

/// Calls at several operating points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallTables {
    /// Live decisions at the threshold that lets at most one negative call in a thousand of this set pass.
    #[serde(flatten)]
    pub observed: LiveTable,
    /// Live decisions at the threshold that a user would set for one false alarm in a thousand such calls.
    pub at_stated_far: LiveTable,
    /// Whole calls ranked by score.
    pub by_score: Ranked,
    /// Whole calls ranked by stated false-alarm rate (the threshold is `-ln` of a rate per hour).
    pub by_far: Ranked,
}

/// Cost of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Run {
    /// Renderings in the index.
    pub renderings: usize,
    /// References too short to be taken.
    pub references_skipped: usize,
    /// Threads that scanned.
    pub threads: usize,
    /// Wall-clock time of everything, s.
    pub wall_s: f64,
    /// Audio scanned, s; calls count once for each threshold.
    pub audio_s: f64,
    /// Processor time of scanning (decoding included), s.
    pub scan_cpu_s: f64,
    /// Audio over processor time: how many times faster than real time one core scans.
    pub scan_x_real_time: f64,
}

impl Display for Accuracy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(snippets) = &self.snippets {
            write_snippets(f, snippets)?;
        }
        if let Some(calls) = &self.calls {
            write_calls(f, calls)?;
        }
        write_far_check(f, &self.far_check)?;
        let run = &self.run;
        writeln!(
            f,
            "{} renderings ({} references too short), {} threads, {:.0} s; {:.1} h of audio scanned at {:.0} x real time a core",
            run.renderings,
            run.references_skipped,
            run.threads,
            run.wall_s,
            run.audio_s / 3600.0,
            run.scan_x_real_time
        )
    }
}

fn write_snippets(f: &mut Formatter<'_>, table: &SnippetTable) -> fmt::Result {
    let negatives: usize = table.negatives.values().map(|kind| kind.of).sum();
    writeln!(
        f,
        "SNIPPETS  {} positives, {negatives} negatives; thresholds: none through {:.4}, 1 % through {:.4}",
        table.all.n, table.threshold_r0, table.threshold_r1
    )?;
    writeln!(f, "{:<16}{:>6}{:>9}{:>11}{:>8}{:>8}", "", "n", "script", "rendering", "R@0", "R@1%")?;
    write_group(f, "all", &table.all)?;
    table.by_condition.iter().try_for_each(|(name, group)| write_group(f, name, group))?;
    table.by_seconds.iter().try_for_each(|(name, group)| write_group(f, &format!("{name} s"), group))?;
    writeln!(f, "negatives above the 1 % threshold: {}\n", passed(&table.negatives))
}

fn write_group(f: &mut Formatter<'_>, name: &str, group: &Group) -> fmt::Result {
    writeln!(
        f,
        "{name:<16}{:>6}{:>9.3}{:>11.3}{:>8.3}{:>8.3}",
        group.n, group.script_top1, group.rendering_top1, group.r0, group.r1
    )
}

fn write_calls(f: &mut Formatter<'_>, tables: &CallTables) -> fmt::Result {
    let (observed, stated) = (&tables.observed, &tables.at_stated_far);
    let negatives: usize = observed.false_alarms_by_kind.values().map(|kind| kind.of).sum();
    writeln!(
        f,
        "CALLS  {} with a known script, {negatives} without; threshold for 1 false alarm in 1000 calls",
        observed.bots
    )?;
    writeln!(f, "{:<34}{:>14}{:>14}", "", "as observed", "as stated")?;
    let mut line = |name: &str, value: &dyn Fn(&LiveTable) -> String| {
        writeln!(f, "{name:<34}{:>14}{:>14}", value(observed), value(stated))
    };
    line("largest false-alarm rate, 1/h", &|t| format!("{:.3e}", t.max_far))?;
    line("recall", &|t| format!("{:.3}", t.recall))?;
    line("false alarms, calls", &|t| t.false_alarms.to_string())?;
    line("wrong script, calls", &|t| t.wrong_script.to_string())?;
    line("decision after onset, median, s", &|t| seconds(t.decision_p50_s))?;
    line("decision after onset, p95, s", &|t| seconds(t.decision_p95_s))?;
    line("onset error, median, s", &|t| seconds(t.onset_error_p50_s))?;
    line("onset error, p95, s", &|t| seconds(t.onset_error_p95_s))?;
    line("handover seen within 1.5 s", &|t| format!("{:.3} of {}", t.handover_recall, t.handovers))?;
    line("… of unknown scripts", &|t| format!("{:.3}", t.handover_recall_other_bot))?;
    line("false handovers, calls", &|t| t.handover_false.to_string())?;
    for condition in observed.recall_by_condition.keys() {
        line(&format!("recall, {condition}"), &|t| {
            t.recall_by_condition.get(condition).map_or_else(String::new, |recall| format!("{recall:.3}"))
        })?;
    }
    writeln!(f, "false alarms by kind, as stated: {}", passed(&stated.false_alarms_by_kind))?;
    writeln!(
        f,
        "whole calls ranked by score: recall {:.3} above {:.3}; by stated rate: recall {:.3} below {:.3e}/h\n",
        tables.by_score.recall,
        tables.by_score.threshold,
        tables.by_far.recall,
        (-tables.by_far.threshold).exp()
    )
}

fn write_far_check(f: &mut Formatter<'_>, lines: &[FarCheck]) -> fmt::Result {
    let Some(first) = lines.first() else { return Ok(()) };
    writeln!(f, "FALSE-ALARM RATES  stated against observed, on {:.2} h without a known script", first.hours)?;
    writeln!(
        f,
        "{:<12}{:>9}{:>8}{:>10}{:>10}{:>20}  within a factor of 2",
        "negatives", "rate 1/h", "hours", "expected", "observed", "95 % interval"
    )?;
    for line in lines {
        let verdict = if line.within_factor_2 { "not excluded" } else { "no" };
        writeln!(
            f,
            "{:<12}{:>9}{:>8.2}{:>10.2}{:>10}{:>20}  {verdict}",
            line.negatives,
            line.far,
            line.hours,
            line.expected,
            line.observed,
            format!("{:.2} - {:.2}", line.low, line.high)
        )?;
    }
    writeln!(f)
}

fn passed(kinds: &BTreeMap<String, Passed>) -> String {
    kinds.iter().map(|(kind, Passed { above, of })| format!("{kind} {above}/{of}")).collect::<Vec<_>>().join(", ")
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

/// Writes one line per snippet, `id <tab> rendering or - <tab> score`, for scorers of other make. Scores have all their digits.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_answers(path: &Path, labels: &[Snippet], answers: &[Answer]) -> Result<()> {
    write_file(path, |file| {
        for (label, answer) in labels.iter().zip(answers) {
            match &answer.rendering {
                Some(rendering) => writeln!(file, "{}\t{rendering}\t{}", label.id, answer.score)?,
                None => writeln!(file, "{}\t-\t0", label.id)?,
            }
        }
        Ok(())
    })
}

/// What the dump says of the truth of one query.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    part: &'static str,
    id: &'a str,
    rendering: Option<&'a str>,
    kind: &'a str,
    condition: &'a str,
    seconds: f64,
    script_at: Option<f64>,
    speed: Option<f64>,
}

impl<'a> From<&'a Snippet> for Truth<'a> {
    fn from(s: &'a Snippet) -> Self {
        Self {
            part: "snippet",
            id: &s.id,
            rendering: s.truth.as_deref(),
            kind: &s.kind,
            condition: &s.condition,
            seconds: s.seconds,
            script_at: s.ref_offset,
            speed: s.speed,
        }
    }
}

impl<'a> From<&'a Call> for Truth<'a> {
    fn from(c: &'a Call) -> Self {
        Self {
            part: "call",
            id: &c.id,
            rendering: c.truth.as_deref(),
            kind: &c.kind,
            condition: &c.condition,
            seconds: c.seconds,
            script_at: c.script_onset,
            speed: None,
        }
    }
}

/// Writes every candidate of every query with all its figures, tab-separated; a query without candidates gets one line. `at` is
/// where the snippet begins in the reference, or where the script begins in the call.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_dump<'a>(path: &Path, scanned: impl Iterator<Item = (Truth<'a>, &'a ScanReport)>) -> Result<()> {
    write_file(path, |file| {
        writeln!(
            file,
            "part\tid\ttrue_ref\tkind\tcondition\tlength\tat\ttrue_speed\tplace\thit\trendering\tscore\tfar\tber\t\
            query_start\tquery_end\tscript_start\tscript_end\tspeed\tdecided_at\trivals"
        )?;
        for (truth, report) in scanned {
            let head = format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                truth.part,
                truth.id,
                truth.rendering.unwrap_or("-"),
                truth.kind,
                truth.condition,
                truth.seconds,
                optional(truth.script_at),
                optional(truth.speed)
            );
            for (place, found) in report.matches.iter().enumerate() {
                writeln!(file, "{head}\t{}\t{}", place + 1, candidate(&truth, found))?;
            }
            if report.matches.is_empty() {
                writeln!(file, "{head}\t0\t0\t-{}", "\t-".repeat(10))?;
            }
        }
        Ok(())
    })
}

fn candidate(truth: &Truth<'_>, found: &Match) -> String {
    let hit = u8::from(truth.rendering.map(script_of) == Some(&found.script));
    format!(
        "{hit}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        found.rendering,
        found.score,
        found.false_alarms_per_hour,
        found.ber,
        found.query_start,
        found.query_end,
        found.script_start,
        found.script_end,
        found.speed,
        optional(found.decided_at),
        found.rivals.join(",")
    )
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(parent).with_context(|| path.display().to_string())?;
    let mut buffered = std::io::BufWriter::new(file);
    write(&mut buffered).with_context(|| path.display().to_string())?;
    let file = buffered.into_inner().map_err(|error| error.into_error()).with_context(|| path.display().to_string())?;
    file.as_file().sync_all().with_context(|| path.display().to_string())?;
    file.persist(path).with_context(|| path.display().to_string())?;
    Ok(())
}
