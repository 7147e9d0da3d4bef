//! Measures a labelled folder: how well snippets and calls are recognised, how soon, and how true the false-alarm rates are.
//!
//! ```text
//! cargo run --release -p benches --bin accuracy -- DIR [--json] [--answers FILE] [--dump FILE] [--index FILE]
//! ```

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, Result, ensure};
use benches::{
    calibration::{Negative, far_check},
    calls::{self, LiveTable},
    labels::{Call, Snippet, read_calls, read_snippets},
    report::{Accuracy, CallTables, Run, Truth, write_answers, write_dump},
    scanning::{References, scan_all},
    snippets::{self, Answer},
};
use callprint::{
    detect::{ScanOptions, ScanReport, Scanner},
    index::{Index, Tables},
};
use clap::{Parser, ValueEnum};
use cpu_time::ProcessTime;

/// Measures recognition on a folder with refs/, snippets/ + snippets.tsv, calls/ + calls.tsv.
#[derive(Debug, Parser)]
struct Args {
    /// The labelled folder.
    dir: PathBuf,
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// Write one line per snippet: id, best rendering or -, score.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Write every candidate of every query with all figures, as TSV.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Use this index instead of building one from DIR/refs.
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// Whether the index built from DIR/refs finds codes by their keys, or by comparing with all of them.
    #[arg(long, value_enum, default_value_t = Stage::Auto)]
    tables: Stage,
    /// Threads that scan; 0 = one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// What to measure.
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,
    /// What snippets are ranked by.
    #[arg(long, value_enum, default_value_t = Rank::Score)]
    rank: Rank,
    /// Largest false-alarm rate an hour in the column "as stated" [default: 1 false alarm in 1000 calls].
    #[arg(long, value_name = "RATE")]
    max_far: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Snippets,
    Calls,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rank {
    /// The match's score.
    Score,
    /// Minus the logarithm of its stated false-alarm rate.
    Far,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// By its size, as any index.
    Auto,
    /// By keys.
    Always,
    /// By comparing.
    Never,
}

impl From<Stage> for Tables {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Auto => Self::Auto,
            Stage::Always => Self::Always,
            Stage::Never => Self::Never,
        }
    }
}

/// Labels of one part with the scans made of it.
struct Scanned<L> {
    labels: Vec<L>,
    reports: Vec<ScanReport>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accuracy: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global().context("threads")?;
    let snippet_labels = read_snippets(&args.dir)?.filter(|_| args.part != Part::Calls);
    let call_labels = read_calls(&args.dir)?.filter(|_| args.part != Part::Snippets);
    ensure!(
        snippet_labels.is_some() || call_labels.is_some(),
        "{}: neither snippets.tsv nor calls.tsv to measure; see benches/README.md for the layout",
        args.dir.display()
    );
    let references = match &args.index {
        Some(path) => References::open(path)?,
        None => References::build(&args.dir.join("refs"), args.tables.into())?,
    };
    for id in &references.skipped {
        eprintln!("accuracy: reference {id} is too short for the index and was left out");
    }

    let mut cost = Cost::default();
    let snippets =
        snippet_labels.map(|labels| scan_snippets(args, &references.index, labels, &mut cost)).transpose()?;
    let calls = call_labels.map(|labels| scan_calls(args, &references.index, labels, &mut cost)).transpose()?;
    write_files(args, snippets.as_ref(), calls.as_ref().map(|(scanned, _)| scanned))?;

    let accuracy = Accuracy {
        snippets: snippets
            .as_ref()
            .map(|s| snippets::evaluate(&s.labels, &answers(args.rank, &s.reports)))
            .transpose()?,
        far_check: far_check(&negatives(snippets.as_ref(), calls.as_ref().map(|(scanned, _)| scanned))),
        calls: calls.map(|(_, tables)| tables),
        run: Run {
            renderings: references.index.len(),
            references_skipped: references.skipped.len(),
            threads: rayon::current_num_threads(),
            wall_s: start.elapsed().as_secs_f64(),
            audio_s: cost.audio_s,
            scan_cpu_s: cost.cpu_s,
            scan_x_real_time: cost.audio_s / cost.cpu_s,
        },
    };
    if args.json {
        println!("{}", serde_json::to_string(&accuracy).context("the JSON object")?);
    } else {
        print!("{accuracy}");
    }
    Ok(())
}

/// Snippets: the best candidate counts, however unsure.
fn scan_snippets(args: &Args, index: &Index, labels: Vec<Snippet>, cost: &mut Cost) -> Result<Scanned<Snippet>> {
    let scanner = Scanner::new(index, ScanOptions { max_far: f64::MAX, all: true })?;
    let ids: Vec<&str> = labels.iter().map(|label| label.id.as_str()).collect();
    let reports = cost.of(|| scan_all(&scanner, &args.dir.join("snippets"), &ids, "snippets"))?;
    Ok(Scanned { labels, reports })
}

/// Calls: once at the threshold a user would set, which also shows all candidates, and once at the threshold that the
/// negatives of this very set ask for.
fn scan_calls(args: &Args, index: &Index, labels: Vec<Call>, cost: &mut Cost) -> Result<(Scanned<Call>, CallTables)> {
    let ids: Vec<&str> = labels.iter().map(|label| label.id.as_str()).collect();
    let mut listen = |max_far: f64, what: &str| -> Result<(Vec<ScanReport>, LiveTable)> {
        let scanner = Scanner::new(index, ScanOptions { max_far, all: true })?;
        let reports = cost.of(|| scan_all(&scanner, &args.dir.join("calls"), &ids, what))?;
        let table = calls::live(&labels, &reports, max_far);
        Ok((reports, table))
    };
    let (reports, at_stated_far) = listen(args.max_far.unwrap_or_else(|| calls::stated_max_far(&labels)), "calls 1/2")?;
    let (_, observed) = listen(calls::observed_max_far(&labels, &reports), "calls 2/2")?;
    let tables = CallTables {
        observed,
        at_stated_far,
        by_score: calls::rank(&labels, &reports, calls::sure_by_score),
        by_far: calls::rank(&labels, &reports, calls::sure_by_far),
    };
    Ok((Scanned { labels, reports }, tables))
}

fn answers(rank: Rank, reports: &[ScanReport]) -> Vec<Answer> {
    let sure = match rank {
        Rank::Score => calls::sure_by_score,
        Rank::Far => calls::sure_by_far,
    };
    reports
        .iter()
        .map(|report| match report.matches.first() {
            Some(best) => Answer { rendering: Some(best.rendering.clone()), score: sure(best) },
            None => Answer { rendering: None, score: f64::NEG_INFINITY },
        })
        .collect()
}

fn write_files(args: &Args, snippets: Option<&Scanned<Snippet>>, calls: Option<&Scanned<Call>>) -> Result<()> {
    if let Some(path) = &args.answers {
        let scanned = snippets.context("--answers is of snippets, but none were measured")?;
        write_answers(path, &scanned.labels, &answers(args.rank, &scanned.reports))?;
    }
    if let Some(path) = &args.dump {
        let of_snippets = snippets.into_iter().flat_map(|s| s.labels.iter().map(Truth::from).zip(&s.reports));
        let of_calls = calls.into_iter().flat_map(|c| c.labels.iter().map(Truth::from).zip(&c.reports));
        write_dump(path, of_snippets.chain(of_calls))?;
    }
    Ok(())
}

/// Everything without a known script, for the check of stated rates.
fn negatives(snippets: Option<&Scanned<Snippet>>, calls: Option<&Scanned<Call>>) -> Vec<Negative> {
    let negative = |kind: &str, report: &ScanReport| Negative {
        hours: report.seconds / 3600.0,
        kind: kind.to_owned(),
        far: report.matches.iter().map(|found| found.false_alarms_per_hour).reduce(f64::min),
    };
    let of_snippets = snippets.into_iter().flat_map(|s| s.labels.iter().zip(&s.reports));
    let of_calls = calls.into_iter().flat_map(|c| c.labels.iter().zip(&c.reports));
    of_snippets
        .filter(|(label, _)| label.truth.is_none())
        .map(|(label, report)| negative(&label.kind, report))
        .chain(of_calls.filter(|(label, _)| label.truth.is_none()).map(|(label, report)| negative(&label.kind, report)))
        .collect()
}

/// Audio scanned and processor time spent on it.
#[derive(Debug, Default)]
struct Cost {
    audio_s: f64,
    cpu_s: f64,
}

impl Cost {
    fn of(&mut self, scan: impl FnOnce() -> Result<Vec<ScanReport>>) -> Result<Vec<ScanReport>> {
        let before = ProcessTime::now();
        let reports = scan()?;
        self.cpu_s += before.elapsed().as_secs_f64();
        self.audio_s += reports.iter().map(|report| report.seconds).sum::<f64>();
        Ok(reports)
    }
}
