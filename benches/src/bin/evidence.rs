//! `evidence DIR`: what the score is made from, as JSON lines, one snippet a line, for fitting and looking at the score.
//!
//! Builds an index from `DIR/refs`, scans `DIR/snippets`, and prints for the best candidates of each the alignment code by
//! code: agreement, differing bits, level difference, and whether script and query hold sound.
//!
//! `pitch` is how much higher the query's F0 is than the rendering's, cents, for each frame of 20 ms where both have one; it comes with
//! `--frames`.
//!
//! `--frames FILE` also writes what is judged frame by frame (20 ms), 38 bytes a frame: the rendering's bands in steps of
//! 3 dB (two to a byte, the lower first), the query's in steps of 1.5 dB, agreement of the nearest code in hundredths (i8),
//! and whether script (1) and query (2) hold sound. A candidate's `frames` are its first record and the one past its last;
//! `part_frames`, counted from the first, are the part that fits.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use benches::{
    labels::read_snippets,
    scanning::{References, scan_all},
};
use callprint::{
    detect::{Match, ScanOptions, Scanner},
    index::{AlignedBands, Tables},
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
    /// File for the frames.
    #[arg(long)]
    frames: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let snippets = read_snippets(&arguments.folder)?.context("no snippets.tsv")?;
    let references = References::build(&arguments.folder.join("refs"), Tables::Auto)?;
    let scanner = Scanner::new(&references.index, ScanOptions { max_far: f64::MAX, all: true })?.with_hopeless();
    let scanner = if arguments.frames.is_some() { scanner.with_bands() } else { scanner };
    let ids: Vec<&str> = snippets.iter().map(|s| s.id.as_str()).collect();
    let reports = scan_all(&scanner, &arguments.folder.join("snippets"), &ids, "snippets")?;
    let mut frames = arguments.frames.as_deref().map(Frames::create).transpose()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (snippet, report) in snippets.iter().zip(&reports) {
        let candidates: Vec<serde_json::Value> = report
            .matches
            .iter()
            .take(arguments.candidates)
            .map(|m| -> Result<serde_json::Value> {
                let steps = &m.alignment.steps;
                let frames = frames.as_mut().map(|f| f.write(m)).transpose()?;
                Ok(serde_json::json!({
                    "frames": frames.as_ref().map(|f| &f.0),
                    "part_frames": frames.as_ref().map(|f| &f.1),
                    "rendering": m.rendering,
                    "score": m.score,
                    "by_itself": m.evidence.score(),
                    "speed": m.alignment.speed,
                    "query_active": m.alignment.query_active,
                    "whole": m.evidence.whole.features(),
                    "part": m.evidence.part.features(),
                    "pitch": m.heard.as_ref().map(|(_, bands)| &bands.pitch),
                    "playback": m.speed,
                    "part_codes": m.evidence.part.codes,
                    "code": steps.iter().map(|s| s.code).collect::<Vec<_>>(),
                    "frame": steps.iter().map(|s| s.frame).collect::<Vec<_>>(),
                    "agreement": steps.iter().map(|s| (s.agreement * 1000.0).round() / 1000.0).collect::<Vec<_>>(),
                    "distance": steps.iter().map(|s| s.distance).collect::<Vec<_>>(),
                    "level": steps.iter().map(|s| s.level).collect::<Vec<_>>(),
                    "flags": steps.iter().map(|s| u8::from(s.script_active) + 2 * u8::from(s.query_active)).collect::<Vec<_>>(),
                }))
            })
            .collect::<Result<_>>()?;
        let line = serde_json::json!({
            "id": snippet.id, "kind": snippet.kind, "condition": snippet.condition, "seconds": snippet.seconds,
            "truth": snippet.truth, "candidates": candidates,
        });
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    frames.map(|mut f| f.out.flush()).transpose()?;
    Ok(())
}

/// The file of frames.
struct Frames {
    out: BufWriter<File>,
    records: usize,
}

impl Frames {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self { out: BufWriter::new(file), records: 0 })
    }

    /// Writes a candidate's frames: their range, and that of the part that fits.
    fn write(&mut self, m: &Match) -> Result<([usize; 2], [usize; 2])> {
        let (verification, bands) = m.heard.as_ref().context("no bands were kept")?;
        let first = self.records;
        let AlignedBands { reference, query, beside, .. } = bands;
        for ((r, q), &[agreement, script, sound]) in reference.iter().zip(query).zip(beside) {
            let level = |v: f32| (v * 4.0).round() as u8;
            for pair in r.as_chunks::<2>().0 {
                self.out.write_all(&[level(pair[0]) | level(pair[1]) << 4])?;
            }
            self.out.write_all(&q.map(|v| (v * 8.0).round() as u8))?;
            self.out.write_all(&[(agreement * 100.0).round() as i8 as u8, script as u8 + 2 * sound as u8])?;
            self.records += 1;
        }
        let part = m.evidence.part_frames(&m.alignment, verification);
        Ok(([first, self.records], [part.start, part.end]))
    }
}
