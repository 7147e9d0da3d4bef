//! `callprint features` as a user runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]
#![cfg(feature = "cli")]

use std::{
    path::Path,
    process::{Command, Output},
};

use callprint::prosody::{FEATURES, LLD_NAMES};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

fn features(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_callprint")).arg("features").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a stereo file (200 Hz and 100 Hz pulses, 1 s), and a text file that calls itself audio.
fn recordings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let format = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(folder.path().join("call.wav"), format).unwrap();
    for n in 0..16_000 {
        for period in [80, 160] {
            // Two samples wide: half the energy lies below 4 kHz.
            writer.write_sample(if n % period < 2 { 10_000i16 } else { 0 }).unwrap();
        }
    }
    writer.finalize().unwrap();
    std::fs::write(folder.path().join("text.wav"), "this is no audio").unwrap();
    folder
}

#[test]
fn each_channel_has_a_row() {
    let folder = recordings();
    let output = features(folder.path(), &["call.wav"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let header = reader.headers().unwrap().clone();
    let names: Vec<&str> = header.iter().collect();
    assert_eq!(names[..4], ["file", "channel", "start", "end"]);
    assert!(names[4..].iter().copied().eq(FEATURES.iter().map(|feature| feature.name)));
    let mean = names.iter().position(|&name| name == "F0pitch_amean").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 2);
    for (row, (channel, f0)) in rows.iter().zip([("left", 200.0f64), ("right", 100.0)]) {
        assert_eq!([&row[0], &row[1], &row[2], &row[3]], ["call.wav", channel, "0", "1"]);
        let semitones: f64 = row[mean].parse().unwrap();
        assert!((semitones - 12.0 * (f0 / 27.5).log2()).abs() < 0.05, "{channel}: {semitones}");
    }
}

/// The left speaks from 1 to 3 s and from 5 to 6 s, the right from 3.4 to 4.8 s: each answers the other.
#[test]
fn two_channels_take_turns_and_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, channels: u16| {
        let format = hound::WavSpec {
            channels,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(folder.path().join(name), format).unwrap();
        for n in 0..7 * 8000 {
            let t = f64::from(n) / 8000.0;
            let speaks = [(1.0..3.0).contains(&t) || (5.0..6.0).contains(&t), (3.4..4.8).contains(&t)];
            for speaks in speaks.into_iter().take(usize::from(channels)) {
                let hum = if n % 2 == 0 { 3 } else { -3 };
                writer.write_sample(if speaks && n % 50 < 10 { 8_000i16 } else { hum }).unwrap();
            }
        }
        writer.finalize().unwrap();
    };
    write("call.wav", 2);
    write("mono.wav", 1);
    let output = features(folder.path(), &["call.wav", "mono.wav", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let latency = |row: &serde_json::Value| row["responseLatencySec_amean"].as_f64();
    assert!((latency(&rows[0]).unwrap() - 0.2).abs() < 0.03, "{:?}", latency(&rows[0]));
    assert!((latency(&rows[1]).unwrap() - 0.4).abs() < 0.03, "{:?}", latency(&rows[1]));
    assert_eq!(rows[0]["overlapShare"].as_f64(), Some(0.0));
    assert_eq!(latency(&rows[2]), None);
}

#[test]
fn descriptors_come_each_ten_milliseconds() {
    let folder = recordings();
    let output = features(folder.path(), &["call.wav", "--lld", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 200);
    let left: Vec<_> = rows.iter().filter(|row| row["channel"] == "left").collect();
    assert_eq!(left.len(), 100);
    assert!(LLD_NAMES.iter().all(|&name| left[50].get(name).is_some()));
    assert!((left[50]["time"].as_f64().unwrap() - 0.505).abs() < 1e-9);
    assert!((left[50]["F0_Hz"].as_f64().unwrap() - 200.0).abs() < 0.5);
}

#[test]
fn bad_files_are_reported_and_skipped() {
    let folder = recordings();
    let output = features(folder.path(), &[".", "missing.wav", "-o", "table.parquet"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(errors.contains("text.wav") && errors.contains("missing.wav"), "{errors}");
    let file = std::fs::File::open(folder.path().join("table.parquet")).unwrap();
    assert_eq!(SerializedFileReader::new(file).unwrap().metadata().file_metadata().num_rows(), 2);
}

#[test]
fn a_table_appears_whole_or_not_at_all() {
    let folder = recordings();
    std::fs::write(folder.path().join("table.csv"), "what was here").unwrap();
    let output = features(folder.path(), &["text.wav", "-o", "table.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read(folder.path().join("table.csv")).unwrap(), b"what was here");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a temporary file was left");

    assert!(features(folder.path(), &["call.wav", "-o", "table.csv"]).status.success());
    assert!(std::fs::read_to_string(folder.path().join("table.csv")).unwrap().starts_with("file,channel,start,end,"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a temporary file was left");
}

/// The system refuses to write more than a few blocks to a file, as a full disk does.
#[cfg(unix)]
#[test]
fn a_table_without_room_leaves_what_was_there() {
    let folder = recordings();
    for name in ["frames.csv", "frames.parquet", "frames.jsonl"] {
        std::fs::write(folder.path().join(name), "what was here").unwrap();
        let line = "trap '' XFSZ; ulimit -f 4; exec \"$0\" features call.wav --lld -o \"$1\"";
        let output = Command::new("sh")
            .args(["-c", line, env!("CARGO_BIN_EXE_callprint"), name])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let errors = text(&output.stderr);
        assert!(errors.contains("no space left to write it") && errors.contains("nothing was changed"), "{errors}");
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), b"what was here");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a temporary file was left");
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
}

/// Whoever made the pipe reads the table as it comes.
#[cfg(unix)]
#[test]
fn a_named_pipe_is_written_into() {
    let folder = recordings();
    let line = "mkfifo table.csv && { cat table.csv > read & } && \"$0\" features call.wav -o table.csv; status=$?; wait; \
                test -p table.csv && exit $status";
    let output = Command::new("sh")
        .args(["-c", line, env!("CARGO_BIN_EXE_callprint")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = std::fs::read_to_string(folder.path().join("read")).unwrap();
    assert!(read.starts_with("file,channel,start,end,") && read.lines().count() == 3, "{read}");
}

#[cfg(unix)]
#[test]
fn a_table_behind_a_link_is_written_where_it_leads() {
    let folder = recordings();
    std::os::unix::fs::symlink("real.csv", folder.path().join("table.csv")).unwrap();
    assert!(features(folder.path(), &["call.wav", "-o", "table.csv"]).status.success());
    assert!(std::fs::symlink_metadata(folder.path().join("table.csv")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(folder.path().join("real.csv")).unwrap().starts_with("file,channel"));
}

/// What a writer that was killed left goes when the next one comes by, as with indexes.
#[test]
fn what_an_interrupted_table_left_is_tidied() {
    let folder = recordings();
    let left = folder.path().join(".callprint-killed.tmp");
    let file = std::fs::File::create(&left).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    drop(file);
    assert!(features(folder.path(), &["call.wav", "-o", "table.csv"]).status.success());
    assert!(!left.exists());
}

#[test]
fn a_damaged_file_leaves_no_descriptors() {
    let folder = recordings();
    let bytes = std::fs::read(folder.path().join("call.wav")).unwrap();
    std::fs::write(folder.path().join("cut.wav"), &bytes[..bytes.len() / 2]).unwrap();
    let output = features(folder.path(), &["cut.wav", "call.wav", "--lld"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).lines().skip(1).all(|line| line.starts_with("call.wav,")));
    let output = features(folder.path(), &["cut.wav", "--lld", "--salvage"]);
    assert!(text(&output.stdout).lines().nth(1).is_some_and(|line| line.starts_with("cut.wav,")));
}

#[test]
fn a_table_of_unknown_form_or_in_no_folder_is_refused() {
    let folder = recordings();
    for (name, advice) in [("table.xlsx", ".csv, .parquet or .jsonl"), ("nowhere/table.csv", "make the folder first")] {
        let output = features(folder.path(), &["call.wav", "-o", name]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(advice), "{}", text(&output.stderr));
    }
}

#[test]
fn the_catalogue_can_be_listed() {
    let output = features(Path::new("."), &["--list", "--format", "json"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout).lines().count(), FEATURES.len());
}
