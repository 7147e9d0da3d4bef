//! Measures how building, opening and searching grow with the number of renderings.
//!
//! Renderings are synthetic with the statistics of real codes (`benches::synthetic`); among them lie all real ones of the
//! corpus, of which queries of 3 s with 10, 20 and 30 % wrong bits at speeds .95, 1 and 1.05 are made
//! (`benches::degraded`). A query is **found** where one of the 16 candidates that would be aligned is the right
//! rendering at the right place (0.1 s). **Recall** is the share found of those that comparison with every code finds
//! among the real renderings alone: with more renderings to confuse it with, it could find no more. Times of queries are of the candidate
//! stage, all codes of a query one after the other and the candidates, with the index in memory: processor time of the one thread
//! that does it, which other work on the machine lengthens less than the time on the clock.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use benches::{
    curves::{Curve, Panel, draw},
    degraded::{Query, SECONDS, Source},
    inputs::corpus_files,
    stats::{quantile, share},
    synthetic::{CODES, Generator, SplitMix, Statistics},
};
use callprint::{
    audio::read_channels_8k,
    detect::{ScanOptions, Scanner},
    fingerprint::{CODE_HOP, Reference},
    index::{Candidate, Hit, Index, IndexBuilder, Label, Search, Tables, find_candidates, find_hits},
};
use clap::Parser;
use cpu_time::ThreadTime;
use rayon::prelude::*;
use serde::Serialize;

/// Shares of wrong bits.
const ERRORS: [&str; 3] = ["0.1", "0.2", "0.3"];
/// Playback speeds of the queries.
const SPEEDS: [f64; 3] = [1.0, 0.95, 1.05];
/// Candidates that would be aligned.
const CANDIDATES: usize = 16;
/// Renderings built at a time; more are merged from files of so many.
const PART: usize = 50_000;
/// Samples of a synthetic rendering.
const SAMPLES: usize = (CODES * CODE_HOP + 40) * 80;

/// Measures how building, opening and searching grow with the number of renderings.
#[derive(Debug, Parser)]
struct Args {
    /// Numbers of renderings, such as 1e3,1e4; the 200 of the corpus are among them.
    #[arg(long, value_delimiter = ',', default_value = "1e3,1e4,1e5")]
    renderings: Vec<f64>,
    /// Queries for each share of wrong bits.
    #[arg(long, default_value_t = 150)]
    queries: usize,
    /// Print one JSON object a size instead of text.
    #[arg(long)]
    json: bool,
    /// Where to put the plot.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Folder for temporary files (18 KB a rendering while searching, 30 KB while building).
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Compare with exhaustive search of the whole index for one in so many queries; 0 for none.
    #[arg(long, default_value_t = 0)]
    exhaustive: usize,
    /// Where to keep the index of the last size, such as for `streams --index`.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// What is said of a size.
#[derive(Debug, Serialize)]
struct Measured {
    renderings: usize,
    codes: usize,
    build_s: f64,
    file_bytes: u64,
    bytes_per_second: f64,
    open_ms: f64,
    rss_bytes: u64,
    queries_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// The 99th percentile by share of wrong bits.
    p99_ms_by_errors: std::collections::BTreeMap<&'static str, f64>,
    recall: std::collections::BTreeMap<&'static str, f64>,
    /// Recall at 20 and 30 % wrong bits by speed.
    recall_by_speed: std::collections::BTreeMap<String, f64>,
    /// A whole scan of a query (codes, search, sixteen evaluations with alignment and verification), median.
    scan_p50_ms: f64,
    /// Of queries compared with the whole index exhaustively: how many that found, and how many of these the tables found.
    exhaustive: Option<(usize, usize)>,
}

/// A query with what exhaustive search says.
struct Trial {
    query: Query,
    errors: &'static str,
    findable: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let sources = sources()?;
    let generator = Generator::new(sources.iter().map(|s| s.reference.clone()).collect());
    compare(&sources, &generator, args.json);
    let trials = trials(&sources, args.queries)?;
    let mut all = Vec::new();
    for &renderings in &args.renderings {
        let renderings = renderings.round().max(0.0) as usize;
        ensure!(renderings >= sources.len(), "at least {} renderings, the corpus, must be there", sources.len());
        let measured = measure(&args, &sources, &generator, &trials, renderings)?;
        if args.json {
            println!("{}", serde_json::to_string(&measured)?)
        } else {
            print(&measured)
        }
        all.push(measured);
    }
    if let Some(path) = &args.plot {
        std::fs::write(path, plot(&all)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn sources() -> Result<Vec<Source>> {
    let read = |path: &PathBuf| {
        let samples = read_channels_8k(path, 120.0)?.pop().unwrap_or_default();
        Ok(Source { reference: Reference::of(&samples), samples })
    };
    corpus_files("renderings")?.par_iter().map(read).collect()
}

fn trials(sources: &[Source], queries: usize) -> Result<Vec<Trial>> {
    let mut builder = IndexBuilder::new();
    for (i, source) in sources.iter().enumerate() {
        builder.add_reference(label(&format!("real-{i:03}")), &source.reference, source.samples.len())?;
    }
    builder.set_tables(Tables::Never);
    let real = Index::from_bytes(builder.to_bytes()?)?;
    let numbers: Vec<(usize, &str)> = ERRORS.into_iter().flat_map(|e| (0..queries).map(move |q| (q, e))).collect();
    let make = |&(number, errors): &(usize, &'static str)| {
        let query = Query::make(sources, number as u64, SPEEDS[number % SPEEDS.len()], errors.parse()?)?;
        let mut hits = Vec::new();
        query.codes.iter().for_each(|code| find_hits(&real, code, &mut hits));
        let findable = found(&real, &query, &find_candidates(&mut hits, CANDIDATES));
        Ok(Trial { query, errors, findable })
    };
    numbers.par_iter().map(make).collect()
}

fn label(script: &str) -> Label {
    Label { id: format!("{script}__v"), ..Label::default() }
}

/// Whether the right rendering is among the candidates, at the right place.
fn found(index: &Index, query: &Query, candidates: &[Candidate]) -> bool {
    let wanted = format!("real-{:03}", query.rendering);
    candidates.iter().any(|candidate| {
        let code = query.codes.iter().find(|c| c.speed == candidate.speed && c.frame == candidate.frame);
        let place = f64::from(candidate.frame) - f64::from(candidate.offset);
        let right = code.is_some_and(|code| (query.script_frame(code) - place).abs() <= 10.0);
        right && index.rendering(candidate.rendering).script.ends_with(&wanted)
    })
}

fn measure(
    args: &Args,
    sources: &[Source],
    generator: &Generator,
    trials: &[Trial],
    renderings: usize,
) -> Result<Measured> {
    let folder = match &args.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }?;
    let path = args.keep.clone().unwrap_or_else(|| folder.path().join("scale.cpi"));
    let build_s = build(sources, generator, renderings, folder.path(), &path)?;
    let begun = Instant::now();
    let index = Index::open(&path)?;
    let open_ms = begun.elapsed().as_secs_f64() * 1e3;
    index.preload();
    let stats = index.stats();

    let mut hits: Vec<Hit> = Vec::new();
    let mut times = Vec::with_capacity(trials.len());
    let mut results = Vec::with_capacity(trials.len());
    // The first round fills the caches of the processor and is not counted.
    for round in 0..2 {
        times.clear();
        results.clear();
        for trial in trials {
            let begun = ThreadTime::now();
            hits.clear();
            let mut search = Search::new();
            trial.query.codes.iter().for_each(|code| search.find_hits(&index, code, &mut hits));
            let candidates = find_candidates(&mut hits, CANDIDATES);
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            if round == 1 {
                results.push(found(&index, &trial.query, &candidates));
            }
        }
    }
    let recall = |wanted: &dyn Fn(&Trial) -> bool| {
        let of: Vec<bool> =
            trials.iter().zip(&results).filter(|(t, _)| t.findable && wanted(t)).map(|(_, &found)| found).collect();
        share(of.iter().filter(|&&found| found).count(), of.len())
    };
    let of_errors = |e: &str| {
        let times: Vec<f64> = trials.iter().zip(&times).filter(|(t, _)| t.errors == e).map(|(_, &time)| time).collect();
        quantile(&times, 0.99).unwrap_or(f64::NAN)
    };
    let scanner = Scanner::new(&index, ScanOptions::default())?;
    let scans: Vec<f64> = trials
        .iter()
        .step_by(trials.len().div_ceil(30))
        .map(|trial| {
            let begun = Instant::now();
            scanner.scan_samples("query", &trial.query.samples)?;
            Ok(begun.elapsed().as_secs_f64() * 1e3)
        })
        .collect::<callprint::Result<_>>()?;
    Ok(Measured {
        renderings,
        codes: stats.codes,
        build_s,
        file_bytes: stats.bytes as u64,
        bytes_per_second: stats.bytes as f64 / stats.seconds,
        open_ms,
        rss_bytes: resident_bytes(),
        queries_per_s: 1e3 * times.len() as f64 / times.iter().sum::<f64>(),
        p50_ms: quantile(&times, 0.5).unwrap_or(f64::NAN),
        p99_ms: quantile(&times, 0.99).unwrap_or(f64::NAN),
        p99_ms_by_errors: ERRORS.iter().map(|&e| (e, of_errors(e))).collect(),
        recall: ERRORS.iter().map(|&e| (e, recall(&|t| t.errors == e))).collect(),
        recall_by_speed: SPEEDS
            .iter()
            .map(|&s| (s.to_string(), recall(&|t| t.query.speed == s && t.errors != "0.1")))
            .collect(),
        scan_p50_ms: quantile(&scans, 0.5).unwrap_or(f64::NAN),
        exhaustive: (args.exhaustive > 0).then(|| exhaustive(&index, trials, &results, args.exhaustive)),
    })
}

fn exhaustive(index: &Index, trials: &[Trial], results: &[bool], every: usize) -> (usize, usize) {
    let (mut all, mut ours) = (0, 0);
    for (trial, &result) in trials.iter().zip(results).step_by(every) {
        let mut hits = Vec::new();
        trial.query.codes.iter().for_each(|code| find_hits(index, code, &mut hits));
        if found(index, &trial.query, &find_candidates(&mut hits, CANDIDATES)) {
            all += 1;
            ours += usize::from(result);
        }
    }
    (all, ours)
}

/// Builds the index; says how long, without the time that making the renderings takes.
fn build(sources: &[Source], generator: &Generator, renderings: usize, folder: &Path, path: &Path) -> Result<f64> {
    let mut seconds = 0.0;
    let mut parts = Vec::new();
    let synthetic = renderings - sources.len();
    for part in (0..synthetic.max(1)).step_by(PART) {
        let mut builder = IndexBuilder::new();
        if part == 0 {
            for (i, source) in sources.iter().enumerate() {
                let name = SplitMix::new(i as u64).bits() >> 32;
                builder.add_reference(
                    label(&format!("{name:08x}-real-{i:03}")),
                    &source.reference,
                    source.samples.len(),
                )?;
            }
        }
        for block in (part..synthetic.min(part + PART)).step_by(1000) {
            let numbers = block..synthetic.min(part + PART).min(block + 1000);
            let made: Vec<(usize, Reference)> =
                numbers.into_par_iter().map(|n| (n, generator.rendering(n as u64))).collect();
            let begun = Instant::now();
            for (n, reference) in made {
                let name = SplitMix::new(n as u64).bits() >> 32;
                // A rendering that is mostly silence is refused, as it would be in use.
                let added = builder.add_reference(label(&format!("{name:08x}-{n}")), &reference, SAMPLES);
                if let Err(callprint::Error::Index { reason: callprint::IndexFault::TooShort { .. }, .. }) = added {
                    continue;
                }
                added?;
            }
            seconds += begun.elapsed().as_secs_f64();
        }
        let begun = Instant::now();
        if synthetic <= PART {
            builder.write(path)?;
            return Ok(seconds + begun.elapsed().as_secs_f64());
        }
        builder.set_tables(Tables::Never);
        let file = folder.join(format!("part-{part}.cpi"));
        builder.write(&file)?;
        parts.push(file);
        seconds += begun.elapsed().as_secs_f64();
    }
    let begun = Instant::now();
    let mut builder = IndexBuilder::new();
    for part in &parts {
        builder.merge(&Index::open(part)?)?;
    }
    builder.write(path)?;
    seconds += begun.elapsed().as_secs_f64();
    parts.iter().try_for_each(std::fs::remove_file)?;
    Ok(seconds)
}

/// Resident memory of this process with the mapped pages; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = statm.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

fn compare(sources: &[Source], generator: &Generator, json: bool) {
    let real: Vec<Reference> = sources.iter().map(|s| s.reference.clone()).collect();
    let made: Vec<Reference> = (0..real.len() as u64).map(|n| generator.rendering(n)).collect();
    let [real, made] = [&real, &made].map(|renderings| Statistics::of(renderings));
    if json {
        eprintln!("{}", serde_json::json!({ "real": real, "synthetic": made }));
    } else {
        println!("codes              real                synthetic");
        println!(
            "set bits           {:.3} to {:.3}      {:.3} to {:.3}",
            real.set.0, real.set.1, made.set.0, made.set.1
        );
        for (i, step) in [40, 80, 160].into_iter().enumerate() {
            println!("change in {step:3} ms   {:.1}                {:.1}", real.change[i], made.change[i]);
        }
        let [r, m] = [real.strangers, made.strangers];
        println!("strangers' bits    {:.1} ± {:.2}         {:.1} ± {:.2}", r.0, r.1, m.0, m.1);
        println!("within 43 bits     {:.2e}            {:.2e}", real.strangers_near, made.strangers_near);
        println!("list length        {:.2} x             {:.2} x independent bits'", real.list, made.list);
    }
}

fn print(m: &Measured) {
    println!("\n{} renderings, {} codes", m.renderings, m.codes);
    println!(
        "  built in {:.1} s, {} bytes ({:.0} a second), opened in {:.2} ms",
        m.build_s, m.file_bytes, m.bytes_per_second, m.open_ms
    );
    println!(
        "  candidates of {SECONDS} s: {:.2} ms median, {:.2} ms 99 %, {:.0} a second",
        m.p50_ms, m.p99_ms, m.queries_per_s
    );
    println!(
        "  99 % by wrong bits {:.2?}; recall {:.4?}; by speed {:.4?}",
        m.p99_ms_by_errors, m.recall, m.recall_by_speed
    );
    println!(
        "  whole scan {:.0} ms median; resident {} bytes; exhaustive (found, of these ours) {:?}",
        m.scan_p50_ms, m.rss_bytes, m.exhaustive
    );
}

fn plot(all: &[Measured]) -> String {
    let curve = |name: &str, value: &dyn Fn(&Measured) -> f64| Curve {
        name: name.to_owned(),
        points: all.iter().map(|m| (m.renderings as f64, value(m))).collect(),
    };
    draw(
        "renderings",
        &[
            Panel {
                title: "candidates of a 3 s query, ms".into(),
                curves: vec![curve("median", &|m| m.p50_ms), curve("99th percentile", &|m| m.p99_ms)],
            },
            Panel { title: "build, s".into(), curves: vec![curve("", &|m| m.build_s)] },
            Panel { title: "file, bytes".into(), curves: vec![curve("", &|m| m.file_bytes as f64)] },
        ],
    )
}
