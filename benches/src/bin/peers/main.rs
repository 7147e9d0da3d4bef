//! `peers`: searches over binary codes, side by side with faiss and usearch in one run.
//!
//! Makes codes with the statistics of real ones (see `benches::binary_codes`), hands them to the peers through files, and has
//! both search turn and turn about. Times of one thread are CPU times, those of two are by the clock; each is the best of
//! the repeats. faiss and usearch are installed into a virtual environment of their own under `target/`.

mod approximate;
mod exhaustive;
mod python;

use anyhow::{Context, Result};
use benches::binary_codes::corpus_codes;
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use approximate::Approximate;
use exhaustive::Exhaustive;
use python::Python;

/// Compares callprint's searches over binary codes with those of faiss and usearch.
#[derive(Debug, Parser)]
struct Arguments {
    /// Codes of 256 bits for the exhaustive searches (1.1 KB of memory for ten).
    #[arg(long, default_value_t = 10_000_000)]
    codes: usize,
    /// Codes of 128 bits for the approximate searches; 0 for none.
    #[arg(long, default_value_t = 1_000_000)]
    approximate_codes: usize,
    /// How often each is measured; the best counts.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Report {
    simd: &'static str,
    peers: Value,
    exhaustive: Exhaustive,
    approximate: Vec<Approximate>,
}

/// Codes and queries in files, for the peers.
#[derive(Debug)]
struct Files(TempDir);

impl Files {
    fn write(&self, name: &str, codes: &[u8], queries: &[u8]) -> Result<()> {
        for (ending, bytes) in [("codes", codes), ("queries", queries)] {
            let path = self.0.path().join(format!("{name}.{ending}"));
            std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// The command that loads them.
    fn load(&self, name: &str, width: usize) -> Value {
        let path = |ending: &str| self.0.path().join(format!("{name}.{ending}"));
        json!({"do": "load", "name": name, "codes": path("codes"), "queries": path("queries"), "width": width})
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut python = Python::start()?;
    let peers = python.ask(&json!({"do": "versions"}))?;
    let corpus = corpus_codes()?;
    let files = Files(TempDir::new()?);
    let repeats = arguments.repeats.max(1);
    let exhaustive = exhaustive::measure(&corpus, arguments.codes.max(1), repeats, &files, &mut python)?;
    let approximate = if arguments.approximate_codes > 0 {
        approximate::measure(&corpus, arguments.approximate_codes, repeats, &files, &mut python)?
    } else {
        Vec::new()
    };
    let report = Report { simd: callprint::simd_level().name(), peers, exhaustive, approximate };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    let Report { simd, peers, exhaustive: e, approximate } = report;
    println!("callprint with {simd}; {peers}\n");
    println!("Nearest of {} codes of {} bits, 10^9 codes/s     callprint    faiss    ratio", e.codes, e.bits);
    let line = |name: &str, pair: &exhaustive::Pair| {
        println!("  {name:<52} {:9.2} {:8.2} {:8.2}", pair.callprint, pair.faiss, pair.ratio);
    };
    line("one query", &e.single);
    line("64 queries, one thread", &e.batch);
    line("64 queries, two threads", &e.two_threads);
    println!("  {:<52} {:9.2} {:8.2}", "two threads against one, by the clock", e.scaling, e.scaling_faiss);
    println!("  reading memory: {:.1} GB/s, {:.2} x 10^9 codes/s; one query gets {:.0} %", e.read_gb_per_s, e.read, {
        100.0 * e.bandwidth_share
    });
    println!("  popcnt word by word in the first-level cache: {:.2} x 10^9 codes/s", e.popcnt);
    if approximate.is_empty() {
        return;
    }
    println!("\nNearest of 128-bit codes with 20 % bit errors      effort    recall   queries/s");
    for row in approximate {
        let effort = row.effort.map_or_else(String::new, |effort| effort.to_string());
        println!("  {:<46} {effort:>8} {:9.3} {:11.0}", row.who, row.recall, row.queries_per_s);
    }
}
