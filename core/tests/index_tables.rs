//! An index that finds codes by their keys answers as one that compares with every code, whatever its size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{collections::BTreeSet, sync::LazyLock};

use callprint::{
    audio::{find_audio, read_channels_8k},
    detect::{ScanOptions, ScanReport, Scanner},
    fingerprint::{Extractor, SPEEDS},
    index::{Candidate, Hit, Index, IndexBuilder, Label, Search, Tables, find_candidates, find_hits},
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

/// Clips of 1.5 s of every rendering by the formant synthesiser, in noise as strong as they are: its sound changes slowly, so that
/// lines beside the true one hold for a while.
#[test]
fn short_clips_of_a_slowly_changing_voice_are_found_as_by_comparing() {
    let (mut clips, mut by_all, mut by_keys) = (0, 0, 0);
    for rendering in BY_ALL.renderings().filter(|r| r.id.contains("__espk")) {
        let whole = samples(&format!("renderings/{}.flac", rendering.id));
        for start in (4800..whole.len() - 12_000).step_by(16_000) {
            let clip = &whole[start..start + 12_000];
            let level = (clip.iter().map(|x| x * x).sum::<f32>() / clip.len() as f32).sqrt();
            let mut state = start as u32;
            let mut noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Even in ±1, of power 1/3.
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            let noisy: Vec<f32> = clip.iter().map(|x| 0.5 * (x + level * 3f32.sqrt() * noise())).collect();
            let (mut search, mut hits) = (Search::new(), [Vec::new(), Vec::new()]);
            Extractor::new().push(
                &noisy,
                |_| (),
                |code| {
                    find_hits(&BY_ALL, &code, &mut hits[0]);
                    search.find_hits(&BY_KEYS, &code, &mut hits[1]);
                },
            );
            let [all, keys] = hits.map(|mut hits| find_candidates(&mut hits, 16));
            let right = |found: &[Candidate]| {
                let best = found.iter().filter(|c| BY_ALL.rendering(c.rendering).id == rendering.id);
                let place = |c: &Candidate| f64::from(c.frame) / SPEEDS[c.speed] + (f64::from(start as u32) / 80.0);
                best.filter(|c| (f64::from(c.frame.cast_signed() - c.offset) - place(c)).abs() < 10.0)
                    .map(|c| c.votes)
                    .max()
            };
            clips += 1;
            if let Some(votes) = right(&all) {
                by_all += 1;
                by_keys += usize::from(right(&keys).is_some_and(|found| found * 10 >= votes * 9));
            }
        }
    }
    assert!(by_all * 10 > clips * 9, "comparing finds {by_all} of {clips}");
    assert!(by_keys * 100 >= by_all * 98, "keys find {by_keys} of {by_all}");
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
