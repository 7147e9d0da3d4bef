//! `callprint scan`: recordings in, a report for each out.

use std::{path::Path, time::Instant};

use callprint::detect::{ScanOptions, ScanReport, Scanner};

use crate::{
    args::{Color, ScanArgs},
    console::{Console, Progress},
    exit::{Failure, Status},
    input::{self, BUILTIN, Input},
    output::{self, words},
    pool,
    salvage::{self, Heard, Verb},
    tally::{Told, hear_all},
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

    let mut writer = output::report_writer(args.format, color);
    if let Err(error) = writer.start() {
        output::stdout_gone(&error, Status::Done, console);
    }
    let tally = hear_all(
        &inputs,
        pool::threads(args.jobs),
        ["matched", "without a match"],
        console,
        |input, progress| scan_input(input, args, &scanner, progress, console),
        |report, damage| writer.report(report, damage),
    );
    Ok(tally.status(args.fail_if_none))
}

const SCANNED: Verb = Verb { does: "scans", done: "scanned" };

fn scan_input(
    input: &Input,
    args: &ScanArgs,
    scanner: &Scanner<'_>,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<Heard<ScanReport>, Failure> {
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

impl Told for ScanReport {
    fn seconds(&self) -> f64 {
        self.seconds
    }

    /// With --all a report may hold candidates only, which have no time of decision.
    fn has_script(&self) -> bool {
        self.matches.iter().any(|found| found.decided_at.is_some())
    }
}
