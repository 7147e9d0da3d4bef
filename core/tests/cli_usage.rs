//! The command line itself: help, version, completions, and the exit status after a usage error.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use cli_support::{run, run_in_shell, run_on_terminal, run_with_input};

#[test]
fn help_and_version_go_to_standard_output_with_status_0() {
    for args in [&["--help"][..], &["scan", "--help"], &["index", "build", "--help"], &["features", "--help"]] {
        let ran = run(args).assert_done();
        assert!(ran.stdout.contains("Usage: callprint") && ran.stderr.is_empty(), "{ran:?}");
    }
    for args in [&["--help"][..], &["scan", "--help"], &["index", "--help"], &["index", "build", "--help"]] {
        assert!(run(args).stdout.contains("Examples:\n"), "{args:?} teaches nothing");
    }
    let version = run(["--version"]).assert_done().stdout;
    assert_eq!(version, format!("callprint {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_have_status_2_and_leave_standard_output_empty() {
    for args in [
        &[][..],
        &["scam", "a.wav"],
        &["scan"],
        &["scan", "a.wav", "--no-such-option"],
        &["scan", "a.wav", "--format", "xml"],
        &["scan", "a.wav", "--max-far", "0"],
        &["scan", "a.wav", "--max-far", "-1"],
        &["scan", "a.wav", "--max-far", "nan"],
        &["scan", "a.wav", "--jobs", "0"],
        &["scan", "-", "--rate", "999"],
        &["scan", "-", "--channels", "0"],
        &["scan", "-", "--channels", "33"],
        &["scan", "-", "--encoding", "mp3"],
        &["scan", "a.wav", "--quiet", "--verbose"],
        &["index"],
        &["index", "build", "clips"],
        &["index", "build", "-o", "x.cpi"],
        &["index", "remove", "x.cpi"],
        &["index", "merge", "-o", "x.cpi"],
        &["index", "list", "a.cpi", "--index", "b.cpi"],
        &["completions", "no-such-shell"],
    ] {
        let ran = run(args);
        assert_eq!(ran.status, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn options_that_cannot_go_together_say_what_to_do() {
    for command in ["scan", "features"] {
        let ran = run([command, "a.wav", "--rate", "8000"]);
        assert_eq!(ran.status, Some(2));
        assert!(ran.stderr.contains("give `-` as a path"), "{ran:?}");
        let ran = run_with_input([command, "-", "-"], b"");
        assert_eq!(ran.status, Some(2));
        assert!(ran.stderr.contains("only once"), "{ran:?}");
    }
}

/// Who types `callprint scan -` and waits would wait for ever.
#[cfg(target_os = "linux")]
#[test]
fn audio_is_not_read_from_a_terminal() {
    for command in ["scan", "features"] {
        let ran = run_on_terminal(&format!("\"$CALLPRINT\" {command} -"));
        assert_eq!(ran.status, Some(2), "{ran:?}");
        assert!(ran.stdout.contains("standard input is a terminal; pipe raw PCM into it"), "{ran:?}");
    }
}

#[test]
fn completions_are_scripts_of_their_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(["completions", shell]).assert_done().stdout.contains("callprint"), "{shell}");
    }
    run_in_shell("\"$0\" completions bash | bash -n", [""; 0]).assert_done();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let ran = run_in_shell("{ \"$0\" completions bash; echo $? >&2; } | true", [""; 0]);
    assert_eq!(ran.stderr, "0\n");
}
