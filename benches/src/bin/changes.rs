//! `changes DIR`: the onsets of each call at which a person may have taken over from a machine, with their measures, as JSON
//! lines: what `corpus/training/change_fit.py` fits the change of voice on.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result};
use benches::labels::{audio_path, read_calls};
use callprint::{
    audio::read_channels_8k,
    prosody::{Candidate, MEASURE_NAMES, VoiceJudge},
    signal::{ActivityGate, Framer},
};
use clap::Parser;
use rayon::prelude::*;

/// Prints the candidates.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder laid out like the labelled set.
    folder: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let calls = read_calls(&arguments.folder)?.context("no calls.tsv")?;
    let lines: Vec<String> = calls
        .par_iter()
        .map(|call| -> Result<String> {
            let path = audio_path(&arguments.folder.join("calls"), &call.id)?;
            let samples = read_channels_8k(path, 600.0)?.remove(0);
            let (mut judge, mut framer, mut gate) = (VoiceJudge::new(), Framer::new(), ActivityGate::new());
            let mut found = Vec::new();
            for part in samples.chunks(80) {
                framer.push(part, |power| judge.activity(&gate.push(power)));
                judge.push_with(part, |c| found.push(*c));
            }
            judge.finish_with(|c| found.push(*c));
            // What is not finite becomes null.
            let candidate =
                |c: &Candidate| serde_json::json!({"at": c.at, "log_odds": c.log_odds, "measures": c.measures});
            let found: Vec<_> = found.iter().map(candidate).collect();
            Ok(serde_json::json!({
                "id": call.id, "kind": call.kind, "condition": call.condition, "seconds": call.seconds,
                "handover": call.handover, "onset": call.script_onset, "known": call.truth.is_some(),
                "candidates": found, "names": MEASURE_NAMES,
            })
            .to_string())
        })
        .collect::<Result<_>>()?;
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
