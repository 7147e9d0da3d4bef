//! Command line: what can be asked of the program, with the help texts.

use std::path::PathBuf;

use callprint::audio::Encoding;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{features::FeaturesArgs, listen::ListenArgs, wording::WordsArgs};

const EXAMPLES: &str = "\
Examples:
  callprint scan call.wav                      one recording, for reading
  callprint scan recordings/ --format json     a folder, one JSON object a line
  callprint index build -o mine.cpi clips/     an index of your own clips
  callprint scan call.wav --index mine.cpi     search in that index
  callprint words call.wav                     the same script by another voice
  callprint features call.wav -o features.csv  prosody features
  callprint listen --audiosocket :9092         live calls from Asterisk

Exit status: 0 done, 1 nothing matched (with --fail-if-none), 2 usage or input error.
`callprint COMMAND --help` explains a command.";

const GENERAL: &str = "General options";

/// Recognises scripted robot calls by their sound
#[derive(Debug, Parser)]
#[command(name = "callprint", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print errors only: no progress, no notes, no summary
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GENERAL)]
    pub(crate) quiet: bool,
    /// Say what is being done, on standard error
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub(crate) verbose: bool,
    /// Colour the text: auto is on terminals, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = GENERAL)]
    pub(crate) color: Color,
}

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Scan(ScanArgs),
    Index(IndexArgs),
    Features(FeaturesArgs),
    Listen(ListenArgs),
    Words(WordsArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  callprint completions bash > ~/.local/share/bash-completion/completions/callprint"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How results are printed. The variants have no doc comments: clap would spread them over a page of help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // For people.
    Text,
    // One JSON object a line.
    Json,
    // Comma-separated values with a header.
    Csv,
}

const SCAN_HELP: &str = "\
Examples:
  callprint scan call.wav
  callprint scan recordings/ more/*.mp3 --format csv > matches.csv
  callprint scan calls/ --format json | jq 'select(.matches != [])'
  callprint scan calls/ --max-far 0.001          stricter: one wrong match in 1,000 h
  callprint scan calls/ --all                    also what comes close
  find archive -name '*.wav' -newer last | callprint scan --files-from -
  ffmpeg -i call.amr -f s16le -ar 8000 -ac 1 - | callprint scan -
  nc -l 9000 | callprint scan - --encoding ulaw --rate 8000 --channels 2

A recording with several channels (caller left, callee right) is scanned channel by channel.
A file that can't be read is reported on standard error and skipped; the exit status is 2 then.";

/// Find known robot-call scripts in recordings
#[derive(Debug, Args)]
#[command(after_help = SCAN_HELP)]
pub(crate) struct ScanArgs {
    /// Audio files, folders (with all below them), or `-` for raw PCM on standard input
    #[arg(required_unless_present = "files_from", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) listed: ListedArgs,
    /// Index of known scripts [default: the corpus built into the program]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Call it a match up to this false-alarm rate: expected wrong matches per hour of audio
    #[arg(long, value_name = "RATE", default_value = "0.01", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) max_far: f64,
    /// Show the best candidates above --max-far too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Form of the results
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Exit with status 1 when nothing matched in any file
    #[arg(long)]
    pub(crate) fail_if_none: bool,
    /// Report what could be read of damaged files, too; they still count as failed
    #[arg(long)]
    pub(crate) salvage: bool,
    /// Files to scan at the same time [default: as many as there are processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten, next_help_heading = "Raw PCM on standard input (`-`)")]
    pub(crate) raw: RawArgs,
}

/// Recordings that a list names.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListedArgs {
    /// Also the files and folders that FILE names, `-` for standard input: one a line, or ended by NUL as `find -print0` writes them
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
}

/// Layout of raw PCM; `None` where the option was not given.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RawArgs {
    /// Samples per second and channel [default: 8000]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1000..=384_000))]
    pub(crate) rate: Option<u32>,
    /// Interleaved channels [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) channels: Option<u8>,
    /// Sample encoding [default: s16le]
    #[arg(long, value_name = "ENCODING")]
    pub(crate) encoding: Option<RawEncoding>,
}

impl RawArgs {
    /// Whether any of the options was given.
    pub(crate) fn is_given(&self) -> bool {
        self.rate.is_some() || self.channels.is_some() || self.encoding.is_some()
    }
}

/// Sample encodings of raw PCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RawEncoding {
    // Signed 16-bit little-endian.
    S16le,
    // 32-bit float little-endian.
    F32le,
    // G.711 mu-law.
    Ulaw,
    // G.711 A-law.
    Alaw,
}

impl From<RawEncoding> for Encoding {
    fn from(encoding: RawEncoding) -> Self {
        match encoding {
            RawEncoding::S16le => Self::S16le,
            RawEncoding::F32le => Self::F32le,
            RawEncoding::Ulaw => Self::Ulaw,
            RawEncoding::Alaw => Self::Alaw,
        }
    }
}

const INDEX_HELP: &str = "\
Examples:
  callprint index build -o mine.cpi clips/       all clips of a folder
  callprint index add mine.cpi new__take1.wav    one more
  callprint index remove mine.cpi loan-03        a script with all its renderings
  callprint index list                           what the built-in corpus holds
  callprint index merge -o all.cpi --builtin mine.cpi

A clip is named after what it says: script__rendering, for example `loan-03__voice2.wav`.";

/// Make and look after indexes of known scripts
#[derive(Debug, Args)]
#[command(after_help = INDEX_HELP)]
pub(crate) struct IndexArgs {
    #[command(subcommand)]
    pub(crate) command: IndexCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    Build(BuildArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    List(ListArgs),
    Stats(StatsArgs),
    Verify(VerifyArgs),
    Merge(MergeArgs),
}

/// Where clips and their labels come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClipArgs {
    /// Clips, or folders of them; the file's stem is the name: script__rendering
    #[arg(value_name = "PATH", required_unless_present = "manifest")]
    pub(crate) paths: Vec<PathBuf>,
    /// Tab-separated table of clips: column `path` (relative to the table), optional `id`, `category`, `language`
    #[arg(long, value_name = "TSV")]
    pub(crate) manifest: Option<PathBuf>,
    /// Tab-separated table of scripts with the columns `id`, `category`, `language`
    #[arg(long, value_name = "TSV")]
    pub(crate) scripts: Option<PathBuf>,
    /// Leave out clips that can't be used instead of writing nothing; the exit status is 2 all the same
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Channel that holds the script in clips of several channels, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) channel: Option<u8>,
    /// Clips to decode at the same time [default: as many as there are processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
}

const BUILD_HELP: &str = "\
Examples:
  callprint index build -o mine.cpi clips/
  callprint index build -o mine.cpi clips/ --scripts scripts.tsv
  callprint index build -o mine.cpi --manifest clips.tsv

Clips become renderings in the order of their names, whatever the order of the arguments: the same clips give the \
same file, byte for byte. One bad clip and nothing is written, unless --skip-bad is given.";

/// Make an index from audio clips
#[derive(Debug, Args)]
#[command(after_help = BUILD_HELP)]
pub(crate) struct BuildArgs {
    /// Index file to write; an index that is there is replaced in one step
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) clips: ClipArgs,
}

/// Add clips to an index
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  callprint index add mine.cpi loan-03__voice2.wav --scripts scripts.tsv")]
pub(crate) struct AddArgs {
    /// Index file to change
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) clips: ClipArgs,
    /// Let a clip take the place of a rendering of the same name
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Remove renderings, or scripts with all their renderings
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callprint index remove mine.cpi loan-03__voice2\n  callprint index remove mine.cpi loan-03"
)]
pub(crate) struct RemoveArgs {
    /// Index file to change
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Names of renderings or scripts
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}

/// The index a reading command looks at.
#[derive(Debug, Clone, Args)]
pub(crate) struct IndexChoice {
    /// Index file [default: the corpus built into the program]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The same as FILE
    #[arg(short, long, value_name = "FILE", conflicts_with = "file", hide = true)]
    pub(crate) index: Option<PathBuf>,
}

impl IndexChoice {
    /// The file chosen; `None` is the built-in index.
    pub(crate) fn path(&self) -> Option<&std::path::Path> {
        self.file.as_deref().or(self.index.as_deref())
    }
}

/// List the renderings of an index
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) index: IndexChoice,
    /// Form of the list
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// Show the size of an index and what it was made with
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) index: IndexChoice,
    /// Form of the figures
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// Read an index to its end and check every checksum
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) index: IndexChoice,
}

/// Make one index of several
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  callprint index merge -o all.cpi --builtin mine.cpi theirs.cpi")]
pub(crate) struct MergeArgs {
    /// Index file to write; an index that is there is replaced in one step
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Index files; no two may hold a rendering of the same name
    #[arg(value_name = "INDEX", required_unless_present = "builtin")]
    pub(crate) files: Vec<PathBuf>,
    /// Take in the corpus built into the program, too
    #[arg(long)]
    pub(crate) builtin: bool,
}

/// A positive, finite number.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("give a positive number, such as 0.01".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_help() {
        let cli = Cli::parse_from(["callprint", "scan", "a.wav"]);
        let Command::Scan(scan) = cli.command else { panic!("not a scan") };
        assert_eq!(scan.max_far, 0.01);
        assert_eq!(scan.format, Format::Text);
        assert!(!scan.all && !scan.fail_if_none && !scan.raw.is_given() && scan.index.is_none());
    }

    #[test]
    fn false_alarm_rates_must_be_positive_and_finite() {
        for bad in ["0", "-1", "nan", "inf", "", "one"] {
            assert!(positive(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(positive("1e-4"), Ok(1e-4));
    }
}
