//! `callprint index`: building, changing and looking at indexes.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cli_support::{
    CLIPS, Ran, build_index, clips, command, corpus, index, listing, run, run_in_shell, samples, to_i16, write_call,
    write_wav,
};
use tempfile::TempDir;

/// `callprint index COMMAND` with an index or option of the command, further arguments and paths.
fn index_command(first: &[&str], file: &Path, args: &[&str], paths: &[PathBuf]) -> Ran {
    let mut all: Vec<OsString> = vec!["index".into()];
    all.extend(first.iter().map(OsString::from));
    all.push(file.into());
    all.extend(args.iter().map(OsString::from));
    all.extend(paths.iter().map(|path| path.as_os_str().to_owned()));
    run(all)
}

fn ids(file: &Path) -> Vec<String> {
    let ran = index_command(&["list", "--format", "json"], file, &[], &[]).assert_done();
    ran.json().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The names in [`CLIPS`] without their endings.
fn all_ids() -> Vec<String> {
    CLIPS.iter().map(|name| name.trim_end_matches(".flac").to_owned()).collect()
}

/// An index of its own in a folder of its own.
fn own_index() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("own.cpi");
    fs::copy(index(), &file).unwrap();
    (folder, file)
}

#[test]
fn the_same_clips_give_the_same_file() {
    let folder = TempDir::new().unwrap();
    let [one, other] = ["one.cpi", "other.cpi"].map(|name| folder.path().join(name));
    build_index(&one).assert_done();
    let mut backwards = clips();
    backwards.reverse();
    let scripts = corpus("scripts.tsv");
    let args = ["--jobs", "1", "--scripts", scripts.to_str().unwrap()];
    index_command(&["build", "-o"], &other, &args, &backwards).assert_done();
    assert!(fs::read(&one).unwrap() == fs::read(&other).unwrap(), "the files differ");
    assert_eq!(listing(folder.path()), ["one.cpi", "other.cpi"], "something was left behind");
}

#[test]
fn a_list_names_every_rendering_with_its_labels() {
    assert_eq!(ids(index()), all_ids());
    let rows = index_command(&["list", "--format", "json"], index(), &[], &[]).json();
    assert_eq!(rows[0]["script"], "dental-01");
    assert_eq!(rows[0]["category"], "dental-implant");
    assert_eq!(rows[0]["language"], "zh");
    assert_eq!(rows[5]["language"], "en");
    let length = samples(CLIPS[0]).len() as f64 / 8000.0;
    assert!((rows[0]["seconds"].as_f64().unwrap() - length).abs() < 0.05, "{}", rows[0]);

    let text = index_command(&["list"], index(), &[], &[]).assert_done().stdout;
    assert!(text.starts_with("rendering "), "{text}");
    assert_eq!(text.lines().count(), 7, "{text}");
    let csv = index_command(&["list", "--format", "csv"], index(), &[], &[]).assert_done().stdout;
    assert!(csv.starts_with("id,script,category,language,seconds,codes\ndental-01__taco,dental-01,dental-implant,zh,"));
}

#[test]
fn stats_tell_sizes() {
    let stats = index_command(&["stats", "--format", "json"], index(), &[], &[]).assert_done().json().remove(0);
    assert_eq!(stats["renderings"], 6);
    assert_eq!(stats["scripts"], 5);
    assert_eq!(stats["categories"], 4);
    assert_eq!(stats["bytes"], fs::metadata(index()).unwrap().len());
    let text = index_command(&["stats"], index(), &[], &[]).assert_done().stdout;
    assert!(text.contains("renderings") && text.contains("2 residency-agency"), "{text}");
}

#[test]
fn the_built_in_index_is_the_default() {
    let scripts = fs::read_to_string(corpus("scripts.tsv")).unwrap();
    let known: BTreeSet<&str> = scripts.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    let rows = run(["index", "list", "--format", "json"]).assert_done().json();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row["script"].as_str().unwrap()).collect();
    assert_eq!(listed, known);
    assert!(run(["index", "verify"]).assert_done().stdout.starts_with("<built-in>: sound, "));
}

#[test]
fn clips_can_be_added_replaced_and_removed() {
    let (_folder, file) = own_index();
    let more = corpus("renderings/loan-02__fs2.flac");
    index_command(&["add"], &file, &[], std::slice::from_ref(&more)).assert_done();
    assert!(ids(&file).contains(&"loan-02__fs2".to_owned()));
    index_command(&["verify"], &file, &[], &[]).assert_done();

    let before = fs::read(&file).unwrap();
    let again = index_command(&["add"], &file, &[], std::slice::from_ref(&more));
    again.assert_refused(&more, "--replace");
    assert_eq!(fs::read(&file).unwrap(), before);
    index_command(&["add"], &file, &["--replace"], &[more]).assert_done();
    assert_eq!(fs::read(&file).unwrap(), before, "the same clip with the same label in its own place");

    let ran = index_command(&["remove"], &file, &["loan-02__fs2", "settle-01"], &[]).assert_done();
    assert!(ran.stderr.contains("removed 3 renderings, 4 left"), "{}", ran.stderr);
    assert_eq!(ids(&file), ["dental-01__taco", "dental-02__fs2", "loan-01__fs2", "warranty-01__joe"]);
    let ran = index_command(&["remove"], &file, &["dental-01", "no-such-script"], &[]);
    ran.assert_refused(&file, "no-such-script");
    assert_eq!(ids(&file).len(), 4, "half of a removal was done");
}

#[test]
fn removing_looks_names_up_first_and_takes_each_once() {
    let (_folder, file) = own_index();
    let before = fs::read(&file).unwrap();
    let ran = index_command(&["remove"], &file, &["settle-01", "no-such"], &[]);
    ran.assert_refused(&file, "nothing was changed");
    assert!(fs::read(&file).unwrap() == before, "half of a removal was done");
    let names = ["settle-01__taco", "settle-01", "settle-01", "dental-02", "dental-02"];
    let ran = index_command(&["remove"], &file, &names, &[]).assert_done();
    assert!(ran.stderr.contains("removed 3 renderings, 3 left"), "{}", ran.stderr);
}

#[test]
fn a_rendering_added_to_a_script_has_its_labels() {
    let (_folder, file) = own_index();
    index_command(&["add"], &file, &[], &[corpus("renderings/dental-01__fs2.flac")]).assert_done();
    let rows = index_command(&["list", "--format", "json"], &file, &[], &[]).json();
    let added = rows.iter().find(|row| row["id"] == "dental-01__fs2").unwrap();
    assert_eq!((&added["category"], &added["language"]), (&"dental-implant".into(), &"zh".into()));
}

/// Each of the writers reads the index and puts another in its place: what one adds must be there after the other.
#[test]
fn writers_of_one_index_wait_for_one_another() {
    let (folder, file) = own_index();
    let clips = ["loan-02__fs2", "dental-01__fs2", "loan-01__taco", "warranty-01__hib"];
    let clips = clips.map(|name| corpus("renderings").join(format!("{name}.flac")));
    let children: Vec<_> = clips
        .iter()
        .map(|clip| {
            let args = ["index".as_ref(), "add".as_ref(), file.as_os_str(), clip.as_os_str()];
            command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let held = ids(&file);
    for clip in &clips {
        assert!(held.contains(&clip.file_stem().unwrap().to_str().unwrap().to_owned()), "{clip:?} is lost");
    }
    assert_eq!(listing(folder.path()), ["own.cpi"], "something was left behind");
}

/// A lock goes with the process that holds it: the index can be changed while nobody does, whatever happened before.
#[test]
fn who_holds_an_index_is_waited_for_and_no_longer() {
    let (_folder, file) = own_index();
    let held = fs::File::open(&file).unwrap();
    held.lock().unwrap();
    let mut child = command(["index".as_ref(), "remove".as_ref(), file.as_os_str(), "settle-01".as_ref()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says that it waits, however long it takes to start, and then does.
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        tell.send(line).unwrap();
        std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
    });
    let line = told.recv_timeout(Duration::from_secs(60)).expect("a line on standard error");
    assert!(line.contains("another callprint is changing it"), "{line}");
    thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    assert_eq!(ids(&file).len(), 6, "readers do not wait");
    drop(held);
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
    assert_eq!(ids(&file).len(), 4);
}

#[cfg(unix)]
#[test]
fn an_index_behind_a_link_is_changed_in_its_place_and_new_ones_have_the_umask() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, file) = own_index();
    let link = folder.path().join("link.cpi");
    symlink("own.cpi", &link).unwrap();
    index_command(&["remove"], &link, &["settle-01"], &[]).assert_done();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(ids(&file).len(), 4);
    let made = folder.path().join("made.cpi");
    let line = "umask 027; exec \"$0\" index merge -o \"$1\" \"$2\"";
    run_in_shell(line, [&made, &file]).assert_done();
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn adding_and_removing_leave_the_index_that_building_gives() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("grown.cpi");
    let scripts = corpus("scripts.tsv");
    let labels = ["--scripts", scripts.to_str().unwrap()];
    let paths = clips();
    index_command(&["build", "-o"], &file, &labels, &paths[3..]).assert_done();
    index_command(&["add"], &file, &labels, &[corpus("renderings/loan-02__fs2.flac")]).assert_done();
    index_command(&["add"], &file, &labels, &paths[..3]).assert_done();
    index_command(&["remove"], &file, &["loan-02"], &[]).assert_done();
    assert!(fs::read(&file).unwrap() == fs::read(index()).unwrap(), "the files differ");
}

#[test]
fn indexes_can_be_merged() {
    let folder = TempDir::new().unwrap();
    let [left, right, both] = ["left.cpi", "right.cpi", "both.cpi"].map(|name| folder.path().join(name));
    let scripts = corpus("scripts.tsv");
    let labels = ["--scripts", scripts.to_str().unwrap()];
    let paths = clips();
    index_command(&["build", "-o"], &left, &labels, &paths[..2]).assert_done();
    index_command(&["build", "-o"], &right, &labels, &paths[2..]).assert_done();
    index_command(&["merge", "-o"], &both, &[], &[right.clone(), left.clone()]).assert_done();
    assert!(fs::read(&both).unwrap() == fs::read(index()).unwrap(), "the files differ");

    let ran = index_command(&["merge", "-o"], &both, &[], &[left.clone(), index().to_owned()]);
    ran.assert_refused(index(), "dental-01__taco");
    assert_eq!(ids(&both), all_ids(), "a merge that failed changed the file");
}

#[test]
fn a_bad_clip_stops_the_build_unless_told_otherwise() {
    let folder = TempDir::new().unwrap();
    let (good, bad) = (corpus("renderings").join(CLIPS[0]), folder.path().join("bad__clip.wav"));
    fs::write(&bad, "this is no audio").unwrap();
    let file = folder.path().join("x.cpi");
    let ran = index_command(&["build", "-o"], &file, &[], &[good.clone(), bad.clone()]);
    ran.assert_refused(&bad, "");
    ran.assert_refused(&file, "nothing was written");
    assert_eq!(listing(folder.path()), ["bad__clip.wav"]);

    let ran = index_command(&["build", "-o"], &file, &["--skip-bad"], &[good, bad.clone()]);
    ran.assert_refused(&bad, "");
    assert_eq!(ids(&file), ["dental-01__taco"]);
    let ran = index_command(&["build", "-o"], &folder.path().join("y.cpi"), &["--skip-bad"], &[bad]);
    ran.assert_refused(&folder.path().join("y.cpi"), "no clip is left");
}

#[test]
fn clips_that_can_be_no_renderings_are_refused() {
    let folder = TempDir::new().unwrap();
    let silent = write_wav(folder.path(), "silent__1.wav", 8000, 1, &[0; 80_000]);
    let short = write_wav(folder.path(), "short__1.wav", 8000, 1, &to_i16(&samples(CLIPS[0])[8000..10_000]));
    let odd = folder.path().join("a name?__1.flac");
    fs::copy(corpus("renderings").join(CLIPS[0]), &odd).unwrap();
    let two: Vec<i16> = to_i16(&samples(CLIPS[0])).iter().flat_map(|&sample| [sample, sample / 3]).collect();
    let stereo = write_wav(folder.path(), "stereo__1.wav", 8000, 2, &two);
    let file = folder.path().join("x.cpi");
    for (clip, words) in
        [(&silent, "usable sound"), (&short, "usable sound"), (&odd, "a name?"), (&stereo, "--channel")]
    {
        let ran = index_command(&["build", "-o"], &file, &[], std::slice::from_ref(clip));
        ran.assert_refused(clip, words);
        assert!(!file.exists());
    }
    index_command(&["build", "-o"], &file, &["--channel", "2"], &[stereo]).assert_done();
}

#[test]
fn two_clips_of_one_name_are_refused() {
    let folder = TempDir::new().unwrap();
    let clip = corpus("renderings").join(CLIPS[0]);
    let copy = folder.path().join(CLIPS[0]);
    fs::copy(&clip, &copy).unwrap();
    let file = folder.path().join("x.cpi");
    let ran = index_command(&["build", "-o"], &file, &[], &[clip, copy]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("rename one of the two"), "{}", ran.stderr);
    assert!(!file.exists());
}

#[test]
fn a_manifest_names_and_labels_clips() {
    let folder = TempDir::new().unwrap();
    fs::copy(corpus("renderings").join(CLIPS[2]), folder.path().join("recording 17.flac")).unwrap();
    let manifest = folder.path().join("clips.tsv");
    fs::write(&manifest, "path\tid\tcategory\tlanguage\nrecording 17.flac\tloan-x__mine\tloans\tzh\n").unwrap();
    let file = folder.path().join("x.cpi");
    index_command(&["build", "-o"], &file, &["--manifest", manifest.to_str().unwrap()], &[]).assert_done();
    let rows = index_command(&["list", "--format", "json"], &file, &[], &[]).json();
    assert_eq!((&rows[0]["id"], &rows[0]["category"]), (&"loan-x__mine".into(), &"loans".into()));

    let call = write_call(folder.path(), "call.wav", 2);
    let ran = run(["scan", "--format", "json", "-i", file.to_str().unwrap(), call.to_str().unwrap()]).assert_done();
    assert_eq!(ran.json()[0]["matches"][0]["rendering"], "loan-x__mine");

    fs::write(&manifest, "path\nno such clip.wav\n").unwrap();
    let ran = index_command(&["build", "-o"], &file, &["--manifest", manifest.to_str().unwrap()], &[]);
    ran.assert_refused(&folder.path().join("no such clip.wav"), "no such file");
    fs::write(&manifest, "file\nx.wav\n").unwrap();
    let ran = index_command(&["build", "-o"], &file, &["--manifest", manifest.to_str().unwrap()], &[]);
    ran.assert_refused(&manifest, "no column `path`");
}

#[test]
fn only_an_index_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let song = write_wav(folder.path(), "song.wav", 8000, 1, &[1; 100]);
    let before = fs::read(&song).unwrap();
    index_command(&["build", "-o"], &song, &[], &clips()[..1]).assert_refused(&song, "no index");
    index_command(&["merge", "-o"], &song, &[], &[index().to_owned()]).assert_refused(&song, "no index");
    index_command(&["add"], &song, &[], &clips()[..1]).assert_refused(&song, "not a callprint index");
    assert_eq!(fs::read(&song).unwrap(), before);
    index_command(&["build", "-o"], folder.path(), &[], &clips()[..1]).assert_refused(folder.path(), "is a folder");

    // An empty file, as `mktemp` makes it, and an index may be replaced.
    let file = folder.path().join("x.cpi");
    fs::write(&file, "").unwrap();
    index_command(&["build", "-o"], &file, &[], &clips()[..1]).assert_done();
    index_command(&["build", "-o"], &file, &[], &clips()[1..2]).assert_done();
    assert_eq!(ids(&file), ["dental-02__fs2"]);
}

#[test]
fn a_damaged_index_is_not_built_upon() {
    let (folder, file) = own_index();
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let clip = corpus("renderings/loan-02__fs2.flac");
    index_command(&["add"], &file, &[], &[clip]).assert_refused(&file, "damaged");
    index_command(&["remove"], &file, &["settle-01"], &[]).assert_refused(&file, "damaged");
    assert!(fs::read(&file).unwrap() == bytes, "the damaged file was changed");
    let merged = folder.path().join("merged.cpi");
    index_command(&["merge", "-o"], &merged, &[], std::slice::from_ref(&file)).assert_refused(&file, "damaged");
    assert_eq!(listing(folder.path()), ["own.cpi"]);
}
