//! `callprint features`: prosody of recordings as a table.

use std::path::PathBuf;

use clap::Args;

use crate::{
    console::Console,
    exit::{Failure, Status},
};

/// Measure prosody: pitch, voicing, energy, pauses, speech rate
#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// Audio files or folders (with all below them)
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Table to write, .csv or .parquet [default: CSV on standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &FeaturesArgs, console: &Console) -> Result<Status, Failure> {
    let _ = (&args.paths, &args.output, console);
    Err(Failure::new("`features` is not part of this build yet"))
}
