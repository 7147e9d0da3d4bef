//! Compares the prosody features with Praat, openSMILE and librosa: same audio, one run.
//!
//! ```text
//! cargo run --release -p benches --bin prosody-peers -- [--audio DIR]... [--minutes M] [--json]
//! ```
//!
//! Sets itself up below `target/prosody-peers`: a Python environment with the peers, and, unless `--audio` names folders of
//! other recordings, Debian's recorded prompts of two voices (asterisk-core-sounds-en-wav and -it-wav).
//!
//! - **F0** against Praat's `To Pitch (ac)` (75-600 Hz, 10 ms): of the frames both call voiced, the share more than 20 % apart and
//!   the median distance in cents; of all frames, the share in which the voicing decisions differ. Clips are cut so that both
//!   programs' frames have the same centres.
//! - **eGeMAPSv02** against openSMILE on 100 clips: for each functional that both compute, Pearson's correlation over the clips.
//! - **Speed**: audio over processor time on one thread, samples in memory, and our speed over the peer's.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Result;
use benches::prosody::{self, Measures, Options};
use clap::Parser;
use std::path::PathBuf;

/// Compares F0 and functionals with Praat, openSMILE and librosa on the same audio.
#[derive(Debug, Parser)]
#[command(name = "prosody-peers")]
struct Args {
    /// A folder of recordings of one voice (any audio files); may be given again. [default: Debian's English and Italian prompts]
    #[arg(long, value_name = "DIR")]
    audio: Vec<PathBuf>,
    /// Audio of each voice that is used at most, minutes.
    #[arg(long, value_name = "M", default_value_t = 12.0)]
    minutes: f64,
    /// Print one JSON object as the last line instead of the tables.
    #[arg(long)]
    json: bool,
    /// Write every functional of every clip, ours and openSMILE's, as TSV.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prosody-peers: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let options = Options { folders: args.audio.clone(), seconds: args.minutes * 60.0, dump: args.dump.clone() };
    let measures = prosody::measure(&options)?;
    if args.json {
        println!("{}", serde_json::to_string(&measures)?);
    } else {
        print(&measures);
    }
    Ok(())
}

fn print(measures: &Measures) {
    println!("F0 against Praat's To Pitch (ac)");
    println!("voice                      minutes  gross error  median cents  voicing differs");
    for (voice, f0) in &measures.by_voice {
        println!(
            "{voice:<26} {:>7.1}  {:>10.3} %  {:>12.2}  {:>13.2} %",
            f0.minutes,
            100.0 * f0.gross_error,
            f0.median_cents,
            100.0 * f0.voicing_disagreement
        );
    }
    println!("\ncorrelation with openSMILE's eGeMAPSv02 over {} clips", measures.egemaps_clips);
    let by_name: &BTreeMap<String, f64> = &measures.egemaps;
    for (name, r) in by_name {
        println!("  {name:<52} {r:>6.3}");
    }
    println!("  {:<52} {:>6.3}", "mean", measures.egemaps_correlation);
    println!("\nx real time on one thread");
    for (name, speed) in &measures.speeds {
        println!("  {name:<34} {speed:>8.0}");
    }
    println!("  {:<34} {:>8.1}", "whole set / openSMILE", measures.speed_ratio_opensmile);
    println!("  {:<34} {:>8.1}", "F0 alone / Praat", measures.speed_ratio_praat_f0);
    let versions: Vec<String> = measures.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    println!("\n{}", versions.join(", "));
}
