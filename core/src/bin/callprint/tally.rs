//! Inputs in which scripts are looked for: heard side by side, told in their order, and counted by how they ended.

use std::{fmt, io};

use crate::{
    console::{Console, Progress},
    exit::{Failure, Status},
    input::Input,
    output::{self, words},
    pool,
    salvage::Heard,
};

/// What is known of an input that was heard.
pub(crate) trait Told {
    /// Length of the audio, s.
    fn seconds(&self) -> f64;

    /// Whether a script was found.
    fn has_script(&self) -> bool;
}

/// Lets `hear` hear all inputs in `jobs` threads, hands what is told of each to `write`, with what was wrong with its audio, and says
/// what became of them. `kinds`: what files with a script are called, and those without.
pub(crate) fn hear_all<T: Told + Send>(
    inputs: &[Input],
    jobs: usize,
    kinds: [&'static str; 2],
    console: &Console,
    hear: impl Fn(&Input, &Progress<'_>) -> Result<Heard<T>, Failure> + Sync,
    mut write: impl FnMut(&T, Option<&str>) -> io::Result<()>,
) -> Tally {
    let mut tally = Tally::new(kinds);
    let progress = console.progress(inputs.len());
    pool::ordered(
        inputs,
        jobs,
        |input| hear(input, &progress),
        |input, result| {
            let heard = Heard::from(result.unwrap_or_else(|_| Err(pool::panicked(input.path()))));
            tally.count(&heard);
            if let Some(told) = &heard.result
                && let Err(error) = console.around_progress(|| write(told, heard.damage.as_deref()))
            {
                output::stdout_gone(&error, tally.status(false), console);
            }
            if let Some(failure) = &heard.failure {
                console.failure(failure);
            }
            progress.file_done();
        },
    );
    drop(progress);
    console.note(&tally.to_string());
    tally
}

/// Files counted by how they ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tally {
    found: usize,
    without: usize,
    failed: usize,
    /// Length of all files heard, s.
    seconds: f64,
    kinds: [&'static str; 2],
}

impl Tally {
    fn new(kinds: [&'static str; 2]) -> Self {
        Self { found: 0, without: 0, failed: 0, seconds: 0.0, kinds }
    }

    fn count<T: Told>(&mut self, heard: &Heard<T>) {
        self.seconds += heard.result.as_ref().map_or(0.0, Told::seconds);
        match heard {
            Heard { result: Some(told), failure: None, .. } if told.has_script() => self.found += 1,
            Heard { result: Some(_), failure: None, .. } => self.without += 1,
            _ => self.failed += 1,
        }
    }

    /// The status of a command that ends so.
    pub(crate) fn status(&self, fail_if_none: bool) -> Status {
        match self {
            Self { failed: 1.., .. } => Status::Failed,
            Self { found: 0, .. } if fail_if_none => Status::NoneMatched,
            _ => Status::Done,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, without, failed, seconds, kinds: [with_script, without_script] } = *self;
        write!(
            f,
            "{}: {} {with_script}, {} {without_script}, {} failed; {} of audio",
            words::counted(found + without + failed, "file"),
            words::count(found as u64),
            words::count(without as u64),
            words::count(failed as u64),
            words::Clock(seconds),
        )
    }
}

#[cfg(test)]
mod tests {
    use callprint::detect::ScanReport;

    use super::*;
    use crate::output::sample;

    const KINDS: [&str; 2] = ["matched", "without a match"];

    fn scanned(report: ScanReport) -> Heard<ScanReport> {
        Heard { result: Some(report), failure: None, damage: None }
    }

    #[test]
    fn a_candidate_below_the_threshold_is_no_match() {
        let mut tally = Tally::new(KINDS);
        let mut report = sample::matched();
        tally.count(&scanned(report.clone()));
        for candidate in &mut report.matches {
            candidate.decided_at = None;
        }
        tally.count(&scanned(report));
        assert_eq!((tally.found, tally.without, tally.failed), (1, 1, 0));
    }

    #[test]
    fn a_damaged_file_counts_as_failed_even_where_some_of_it_was_scanned() {
        let mut tally = Tally::new(KINDS);
        tally.count(&Heard { failure: Some(Failure::new("damaged")), ..scanned(sample::matched()) });
        tally.count(&Heard::<ScanReport>::from(Err(Failure::new("missing"))));
        assert_eq!((tally.found, tally.without, tally.failed), (0, 0, 2));
        assert_eq!(tally.seconds, 14.2);
    }

    #[test]
    fn the_status_is_that_of_the_contract() {
        let tally = |found, without, failed| Tally { found, without, failed, seconds: 1.0, kinds: KINDS };
        assert_eq!(tally(0, 3, 0).status(false), Status::Done);
        assert_eq!(tally(0, 3, 0).status(true), Status::NoneMatched);
        assert_eq!(tally(1, 2, 0).status(true), Status::Done);
        assert_eq!(tally(1, 2, 1).status(false), Status::Failed);
        assert_eq!(tally(0, 2, 1).status(true), Status::Failed);
    }

    #[test]
    fn the_summary_counts_everything() {
        let tally = Tally { found: 1, without: 1200, failed: 2, seconds: 3725.0, kinds: KINDS };
        assert_eq!(tally.to_string(), "1,203 files: 1 matched, 1,200 without a match, 2 failed; 1:02:05 h of audio");
    }
}
