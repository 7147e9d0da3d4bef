//! `callprint features`: prosody of recordings as a table.

mod parquet;
mod sink;
mod table;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use callprint::{
    audio::{Block, Source, channel_name},
    prosody::{self, FEATURE_SET, FEATURES, Functionals, LLD_NAMES, Lld},
};
use clap::Args;

use crate::{
    args::{Format, ListedArgs, RawArgs},
    console::{Console, Progress},
    exit::{Failure, Status, file_name},
    input::{self, Input},
    output::{self, words},
    pool,
    salvage::{self, Heard, Verb},
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
    #[arg(required_unless_present_any = ["list", "files_from"], value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listed: ListedArgs,
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
    #[arg(long, conflicts_with_all = ["paths", "files_from", "output", "lld"])]
    pub(crate) list: bool,
    /// Analyse what could be read of damaged files, too; they still count as failed
    #[arg(long, conflicts_with = "list")]
    pub(crate) salvage: bool,
    /// Files to analyse at the same time; --lld takes one after the other [default: as many as there are processors]
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
    let inputs = input::find(&args.paths, &args.listed, &args.raw)?;
    let columns = columns(args.lld);
    let mut sink = Sink::open(args.output.as_deref(), args.format, &columns)?;
    let mut tally = Tally::default();
    let progress = console.progress(inputs.len());
    match args.lld {
        true => write_llds(&inputs, args, &mut sink, &mut tally, &progress, console)?,
        false => write_functionals(&inputs, args, &mut sink, &mut tally, &progress, console)?,
    }
    drop(progress);
    if tally.told {
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
    /// Whether there are rows, be it of damaged audio.
    told: bool,
    /// Length of the files, s.
    seconds: f64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { done, failed, seconds, .. } = *self;
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
    fn count(&mut self, outcome: &Outcome, console: &Console) {
        let seconds = outcome.result.as_ref().and_then(|channels| channels.first()).map_or(0.0, Functionals::seconds);
        self.seconds += seconds;
        match &outcome.failure {
            None => self.done += 1,
            Some(failure) => {
                self.failed += 1;
                console.failure(failure);
            }
        }
        self.told |= outcome.result.is_some();
    }
}

/// Functionals of an input by channel.
type Outcome = Heard<Vec<Functionals>>;

const ANALYSED: Verb = Verb { does: "analyses", done: "analysed" };

fn write_functionals(
    inputs: &[Input],
    args: &FeaturesArgs,
    sink: &mut Sink,
    tally: &mut Tally,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<(), Failure> {
    let mut written = Ok(());
    pool::ordered_until(
        inputs,
        pool::threads(args.jobs),
        |input| analyse(input, args, progress, console, |_, _, _| {}),
        |input, result| {
            let outcome = Heard::from(result.unwrap_or_else(|_| Err(pool::panicked(input.path()))));
            tally.count(&outcome, console);
            progress.file_done();
            if let Some(channels) = &outcome.result {
                written = write_channels(input.path(), channels, sink, console);
            }
            // A disk that is full stays full: hours of analysis for nothing would follow.
            if written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    written
}

fn write_channels(path: &Path, channels: &[Functionals], sink: &mut Sink, console: &Console) -> Result<(), Failure> {
    for (number, functionals) in channels.iter().enumerate() {
        let names = [file_name(path), channel_name(number, channels.len())];
        let mut row: Vec<Cell> = names.into_iter().map(Cell::Text).collect();
        row.extend([Cell::Double(0.0), Cell::Double(functionals.seconds())]);
        row.extend(functionals.values().iter().map(|&value| Cell::Double(value)));
        sink.row(&row, console)?;
    }
    Ok(())
}

/// Frames are written as they come: hours of them are never held. So files are done one after another, and a file is read to
/// its end before its first row: one that is damaged there leaves no rows, unless they are asked for.
fn write_llds(
    inputs: &[Input],
    args: &FeaturesArgs,
    sink: &mut Sink,
    tally: &mut Tally,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<(), Failure> {
    for input in inputs {
        let file = Cell::Text(file_name(input.path()));
        let mut written = Ok(());
        let sound = match input {
            Input::File(_) if !args.salvage => {
                salvage::hear(input, &args.raw, false, ANALYSED, console, |_, source| drain(source)).map(drop)
            }
            _ => Ok(()),
        };
        let result = sound.and_then(|()| {
            analyse(input, args, progress, console, |number, channels, lld| {
                if written.is_ok() {
                    let mut row =
                        vec![file.clone(), Cell::Text(channel_name(number, channels)), Cell::Double(lld.time)];
                    row.extend(lld.values().map(Cell::Single));
                    written = sink.row(&row, console);
                }
            })
        });
        tally.count(&Heard::from(result), console);
        progress.file_done();
        written?;
    }
    Ok(())
}

/// Reads a source to its end.
fn drain(source: &mut dyn Source) -> callprint::Result<()> {
    let mut block = Block::default();
    while source.next_block(&mut block)? {}
    Ok(())
}

/// Functionals of an input by channel; `each` gets the channel's number, how many there are, and the frame.
fn analyse(
    input: &Input,
    args: &FeaturesArgs,
    progress: &Progress<'_>,
    console: &Console,
    mut each: impl FnMut(usize, usize, &Lld),
) -> Result<Outcome, Failure> {
    salvage::hear(input, &args.raw, args.salvage, ANALYSED, console, |_, source| {
        let channels = source.format().channels;
        let mut file_progress = progress.file(source.seconds_hint());
        prosody::analyse(source, |number, lld| each(number, channels, lld), &mut |seconds| {
            file_progress.seconds(seconds)
        })
    })
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
