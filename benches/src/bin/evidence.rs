//! `evidence DIR`: what the score is made from, as JSON lines, one snippet a line, for fitting and looking at the score.
//!
//! Builds an index from `DIR/refs`, scans `DIR/snippets`, and prints for the best candidates of each the alignment code by
//! code: agreement, differing bits, level difference, and whether script and query hold sound.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result};
use benches::{
    labels::read_snippets,
    scanning::{References, scan_all},
};
use callprint::{
    detect::{ScanOptions, Scanner},
    index::{Ratios, Tables},
};
use clap::Parser;

/// Prints the evidence behind each snippet's candidates.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder laid out like the labelled set.
    folder: PathBuf,
    /// Candidates per snippet.
    #[arg(long, default_value_t = 6)]
    candidates: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let snippets = read_snippets(&arguments.folder)?.context("no snippets.tsv")?;
    let references = References::build(&arguments.folder.join("refs"), Tables::Auto)?;
    let scanner = Scanner::new(&references.index, ScanOptions { max_far: f64::MAX, all: true })?.with_hopeless();
    let ids: Vec<&str> = snippets.iter().map(|s| s.id.as_str()).collect();
    let reports = scan_all(&scanner, &arguments.folder.join("snippets"), &ids, "snippets")?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (snippet, report) in snippets.iter().zip(&reports) {
        let candidates: Vec<_> = report
            .matches
            .iter()
            .take(arguments.candidates)
            .map(|m| {
                let steps = &m.alignment.steps;
                serde_json::json!({
                    "rendering": m.rendering,
                    "score": m.score,
                    "speed": m.alignment.speed,
                    "query_active": m.alignment.query_active,
                    "whole": m.evidence.whole.features(),
                    "part": m.evidence.part.features(),
                    "part_codes": m.evidence.part.codes,
                    "verified": m.evidence.whole.ratios != Ratios::default(),
                    "code": steps.iter().map(|s| s.code).collect::<Vec<_>>(),
                    "frame": steps.iter().map(|s| s.frame).collect::<Vec<_>>(),
                    "agreement": steps.iter().map(|s| (s.agreement * 1000.0).round() / 1000.0).collect::<Vec<_>>(),
                    "distance": steps.iter().map(|s| s.distance).collect::<Vec<_>>(),
                    "level": steps.iter().map(|s| s.level).collect::<Vec<_>>(),
                    "flags": steps.iter().map(|s| u8::from(s.script_active) + 2 * u8::from(s.query_active)).collect::<Vec<_>>(),
                })
            })
            .collect();
        let line = serde_json::json!({
            "id": snippet.id, "kind": snippet.kind, "condition": snippet.condition, "seconds": snippet.seconds,
            "truth": snippet.truth, "candidates": candidates,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}
