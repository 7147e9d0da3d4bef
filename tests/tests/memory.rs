//! Memory does not grow with the length of a recording: an hour of speech is scanned within 64 MiB.
//!
//! This is a test program of its own, with one test: the system counts the largest of all children.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]
#![cfg(target_os = "linux")]

use std::{env, path::Path};

use end_to_end::{clip, json_lines, renderings, run};
use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

const MIB: f64 = 1_048_576.0;
/// What an hour may take, bytes: the program itself, the index, and the state of one channel.
const LIMIT: f64 = 64.0 * MIB;
/// Lengths of speech scanned, minutes. From how much more the second takes than the first follows what an hour takes: what is
/// kept per second, match or block shows as growth. `CALLPRINT_MEMORY_MINUTES=60` scans the hour itself.
const SHORT: usize = 1;
const LONG: usize = 5;
const HOUR: usize = 60;

/// Writes `minutes` of the corpus' renderings, one after the other and again, as 16-bit WAV at 8 kHz; block by block.
///
/// All of it is speech that the index knows: codes, hits and matches without end, the worst case for memory.
fn write_speech(path: &Path, minutes: usize) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    let mut left = minutes * 60 * 8000;
    for rendering in renderings().iter().cycle() {
        let clip = clip(rendering);
        let taken = left.min(clip.len());
        for sample in &clip[..taken] {
            file.write_sample((sample * 32767.0) as i16).unwrap();
        }
        left -= taken;
        if left == 0 {
            break;
        }
    }
    file.finalize().unwrap();
}

/// Scans `minutes` of speech; the largest resident set of any child so far, bytes.
fn scan(folder: &Path, minutes: usize) -> f64 {
    let path = folder.join(format!("{minutes}.wav"));
    write_speech(&path, minutes);
    let reports = json_lines(&run(["scan".as_ref(), "--format".as_ref(), "json".as_ref(), path.as_os_str()]));
    assert_eq!(reports[0]["seconds"], (minutes * 60) as f64);
    assert!(reports[0]["matches"].as_array().is_some_and(|matches| !matches.is_empty()), "nothing was recognised");
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() as f64 * 1024.0
}

#[test]
fn an_hour_is_scanned_within_64_mib() {
    let long: usize = env::var("CALLPRINT_MEMORY_MINUTES").map_or(LONG, |minutes| minutes.parse().unwrap());
    assert!((SHORT + 1..=HOUR).contains(&long), "CALLPRINT_MEMORY_MINUTES: want {} to {HOUR}", SHORT + 1);
    let folder = TempDir::new().unwrap();
    let (first, last) = (scan(folder.path(), SHORT), scan(folder.path(), long));
    let growth = (last - first) / (long - SHORT) as f64;
    let hour = last + growth * (HOUR - long) as f64;
    let mib = |bytes: f64| format!("{:.1} MiB", bytes / MIB);
    let figures =
        format!("{} for {SHORT} min, {} for {long} min, so {} for {HOUR} min", mib(first), mib(last), mib(hour));
    println!("largest resident set: {figures}");
    assert!(hour < LIMIT, "{figures}");
}
