//! `peers`: searches over binary codes, side by side with faiss and usearch in one run.
//!
//! Makes codes with the statistics of real ones (see `benches::binary_codes`), hands them to the peers through files, and has
//! both search turn and turn about. Times of one thread are CPU times, those of two are by the clock; each is the best of
//! the repeats. faiss and usearch are installed into a virtual environment of their own under `target/`.

mod approximate;
mod exhaustive;
mod python;
mod sequences;

use anyhow::{Context, Result};
use benches::binary_codes::corpus_codes;
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use approximate::Approximate;
use exhaustive::Exhaustive;
use python::Python;
use sequences::Sequences;

/// Compares callprint's searches over binary codes with those of faiss and usearch.
#[derive(Debug, Parser)]
struct Arguments {
    /// Codes of 256 bits for the exhaustive searches, 0 for none (130 bytes of memory each).
    #[arg(long, default_value_t = 10_000_000)]
    codes: usize,
    /// Codes of 128 bits for the approximate searches; 0 for none.
    #[arg(long, default_value_t = 1_000_000)]
    approximate_codes: usize,
    /// Renderings of 12 s for the search of 3 s of audio; 0 for none.
    #[arg(long, default_value_t = 4000)]
    renderings: usize,
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
    exhaustive: Option<Exhaustive>,
    approximate: Vec<Approximate>,
    sequences: Vec<Sequences>,
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
    let exhaustive = match arguments.codes {
        0 => None,
        codes => Some(exhaustive::measure(&corpus, codes, repeats, &files, &mut python)?),
    };
    let approximate = match arguments.approximate_codes {
        0 => Vec::new(),
        codes => approximate::measure(&corpus, codes, repeats, &files, &mut python)?,
    };
    let sequences = match arguments.renderings {
        0 => Vec::new(),
        renderings => sequences::measure(renderings, repeats, &files, &mut python)?,
    };
    let report = Report { simd: callprint::simd_level().name(), peers, exhaustive, approximate, sequences };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("callprint with {}; {}", report.simd, report.peers);
    if let Some(exhaustive) = &report.exhaustive {
        print_exhaustive(exhaustive);
    }
    if !report.approximate.is_empty() {
        println!("\nNearest of 128-bit codes, 20 % bit errors           effort    recall   queries/s");
        for row in &report.approximate {
            print_row(row.who, row.effort, row.recall, row.queries_per_s);
        }
    }
    if let Some(first) = report.sequences.first() {
        println!("\nRendering of 3 s, 20 % bit errors, {:>9} codes   effort    recall   queries/s", first.codes);
        for row in &report.sequences {
            print_row(row.who, row.effort, row.recall, row.queries_per_s);
        }
    }
}

fn print_row(who: &str, effort: Option<usize>, recall: f64, queries_per_s: f64) {
    let effort = effort.map_or_else(String::new, |effort| effort.to_string());
    println!("  {who:<46} {effort:>8} {recall:9.3} {queries_per_s:11.1}");
}

fn print_exhaustive(e: &Exhaustive) {
    println!("\nNearest of {:>8} codes of {} bits, 10^9 codes/s    callprint    faiss    ratio", e.codes, e.bits);
    let line = |name: &str, pair: &exhaustive::Pair| {
        println!("  {name:<52} {:9.2} {:8.2} {:8.2}", pair.callprint, pair.faiss, pair.ratio);
    };
    line("one query", &e.single);
    line("64 queries, one thread", &e.batch);
    line("64 queries, two threads", &e.two_threads);
    println!("  {:<52} {:9.2} {:8.2}", "two threads against one, by the clock", e.scaling, e.scaling_faiss);
    let share = 100.0 * e.bandwidth_share;
    println!("  reading memory: {:.1} GB/s, {:.2}; one query gets {share:.0} % of it", e.read_gb_per_s, e.read);
    println!("  popcnt word by word in the first-level cache: {:.2}", e.popcnt);
}
