//! `callprint features`: prosody of recordings as a table.

mod parquet;
mod sink;
mod table;

use std::path::{Path, PathBuf};

use callprint::{
    audio::{Source, channel_name},
    prosody::{self, FEATURE_SET, FEATURES, Functionals, LLD_NAMES, Lld},
};
use clap::Args;

use crate::{
    args::{Format, RawArgs},
    console::{Console, Progress},
    exit::{Failure, Status},
    input::{self, Input},
    output::{self, words},
    pool,
};
use sink::Sink;
use table::{Cell, Column, Kind};

const HELP: &str = "\
Examples:
  callprint features call.wav                        functionals as CSV, a row per channel
  callprint features calls/ -o features.parquet      a folder and all below it
  callprint features calls/ --lld -o frames.csv      a row each 10 ms: F0, voicing, level
  callprint features call.wav --format text          readable, with units
  callprint features --list                          what each column means
  ffmpeg -i call.amr -f s16le -ar 8000 -ac 1 - | callprint features -

A cell is empty (null in Parquet and JSON) where a feature is not defined, such as the mean F0 of \
silence.
A file that can't be read is reported on standard error and skipped; the exit status is 2 then.";

/// Measure prosody: pitch, voicing, level, pauses, speech rate
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct FeaturesArgs {
    /// Audio files, folders (with all below them), or `-` for raw PCM on standard input
    #[arg(required_unless_present = "list", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Table to write: .csv, .parquet or .jsonl [default: standard output]
    #[arg(short, long, value_name = "FILE", conflicts_with = "format")]
    pub(crate) output: Option<PathBuf>,
    /// Form on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "csv")]
    pub(crate) format: Format,
    /// Descriptors each 10 ms instead of functionals of the whole channel
    #[arg(long)]
    pub(crate) lld: bool,
    /// Say what each column means, and exit
    #[arg(long, conflicts_with_all = ["paths", "output", "lld"])]
    pub(crate) list: bool,
    /// Files to analyse at the same time [default: as many as there are processors; 1 with --lld]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), conflicts_with = "lld")]
    pub(crate) jobs: Option<u16>,
    #[command(flatten, next_help_heading = "Raw PCM on standard input (`-`)")]
    pub(crate) raw: RawArgs,
}

/// Runs the command.
pub(crate) fn run(args: &FeaturesArgs, console: &Console) -> Result<Status, Failure> {
    if args.list {
        return list(args.format);
    }
    input::check_stdin(&args.paths, &args.raw)?;
    let inputs = input::expand(&args.paths);
    let columns = columns(args.lld);
    let mut sink = Sink::open(args.output.as_deref(), args.format, &columns)?;
    let mut tally = Tally::default();
    let progress = console.progress(inputs.len());
    match args.lld {
        true => write_llds(&inputs, args, &mut sink, &mut tally, &progress, console)?,
        false => write_functionals(&inputs, args, &mut sink, &mut tally, &progress, console)?,
    }
    drop(progress);
    if tally.done > 0 {
        sink.close()?;
    }
    console.note(&tally.to_string());
    Ok(if tally.failed > 0 { Status::Failed } else { Status::Done })
}

fn columns(lld: bool) -> Vec<Column> {
    let text = |name| Column { name, kind: Kind::Text };
    let double = |name| Column { name, kind: Kind::Double };
    let mut columns = vec![text("file"), text("channel")];
    if lld {
        columns.push(double("time"));
        columns.extend(LLD_NAMES.iter().map(|&name| Column { name, kind: Kind::Single }));
    } else {
        columns.extend([double("start"), double("end")]);
        columns.extend(FEATURES.iter().map(|feature| double(feature.name)));
    }
    columns
}

/// What came of the files.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    done: usize,
    failed: usize,
    /// Length of the files, s.
    seconds: f64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { done, failed, seconds } = *self;
        write!(
            f,
            "{}: {} analysed, {} failed; {} of audio, {FEATURE_SET}",
            words::counted(done + failed, "file"),
            words::count(done as u64),
            words::count(failed as u64),
            words::Clock(seconds)
        )
    }
}

impl Tally {
    fn count(&mut self, result: &Result<Vec<Functionals>, Failure>, console: &Console) {
        match result {
            Ok(channels) => {
                self.done += 1;
                self.seconds += channels.first().map_or(0.0, Functionals::seconds);
            }
            Err(failure) => {
                self.failed += 1;
                console.failure(failure);
            }
        }
    }
}

fn write_functionals(
    inputs: &[Input],
    args: &FeaturesArgs,
    sink: &mut Sink,
    tally: &mut Tally,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    pool::ordered(
        inputs,
        pool::threads(args.jobs),
        |input| analyse(input, &args.raw, progress, |_, _, _| {}),
        |input, result| {
            let result = result.unwrap_or_else(|_| Err(pool::panicked(input.path())));
            tally.count(&result, console);
            progress.file_done();
            let Ok(channels) = result else { return };
            if outcome.is_ok() {
                outcome = write_channels(input.path(), &channels, sink, console);
            }
        },
    );
    outcome
}

fn write_channels(path: &Path, channels: &[Functionals], sink: &mut Sink, console: &Console) -> Result<(), Failure> {
    for (number, functionals) in channels.iter().enumerate() {
        let names = [path.to_string_lossy().into_owned(), channel_name(number, channels.len())];
        let mut row: Vec<Cell> = names.into_iter().map(Cell::Text).collect();
        row.extend([Cell::Double(0.0), Cell::Double(functionals.seconds())]);
        row.extend(functionals.values().iter().map(|&value| Cell::Double(value)));
        sink.row(&row, console)?;
    }
    Ok(())
}

/// Frames are written as they come: hours of them are never held. So files are done one after another.
fn write_llds(
    inputs: &[Input],
    args: &FeaturesArgs,
    sink: &mut Sink,
    tally: &mut Tally,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<(), Failure> {
    for input in inputs {
        let file = Cell::Text(input.path().to_string_lossy().into_owned());
        let mut outcome = Ok(());
        let result = analyse(input, &args.raw, progress, |number, channels, lld| {
            if outcome.is_ok() {
                let mut row = vec![file.clone(), Cell::Text(channel_name(number, channels)), Cell::Double(lld.time)];
                row.extend(lld.values().map(Cell::Single));
                outcome = sink.row(&row, console);
            }
        });
        tally.count(&result, console);
        progress.file_done();
        outcome?;
    }
    Ok(())
}

/// Functionals of an input by channel; `each` gets the channel's number, how many there are, and the frame.
fn analyse(
    input: &Input,
    raw: &RawArgs,
    progress: &Progress<'_>,
    each: impl FnMut(usize, usize, &Lld),
) -> Result<Vec<Functionals>, Failure> {
    match input {
        Input::File(path) => analyse_source(path, &mut input::open_file(path)?, progress, each),
        Input::Stdin => analyse_source(Path::new("-"), &mut input::open_stdin(raw)?, progress, each),
        Input::Bad(_, failure) => Err(failure.clone()),
    }
}

fn analyse_source(
    path: &Path,
    source: &mut dyn Source,
    progress: &Progress<'_>,
    mut each: impl FnMut(usize, usize, &Lld),
) -> Result<Vec<Functionals>, Failure> {
    let channels = source.format().channels;
    let mut file_progress = progress.file(source.seconds_hint());
    prosody::analyse(source, |number, lld| each(number, channels, lld), &mut |seconds| file_progress.seconds(seconds))
        .map_err(|error| Failure::reading(path, &error))
}

/// Prints the catalogue of functionals.
fn list(format: Format) -> Result<Status, Failure> {
    let columns = ["name", "unit", "formula", "source"].map(|name| Column { name, kind: Kind::Text });
    let mut bytes = Vec::new();
    let rows = FEATURES.iter().map(|f| [f.name, f.unit, f.formula, f.source].map(|text| Cell::Text(text.to_owned())));
    table::write(format, &columns, rows, &mut bytes).map_err(|error| Failure::stdout(&error))?;
    output::print(&bytes)?;
    Ok(Status::Done)
}
