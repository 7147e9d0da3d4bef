//! What goes into the crates that others get.

#![allow(clippy::unwrap_used, reason = "a failed helper fails the test")]

use std::process::Command;

use end_to_end::root;

/// The files of a crate as cargo packs it.
fn packed(package: &str) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--offline", "--package", package]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{package}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Both licences ask that whoever passes the work on passes their text on, too.
#[test]
fn each_crate_carries_its_licences() {
    for package in ["callprint", "callprint-corpus"] {
        let files = packed(package);
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(files.iter().any(|file| file == licence), "{package} without {licence}: {files:?}");
        }
    }
}

#[test]
fn the_corpus_crate_carries_what_it_embeds_and_says_whose_it_is() {
    let mut files = packed("callprint-corpus");
    files.retain(|file| !file.starts_with("Cargo.") && !file.starts_with('.'));
    let wanted =
        ["LICENSE-APACHE", "LICENSE-MIT", "LICENSES.md", "README.md", "callprint.cpi", "scripts.tsv", "src/lib.rs"];
    assert_eq!(files, wanted);
}
