//! The index file as a user meets it: built, changed, damaged, searched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    Error, IndexFault,
    audio::read_channels_8k,
    detect::{ScanOptions, Scanner},
    index::{Index, IndexBuilder, Label},
};

fn corpus(file: &str) -> Vec<f32> {
    let path = format!("{}/../corpus/renderings/{file}.flac", env!("CARGO_MANIFEST_DIR"));
    read_channels_8k(path, 60.0).unwrap().remove(0)
}

fn label(id: &str) -> Label {
    Label { id: id.into(), category: "test".into(), language: "zh".into() }
}

const CLIPS: [&str; 3] = ["dental-01__fs2", "loan-02__fs2", "settle-01__fs2high"];

fn builder(order: &[usize]) -> IndexBuilder {
    let mut builder = IndexBuilder::new();
    for &i in order {
        builder.add(label(CLIPS[i]), &corpus(CLIPS[i])).unwrap();
    }
    builder
}

fn fault(error: Error) -> IndexFault {
    match error {
        Error::Index { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_order_of_insertion() {
    let bytes = builder(&[0, 1, 2]).to_bytes().unwrap();
    assert_eq!(builder(&[2, 0, 1]).to_bytes().unwrap(), bytes);
    let index = Index::from_bytes(bytes).unwrap();
    index.verify().unwrap();
    let names: Vec<_> = index.renderings().map(|r| r.id.to_owned()).collect();
    assert_eq!(names, CLIPS);
    let first = index.rendering(0);
    assert_eq!((first.script, first.category, first.language), ("dental-01", "test", "zh"));
    assert!((first.seconds - corpus(CLIPS[0]).len() as f64 / 8000.0).abs() < 1e-9);
}

#[test]
fn adding_and_removing_leaves_what_was_there() {
    let before = builder(&[0, 1]).to_bytes().unwrap();
    let mut changed = IndexBuilder::from_index(&Index::from_bytes(before.clone()).unwrap());
    changed.add(label(CLIPS[2]), &corpus(CLIPS[2])).unwrap();
    assert_eq!(changed.to_bytes().unwrap(), builder(&[0, 1, 2]).to_bytes().unwrap());
    assert_eq!(changed.remove("settle-01").unwrap(), 1);
    assert_eq!(changed.to_bytes().unwrap(), before);
    assert_eq!(fault(changed.remove("settle-01").unwrap_err()), IndexFault::NoSuchRendering("settle-01".into()));
}

#[test]
fn merging_is_adding_and_a_duplicate_changes_nothing() {
    let other = Index::from_bytes(builder(&[1, 2]).to_bytes().unwrap()).unwrap();
    let mut merged = builder(&[0]);
    merged.merge(&other).unwrap();
    let whole = merged.to_bytes().unwrap();
    assert_eq!(whole, builder(&[0, 1, 2]).to_bytes().unwrap());
    assert!(matches!(fault(merged.merge(&other).unwrap_err()), IndexFault::Duplicate(_)));
    assert!(matches!(fault(merged.add(label(CLIPS[0]), &corpus(CLIPS[0])).unwrap_err()), IndexFault::Duplicate(_)));
    assert_eq!(merged.to_bytes().unwrap(), whole);
}

#[test]
fn a_clip_without_enough_sound_is_refused_with_the_seconds_found() {
    for samples in [vec![], vec![0.0; 1], vec![0.0; 80_000], corpus(CLIPS[0])[..8000].to_vec()] {
        let reason = fault(IndexBuilder::new().add(label("a__b"), &samples).unwrap_err());
        assert!(matches!(reason, IndexFault::TooShort { seconds, .. } if seconds < 1.1), "{reason}");
    }
    let bad = IndexBuilder::new().add(label("a b/c"), &corpus(CLIPS[0])).unwrap_err();
    assert!(matches!(bad, Error::InvalidArgument(_)));
}

#[test]
fn a_truncated_file_never_opens_and_says_so() {
    let bytes = builder(&[0]).to_bytes().unwrap();
    for length in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        let reason = fault(Index::from_bytes(bytes[..length].to_vec()).unwrap_err());
        let right = match length {
            0 => reason == IndexFault::NotAnIndex,
            _ => matches!(reason, IndexFault::Truncated { found, .. } if found == length as u64),
        };
        assert!(right, "{length} bytes: {reason}");
    }
}

#[test]
fn an_index_of_another_version_or_configuration_says_what_to_do() {
    let bytes = builder(&[0]).to_bytes().unwrap();
    let mut version = bytes.clone();
    version[8] = 99;
    let reason = fault(Index::from_bytes(version).unwrap_err());
    let newest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/index-v5.cpi");
    let supported = Index::open(newest).unwrap().stats().format_version;
    assert_eq!(reason, IndexFault::Version { found: 99, supported });
    assert!(reason.to_string().contains("rebuild"));

    let mut other = bytes.clone();
    other[16] ^= 1;
    // The header's checksum covers the hash; a file honestly written with another hash has the checksum to go with it.
    let crc = {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&other[..60]);
        crc.update(&other[64..64 + 24 * usize::from(other[12])]);
        crc.finalize()
    };
    other[60..64].copy_from_slice(&crc.to_le_bytes());
    let reason = fault(Index::from_bytes(other).unwrap_err());
    assert!(matches!(reason, IndexFault::Configuration { .. }), "{reason}");
    assert!(reason.to_string().contains("index build"));
}

#[test]
fn a_damaged_index_is_searched_without_harm() {
    let bytes = builder(&[0, 1]).to_bytes().unwrap();
    let query = &corpus(CLIPS[0])[..24_000];
    let start = 64 + 24 * usize::from(bytes[12]);
    for at in (start..bytes.len()).step_by(211) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        if let Ok(index) = Index::from_bytes(damaged) {
            let scanner = Scanner::new(&index, ScanOptions { all: true, ..ScanOptions::default() }).unwrap();
            let _ = scanner.scan_samples("damaged", query).unwrap();
        }
    }
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cpi");
    builder(&[0]).write(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    builder(&[0, 1]).write(&path).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    let missing = folder.path().join("no such folder/a.cpi");
    assert!(matches!(builder(&[0]).write(missing).unwrap_err(), Error::Io { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_rendering_is_found_in_a_part_of_itself_at_the_right_place_and_speed() {
    let index = Index::from_bytes(builder(&[0, 1, 2]).to_bytes().unwrap()).unwrap();
    let scanner = Scanner::new(&index, ScanOptions { max_far: 1.0, all: true }).unwrap();
    let report = scanner.scan_samples("part", &corpus(CLIPS[1])[16_000..40_000]).unwrap();
    let best = &report.matches[0];
    assert_eq!(best.rendering, CLIPS[1]);
    assert!((best.script_start - best.query_start - 2.0).abs() < 0.05, "{} {}", best.script_start, best.query_start);
    assert!((best.speed - 1.0).abs() < 0.01);
    assert!(best.ber < 0.08);
}

#[test]
fn stored_codes_are_those_of_the_rendering() {
    let index = Index::from_bytes(builder(&[0, 1]).to_bytes().unwrap()).unwrap();
    for (i, clip) in CLIPS[..2].iter().enumerate() {
        let expected = callprint::fingerprint::reference_codes(&corpus(clip));
        let stored: Vec<_> = index.rendering_codes(i).collect();
        assert_eq!(stored.len(), expected.len());
        for (stored, code) in stored.iter().zip(&expected) {
            assert_eq!((stored.code, stored.active), (code.soft.code(), code.active));
            assert!((stored.time - code.time()).abs() < 1e-9);
        }
    }
    assert_eq!(index.rendering_codes(2).count(), 0);
}
