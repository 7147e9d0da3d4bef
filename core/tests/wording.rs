//! The same words by another voice: what a campaign that is rendered anew looks like.

#![cfg(all(feature = "decode", feature = "corpus"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

use callprint::{
    Error, Index,
    audio::{Block, FileSource, Format, find_audio, read_channels_8k},
    index::{IndexBuilder, Label},
    wording::{LEAST_RATE, Wording, WordingStream, false_alarms_per_hour},
};

/// The corpus's renderings by one voice: script and samples.
fn renderings(voice: &str) -> Vec<(String, Vec<f32>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/renderings");
    let of_voice =
        |path: &std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().ends_with(&format!("__{voice}"));
    let files = find_audio(&folder).unwrap().into_iter().filter(of_voice);
    let clip = |path: std::path::PathBuf| {
        let script = path.file_stem().unwrap().to_str().unwrap().split("__").next().unwrap().to_owned();
        (script, read_channels_8k(&path, 60.0).unwrap().remove(0))
    };
    files.map(clip).collect()
}

fn wording(clips: &[(String, Vec<f32>)], voice: &str) -> Wording {
    let mut builder = IndexBuilder::new();
    for (script, samples) in clips {
        let label = Label { id: format!("{script}__{voice}"), ..Label::default() };
        builder.add(label, samples).unwrap();
    }
    Wording::new(&Index::from_bytes(builder.to_bytes().unwrap()).unwrap())
}

#[test]
fn a_script_is_found_when_another_voice_says_it() {
    for (indexed, asked) in [("fs2", "espk-cmn-m"), ("joe", "slt")] {
        let wording = wording(&renderings(indexed), indexed);
        for (script, samples) in renderings(asked) {
            let found = wording.search(&samples).unwrap_or_else(|| panic!("nothing for {script} by {asked}"));
            assert_eq!(found.script, script, "by {asked}");
            assert!(found.false_alarms_per_hour <= 0.1, "{found:?}");
            assert!(found.query_end - found.query_start > 3.0 && found.script_start < 1.5, "{found:?}");
        }
    }
}

#[test]
fn a_script_that_is_not_known_is_not_taken_for_another() {
    let known: Vec<_> = renderings("joe").into_iter().filter(|(script, _)| script.ends_with('1')).collect();
    let wording = wording(&known[..known.len() / 2], "joe");
    for (script, samples) in renderings("hib") {
        if known[..known.len() / 2].iter().all(|k| k.0 != script) {
            let found = wording.search(&samples);
            assert!(found.as_ref().is_none_or(|f| f.false_alarms_per_hour > 0.1), "{script}: {found:?}");
        }
    }
}

#[test]
fn an_index_of_one_script_is_no_reason_to_find_it_everywhere() {
    let known = renderings("fs2");
    let wording = wording(&known[..1], "fs2");
    for (script, samples) in renderings("taco").iter().take(12) {
        let found = wording.search(samples).filter(|f| f.false_alarms_per_hour <= 0.1);
        assert_eq!(found.is_some(), *script == known[0].0, "{script}: {found:?}");
    }
}

#[test]
fn in_a_long_recording_the_time_is_right_however_it_is_cut() {
    let known = renderings("fs2");
    let wording = wording(&known, "fs2");
    let (script, samples) = renderings("taco").swap_remove(3);
    // Noise of a line for 20 s, then the script, on the second of two channels.
    let mut right: Vec<f32> =
        (0..160_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 * 1e-3).collect();
    right.extend(&samples);
    let left = vec![0.0; right.len()];
    let listen = |size: usize| {
        let mut stream = WordingStream::new(&wording, Format { sample_rate: 8000, channels: 2 }).unwrap();
        for (l, r) in left.chunks(size).zip(right.chunks(size)) {
            stream.push(&Block { channels: vec![l.to_vec(), r.to_vec()] });
        }
        stream.finish()
    };
    let found = listen(8000);
    assert_eq!((found[0].script.as_str(), found[0].channel), (script.as_str(), 1));
    let begins = found[0].query_start - found[0].script_start;
    assert!((begins - 20.0).abs() < 1.5, "the script begins at 20 s: {:?}", found[0]);
    assert_eq!(found, listen(777));
}

#[test]
fn a_scan_tells_what_the_rate_allows_and_refuses_a_rate_that_is_never_stated() {
    let wording = wording(&renderings("fs2"), "fs2");
    let scan = |name: &str, max_far: f64| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/samples").join(name);
        let mut heard = 0.0;
        let report =
            wording.scan(name, &mut FileSource::open(&path).unwrap(), max_far, &mut |seconds| heard = seconds)?;
        assert_eq!((report.file.as_str(), report.seconds), (name, heard));
        Ok::<_, Error>(report.same_words)
    };
    // insure-01 in the voice taco, on the first of two channels; a person who says nothing of the kind.
    let found = scan("insure-stereo.wav", 0.1).unwrap();
    assert_eq!((found[0].script.as_str(), found[0].channel), ("insure-01", 0));
    let unsure = scan("human.flac", 1e3).unwrap();
    assert!(!unsure.is_empty() && unsure.iter().all(|found| found.false_alarms_per_hour > 0.1), "{unsure:?}");
    assert_eq!(scan("human.flac", 0.1).unwrap(), []);
    for rate in [0.9 * LEAST_RATE, -1.0, f64::NAN] {
        assert!(matches!(scan("human.flac", rate), Err(Error::InvalidArgument(_))), "{rate}");
    }
}

#[test]
fn rates_fall_with_the_score_to_the_least_that_is_stated() {
    assert!(false_alarms_per_hour(30.0) < 0.1 * false_alarms_per_hour(20.0));
    assert!(false_alarms_per_hour(30.0) > LEAST_RATE);
    assert_eq!(false_alarms_per_hour(100.0), LEAST_RATE);
    assert!(false_alarms_per_hour(f64::NAN).is_nan());
}

#[test]
fn silence_says_nothing() {
    let wording = wording(&renderings("fs2")[..3], "fs2");
    assert_eq!(wording.search(&[]), None);
    assert_eq!(wording.search(&[0.0; 80_000]), None);
}

#[test]
fn a_person_says_no_script_however_few_the_index_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let files = ["samples/human.flac", "sample-sources/human-words-1.flac", "sample-sources/human-words-2.flac"];
    let people = files.map(|file| read_channels_8k(folder.join(file), 60.0).unwrap().remove(0));
    for voice in ["fs2", "joe"] {
        let known = renderings(voice);
        for few in known.chunks(1).step_by(3).chain(known.chunks(3).step_by(3)) {
            let wording = wording(few, voice);
            for (file, words) in files.iter().zip(&people) {
                // Ringing in the first of them, then single words with pauses.
                let found = wording.search(&words[words.len().saturating_sub(72_000)..]);
                assert!(found.as_ref().is_none_or(|f| f.false_alarms_per_hour > 0.1), "{file}: {found:?}");
            }
        }
    }
}
