//! `cross_voice DIR --indexed VOICES --asked VOICES`: is a script recognised by its words when another voice says it?
//!
//! `DIR` holds clips named `script__voice`. An index is made of the clips of the indexed voices; each clip of the asked voices whose
//! script is in it is searched for by [`Wording`], once as it is, and once in an index without its script, which shows what score
//! a stranger reaches. `--seconds` takes only so much of each query, from its onset. One line for each asked voice, and one for all.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use callprint::{
    Index,
    audio::{SAMPLE_RATE, find_audio, read_channels_8k},
    index::{IndexBuilder, Label},
    wording::{Wording, false_alarms_per_hour},
};
use clap::Parser;
use rayon::prelude::*;
use serde::Serialize;

/// False alarms an hour up to which something is told.
const MAX_FAR: f64 = 0.1;

/// Measures recognition of scripts by their words, across voices.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of clips named `script__voice`.
    folder: PathBuf,
    /// Voices whose clips are indexed.
    #[arg(long, value_delimiter = ',', required = true)]
    indexed: Vec<String>,
    /// Voices whose clips are asked for.
    #[arg(long, value_delimiter = ',', required = true)]
    asked: Vec<String>,
    /// Seconds of each query, from the onset of its sound; without this all of it.
    #[arg(long)]
    seconds: Option<f64>,
    /// Print one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

/// A clip.
struct Clip {
    script: String,
    voice: String,
    samples: Vec<f32>,
}

/// What became of a query.
#[derive(Debug, Clone, Copy)]
struct Answer {
    /// Whether the best script is the right one.
    right: bool,
    /// The best score.
    score: f64,
    /// The best score where the script is not known.
    stranger: f64,
}

/// Figures of one voice, or of all.
#[derive(Debug, Serialize)]
struct Figures<'a> {
    voice: &'a str,
    queries: usize,
    /// Share of queries whose best script is the right one.
    top1: f64,
    /// The same with a score above what 1 % of all strangers reach.
    r1: f64,
    /// The same at .1 false alarms an hour.
    told: f64,
    /// Share of strangers that are told something then.
    strangers_told: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let clips = read(&arguments.folder)?;
    let indexed: Vec<&Clip> = clips.iter().filter(|clip| arguments.indexed.contains(&clip.voice)).collect();
    let scripts: BTreeSet<&str> = indexed.iter().map(|clip| clip.script.as_str()).collect();
    let queries: Vec<&Clip> = clips
        .iter()
        .filter(|clip| arguments.asked.contains(&clip.voice) && scripts.contains(clip.script.as_str()))
        .collect();
    ensure!(!queries.is_empty(), "no clip of the asked voices has a script of the indexed ones");
    let all = Wording::new(&index(&indexed, None)?);
    let answers: Vec<(&str, Answer)> = queries
        .par_iter()
        .map(|clip| -> Result<(&str, Answer)> {
            let query = cut(&clip.samples, arguments.seconds);
            let found = all.search(query);
            let without = Wording::new(&index(&indexed, Some(&clip.script))?);
            let best = found.as_ref();
            Ok((
                clip.voice.as_str(),
                Answer {
                    right: best.is_some_and(|b| b.script == clip.script),
                    score: best.map_or(0.0, |b| b.score),
                    stranger: without.search(query).map_or(0.0, |b| b.score),
                },
            ))
        })
        .collect::<Result<_>>()?;
    let mut strangers: Vec<f64> = answers.iter().map(|(_, a)| a.stranger).collect();
    strangers.sort_by(f64::total_cmp);
    let threshold = strangers[((0.99 * strangers.len() as f64).ceil() as usize).clamp(1, strangers.len()) - 1];
    if !arguments.json {
        println!("{} scripts indexed; 1 % of strangers reach {threshold:.1}", scripts.len());
        println!("{:12} {:>7} {:>6} {:>6} {:>7} {:>10}", "voice", "queries", "top-1", "R@1%", "told", "strangers");
    }
    for voice in arguments.asked.iter().map(String::as_str).chain(["all"]) {
        let of: Vec<Answer> = answers.iter().filter(|(v, _)| voice == "all" || *v == voice).map(|(_, a)| *a).collect();
        let share = |is: &dyn Fn(&Answer) -> bool| of.iter().filter(|a| is(a)).count() as f64 / of.len().max(1) as f64;
        let figures = Figures {
            voice,
            queries: of.len(),
            top1: share(&|a| a.right),
            r1: share(&|a| a.right && a.score > threshold),
            told: share(&|a| a.right && false_alarms_per_hour(a.score) <= MAX_FAR),
            strangers_told: share(&|a| false_alarms_per_hour(a.stranger) <= MAX_FAR),
        };
        if arguments.json {
            println!("{}", serde_json::to_string(&figures)?);
        } else {
            let Figures { voice, queries, top1, r1, told, strangers_told } = figures;
            println!("{voice:12} {queries:7} {top1:6.3} {r1:6.3} {told:7.3} {strangers_told:10.3}");
        }
    }
    Ok(())
}

/// All clips of a folder in the order of their names.
fn read(folder: &Path) -> Result<Vec<Clip>> {
    let mut clips = Vec::new();
    for path in find_audio(folder)? {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let Some((script, voice)) = stem.split_once("__") else { continue };
        let samples = read_channels_8k(&path, 600.0)?
            .into_iter()
            .next()
            .with_context(|| format!("{} is empty", path.display()))?;
        clips.push(Clip { script: script.to_owned(), voice: voice.to_owned(), samples });
    }
    Ok(clips)
}

/// An index of `clips`, less those of one script.
fn index(clips: &[&Clip], without: Option<&str>) -> Result<Index> {
    let mut builder = IndexBuilder::new();
    for clip in clips.iter().filter(|clip| without != Some(&clip.script)) {
        let label = Label { id: format!("{}__{}", clip.script, clip.voice), ..Label::default() };
        builder.add(label, &clip.samples)?;
    }
    Ok(Index::from_bytes(builder.to_bytes()?)?)
}

/// So many seconds from the onset of the sound.
fn cut(samples: &[f32], seconds: Option<f64>) -> &[f32] {
    let Some(seconds) = seconds else { return samples };
    let peak = samples.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
    let onset = samples.iter().position(|x| x.abs() > 0.1 * peak).unwrap_or(0);
    let end = onset + (seconds * f64::from(SAMPLE_RATE)) as usize;
    &samples[onset..end.min(samples.len())]
}
