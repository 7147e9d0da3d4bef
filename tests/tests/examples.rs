//! The Rust examples run and say what they should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{
    fs::File,
    path::PathBuf,
    process::{Command, Stdio},
};

use end_to_end::{corpus, program, root};
use tempfile::TempDir;

/// A built example: cargo puts them beside the program, together with the tests of the workspace.
fn example(name: &str) -> Command {
    let folder = program().parent().unwrap().join("examples");
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not there: run `cargo build -p callprint-examples --examples`", path.display());
    let mut command = Command::new(path);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn scan_file_names_the_script_and_nothing_for_a_person() {
    let said = output(example("scan_file").args(["corpus/samples/dental-gsm.wav", "corpus/samples/human.flac"]));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("corpus/samples/dental-gsm.wav: dental-01 (dental-implant)"), "{said}");
    assert!(lines.last().unwrap().starts_with("corpus/samples/human.flac: no known script"), "{said}");
}

#[test]
fn build_index_makes_an_index_that_finds_its_clips() {
    let folder = TempDir::new().unwrap();
    let index: PathBuf = folder.path().join("mine.cpi");
    let clips = ["renderings/dental-01__taco.flac", "renderings/loan-02__fs2.flac"].map(corpus);
    let said = output(example("build_index").arg("corpus/samples/loan-amr.flac").arg(&index).args(clips));
    assert!(said.contains("2 scripts, 2 renderings") && said.contains("loan-02__fs2 at "), "{said}");
    assert!(index.is_file());
}

#[test]
fn stream_hears_in_pieces_what_the_file_holds() {
    let folder = TempDir::new().unwrap();
    let raw = folder.path().join("call.s16le");
    let samples = end_to_end::clip(corpus("samples/dental-gsm.wav"));
    let bytes: Vec<u8> = samples.iter().flat_map(|s| ((s * 32767.0) as i16).to_le_bytes()).collect();
    std::fs::write(&raw, bytes).unwrap();
    let said = output(example("stream").stdin(File::open(raw).unwrap()));
    assert!(said.contains("answered") && said.contains("match  dental-01 (") && said.ends_with("ended\n"), "{said}");
}
