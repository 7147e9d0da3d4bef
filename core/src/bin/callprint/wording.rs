//! `callprint words`: which known scripts a recording says, whoever says them.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use callprint::{
    audio::Source,
    wording::{LEAST_RATE, SameWords, Wording, WordingReport},
};
use clap::Args;
use serde::Serialize;

use crate::{
    args::{Format, RawArgs, positive},
    console::{Console, Progress},
    exit::{Failure, Status, one_line},
    input::{self, Input},
    output::{
        self,
        words::{self, Clock},
    },
    pool,
};

const HELP: &str = "\
Examples:
  callprint words call.wav                     scripts whose words are said in it
  callprint words unmatched/ --format json     a folder, one JSON object a line
  callprint words call.wav --index mine.cpi    search in that index
  callprint words call.wav --max-far 1         also what is less sure

`scan` recognises a recording; this compares words, so it finds a script that another voice says. It needs some \
seconds of speech (ten are enough, three often not) and compares with every rendering of the index. Listen to what it \
finds, and add the recording to the index (`callprint index add`): then `scan` knows it, too.
A file that can't be read is reported on standard error and skipped; the exit status is 2 then.";

/// Find scripts by their words: the same script by another voice
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct WordsArgs {
    /// Audio files, folders (with all below them), or `-` for raw PCM on standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Index of known scripts [default: the corpus built into the program]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Tell scripts up to this false-alarm rate: expected wrong answers per hour of calls, from 0.001
    #[arg(long, value_name = "RATE", default_value = "0.1", value_parser = stated, allow_negative_numbers = true)]
    pub(crate) max_far: f64,
    /// Form of the results
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Exit with status 1 when nothing was found in any file
    #[arg(long)]
    pub(crate) fail_if_none: bool,
    /// Files to search at the same time [default: as many as there are processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten, next_help_heading = "Raw PCM on standard input (`-`)")]
    pub(crate) raw: RawArgs,
}

/// A rate that can be told: with a lower one nothing would ever be found.
fn stated(text: &str) -> Result<f64, String> {
    match positive(text)? {
        rate if rate >= LEAST_RATE => Ok(rate),
        _ => Err(format!("no rate under {LEAST_RATE} per hour is stated for words; give at least that")),
    }
}

/// Runs the command.
pub(crate) fn run(args: &WordsArgs, console: &Console) -> Result<Status, Failure> {
    input::check_stdin(&args.paths, &args.raw)?;
    let wording = Wording::new(&input::open_index(args.index.as_deref())?);
    let inputs = input::expand(&args.paths);
    let progress = console.progress(inputs.len());
    let mut sink = Sink::new(args.format);
    let (mut found, mut failed) = (false, false);
    pool::ordered(
        &inputs,
        pool::threads(args.jobs),
        |input| listen(input, args, &wording, &progress),
        |input, result| {
            match result.unwrap_or_else(|_| Err(pool::panicked(input.path()))) {
                Ok(report) => {
                    found |= !report.same_words.is_empty();
                    if let Err(error) = console.around_progress(|| sink.write(&report)) {
                        output::stdout_gone(&error, Status::Done, console);
                    }
                }
                Err(failure) => {
                    failed = true;
                    console.failure(&failure);
                }
            }
            progress.file_done();
        },
    );
    Ok(match (failed, found) {
        (true, _) => Status::Failed,
        (_, false) if args.fail_if_none => Status::NoneMatched,
        _ => Status::Done,
    })
}

fn listen(
    input: &Input,
    args: &WordsArgs,
    wording: &Wording,
    progress: &Progress<'_>,
) -> Result<WordingReport, Failure> {
    let scan = |path: &Path, source: &mut dyn Source| {
        let mut file_progress = progress.file(source.seconds_hint());
        wording
            .scan(&path.to_string_lossy(), source, args.max_far, &mut |seconds| file_progress.seconds(seconds))
            .map_err(|error| Failure::reading(path, &error))
    };
    match input {
        Input::File(path) => scan(path, &mut input::open_file(path)?),
        Input::Stdin => scan(Path::new("-"), &mut input::open_stdin(&args.raw)?),
        Input::Bad(_, failure) => Err(failure.clone()),
    }
}

/// Where reports go.
enum Sink {
    Text(io::Stdout),
    Json(io::Stdout),
    Csv(Box<csv::Writer<io::Stdout>>),
}

impl Sink {
    fn new(format: Format) -> Self {
        match format {
            Format::Text => Self::Text(io::stdout()),
            Format::Json => Self::Json(io::stdout()),
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(io::stdout()))),
        }
    }

    fn write(&mut self, report: &WordingReport) -> io::Result<()> {
        match self {
            Self::Text(out) => {
                out.write_all(text(report).as_bytes())?;
                out.flush()
            }
            Self::Json(out) => {
                let mut line = serde_json::to_vec(report)?;
                line.push(b'\n');
                out.write_all(&line)?;
                out.flush()
            }
            Self::Csv(out) => {
                for found in &report.same_words {
                    out.serialize(Row { file: &report.file, seconds: report.seconds, found })?;
                }
                out.flush()
            }
        }
    }
}

/// A line of CSV.
struct Row<'a> {
    file: &'a str,
    seconds: f64,
    found: &'a SameWords,
}

impl Serialize for Row<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let SameWords {
            script,
            rendering,
            channel,
            score,
            false_alarms_per_hour,
            query_start,
            query_end,
            script_start,
            script_end,
        } = self.found;
        let mut row = serializer.serialize_struct("Row", 11)?;
        row.serialize_field("file", self.file)?;
        row.serialize_field("seconds", &self.seconds)?;
        row.serialize_field("channel", channel)?;
        row.serialize_field("script", script)?;
        row.serialize_field("rendering", rendering)?;
        row.serialize_field("score", score)?;
        row.serialize_field("false_alarms_per_hour", false_alarms_per_hour)?;
        row.serialize_field("query_start", query_start)?;
        row.serialize_field("query_end", query_end)?;
        row.serialize_field("script_start", script_start)?;
        row.serialize_field("script_end", script_end)?;
        row.end()
    }
}

fn text(report: &WordingReport) -> String {
    let mut text = format!("{}  {}\n", one_line(&report.file), Clock(report.seconds));
    if report.same_words.is_empty() {
        text.push_str("  no script by its words\n");
    }
    for found in &report.same_words {
        text.push_str(&format!(
            "  words   {}, false alarms {}\n          {} to {} of the recording, {} to {} of {}\n",
            found.script,
            false_alarms(found.false_alarms_per_hour),
            Clock(found.query_start),
            Clock(found.query_end),
            Clock(found.script_start),
            Clock(found.script_end),
            found.rendering,
        ));
    }
    text
}

/// A rate as people say it; the least one stands for all below.
fn false_alarms(per_hour: f64) -> String {
    let words = words::false_alarms(per_hour);
    if per_hour <= LEAST_RATE { format!("at most {words}") } else { words }
}
