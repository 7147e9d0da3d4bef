//! Writers of an index are killed at random moments: the path always holds the old or the new index, whole.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

mod cli_support;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use callprint::index::{Index, IndexBuilder};
use cli_support::{command, corpus, listing, run};

const WRITES: u32 = 200;

/// A command that changes the index at `path`, and undoes what the one before it did.
fn writer(path: &Path, turn: u32) -> Vec<std::ffi::OsString> {
    let clip = corpus("renderings/loan-02__fs2.flac");
    let (add, remove) = (["index", "add"], ["index", "remove"]);
    let (words, what) =
        if turn.is_multiple_of(2) { (remove, "loan-02__fs2".into()) } else { (add, clip.into_os_string()) };
    words.iter().map(Into::into).chain([path.into(), what]).collect()
}

fn start(args: &[std::ffi::OsString]) -> Child {
    command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_killed_writer_leaves_the_old_or_the_new_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scripts.cpi");
    let mut builder = IndexBuilder::from_index(&Index::builtin().unwrap());
    builder.write(&path).unwrap();

    // The two states between which the writers go, and how long each way takes.
    let mut states = [Vec::new(), Vec::new()];
    let mut durations = [Duration::ZERO; 2];
    for turn in 0..2 {
        let began = Instant::now();
        run(writer(&path, turn)).assert_done();
        durations[turn as usize] = began.elapsed();
        states[turn as usize] = fs::read(&path).unwrap();
    }
    assert_ne!(states[0], states[1]);

    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let (mut killed, mut finished, mut done) = (0, 0, 1);
    for _ in 0..WRITES {
        let turn = 1 - done;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Around the moment of the rename: the estimate follows what the writers do on this machine now.
        let estimate = &mut durations[turn];
        let delay = estimate.mul_f64(0.25 + 1.25 * (random % 1000) as f64 / 1000.0);
        let mut child = start(&writer(&path, turn as u32));
        sleep(delay);
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());

        let found = fs::read(&path).unwrap();
        done = states.iter().position(|s| *s == found).expect("neither the old nor the new index");
        Index::open(&path).unwrap().verify().unwrap();
        finished += u32::from(done == turn);
        *estimate = estimate.mul_f64(if done == turn { 0.9 } else { 1.1 });
    }
    // Kills on both sides of the rename.
    assert!(killed >= WRITES / 5 && finished >= WRITES / 5, "{killed} killed, {finished} finished");
    println!("{killed} killed, {finished} finished, {} temporary files", listing(folder.path()).len() - 1);

    // What killed writers leave is hidden, is read by nobody, and goes when it is old and a writer comes by.
    for name in listing(folder.path()).iter().filter(|name| *name != "scripts.cpi") {
        assert!(name.starts_with(".callprint-") && name.ends_with(".tmp"), "{name}");
        let left = fs::File::options().write(true).open(folder.path().join(name)).unwrap();
        left.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
    builder.remove("loan-02__fs2").unwrap();
    builder.write(&path).unwrap();
    assert_eq!(listing(folder.path()), ["scripts.cpi"]);
}
