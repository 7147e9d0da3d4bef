//! All codes looked at: callprint's kernels against faiss `IndexBinaryFlat`, and against what the machine can do.

use std::{num::NonZeroUsize, time::Instant};

use anyhow::{Result, ensure};
use benches::{
    binary_codes::{make_codes, make_queries},
    limits::{popcount_seconds, read_seconds},
};
use callprint::index::hamming::{BinaryCode, Kernels, Nearest};
use cpu_time::ThreadTime;
use memmap2::{Advice, MmapMut};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zerocopy::{FromBytes, IntoBytes};

use super::{Files, python::Python};

/// Words of a code.
const WORDS: usize = 4;
/// Queries of a batch.
pub(crate) const BATCH: usize = 64;
/// Bit errors of the queries.
const ERRORS: f64 = 0.2;

/// Best of all repeats, in 10^9 codes a second unless a name says otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Exhaustive {
    pub(crate) codes: usize,
    pub(crate) bits: usize,
    /// Reading the codes' memory, GB/s, and as codes.
    pub(crate) read_gb_per_s: f64,
    pub(crate) read: f64,
    /// Counting bits one word after the other, all in the first-level cache.
    pub(crate) popcnt: f64,
    pub(crate) single: Pair,
    /// Share of the read bandwidth that a single query gets.
    pub(crate) bandwidth_share: f64,
    pub(crate) batch: Pair,
    pub(crate) two_threads: Pair,
    /// How much faster two threads are by the clock.
    pub(crate) scaling: f64,
    pub(crate) scaling_faiss: f64,
}

/// The same work by both.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) callprint: f64,
    pub(crate) faiss: f64,
    pub(crate) ratio: f64,
}

impl Pair {
    /// From seconds for `codes` comparisons.
    fn new(codes: f64, callprint: f64, faiss: f64) -> Self {
        Self { callprint: codes / callprint / 1e9, faiss: codes / faiss / 1e9, ratio: faiss / callprint }
    }
}

/// An answer of a peer.
#[derive(Debug, Deserialize)]
pub(crate) struct Searched {
    pub(crate) seconds: f64,
    pub(crate) distances: Vec<u32>,
}

/// CPU time of this thread, so that other work on the machine counts as little as possible.
pub(crate) fn cpu_seconds(work: &mut dyn FnMut()) -> f64 {
    let begun = ThreadTime::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn clock_seconds(work: &mut dyn FnMut()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// Memory in large pages, where the system has them to give: with 4 KiB each, what is measured is the translation of
/// addresses. The peers' memory is asked for in the same way.
fn in_large_pages(bytes: &[u8]) -> Result<MmapMut> {
    let mut memory = MmapMut::map_anon(bytes.len())?;
    // Without large pages it is slower, no more.
    let _ = memory.advise(Advice::HugePage);
    memory.copy_from_slice(bytes);
    Ok(memory)
}

pub(crate) fn measure(
    corpus: &[[u64; 2]],
    count: usize,
    repeats: usize,
    files: &Files,
    python: &mut Python,
) -> Result<Exhaustive> {
    let made = make_codes::<WORDS>(corpus, count)?;
    let queries = make_queries(&made, BATCH, ERRORS);
    let memory = in_large_pages(made.as_bytes())?;
    drop(made);
    files.write("flat", &memory, queries.as_bytes())?;
    python.tell(&files.load("flat", 8 * WORDS))?;
    python.tell(&json!({"do": "build_flat", "name": "flat"}))?;
    let codes = BinaryCode::<WORDS>::slice_from_bytes(&memory).unwrap_or_default();
    let words = <[u64]>::ref_from_bytes(&memory).unwrap_or_default();
    ensure!(codes.len() == count && words.len() == count * WORDS, "memory of a wrong size");

    let kernels = Kernels::default();
    let [one, two] = [1, 2].map(|n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN));
    let mut search = |count: usize, threads: usize| -> Result<Searched> {
        python.ask(&json!({"do": "search", "name": "flat", "kind": "flat", "count": count, "threads": threads}))
    };
    let mut best = [f64::INFINITY; 10];
    let mut note = |what: usize, seconds: f64| best[what] = best[what].min(seconds);
    for repeat in 0..repeats {
        // Turn and turn about, so that both meet the same disturbances.
        for _ in 0..3 {
            let mut nearest = None;
            note(0, cpu_seconds(&mut || nearest = kernels.nearest(&queries[0], codes)));
            note(1, read_seconds(words, cpu_seconds));
            let found = search(1, 1)?;
            note(2, found.seconds);
            same(&[nearest], &found)?;
        }
        note(3, popcount_seconds(cpu_seconds));
        let mut nearest = Vec::new();
        let begun = Instant::now();
        note(4, cpu_seconds(&mut || nearest = kernels.nearest_of_each(&queries, codes, one)));
        note(5, begun.elapsed().as_secs_f64());
        note(6, clock_seconds(&mut || nearest = kernels.nearest_of_each(&queries, codes, two)));
        let begun = Instant::now();
        let found = search(BATCH, 1)?;
        note(7, found.seconds);
        note(8, begun.elapsed().as_secs_f64());
        same(&nearest, &found)?;
        let found = search(BATCH, 2)?;
        note(9, found.seconds);
        same(&nearest, &found)?;
        eprintln!("exhaustive: {} of {repeats}", repeat + 1);
    }
    python.tell(&json!({"do": "forget", "name": "flat", "kind": "flat"}))?;

    let [single, read, single_faiss, popcnt, batch, batch_clock, batch_two, batch_faiss, faiss_clock, faiss_two] = best;
    let (n, all) = (count as f64, (count * BATCH) as f64);
    Ok(Exhaustive {
        codes: count,
        bits: 64 * WORDS,
        read_gb_per_s: memory.len() as f64 / read / 1e9,
        read: n / read / 1e9,
        popcnt: 1.0 / (popcnt * WORDS as f64) / 1e9,
        single: Pair::new(n, single, single_faiss),
        bandwidth_share: read / single,
        batch: Pair::new(all, batch, batch_faiss),
        two_threads: Pair::new(all, batch_two, faiss_two),
        scaling: batch_clock / batch_two,
        scaling_faiss: faiss_clock / faiss_two,
    })
}

/// Fails where the peer found other distances.
fn same(ours: &[Option<Nearest>], theirs: &Searched) -> Result<()> {
    let ours: Vec<u32> = ours.iter().flatten().map(|nearest| nearest.distance).collect();
    ensure!(ours == theirs.distances, "callprint finds distances {ours:?}, faiss {:?}", theirs.distances);
    Ok(())
}
