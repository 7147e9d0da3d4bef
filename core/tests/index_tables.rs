//! An index that finds codes by their keys answers as one that compares with every code, whatever its size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{collections::BTreeSet, sync::LazyLock};

use callprint::{
    audio::{find_audio, read_channels_8k},
    detect::{ScanOptions, ScanReport, Scanner},
    fingerprint::Extractor,
    index::{Hit, Index, IndexBuilder, Label, Search, Tables, find_hits},
};

fn corpus(file: &str) -> String {
    format!("{}/../corpus/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// An index of the renderings of the corpus, but for those whose name holds `without`.
fn bytes(tables: Tables, without: Option<&str>) -> Vec<u8> {
    let mut builder = IndexBuilder::new();
    builder.set_tables(tables);
    for path in find_audio(corpus("renderings").as_ref()).unwrap() {
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if without.is_none_or(|without| !id.contains(without)) {
            builder.add(Label { id, ..Label::default() }, &read_channels_8k(&path, 60.0).unwrap()[0]).unwrap();
        }
    }
    builder.to_bytes().unwrap()
}

fn index(tables: Tables) -> Index {
    Index::from_bytes(bytes(tables, None)).unwrap()
}

static BY_KEYS: LazyLock<Index> = LazyLock::new(|| index(Tables::Always));
static BY_ALL: LazyLock<Index> = LazyLock::new(|| index(Tables::Never));

fn samples(file: &str) -> Vec<f32> {
    read_channels_8k(corpus(file), 60.0).unwrap().remove(0)
}

fn scan(index: &Index, samples: &[f32]) -> ScanReport {
    Scanner::new(index, ScanOptions::default()).unwrap().scan_samples("call", samples).unwrap()
}

#[test]
fn the_sample_calls_are_named_alike_and_at_about_the_same_time() {
    assert!(BY_KEYS.has_tables() && !BY_ALL.has_tables());
    for path in find_audio(corpus("samples").as_ref()).unwrap() {
        let call = &read_channels_8k(&path, 60.0).unwrap()[0];
        let (keys, all) = (scan(&BY_KEYS, call), scan(&BY_ALL, call));
        let scripts = |report: &ScanReport| report.matches.iter().map(|m| m.script.clone()).collect::<BTreeSet<_>>();
        assert_eq!(scripts(&keys), scripts(&all), "{}", path.display());
        if let (Some(a), Some(b)) = (keys.decided_at, all.decided_at) {
            assert!((a - b).abs() <= 0.6, "{}: known after {a} s and {b} s", path.display());
        }
    }
}

#[test]
fn hits_found_by_keys_are_hits() {
    let call = samples("samples/loan-amr.flac");
    let (mut search, mut by_keys, mut by_all) = (Search::new(), Vec::new(), Vec::new());
    Extractor::new().push(
        &call[..40_000],
        |_| (),
        |code| {
            search.find_hits(&BY_KEYS, &code, &mut by_keys);
            find_hits(&BY_ALL, &code, &mut by_all);
        },
    );
    let all: BTreeSet<Hit> = by_all.into_iter().collect();
    assert!(by_keys.len() > 100, "{} hits", by_keys.len());
    assert!(by_keys.iter().all(|hit| all.contains(hit)));
    // Those on the line of the script that plays, at its speed: nearly all of them.
    let script = (0..BY_ALL.len()).find(|&i| BY_ALL.rendering(i).id == "loan-02__fs2").unwrap() as u32;
    let best = by_keys.iter().filter(|h| h.rendering == script).map(|h| (h.speed, h.offset)).fold(
        std::collections::BTreeMap::new(),
        |mut counts, line| {
            *counts.entry(line).or_insert(0) += 1;
            counts
        },
    );
    let (&line, _) = best.iter().max_by_key(|&(_, &count)| count).unwrap();
    let on_line = |h: &&Hit| h.rendering == script && (h.speed, h.offset) == line;
    let found: BTreeSet<Hit> = by_keys.iter().filter(on_line).copied().collect();
    let there = all.iter().filter(on_line).count();
    assert!(found.len() * 10 >= there * 9, "{} of {there}", found.len());
}

#[test]
fn a_search_that_was_reset_is_a_new_one() {
    let (first, second) = (samples("samples/dental-gsm.wav"), samples("samples/solar-fast.mp3"));
    let run = |search: &mut Search, samples: &[f32]| {
        let mut hits = Vec::new();
        Extractor::new().push(&samples[..40_000], |_| (), |code| search.find_hits(&BY_KEYS, &code, &mut hits));
        hits
    };
    let (mut used, mut fresh) = (Search::new(), Search::new());
    run(&mut used, &first);
    used.reset();
    assert_eq!(run(&mut used, &second), run(&mut fresh, &second));
}

#[test]
fn a_rendering_that_was_removed_is_gone_from_the_tables() {
    let mut builder = IndexBuilder::from_index(&BY_KEYS);
    builder.set_tables(Tables::Always);
    builder.remove("dental-01").unwrap();
    let removed = builder.to_bytes().unwrap();
    assert_eq!(removed, bytes(Tables::Always, Some("dental-01")));
    let index = Index::from_bytes(removed).unwrap();
    index.verify().unwrap();
    assert!(scan(&index, &samples("samples/dental-gsm.wav")).matches.iter().all(|m| m.script != "dental-01"));
}
