//! The `callprint` program: recognises scripted robot calls in recordings.
//!
//! Results go to standard output, everything else to standard error. The exit status is 0 when the work is done, 1 when
//! nothing matched and `--fail-if-none` was given, 2 after a usage or input error.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod args;
mod console;
mod exit;
mod features;
mod index;
mod input;
mod listen;
mod output;
mod pool;
mod salvage;
mod scan;
mod tally;
mod wording;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use console::Console;
use exit::{Failure, Status};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(&cli.common);
    let result = match &cli.command {
        Command::Scan(args) => scan::run(args, cli.common.color, &console),
        Command::Index(args) => index::run(&args.command, &console),
        Command::Features(args) => features::run(args, &console),
        Command::Listen(args) => listen::run(args, cli.common.color, &console),
        Command::Words(args) => wording::run(args, &console),
        Command::Completions { shell } => completions(*shell),
    };
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            console.failure(&failure);
            Status::Failed.into()
        }
    }
}

/// Prints a completion script for `shell`.
fn completions(shell: clap_complete::Shell) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "callprint", &mut script);
    output::print(&script)?;
    Ok(Status::Done)
}
