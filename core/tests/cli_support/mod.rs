//! Running the built program, and audio to run it on.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The program that cargo built for this test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_callprint");

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The lines of standard output as JSON objects.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Asserts that `path` was refused, in one line of standard error that says `words`, with status 2.
    pub(crate) fn assert_refused(&self, path: &Path, words: &str) {
        let start = format!("callprint: {}: ", path.display());
        let lines: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with(&start)).collect();
        assert_eq!(lines.len(), 1, "not one line that starts with {start:?}: {self:?}");
        let line = lines[0].to_lowercase();
        assert!(line.contains(words), "{words:?} is not in {line:?}");
        assert!(!line.contains("panicked") && !line.contains("os error"), "{line}");
        assert_eq!(self.status, Some(2), "{self:?}");
    }

    /// Asserts status 0.
    pub(crate) fn assert_done(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:?}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        }
    }
}

/// The program with these arguments, nothing on standard input and nothing in the environment that colours output.
pub(crate) fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program with these arguments.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    command(args).output().expect("the program starts").into()
}

/// Runs the program with these arguments and `input` on standard input, which is closed after it.
pub(crate) fn run_with_input<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, input: &[u8]) -> Ran {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // The program may refuse its arguments without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends").into()
}

/// Runs a line of `sh` in which `$0` is the program and `$1`… are `args`.
pub(crate) fn run_in_shell<A: AsRef<OsStr>>(line: &str, args: impl IntoIterator<Item = A>) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-c", line, PROGRAM]).args(args).stdin(Stdio::null());
    command.output().expect("sh starts").into()
}

/// Runs a line of `sh` on a terminal of its own, in which `$CALLPRINT` is the program. What it writes to the terminal, by
/// whichever stream, is `stdout`.
pub(crate) fn run_on_terminal(line: &str) -> Ran {
    // `script` is a part of util-linux.
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).stdin(Stdio::null());
    command.env_remove("NO_COLOR").envs([("CALLPRINT", PROGRAM), ("TERM", "xterm"), ("SHELL", "/bin/sh")]);
    command.output().expect("`script` starts").into()
}

/// A WAV file of 16-bit samples in `folder`; `frames` are interleaved.
pub(crate) fn write_wav(folder: &Path, name: &str, rate: u32, channels: u16, frames: &[i16]) -> PathBuf {
    let path = folder.join(name);
    let spec =
        hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&path, spec).expect("a WAV file");
    for &sample in frames {
        writer.write_sample(sample).expect("a sample");
    }
    writer.finalize().expect("a whole WAV file");
    path
}

/// A WAV file of 32-bit float samples, mono, 8 kHz.
pub(crate) fn write_float_wav(folder: &Path, name: &str, samples: &[f32]) -> PathBuf {
    let path = folder.join(name);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("a WAV file");
    for &sample in samples {
        writer.write_sample(sample).expect("a sample");
    }
    writer.finalize().expect("a whole WAV file");
    path
}

/// A folder of the corpus that comes with the sources.
pub(crate) fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(folder)
}

/// Clips of five scripts in two languages, among them two renderings of one script.
pub(crate) const CLIPS: [&str; 6] = [
    "dental-01__taco.flac",
    "dental-02__fs2.flac",
    "loan-01__fs2.flac",
    "settle-01__fs2high.flac",
    "settle-01__taco.flac",
    "warranty-01__joe.flac",
];

/// The paths of [`CLIPS`].
pub(crate) fn clips() -> Vec<PathBuf> {
    CLIPS.iter().map(|name| corpus("renderings").join(name)).collect()
}

/// An index of [`CLIPS`], built once.
pub(crate) fn index() -> &'static Path {
    static INDEX: OnceLock<PathBuf> = OnceLock::new();
    INDEX.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}.cpi", std::process::id()));
        build_index(&path).assert_done();
        path
    })
}

/// Builds an index of [`CLIPS`] with the labels of the corpus.
pub(crate) fn build_index(path: &Path) -> Ran {
    let mut args = vec!["index".into(), "build".into(), "-o".into(), path.to_owned()];
    args.extend(["--scripts".into(), corpus("scripts.tsv")]);
    args.extend(clips());
    run(args)
}

/// The samples of a clip of the corpus at 8 kHz.
pub(crate) fn samples(name: &str) -> Vec<f32> {
    let path = corpus("renderings").join(name);
    callprint::audio::read_channels_8k(path, 600.0).expect("a clip of the corpus").swap_remove(0)
}

/// Samples as 16-bit integers.
pub(crate) fn to_i16(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32767.0).round() as i16).collect()
}

/// The samples of all bytes of G.711, for [`g711`].
pub(crate) const ULAW: &[u8] = include_bytes!("../data/g711-ulaw.s16le");
pub(crate) const ALAW: &[u8] = include_bytes!("../data/g711-alaw.s16le");

/// The byte of a G.711 code that comes nearest to a sample; `table` has the 256 samples of the code.
pub(crate) fn g711(table: &[u8], sample: f32) -> u8 {
    let value = |code: &u8| i16::from_le_bytes([table[2 * usize::from(*code)], table[2 * usize::from(*code) + 1]]);
    (0..=255).min_by_key(|code| (i32::from(value(code)) - (sample * 32767.0) as i32).abs()).expect("a byte")
}

/// A recording that holds a clip of the corpus after a second of silence: `CLIPS[number]`.
pub(crate) fn write_call(folder: &Path, name: &str, number: usize) -> PathBuf {
    let mut call = vec![0; 8000];
    call.extend(to_i16(&samples(CLIPS[number])));
    write_wav(folder, name, 8000, 1, &call)
}

/// The names of all files in a folder, sorted.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
