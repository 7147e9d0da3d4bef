//! An index in service is replaced while many threads search it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use callprint::{
    Error,
    audio::read_channels_8k,
    detect::{ScanOptions, ScanReport, Scanner},
    index::{Index, IndexBuilder, Label, LiveIndex},
};

/// 2 s of a rendering of the corpus.
fn clip() -> Vec<f32> {
    let path = format!("{}/../corpus/renderings/dental-01__fs2.flac", env!("CARGO_MANIFEST_DIR"));
    read_channels_8k(path, 60.0).unwrap().remove(0)[8000..24_000].to_vec()
}

/// An index that knows the clip under one name.
fn builder(id: &str) -> IndexBuilder {
    let mut builder = IndexBuilder::new();
    builder.add(Label { id: id.into(), ..Label::default() }, &clip()).unwrap();
    builder
}

fn answer(index: &Index, query: &[f32]) -> ScanReport {
    let options = ScanOptions { max_far: 1e3, all: true };
    Scanner::new(index, options).unwrap().scan_samples("query", query).unwrap()
}

fn named(index: &Index) -> &str {
    index.rendering(0).id
}

#[test]
fn every_query_is_answered_from_one_index_while_the_file_is_replaced() {
    const REPLACEMENTS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.cpi");
    let builders = [builder("even-01__a"), builder("odd-01__b")];
    let query = clip();
    let expected = builders.each_ref().map(|b| answer(&Index::from_bytes(b.to_bytes().unwrap()).unwrap(), &query));
    assert_ne!(expected[0], expected[1]);
    for (answer, id) in expected.iter().zip(["even-01__a", "odd-01__b"]) {
        assert_eq!(answer.matches[0].rendering, id);
    }

    builders[0].write(&path).unwrap();
    let live = LiveIndex::open(&path).unwrap();
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let searches: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = [0usize; 2];
                    while !done.load(Ordering::Relaxed) {
                        let found = answer(&live.current(), &query);
                        let which = expected.iter().position(|e| *e == found);
                        seen[which.expect("an answer that neither index gives")] += 1;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    seen
                })
            })
            .collect();
        for i in 1..=REPLACEMENTS {
            let before = answered.load(Ordering::Relaxed);
            builders[i % 2].write(&path).unwrap();
            assert!(live.reload().unwrap(), "replacement {i} was not noticed");
            assert!(!live.reload().unwrap(), "nothing was replaced after {i}");
            assert_eq!(named(&live.current()), ["even-01__a", "odd-01__b"][i % 2]);
            // Each index serves some queries before the next replaces it.
            while answered.load(Ordering::Relaxed) < before + 8 {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        let seen = searches.into_iter().map(|s| s.join().unwrap()).fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
        assert!(seen.iter().all(|&n| n >= REPLACEMENTS), "{seen:?}");
        assert_eq!(seen.iter().sum::<usize>(), answered.load(Ordering::Relaxed));
    });
}

#[test]
fn a_reader_keeps_the_old_file_when_it_is_replaced_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.cpi");
    builder("old-01__a").write(&path).unwrap();
    let live = LiveIndex::open(&path).unwrap();
    let held = live.current();
    builder("new-01__a").write(&path).unwrap();
    assert!(live.reload().unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(live.reload().unwrap_err(), Error::Io { .. }), "the file is gone");
    held.verify().unwrap();
    assert_eq!((named(&held), named(&live.current())), ("old-01__a", "new-01__a"));
    assert_eq!(answer(&held, &clip()).matches[0].rendering, "old-01__a");
}

#[test]
fn a_file_that_cannot_be_used_leaves_the_index_in_service_until_a_good_one_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.cpi");
    builder("good-01__a").write(&path).unwrap();
    let live = LiveIndex::open(&path).unwrap();
    let replace = |bytes: &[u8]| {
        let other = folder.path().join("other");
        std::fs::write(&other, bytes).unwrap();
        std::fs::rename(&other, &path).unwrap();
    };
    let whole = std::fs::read(&path).unwrap();
    for bad in [&b""[..], b"this is no index", &whole[..whole.len() - 1]] {
        replace(bad);
        for _ in 0..2 {
            let error = live.reload().unwrap_err();
            assert!(matches!(error, Error::Index { .. }), "{error}");
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        }
        assert_eq!(named(&live.current()), "good-01__a");
    }
    replace(&builder("good-02__a").to_bytes().unwrap());
    assert!(live.reload().unwrap());
    assert_eq!(named(&live.current()), "good-02__a");
    assert!(LiveIndex::open(Path::new("/no/such/index.cpi")).is_err());
}
