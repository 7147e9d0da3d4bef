//! Which rendering plays in 3 s of audio: callprint's search by keys and lines against an inverted file asked for the
//! neighbours of each code.
//!
//! Queries are those of `scale` (noise, a fifth of the bits wrong), the index holds the corpus's renderings and
//! synthetic ones. faiss gets the codes with sound of all renderings and for each query code with sound returns its nearest
//! codes; what is near enough becomes hits, and the same votes decide. Only faiss's search counts for its time, only
//! finding hits and voting for callprint's. A query is found where one of 16 candidates is the right rendering within 0.1 s; recall
//! is of those that comparison with every code finds among the corpus's renderings.

use anyhow::{Result, ensure};
use benches::{
    degraded::{Query, Source},
    inputs::corpus_files,
    synthetic::Generator,
};
use callprint::{
    audio::read_channels_8k,
    fingerprint::{CODE_HOP, QueryFrame, Reference},
    index::{
        Candidate, Hit, Index, IndexBuilder, Label, Search, Tables, find_candidates, find_hits, hamming::BinaryCode,
    },
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zerocopy::IntoBytes;

use super::{Files, exhaustive::cpu_seconds, python::Python};

/// Queries.
const QUERIES: u64 = 40;
/// Bit errors of the queries.
const ERRORS: f64 = 0.2;
/// Candidates that would be aligned.
const CANDIDATES: usize = 16;
/// Bits in which a hit may differ, as in callprint.
const HIT_DISTANCE: u8 = 40;
/// Neighbours asked of faiss for each code.
const NEIGHBOURS: usize = 8;
/// Lists of the inverted file that are looked at; more only as long as something is missed.
const PROBES: [usize; 5] = [1, 4, 16, 64, 256];

/// One way of searching.
#[derive(Debug, Serialize)]
pub(crate) struct Sequences {
    pub(crate) who: &'static str,
    /// `nprobe`.
    pub(crate) effort: Option<usize>,
    /// Codes with sound in the index.
    pub(crate) codes: usize,
    pub(crate) recall: f64,
    /// Queries of 3 s.
    pub(crate) queries_per_s: f64,
}

/// An answer of faiss: `NEIGHBOURS` for each query code.
#[derive(Debug, Deserialize)]
struct Neighbours {
    seconds: f64,
    distances: Vec<i64>,
    ids: Vec<i64>,
}

/// Where a code given to faiss comes from.
struct Place {
    rendering: u32,
    frame: i32,
}

pub(crate) fn measure(renderings: usize, repeats: usize, files: &Files, python: &mut Python) -> Result<Vec<Sequences>> {
    let sources = sources()?;
    ensure!(renderings >= sources.len(), "at least the corpus's {} renderings", sources.len());
    let generator = Generator::new(sources.iter().map(|source| source.reference.clone()).collect());
    let made = (0..(renderings - sources.len()) as u64).into_par_iter().map(|n| generator.rendering(n));
    let references: Vec<Reference> =
        sources.iter().map(|source| source.reference.clone()).chain(made.collect::<Vec<_>>()).collect();
    let queries: Vec<Query> = (0..QUERIES)
        .into_par_iter()
        .map(|n| Query::make(&sources, n, 1.0, ERRORS))
        .collect::<callprint::Result<_>>()?;
    let real = build(&references[..sources.len()], Tables::Never)?;
    let mut queries: Vec<Query> = queries
        .into_iter()
        .filter(|query| {
            let mut hits = Vec::new();
            query.codes.iter().for_each(|code| find_hits(&real, code, &mut hits));
            found(query, &find_candidates(&mut hits, CANDIDATES))
        })
        .collect();
    ensure!(!queries.is_empty(), "no query can be found");

    let index = build(&references, Tables::Always)?;
    let (codes, places) = export(&references);
    let mut row = Sequences {
        who: "callprint, keys and lines",
        effort: None,
        codes: codes.len(),
        recall: 0.0,
        queries_per_s: 0.0,
    };
    for _ in 0..=repeats {
        let mut right = 0;
        let seconds = cpu_seconds(&mut || {
            right = queries
                .iter()
                .filter(|query| {
                    let (mut search, mut hits) = (Search::new(), Vec::new());
                    query.codes.iter().for_each(|code| search.find_hits(&index, code, &mut hits));
                    found(query, &find_candidates(&mut hits, CANDIDATES))
                })
                .count();
        });
        row.recall = right as f64 / queries.len() as f64;
        row.queries_per_s = row.queries_per_s.max(queries.len() as f64 / seconds);
    }
    let mut rows = vec![row];

    for query in &mut queries {
        query.codes.retain(|code| code.active);
    }
    let asked: Vec<BinaryCode<2>> =
        queries.iter().flat_map(|query| &query.codes).map(|code| code.soft.code().into()).collect();
    files.write("sequences", codes.as_bytes(), asked.as_bytes())?;
    python.tell(&files.load("sequences", 16))?;
    // As many lists as each has codes: then choosing lists and looking into one cost the same, which is least in all.
    let lists = 1 << (0.5 * (codes.len() as f64).log2()).round() as u32;
    eprintln!("sequences: {lists} lists");
    python.tell(&json!({"do": "build_ivf", "name": "sequences", "lists": lists}))?;
    for effort in PROBES {
        let mut row = Sequences {
            who: "faiss IVF, code by code",
            effort: Some(effort),
            codes: codes.len(),
            recall: 0.0,
            queries_per_s: 0.0,
        };
        let answer: Neighbours = python.ask(&json!({"do": "search", "name": "sequences", "kind": "ivf",
            "count": asked.len(), "effort": effort, "k": NEIGHBOURS}))?;
        row.queries_per_s = queries.len() as f64 / answer.seconds;
        row.recall = recall(&queries, &places, &answer);
        eprintln!("sequences: nprobe {effort}");
        let all = row.recall == 1.0;
        rows.push(row);
        if all && effort > 1 {
            break;
        }
    }
    Ok(rows)
}

fn sources() -> Result<Vec<Source>> {
    let read = |path: &std::path::PathBuf| {
        let samples = read_channels_8k(path, 120.0)?.pop().unwrap_or_default();
        Ok(Source { reference: Reference::of(&samples), samples })
    };
    corpus_files("renderings")?.par_iter().map(read).collect()
}

/// An index in which renderings have the order of `references`.
fn build(references: &[Reference], tables: Tables) -> Result<Index> {
    let mut builder = IndexBuilder::new();
    for (number, reference) in references.iter().enumerate() {
        let label = Label { id: format!("r{number:08}__v"), ..Label::default() };
        let samples = (reference.codes.len() * CODE_HOP + 40) * 80;
        builder.add_reference(label, reference, samples)?;
    }
    builder.set_tables(tables);
    Ok(Index::from_bytes(builder.to_bytes()?)?)
}

/// All codes with sound, and where each is from.
fn export(references: &[Reference]) -> (Vec<BinaryCode<2>>, Vec<Place>) {
    let all = references.iter().enumerate().flat_map(|(rendering, reference)| {
        let numbered = reference.codes.iter().enumerate().filter(|(_, code)| code.active);
        numbered.map(move |(i, code)| {
            let place = Place { rendering: rendering as u32, frame: (i * CODE_HOP) as i32 };
            (BinaryCode::from(code.soft.code()), place)
        })
    });
    all.unzip()
}

/// Whether the right rendering is among the candidates, at the right place.
fn found(query: &Query, candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| {
        let code = query.codes.iter().find(|c| c.speed == candidate.speed && c.frame == candidate.frame);
        let place = f64::from(candidate.frame) - f64::from(candidate.offset);
        let right = code.is_some_and(|code| (query.script_frame(code) - place).abs() <= 10.0);
        right && candidate.rendering == query.rendering
    })
}

/// The share of queries that are found by voting with the neighbours.
fn recall(queries: &[Query], places: &[Place], answer: &Neighbours) -> f64 {
    let mut neighbours = answer.distances.chunks(NEIGHBOURS).zip(answer.ids.chunks(NEIGHBOURS));
    let right = queries.iter().filter(|query| {
        let mut hits = Vec::new();
        for (code, (distances, ids)) in query.codes.iter().zip(neighbours.by_ref()) {
            for (&distance, &id) in distances.iter().zip(ids) {
                let place = usize::try_from(id).ok().and_then(|id| places.get(id));
                let distance = u8::try_from(distance).unwrap_or(u8::MAX);
                if let Some(place) = place.filter(|_| distance <= HIT_DISTANCE) {
                    hits.push(hit(code, place, distance));
                }
            }
        }
        found(query, &find_candidates(&mut hits, CANDIDATES))
    });
    right.count() as f64 / queries.len() as f64
}

fn hit(code: &QueryFrame, place: &Place, distance: u8) -> Hit {
    Hit {
        rendering: place.rendering,
        speed: code.speed as u8,
        offset: code.frame as i32 - place.frame,
        frame: code.frame,
        weight: HIT_DISTANCE + 1 - distance,
    }
}
