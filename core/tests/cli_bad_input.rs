//! Bad input: each gives an error that says what to do, or a defined result, and the exit status of the contract.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use std::f64::consts::TAU;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cli_support::{
    CLIPS, Ran, clips, corpus, index, listing, run, run_in_shell, run_with_input, samples, to_i16, write_call,
    write_float_wav, write_wav,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where an index file tells its format version: after the magic.
const VERSION_AT: usize = 8;

/// Scans files in the index of the clips, JSON out.
fn scan(paths: &[&Path]) -> Ran {
    let mut args = vec![Path::new("scan"), Path::new("--format"), Path::new("json"), Path::new("--index"), index()];
    args.extend(paths);
    run(args)
}

/// The one report of a scan that went well.
fn report(path: &Path) -> Value {
    let ran = scan(&[path]).assert_done();
    let mut reports = ran.json();
    assert_eq!(reports.len(), 1, "{ran:?}");
    reports.remove(0)
}

/// Asserts that the file is refused with these words, without a result.
fn assert_refused(path: &Path, words: &str) {
    let ran = scan(&[path]);
    ran.assert_refused(path, words);
    assert_eq!(ran.stdout, "", "a result of a file that was refused");
}

fn folder_with(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

// Audio files.

#[test]
fn an_empty_file_is_refused() {
    let (_folder, path) = folder_with("empty.wav", b"");
    assert_refused(&path, "empty");
}

#[test]
fn text_renamed_to_wav_is_refused() {
    let (_folder, path) = folder_with("letter.wav", "Dear sir or madam,\n".repeat(100).as_bytes());
    assert_refused(&path, "audio");
}

#[test]
fn a_truncated_file_is_refused_or_scanned_up_to_the_damage_on_request() {
    let folder = TempDir::new().unwrap();
    let whole = write_call(folder.path(), "whole.wav", 0);
    let bytes = fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.wav");
    fs::write(&cut, &bytes[..bytes.len() * 9 / 10]).unwrap();
    assert_refused(&cut, "--salvage scans the audio before that");

    let ran = run([Path::new("scan"), "--salvage".as_ref(), "--format=json".as_ref(), "-i".as_ref(), index(), &cut]);
    ran.assert_refused(&cut, "the audio before that was scanned");
    assert_eq!(ran.json()[0]["matches"][0]["script"], "dental-01");
    assert!(ran.stderr.contains("1 failed"), "{}", ran.stderr);

    // Down to the header: nothing to scan.
    fs::write(&cut, &bytes[..30]).unwrap();
    assert_refused(&cut, "");
}

#[test]
fn a_truncated_compressed_file_has_a_defined_result() {
    let folder = TempDir::new().unwrap();
    let bytes = fs::read(corpus("renderings").join(CLIPS[0])).unwrap();
    let cut = folder.path().join("cut.flac");
    for length in [bytes.len() / 2, 50, 4] {
        fs::write(&cut, &bytes[..length]).unwrap();
        let ran = scan(&[&cut]);
        // A decoder may take the last whole frame for the end of the stream.
        match ran.status {
            Some(0) => assert!(ran.json()[0]["seconds"].as_f64().unwrap() > 0.0, "{ran:?}"),
            _ => ran.assert_refused(&cut, ""),
        }
    }
}

#[test]
fn a_silent_file_holds_nothing() {
    let folder = TempDir::new().unwrap();
    let report = report(&write_wav(folder.path(), "silent.wav", 8000, 1, &[0; 160_000]));
    assert_eq!(report["seconds"], 20.0);
    assert_eq!(report["matches"], json!([]));
    assert_eq!(report["decided_at"], Value::Null);
    assert_eq!(report["machine_voice"]["abstained"], true);
    assert_eq!(report["channels"][0]["active_seconds"], 0.0);
}

#[test]
fn a_file_of_one_sample_holds_nothing() {
    let folder = TempDir::new().unwrap();
    let report = report(&write_wav(folder.path(), "one.wav", 8000, 1, &[12_345]));
    assert_eq!(report["seconds"], 0.000_125);
    assert_eq!(report["matches"], json!([]));
}

#[test]
fn nan_samples_are_silence_and_never_reach_the_output() {
    let folder = TempDir::new().unwrap();
    let path = write_float_wav(folder.path(), "nan.wav", &[f32::NAN; 80_000]);
    let nothing = report(&path);
    assert_eq!(nothing["matches"], json!([]));
    assert_eq!(nothing["seconds"], 10.0);
    // The script with a NaN and an infinity here and there is still the script.
    let mut script = samples(CLIPS[0]);
    for (number, sample) in script.iter_mut().step_by(4001).enumerate() {
        *sample = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][number % 3];
    }
    let path = write_float_wav(folder.path(), "some-nan.wav", &script);
    let ran = scan(&[&path]).assert_done();
    assert_eq!(ran.json()[0]["matches"][0]["script"], "dental-01", "{}", ran.stdout);
    let lower = ran.stdout.to_lowercase();
    assert!(!lower.contains(":nan") && !lower.contains(":inf") && !lower.contains(":-inf"), "{lower}");
}

#[test]
fn audio_at_192_khz_is_recognised() {
    let folder = TempDir::new().unwrap();
    // Eight thousand samples a second to 192 thousand by straight lines.
    let script = samples(CLIPS[0]);
    let fine: Vec<f32> = script
        .windows(2)
        .flat_map(|pair| (0..24).map(|step| pair[0] + (pair[1] - pair[0]) * step as f32 / 24.0))
        .collect();
    let report = report(&write_wav(folder.path(), "fine.wav", 192_000, 1, &to_i16(&fine)));
    assert_eq!(report["matches"][0]["script"], "dental-01", "{report}");
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((seconds - script.len() as f64 / 8000.0).abs() < 0.01, "{seconds}");
}

#[test]
fn eight_channels_are_scanned_each_by_itself() {
    let folder = TempDir::new().unwrap();
    let script = to_i16(&samples(CLIPS[0]));
    let tone = |n: usize| ((TAU * 440.0 * n as f64 / 8000.0).sin() * 3000.0) as i16;
    let frames: Vec<i16> = script
        .iter()
        .enumerate()
        .flat_map(|(n, &sample)| (0..8).map(move |channel| if channel == 5 { sample } else { tone(n) / (channel + 1) }))
        .collect();
    let report = report(&write_wav(folder.path(), "eight.wav", 8000, 8, &frames));
    let names: Vec<&str> =
        report["channels"].as_array().unwrap().iter().map(|channel| channel["name"].as_str().unwrap()).collect();
    assert_eq!(names, (1..=8).map(|n| format!("channel {n}")).collect::<Vec<_>>());
    let matches = report["matches"].as_array().unwrap();
    assert!(!matches.is_empty() && matches.iter().all(|found| found["channel"] == 5), "{report}");
}

/// Ten hours of 16-bit silence with a script at the end, as a file with holes: 576 MB on paper, little on the disk.
fn write_ten_hours(folder: &Path) -> PathBuf {
    let path = write_wav(folder, "long.wav", 8000, 1, &[0; 1]);
    let script: Vec<u8> = to_i16(&samples(CLIPS[0])).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let data = 10 * 3600 * 16_000 + script.len() as u64;
    let mut file = File::options().write(true).open(&path).unwrap();
    // The sizes of the RIFF and data chunks of the 44-byte header that hound writes.
    for (at, size) in [(4, data + 36), (40, data)] {
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&u32::try_from(size).unwrap().to_le_bytes()).unwrap();
    }
    file.seek(SeekFrom::Start(44 + 10 * 3600 * 16_000)).unwrap();
    file.write_all(&script).unwrap();
    path
}

/// The program may have 400 MB of address space, less than the file has bytes: it can neither load nor map it.
#[cfg(target_os = "linux")]
#[test]
fn ten_hours_are_scanned_in_bounded_memory() {
    let folder = TempDir::new().unwrap();
    let path = write_ten_hours(folder.path());
    let line = "ulimit -v 400000; exec \"$0\" scan --jobs 1 --format json --index \"$1\" \"$2\"";
    let ran = run_in_shell(line, [index(), &path]).assert_done();
    let report = &ran.json()[0];
    assert!(report["seconds"].as_f64().unwrap() > 36_000.0, "{report}");
    assert_eq!(report["matches"][0]["script"], "dental-01", "{report}");
    assert!(report["matches"][0]["query_start"].as_f64().unwrap() >= 35_999.0, "{report}");
}

#[test]
fn a_bad_file_among_good_ones_is_skipped_and_counted() {
    let folder = TempDir::new().unwrap();
    let (first, last) = (write_call(folder.path(), "a.wav", 0), write_call(folder.path(), "c.wav", 1));
    let bad = folder.path().join("b.wav");
    fs::write(&bad, "no audio").unwrap();
    let ran = scan(&[folder.path()]);
    ran.assert_refused(&bad, "");
    let files: Vec<String> = ran.json().iter().map(|report| report["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files, [first, last].map(|path| path.to_str().unwrap().to_owned()));
    assert!(ran.stderr.contains("3 files: 2 matched, 0 without a match, 1 failed"), "{}", ran.stderr);
}

// Paths.

#[test]
fn a_missing_path_is_refused() {
    assert_refused(Path::new("no/such/call.wav"), "no such file or folder; check the spelling");
}

#[test]
fn a_folder_without_audio_is_refused() {
    let (folder, _) = folder_with("notes.txt", b"no audio here");
    assert_refused(folder.path(), "no audio files in this folder");
}

/// As `lost+found` at the root of a disk, or a colleague's folder. An administrator may read everything, so the program
/// runs as somebody else then, from a place where that one may find it.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_costs_no_other() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = TempDir::new().unwrap();
    mode(folder.path(), 0o755);
    let [calls, closed, program, own_index] =
        ["calls", "calls/lost+found", "callprint", "own.cpi"].map(|name| folder.path().join(name));
    fs::create_dir_all(&closed).unwrap();
    write_call(&closed, "hidden.wav", 1);
    let open = write_call(&calls, "open.wav", 0);
    fs::copy(cli_support::PROGRAM, &program).unwrap();
    fs::copy(index(), &own_index).unwrap();
    mode(&closed, 0o000);
    let administrator = fs::read_dir(&closed).is_ok();
    if administrator {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for words in [&["scan", "--format=json"][..], &["words", "--format=json"], &["features", "--format=json"]] {
        let mut command = std::process::Command::new(&program);
        command.args(words).arg(&calls).stdin(std::process::Stdio::null());
        if words[0] != "features" {
            command.arg("--index").arg(&own_index);
        }
        if administrator {
            command.uid(NOBODY).gid(NOBODY);
        }
        let ran = Ran::from(command.output().unwrap());
        ran.assert_refused(&closed, "permission denied");
        let reports = ran.json();
        assert_eq!(reports.len(), 1, "{ran:?}");
        assert_eq!(reports[0]["file"], open.to_str().unwrap());
    }
    mode(&closed, 0o700);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_or_hold_line_breaks_are_told_on_one_line() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let bytes = fs::read(write_call(folder.path(), "call.wav", 0)).unwrap();
    for name in [&b"caf\xe9.wav"[..], b"two\nlines.wav"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, &bytes).unwrap();
        assert_eq!(report(&path)["matches"][0]["script"], "dental-01");
        fs::write(&path, "no audio").unwrap();
        let ran = scan(&[&path]);
        assert_eq!((ran.status, ran.stderr.lines().count()), (Some(2), 2), "{ran:?}");
    }
}

// Standard input.

#[test]
fn standard_input_that_is_closed_at_once_is_refused() {
    let args = ["scan", "--format", "json", "-i", index().to_str().unwrap(), "-"];
    for ran in [run(args), run_with_input(args, b"")] {
        ran.assert_refused(Path::new("-"), "");
        assert_eq!(ran.stdout, "");
    }
    run_in_shell("exec \"$0\" scan - <&-", [""; 0]).assert_refused(Path::new("-"), "");
}

#[test]
fn standard_input_that_breaks_off_is_scanned_up_to_there() {
    let args = ["scan", "--format", "json", "-i", index().to_str().unwrap(), "-"];
    let mut bytes: Vec<u8> =
        to_i16(&samples(CLIPS[0])[..40_000]).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let whole = run_with_input(args, &bytes).assert_done();
    assert_eq!(whole.json()[0]["matches"][0]["script"], "dental-01");
    // Half a sample more.
    bytes.push(1);
    let broken = run_with_input(args, &bytes);
    broken.assert_refused(Path::new("-"), "the audio before that was scanned");
    let mut report = broken.json().remove(0);
    assert!(report["damaged"].as_str().unwrap().contains("1 byte left over"), "{report}");
    report["damaged"] = Value::Null;
    assert_eq!(report, whole.json()[0]);
}

// Index files.

/// Asserts that no command takes this index, and each says why.
fn assert_no_index(path: &Path, words: &str) {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    let file = path.to_str().unwrap();
    for args in [
        &["index", "list", file][..],
        &["index", "stats", file],
        &["index", "verify", file],
        &["index", "remove", file, "dental-01"],
        &["index", "add", file, clips()[0].to_str().unwrap()],
        &["index", "merge", "-o", folder.path().join("merged.cpi").to_str().unwrap(), file],
        &["scan", "--index", file, call.to_str().unwrap()],
    ] {
        let ran = run(args);
        ran.assert_refused(path, words);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    assert!(!folder.path().join("merged.cpi").exists());
}

#[test]
fn a_missing_index_is_refused() {
    assert_no_index(Path::new("no-such.cpi"), "no such");
}

#[test]
fn a_file_that_is_no_index_is_refused() {
    for bytes in [&b""[..], b"x", &[0; 4096]] {
        let (_folder, path) = folder_with("x.cpi", bytes);
        assert_no_index(&path, "index build");
    }
}

#[test]
fn an_index_of_another_version_is_refused() {
    let mut bytes = fs::read(index()).unwrap();
    bytes[VERSION_AT..VERSION_AT + 4].copy_from_slice(&7_777_u32.to_le_bytes());
    let (_folder, path) = folder_with("newer.cpi", &bytes);
    assert_no_index(&path, "version 7777, but this program reads version");
}

#[test]
fn a_truncated_index_is_refused() {
    let bytes = fs::read(index()).unwrap();
    for length in [bytes.len() - 1, bytes.len() / 2, 100, 20] {
        let (_folder, path) = folder_with("cut.cpi", &bytes[..length]);
        assert_no_index(&path, "truncated");
    }
}

/// Opening checks the header at once; verifying must find a flipped bit anywhere.
#[test]
fn a_flipped_bit_is_found_by_verify() {
    let (_folder, path) = folder_with("flipped.cpi", &fs::read(index()).unwrap());
    let whole = fs::read(&path).unwrap();
    let step = (whole.len() / 60).max(1);
    for at in (0..whole.len()).step_by(step).chain(0..64).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let ran = run([Path::new("index"), "verify".as_ref(), &path]);
        assert_eq!(ran.status, Some(2), "byte {at}: {ran:?}");
        ran.assert_refused(&path, "");
    }
}

/// A scan may not notice a flipped bit in the codes, but it never panics or hangs.
#[test]
fn a_flipped_bit_never_breaks_a_scan() {
    let (folder, path) = folder_with("flipped.cpi", &fs::read(index()).unwrap());
    let call = write_wav(folder.path(), "call.wav", 8000, 1, &to_i16(&samples(CLIPS[0])[..24_000]));
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by((whole.len() / 40).max(1)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x80;
        fs::write(&path, &bytes).unwrap();
        let ran = run([Path::new("scan"), "--quiet".as_ref(), "-i".as_ref(), &path, &call]);
        match ran.status {
            Some(0) => assert_eq!(ran.stderr, "", "byte {at}"),
            _ => ran.assert_refused(&path, ""),
        }
    }
}

// Targets.

/// Commands that write an index, each with the clips or indexes it needs.
fn writers(target: &Path) -> Vec<Vec<PathBuf>> {
    let mut build = vec!["build".into(), "-o".into(), target.to_owned()];
    build.extend(clips());
    let mut add = vec!["add".into(), target.to_owned(), "--replace".into()];
    add.extend(clips());
    let merge = vec!["merge".into(), "-o".into(), target.to_owned(), index().to_owned()];
    let remove = vec!["remove".into(), target.to_owned(), "dental-01".into()];
    vec![build, add, merge, remove]
}

/// The old file is untouched and nothing is left beside it.
fn assert_untouched(folder: &Path, old: &[u8]) {
    assert!(fs::read(folder.join("old.cpi")).unwrap() == old, "the old file was changed");
    assert_eq!(listing(folder), ["old.cpi"], "something was left behind");
}

/// The system refuses to write more than a few blocks to a file, as a full disk does.
#[cfg(unix)]
#[test]
fn writing_without_room_leaves_the_old_index() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("old.cpi");
    fs::copy(index(), &target).unwrap();
    let old = fs::read(index()).unwrap();
    assert!(old.len() > 8 * 1024, "the limit below would not be met");
    for args in writers(&target) {
        let line = "trap '' XFSZ; ulimit -f 4; exec \"$0\" index \"$@\"";
        let ran = run_in_shell(line, &args);
        ran.assert_refused(&target, "no space left to write it");
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
        assert_untouched(folder.path(), &old);
    }
}

/// A disk that holds the old index and a little more. Where the system lets no tests mount one, the limit on the size of
/// files above stands for it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_index() {
    let folder = TempDir::new().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let target = disk.join("old.cpi");
    let room = fs::metadata(index()).unwrap().len().next_multiple_of(4096) + 4 * 4096;
    let mount = format!("mount -t tmpfs -o size={room} tmpfs '{}'", disk.display());
    let mounted = |line: &str, args: &[PathBuf]| {
        let mut command = std::process::Command::new("unshare");
        command.args(["-rm", "sh", "-c", &format!("{mount} && {line}"), cli_support::PROGRAM]).args(args);
        command.output().map(Ran::from)
    };
    if !mounted("true", &[]).is_ok_and(|ran| ran.status == Some(0)) {
        eprintln!("this system lets no tests mount a disk");
        return;
    }
    let old = index().display();
    for args in writers(&target) {
        let line = format!(
            "cp '{old}' '{0}/old.cpi' && {{ \"$0\" index \"$@\"; status=$?; cmp '{old}' '{0}/old.cpi'; ls -A '{0}'; exit $status; }}",
            disk.display()
        );
        let ran = mounted(&line, &args).unwrap();
        ran.assert_refused(&target, "no space left to write it");
        assert_eq!(ran.stdout, "old.cpi\n", "the old file was changed, or something was left behind");
    }
}

#[test]
fn a_target_without_a_folder_is_refused_before_any_work() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("no/such/folder/x.cpi");
    let ran = run([Path::new("index"), "build".as_ref(), "-o".as_ref(), &target, "no-such-clip.wav".as_ref()]);
    ran.assert_refused(&target, "make it first");
    assert!(!ran.stderr.contains("no-such-clip"), "{}", ran.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_target_that_cannot_be_written_is_refused() {
    // The system's own file system takes no files, not even from an administrator.
    let target = Path::new("/sys/callprint.cpi");
    let ran = run([Path::new("index"), "merge".as_ref(), "-o".as_ref(), target, index()]);
    ran.assert_refused(target, "nothing was changed");
    // A device would be replaced by a file.
    let ran = run([Path::new("index"), "merge".as_ref(), "-o".as_ref(), "/dev/full".as_ref(), index()]);
    ran.assert_refused(Path::new("/dev/full"), "regular file");
}
