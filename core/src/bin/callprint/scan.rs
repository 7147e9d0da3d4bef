//! `callprint scan`: recordings in, a report for each out.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};

use callprint::{
    audio::Source,
    detect::{ScanOptions, ScanReport, Scanner},
};

use crate::{
    args::{Color, ScanArgs},
    console::{Console, Progress},
    exit::{Failure, Status},
    input::{self, BUILTIN, Input},
    output::{self, ReportWriter, words},
    pool,
};

/// Runs the command.
pub(crate) fn run(args: &ScanArgs, color: Color, console: &Console) -> Result<Status, Failure> {
    check_stdin(args)?;
    let index = input::open_index(args.index.as_deref())?;
    let index_name = args.index.as_deref().unwrap_or(Path::new(BUILTIN)).display();
    console.detail(&format!("index {index_name}: {}", words::counted(index.len(), "rendering")));
    let options = ScanOptions { max_far: args.max_far, all: args.all };
    let scanner = Scanner::new(&index, options).map_err(Failure::new)?;

    let inputs = input::expand(&args.paths);
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
            let result = result.unwrap_or_else(|_| Err(pool::panicked(input.path())));
            tally.count(&result);
            deliver(&result, &mut *writer, console, tally);
            progress.file_done();
        },
    );
    drop(progress);
    console.note(&tally.to_string());
    Ok(tally.status(args.fail_if_none))
}

/// Refuses what can't be meant about standard input.
fn check_stdin(args: &ScanArgs) -> Result<(), Failure> {
    let dashes = args.paths.iter().filter(|path| path.as_os_str() == "-").count();
    if dashes > 1 {
        return Err(Failure::new("`-` is given more than once; standard input can be read only once"));
    }
    if dashes == 0 && args.raw.is_given() {
        return Err(Failure::new(
            "--rate, --channels and --encoding describe raw PCM on standard input; give `-` as a path, or leave them out",
        ));
    }
    if dashes == 1 && io::stdin().is_terminal() {
        return Err(Failure::new(
            "-: standard input is a terminal; pipe raw PCM into it, as in `sox call.wav -t s16 -r 8000 - | callprint scan -`",
        ));
    }
    Ok(())
}

fn scan_input(
    input: &Input,
    args: &ScanArgs,
    scanner: &Scanner<'_>,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<ScanReport, Failure> {
    let begun = Instant::now();
    let report = match input {
        Input::File(path) => scan_source(path, &mut input::open_file(path)?, scanner, progress)?,
        Input::Stdin => scan_source(Path::new("-"), &mut input::open_stdin(&args.raw)?, scanner, progress)?,
        Input::Bad(_, failure) => return Err(failure.clone()),
    };
    let took = begun.elapsed().as_secs_f64();
    console.detail(&format!("{}: scanned {:.1} s of audio in {took:.3} s", report.file, report.seconds));
    Ok(report)
}

fn scan_source(
    path: &Path,
    source: &mut dyn Source,
    scanner: &Scanner<'_>,
    progress: &Progress<'_>,
) -> Result<ScanReport, Failure> {
    let mut file_progress = progress.file(source.seconds_hint());
    scanner
        .scan(&path.to_string_lossy(), source, &mut |seconds| file_progress.seconds(seconds))
        .map_err(|error| Failure::reading(path, &error))
}

/// Writes a report, or an error in its place.
fn deliver(result: &Result<ScanReport, Failure>, writer: &mut dyn ReportWriter, console: &Console, tally: Tally) {
    match result {
        Ok(report) => {
            if let Err(error) = console.around_progress(|| writer.report(report)) {
                output::stdout_gone(&error, tally.status(false), console);
            }
        }
        Err(failure) => console.failure(failure),
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
    fn count(&mut self, result: &Result<ScanReport, Failure>) {
        match result {
            Ok(report) => {
                self.seconds += report.seconds;
                // With --all, the matches hold candidates too; those have no time of decision.
                match report.matches.iter().any(|m| m.decided_at.is_some()) {
                    true => self.matched += 1,
                    false => self.unmatched += 1,
                }
            }
            Err(_) => self.failed += 1,
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

    #[test]
    fn a_candidate_below_the_threshold_is_no_match() {
        let mut tally = Tally::default();
        let mut report = sample::matched();
        tally.count(&Ok(report.clone()));
        for candidate in &mut report.matches {
            candidate.decided_at = None;
        }
        tally.count(&Ok(report));
        assert_eq!((tally.matched, tally.unmatched, tally.failed), (1, 1, 0));
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
