//! The transcript in the README is what the program says.
//!
//! After a change of the output, `CALLPRINT_UPDATE_README=1 cargo test --release --workspace --test readme` brings it up to date.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{collections::BTreeMap, env, fs};

use end_to_end::{root, run};

/// The first line of the block of code that holds the transcript.
const START: &str = "```console\n$ cargo run --release -- scan corpus/samples\n";

/// The first word of a paragraph: the file that it reports.
fn file(paragraph: &str) -> &str {
    paragraph.split_whitespace().next().unwrap()
}

#[test]
fn the_transcript_is_what_the_program_says() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(START).expect("a transcript in the README");
    let (transcript, after) = rest.split_once("```").unwrap();

    let said = run(["scan", "corpus/samples"]);
    let said: BTreeMap<&str, &str> = said.trim_end().split("\n\n").map(|p| (file(p), p.trim_end())).collect();
    let paragraphs = transcript.trim_end().split("\n\n");
    let now = paragraphs.map(|p| said[file(p)]).collect::<Vec<_>>().join("\n\n") + "\n";
    if env::var_os("CALLPRINT_UPDATE_README").is_some() {
        fs::write(&path, [before, START, &now, "```", after].concat()).unwrap();
    } else {
        assert_eq!(transcript, now, "see the head of this file");
    }
}
