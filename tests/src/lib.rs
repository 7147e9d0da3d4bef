//! What the end-to-end tests share: where things lie, running the program, the labels of the sample calls.
//!
//! The tests use callprint as its users do: through the built program and through the library's public items, on the
//! corpus as it is checked in. Bad input and the single options of the program are tested beside its source, in
//! `core/tests`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use callprint::audio::{Block, Encoding, Format, PcmSource, Source};
use serde_json::Value;

/// The root of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package lies in the repository").to_owned()
}

/// A file or folder of the corpus.
pub fn corpus(path: &str) -> PathBuf {
    root().join("corpus").join(path)
}

/// The renderings of the corpus, sorted by name.
pub fn renderings() -> Vec<PathBuf> {
    let found = callprint::audio::find_audio(&corpus("renderings")).expect("corpus/renderings");
    assert!(found.len() >= 100, "corpus/renderings holds {} files", found.len());
    found
}

/// The samples of the first channel of a file at 8 kHz.
pub fn clip(path: impl AsRef<Path>) -> Vec<f32> {
    callprint::audio::read_channels_8k(path, 120.0).expect("audio of the corpus").swap_remove(0)
}

/// Samples as bytes of a G.711 law, the nearest that it has, and the values that these stand for.
pub fn g711(law: Encoding, samples: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let bytes: Vec<u8> = (0..=255).collect();
    let format = Format { sample_rate: 8000, channels: 1 };
    let mut source = PcmSource::new("all bytes", &bytes[..], law, format).expect("a format");
    let mut block = Block::default();
    assert!(source.next_block(&mut block).expect("samples") && block.frames() == 256, "all bytes in a block");
    let mut values: Vec<(f32, u8)> = block.channels[0].iter().copied().zip(bytes).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = |&sample: &f32| {
        let at = values.partition_point(|&(value, _)| value < sample).clamp(1, 255);
        let (below, above) = (values[at - 1], values[at]);
        if sample - below.0 < above.0 - sample { below } else { above }
    };
    samples.iter().map(nearest).map(|(value, byte)| (byte, value)).unzip()
}

/// White noise without end, uniform in [-1, 1] (5 dB under full scale), the same in each run (a linear congruence; Knuth, "The art of
/// computer programming", vol. 2, 3.3.4).
pub fn noise() -> impl Iterator<Item = f32> {
    let next = |state: u32| state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    std::iter::successors(Some(1u32), move |&state| Some(next(state)))
        .map(|state| 2.0 * (state as f32 / u32::MAX as f32) - 1.0)
}

/// The `callprint` program of the profile that the tests were built in; `CALLPRINT` names another.
///
/// # Panics
/// Where it has not been built. Cargo builds it together with the tests of its own package (`cargo test --workspace`), but
/// does not for the tests of this package alone.
pub fn program() -> PathBuf {
    let beside = || {
        let test = env::current_exe().expect("the path of this test");
        // target/PROFILE/deps/TEST
        test.ancestors().nth(2).expect("a target folder").join(format!("callprint{}", env::consts::EXE_SUFFIX))
    };
    let program = env::var_os("CALLPRINT").map_or_else(beside, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `cargo build -p callprint` first", program.display());
    program
}

/// The program with these arguments, run in the root of the repository, standard input empty, no colours.
pub fn command<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program());
    command.args(args).current_dir(root()).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// Runs the program to its end, which must be good, and gives its standard output.
///
/// # Panics
/// Where the program can't be run, or ends with another status than 0.
pub fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> String {
    let output = command(args).output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8 on standard output")
}

/// The objects of JSON Lines.
///
/// # Panics
/// Where a line is no JSON.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// What is true of a sample call: a line of `corpus/samples/samples.tsv`.
#[derive(Debug, Clone)]
pub struct Sample {
    /// File name in `corpus/samples`.
    pub file: String,
    /// The script that plays; `None` where nothing known does.
    pub robot: Option<Robot>,
    /// How the call differs from the rendering (codec, noise, speed).
    pub condition: String,
}

/// The robot in a sample call.
#[derive(Debug, Clone)]
pub struct Robot {
    /// Script that plays.
    pub script: String,
    /// Channel in which it plays, from 0.
    pub channel: u64,
    /// Where it begins in the recording, s.
    pub onset: f64,
    /// Where it stops, s.
    pub end: f64,
}

/// The labels of all sample calls.
///
/// # Panics
/// Where the table is not as `corpus/README.md` says.
pub fn samples() -> Vec<Sample> {
    let path = corpus("samples/samples.tsv");
    let mut table = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(path).expect("samples.tsv");
    let header = table.headers().expect("a header line").clone();
    let rows = table.records().map(|row| {
        let row = row.expect("a row of text");
        let cell = |name: &str| {
            let column = header.iter().position(|column| column == name).unwrap_or_else(|| panic!("column {name}"));
            row.get(column).expect("a cell").to_owned()
        };
        let seconds = |name: &str| cell(name).parse().unwrap_or_else(|_| panic!("seconds in column {name}"));
        let robot = (cell("script") != "-").then(|| Robot {
            script: cell("script"),
            channel: cell("channel").parse().expect("a channel number"),
            onset: seconds("script_onset"),
            end: seconds("script_end"),
        });
        Sample { file: cell("file"), robot, condition: cell("condition") }
    });
    rows.collect()
}
