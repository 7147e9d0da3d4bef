//! What operations rely on: damage is found to the bit, indexes of every released version open, processes share the pages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::path::PathBuf;

use callprint::{
    audio::read_channels_8k,
    detect::{ScanOptions, Scanner},
    index::{Index, IndexBuilder, Label},
};

fn corpus(file: &str) -> Vec<f32> {
    let path = format!("{}/../corpus/renderings/{file}.flac", env!("CARGO_MANIFEST_DIR"));
    read_channels_8k(path, 60.0).unwrap().remove(0)
}

#[test]
fn every_single_flipped_bit_is_found() {
    let mut builder = IndexBuilder::new();
    for id in ["dental-01__fs2", "loan-02__fs2"] {
        let label = Label { id: id.into(), category: "category".into(), language: "zh".into() };
        builder.add(label, &corpus(id)[..16_000]).unwrap();
    }
    let whole = builder.to_bytes().unwrap();
    Index::from_bytes(whole.clone()).unwrap().verify().unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let found = Index::from_bytes(damaged).and_then(|index| index.verify());
            assert!(found.is_err(), "byte {at} bit {bit} of {}", whole.len());
        }
    }
}

/// The fixtures `index-v*.cpi` and the versions in their names.
fn fixtures() -> Vec<(u32, PathBuf)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let version = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let version = name.strip_prefix("index-v")?.strip_suffix(".cpi")?.parse().expect("index-vN.cpi");
        Some((version, path))
    };
    std::fs::read_dir(folder).unwrap().filter_map(|entry| version(entry.unwrap().path())).collect()
}

/// The score of three seconds of a rendering from its third on, if they are found where they are.
fn finds(index: &Index, id: &str) -> Option<f64> {
    let scanner = Scanner::new(index, ScanOptions::default()).unwrap();
    let report = scanner.scan_samples("query", &corpus(id)[16_000..40_000]).unwrap();
    let best = report.matches.first().filter(|best| best.rendering == id)?;
    ((best.script_start - best.query_start - 2.0).abs() < 0.05).then_some(best.score)
}

#[test]
fn indexes_of_every_version_open_and_answer() {
    let fixtures = fixtures();
    for (version, path) in &fixtures {
        let index = Index::open(path).unwrap_or_else(|error| panic!("{error}"));
        index.verify().unwrap();
        let renderings: Vec<_> = index.renderings().map(|r| (r.id, r.category, r.language, r.codes)).collect();
        let expected =
            [("dental-01__fs2", "dental-implant", "zh", 253), ("warranty-01__joe", "auto-warranty", "en", 218)];
        assert_eq!(renderings, expected, "version {version}");
        // Whoever adds to it or removes from it gets one of the present version.
        let written = Index::from_bytes(IndexBuilder::from_index(&index).to_bytes().unwrap()).unwrap();
        written.verify().unwrap();
        for (id, ..) in expected {
            let found = finds(&index, id).unwrap_or_else(|| panic!("version {version}: {id} is not found"));
            assert_eq!(Some(found), finds(&written, id), "version {version}");
        }
    }
    // A new version of the format needs its fixture: see data/README.md.
    let written = Index::from_bytes(IndexBuilder::new().to_bytes().unwrap()).unwrap().stats().format_version;
    assert!(fixtures.iter().any(|(version, _)| *version == written), "no index-v{written}.cpi in tests/data");
}

/// Pages of an index are the page cache's own: they count once however many processes have it open, and none is copied.
#[cfg(target_os = "linux")]
#[test]
fn all_who_open_an_index_share_its_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.cpi");
    let mut builder = IndexBuilder::new();
    builder.add(Label { id: "a__b".into(), ..Label::default() }, &corpus("dental-01__fs2")).unwrap();
    builder.write(&path).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let opened = [Index::open(&path).unwrap(), Index::open(&path).unwrap()];
    opened.iter().for_each(|index| index.verify().unwrap());

    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let kib = |field: &str| -> Vec<u64> {
        let mut ours = false;
        let mut found = Vec::new();
        for line in smaps.lines() {
            if line.contains('-') && !line.contains("kB") {
                ours = line.ends_with("shared.cpi");
            } else if let Some(value) = line.strip_prefix(field).filter(|_| ours) {
                found.push(value.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap());
            }
        }
        found
    };
    let pages = size.div_ceil(4096) * 4;
    assert_eq!(kib("Shared_Clean"), [pages; 2], "not all pages of {size} bytes are shared");
    for field in ["Private_Dirty", "Shared_Dirty", "Anonymous", "Private_Clean"] {
        assert_eq!(kib(field), [0; 2], "{field}");
    }
}
