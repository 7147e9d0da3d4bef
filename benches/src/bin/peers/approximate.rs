//! Not all codes looked at: queries a second on one thread against the share of nearest codes found.
//!
//! 128-bit codes with queries of 20 % bit errors, which is what the product searches. A query counts as found if
//! what comes back is as near as the nearest code.

use std::num::NonZeroUsize;

use anyhow::Result;
use benches::binary_codes::{make_codes, make_queries};
use callprint::index::hamming::{BinaryCode, Kernels};
use serde::Serialize;
use serde_json::json;
use zerocopy::IntoBytes;

use super::{
    Files,
    exhaustive::{Searched, cpu_seconds},
    python::Python,
};

/// Words of a code.
const WORDS: usize = 2;
/// Queries.
const QUERIES: usize = 500;
/// Bit errors of the queries.
const ERRORS: f64 = 0.2;
/// Lists of the inverted file, about the square root of a million codes.
const LISTS: usize = 1024;
/// Lists looked at.
const PROBES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Candidates kept by the graph search.
const EXPANSIONS: [usize; 6] = [16, 32, 64, 128, 256, 512];

/// One way of searching.
#[derive(Debug, Serialize)]
pub(crate) struct Approximate {
    pub(crate) who: &'static str,
    /// `nprobe` or `expansion_search`; none for a search through everything.
    pub(crate) effort: Option<usize>,
    pub(crate) recall: f64,
    pub(crate) queries_per_s: f64,
}

pub(crate) fn measure(
    corpus: &[[u64; 2]],
    count: usize,
    repeats: usize,
    files: &Files,
    python: &mut Python,
) -> Result<Vec<Approximate>> {
    let codes = make_codes::<WORDS>(corpus, count)?;
    let queries = make_queries(&codes, QUERIES, ERRORS);
    files.write("some", codes.as_bytes(), queries.as_bytes())?;
    python.tell(&files.load("some", 8 * WORDS))?;

    let (truth, mut rows) = exhaustive(&codes, &queries, repeats);
    eprintln!("approximate: building an inverted file and a graph of {count} codes");
    python.tell(&json!({"do": "build_ivf", "name": "some", "lists": LISTS}))?;
    python.tell(&json!({"do": "build_hnsw", "name": "some"}))?;
    for (who, kind, efforts) in [("faiss IVF", "ivf", &PROBES[..]), ("usearch HNSW", "hnsw", &EXPANSIONS)] {
        for &effort in efforts {
            let mut row = Approximate { who, effort: Some(effort), recall: 0.0, queries_per_s: 0.0 };
            for _ in 0..repeats {
                let found: Searched = python
                    .ask(&json!({"do": "search", "name": "some", "kind": kind, "count": QUERIES, "effort": effort}))?;
                row.recall = recall(&truth, &found.distances);
                row.queries_per_s = row.queries_per_s.max(QUERIES as f64 / found.seconds);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The least distances, and how fast callprint finds them one query at a time and all together.
fn exhaustive(
    codes: &[BinaryCode<WORDS>],
    queries: &[BinaryCode<WORDS>],
    repeats: usize,
) -> (Vec<u32>, Vec<Approximate>) {
    let kernels = Kernels::default();
    let mut truth = Vec::new();
    let mut best = [f64::INFINITY; 2];
    for _ in 0..repeats {
        let mut all = Vec::new();
        let one_by_one = cpu_seconds(&mut || all = queries.iter().map(|query| kernels.nearest(query, codes)).collect());
        let together = cpu_seconds(&mut || all = kernels.nearest_of_each(queries, codes, NonZeroUsize::MIN));
        best = [best[0].min(one_by_one), best[1].min(together)];
        truth = all.iter().flatten().map(|nearest| nearest.distance).collect();
    }
    let rows = ["callprint, all codes, one by one", "callprint, all codes, together"].into_iter().zip(best);
    let rows = rows.map(|(who, seconds)| Approximate {
        who,
        effort: None,
        recall: 1.0,
        queries_per_s: queries.len() as f64 / seconds,
    });
    (truth, rows.collect())
}

/// The share of queries whose found distance is the least.
fn recall(truth: &[u32], found: &[u32]) -> f64 {
    let right = truth.iter().zip(found).filter(|(truth, found)| truth == found).count();
    right as f64 / truth.len() as f64
}
