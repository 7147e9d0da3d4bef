//! `callprint words`: which known scripts a recording says, whoever says them.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use callprint::{
    audio::channel_name,
    wording::{LEAST_RATE, SameWords, Wording, WordingReport},
};
use clap::Args;

use crate::{
    args::{Format, ListedArgs, RawArgs, positive},
    console::{Console, Progress},
    exit::{Failure, Status, one_line},
    input::{self, Input},
    output::{
        self, Marked,
        words::{self, Clock},
    },
    pool,
    salvage::{self, Heard, Verb},
    tally::{Told, hear_all},
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
    #[arg(required_unless_present = "files_from", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listed: ListedArgs,
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
    /// Search what could be read of damaged files, too; they still count as failed
    #[arg(long)]
    pub(crate) salvage: bool,
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
    let inputs = input::find(&args.paths, &args.listed, &args.raw)?;
    let index = input::open_index(args.index.as_deref())?;
    input::note_empty(&index, args.index.as_deref(), console);
    let wording = Wording::new(&index);
    let mut sink = Sink::new(args.format);
    if let Err(error) = sink.start() {
        output::stdout_gone(&error, Status::Done, console);
    }
    let tally = hear_all(
        &inputs,
        pool::threads(args.jobs),
        ["with the words of a script", "without"],
        console,
        |input, progress| listen(input, args, &wording, progress, console),
        |report, damage| sink.write(report, damage),
    );
    Ok(tally.status(args.fail_if_none))
}

/// A report, and how many channels the recording has.
struct Report {
    report: WordingReport,
    channels: usize,
}

impl Told for Report {
    fn seconds(&self) -> f64 {
        self.report.seconds
    }

    fn has_script(&self) -> bool {
        !self.report.same_words.is_empty()
    }
}

const SEARCHED: Verb = Verb { does: "searches", done: "searched" };

fn listen(
    input: &Input,
    args: &WordsArgs,
    wording: &Wording,
    progress: &Progress<'_>,
    console: &Console,
) -> Result<Heard<Report>, Failure> {
    salvage::hear(input, &args.raw, args.salvage, SEARCHED, console, |name, source| {
        let channels = source.format().channels;
        let mut file_progress = progress.file(source.seconds_hint());
        let report = wording.scan(name, source, args.max_far, &mut |seconds| file_progress.seconds(seconds))?;
        Ok(Report { report, channels })
    })
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

    /// Writes what comes before the first report.
    fn start(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(out) => {
                out.write_record(HEADER)?;
                out.flush()
            }
            Self::Text(_) | Self::Json(_) => Ok(()),
        }
    }

    /// Writes a report; `damage` is what was wrong with the audio, if anything.
    fn write(&mut self, told: &Report, damage: Option<&str>) -> io::Result<()> {
        match self {
            Self::Text(out) => {
                out.write_all(text(told).as_bytes())?;
                out.flush()
            }
            Self::Json(out) => {
                let mut line = serde_json::to_vec(&Marked { report: &told.report, damaged: damage })?;
                line.push(b'\n');
                out.write_all(&line)?;
                out.flush()
            }
            Self::Csv(out) => {
                for row in rows(told, damage.unwrap_or_default()) {
                    out.write_record(row)?;
                }
                out.flush()
            }
        }
    }
}

const HEADER: [&str; 12] = [
    "file",
    "seconds",
    "channel",
    "script",
    "rendering",
    "score",
    "false_alarms_per_hour",
    "query_start",
    "query_end",
    "script_start",
    "script_end",
    "damaged",
];

/// The lines of CSV of a recording, as `scan` has them: one for each script, or one with the columns of the script empty.
fn rows(told: &Report, damage: &str) -> Vec<Vec<String>> {
    let Report { report, channels } = told;
    let row = |columns: [String; 9]| {
        let mut row = vec![report.file.clone(), report.seconds.to_string()];
        row.extend(columns);
        row.push(damage.to_owned());
        row
    };
    if report.same_words.is_empty() {
        return vec![row(Default::default())];
    }
    let columns = |found: &SameWords| {
        [
            channel_name(found.channel, *channels),
            found.script.clone(),
            found.rendering.clone(),
            found.score.to_string(),
            found.false_alarms_per_hour.to_string(),
            found.query_start.to_string(),
            found.query_end.to_string(),
            found.script_start.to_string(),
            found.script_end.to_string(),
        ]
    };
    report.same_words.iter().map(|found| row(columns(found))).collect()
}

fn text(told: &Report) -> String {
    let Report { report, channels } = told;
    let mut text = format!("{}  {}\n", one_line(&report.file), Clock(report.seconds));
    if report.same_words.is_empty() {
        text.push_str("  no script by its words\n");
    }
    for found in &report.same_words {
        let channel = match channels {
            1 => String::new(),
            _ => format!(" on {}", channel_name(found.channel, *channels)),
        };
        text.push_str(&format!(
            "  words   {}{channel}, false alarms {}\n          {} to {} of the recording, {} to {} of {}\n",
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
