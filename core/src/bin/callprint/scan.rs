//! `callprint scan`: recordings in, a report for each out.

use std::{path::Path, time::Instant};

use callprint::detect::{ScanOptions, ScanReport, Scanner};

use crate::{
    args::{Color, ScanArgs},
    console::{Console, Progress},
    exit::{Failure, Status},
    input::{self, BUILTIN, Input},
    output::{self, ReportWriter, words},
    pool,
    salvage::{self, Heard, Verb},
};

/// Runs the command.
pub(crate) fn run(args: &ScanArgs, color: Color, console: &Console) -> Result<Status, Failure> {
    let inputs = input::find(&args.paths, &args.listed, &args.raw)?;
    let index = input::open_index(args.index.as_deref())?;
    let index_name = args.index.as_deref().unwrap_or(Path::new(BUILTIN)).display();
    console.detail(&format!("index {index_name}: {}", words::counted(index.len(), "rendering")));
    input::note_empty(&index, args.index.as_deref(), console);
    let options = ScanOptions { max_far: args.max_far, all: args.all };
    let scanner = Scanner::new(&index, options).map_err(Failure::new)?;

    let mut tally = Tally::default();
    let mut writer = output::report_writer(args.format, color);
    let progress = console.progress(inputs.len());
    if let Err(error) = console.around_progress(|| writer.start()) {
        output::stdout_gone(&error, Status::Done, console);
    }
    pool::ordered(
        &inputs,
        pool::threads(args.jobs),
        |input| scan_input(input, args, &scanner, &progress, console),
        |input, result| {
            let outcome = Heard::from(result.unwrap_or_else(|_| Err(pool::panicked(input.path()))));
            tally.count(&outcome);
            deliver(&outcome, &mut *writer, console, tally);
            progress.file_done();
        },
    );
    drop(progress);
    console.note(&tally.to_string());
    Ok(tally.status(args.fail_if_none))
}

/// What became of an input.
type Outcome = Heard<ScanReport>;

const SCANNED: Verb = Verb { does: "scans", done: "scanned" };

fn scan_input(
    input: &Input,
    args: &ScanArgs,
    scanner: &Scanner<'_>,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    let outcome = salvage::hear(input, &args.raw, args.salvage, SCANNED, console, |name, source| {
        let mut file_progress = progress.file(source.seconds_hint());
        scanner.scan(name, source, &mut |seconds| file_progress.seconds(seconds))
    })?;
    if let Some(report) = &outcome.result {
        let took = begun.elapsed().as_secs_f64();
        console.detail(&format!("{}: scanned {} in {took:.3} s", report.file, words::Clock(report.seconds)));
    }
    Ok(outcome)
}

/// Writes the report and the error of an input, as far as there are any.
fn deliver(outcome: &Outcome, writer: &mut dyn ReportWriter, console: &Console, tally: Tally) {
    let damage = outcome.damage.as_deref();
    if let Some(report) = &outcome.result
        && let Err(error) = console.around_progress(|| writer.report(report, damage))
    {
        output::stdout_gone(&error, tally.status(false), console);
    }
    if let Some(failure) = &outcome.failure {
        console.failure(failure);
    }
}

/// Files counted by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    matched: usize,
    unmatched: usize,
    failed: usize,
    /// Length of all files scanned, s.
    seconds: f64,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        self.seconds += outcome.result.as_ref().map_or(0.0, |report| report.seconds);
        match outcome {
            Outcome { result: Some(report), failure: None, .. } if has_match(report) => self.matched += 1,
            Outcome { result: Some(_), failure: None, .. } => self.unmatched += 1,
            _ => self.failed += 1,
        }
    }

    fn status(&self, fail_if_none: bool) -> Status {
        match self {
            Self { failed: 1.., .. } => Status::Failed,
            Self { matched: 0, .. } if fail_if_none => Status::NoneMatched,
            _ => Status::Done,
        }
    }
}

/// Whether a report holds a match; with --all it may hold candidates only, which have no time of decision.
fn has_match(report: &ScanReport) -> bool {
    report.matches.iter().any(|found| found.decided_at.is_some())
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { matched, unmatched, failed, seconds } = *self;
        write!(
            f,
            "{}: {} matched, {} without a match, {} failed; {} of audio",
            words::counted(matched + unmatched + failed, "file"),
            words::count(matched as u64),
            words::count(unmatched as u64),
            words::count(failed as u64),
            words::Clock(seconds),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn scanned(report: ScanReport) -> Outcome {
        Outcome { result: Some(report), failure: None, damage: None }
    }

    #[test]
    fn a_candidate_below_the_threshold_is_no_match() {
        let mut tally = Tally::default();
        let mut report = sample::matched();
        tally.count(&scanned(report.clone()));
        for candidate in &mut report.matches {
            candidate.decided_at = None;
        }
        tally.count(&scanned(report));
        assert_eq!((tally.matched, tally.unmatched, tally.failed), (1, 1, 0));
    }

    #[test]
    fn a_damaged_file_counts_as_failed_even_where_some_of_it_was_scanned() {
        let mut tally = Tally::default();
        tally.count(&Outcome { failure: Some(Failure::new("damaged")), ..scanned(sample::matched()) });
        tally.count(&Outcome::from(Err(Failure::new("missing"))));
        assert_eq!((tally.matched, tally.unmatched, tally.failed), (0, 0, 2));
        assert_eq!(tally.seconds, 14.2);
    }

    #[test]
    fn the_status_is_that_of_the_contract() {
        let tally = |matched, unmatched, failed| Tally { matched, unmatched, failed, seconds: 1.0 };
        assert_eq!(tally(0, 3, 0).status(false), Status::Done);
        assert_eq!(tally(0, 3, 0).status(true), Status::NoneMatched);
        assert_eq!(tally(1, 2, 0).status(true), Status::Done);
        assert_eq!(tally(1, 2, 1).status(false), Status::Failed);
        assert_eq!(tally(0, 2, 1).status(true), Status::Failed);
    }

    #[test]
    fn the_summary_counts_everything() {
        let tally = Tally { matched: 1, unmatched: 1200, failed: 2, seconds: 3725.0 };
        assert_eq!(tally.to_string(), "1,203 files: 1 matched, 1,200 without a match, 2 failed; 1:02:05 h of audio");
    }
}
