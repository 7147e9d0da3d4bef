//! `callprint scan`: what it finds, in which form, in which order, with which exit status.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cli_support::{
    ALAW, CLIPS, ULAW, command, g711, index, run, run_in_shell, run_on_terminal, run_with_input, samples, to_i16,
    write_call, write_wav,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `scan` in the index of the clips, with these further arguments.
fn scan<const N: usize>(args: [&str; N], paths: &[&Path]) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["scan".into(), "--index".into(), index().into()];
    all.extend(args.iter().map(OsString::from));
    all.extend(paths.iter().map(|path| path.as_os_str().to_owned()));
    all
}

/// The script of the best match, or none.
fn best(report: &Value) -> Option<&str> {
    report["matches"].as_array()?.first()?["script"].as_str()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Ten seconds of noise at a low level: sound, but nothing that is in the index.
fn write_noise(folder: &Path, name: &str) -> PathBuf {
    let mut state = 1_u32;
    let noise: Vec<i16> = (0..80_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 64
        })
        .collect();
    write_wav(folder, name, 8000, 1, &noise)
}

#[test]
fn json_says_which_script_where_and_how_sure() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    let ran = run(scan(["--format", "json"], &[&call])).assert_done();
    let reports = ran.json();
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(report["file"], call.to_str().unwrap());
    let length = samples(CLIPS[0]).len() as f64 / 8000.0;
    assert!((number(&report["seconds"]) - length - 1.0).abs() < 0.01, "{report}");

    let found = &report["matches"][0];
    assert_eq!(found["script"], "dental-01");
    assert_eq!(found["rendering"], "dental-01__taco");
    assert_eq!(found["category"], "dental-implant");
    assert!(number(&found["false_alarms_per_hour"]) <= 0.01, "{found}");
    assert!(number(&found["ber"]) < 0.1, "the clip itself: {found}");
    // The clip begins after a second of silence.
    let delay = number(&found["query_start"]) - number(&found["script_start"]);
    assert!((delay - 1.0).abs() < 0.1, "{found}");
    assert!(number(&found["query_end"]) > 0.5 * length, "{found}");
    assert!((number(&found["speed"]) - 1.0).abs() < 0.02, "{found}");
    let decided = number(&report["decided_at"]);
    assert!(decided > 1.0 && decided < length + 1.0, "{report}");
    assert!(report["machine_voice"]["abstained"].is_boolean(), "{report}");
    let kinds: Vec<&str> =
        report["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"match") && kinds.last() == Some(&"ended"), "{kinds:?}");
}

/// The first script breaks off, the second is heard whole: the first is known earlier, the second is surer.
#[test]
fn matches_are_ordered_best_first_and_known_with_the_earliest() {
    let folder = TempDir::new().unwrap();
    let mut call = to_i16(&samples(CLIPS[5])[..32_000]);
    call.extend([0; 8000]);
    call.extend(to_i16(&samples(CLIPS[0])));
    let call = write_wav(folder.path(), "two.wav", 8000, 1, &call);
    let report = run(scan(["--format", "json"], &[&call])).assert_done().json().remove(0);
    let matches = report["matches"].as_array().unwrap();
    let scripts: Vec<&Value> = matches.iter().map(|found| &found["script"]).collect();
    assert_eq!(scripts, ["dental-01", "warranty-01"], "{report}");
    assert!(number(&matches[0]["score"]) > number(&matches[1]["score"]), "{report}");
    assert!(number(&matches[1]["decided_at"]) < number(&matches[0]["decided_at"]), "{report}");
    assert_eq!(report["decided_at"], matches[1]["decided_at"], "{report}");
}

#[test]
fn results_keep_the_order_of_the_files_whatever_the_number_of_threads() {
    let folder = TempDir::new().unwrap();
    for (number, name) in ["e.wav", "a.wav", "d.wav", "c.wav"].iter().enumerate() {
        write_call(folder.path(), name, number);
    }
    let sub = folder.path().join("b");
    fs::create_dir(&sub).unwrap();
    write_noise(&sub, "noise.WAV");
    fs::write(sub.join("notes.txt"), "no audio").unwrap();
    let first = folder.path().join("e.wav");
    let files = |ran: &cli_support::Ran| -> Vec<String> {
        ran.json().iter().map(|report| report["file"].as_str().unwrap().to_owned()).collect()
    };
    // A file named by itself, then the folder that holds it, too.
    let one = run(scan(["--format", "json", "--jobs", "1"], &[&first, folder.path()])).assert_done();
    let many = run(scan(["--format", "json", "--jobs", "8"], &[&first, folder.path()])).assert_done();
    assert_eq!(one.stdout, many.stdout);
    let expected: Vec<String> = ["e.wav", "a.wav", "b/noise.WAV", "c.wav", "d.wav", "e.wav"]
        .iter()
        .map(|name| folder.path().join(name).to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files(&one), expected);
    assert!(one.stderr.contains("6 files: 5 matched, 1 without a match, 0 failed"), "{}", one.stderr);
}

#[test]
fn csv_has_a_line_for_every_file() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "a \"call\", 录音.wav", 2);
    let noise = write_noise(folder.path(), "noise.wav");
    let ran = run(scan(["--format", "csv"], &[&call, &noise])).assert_done();
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(&rows[0][column("file")], call.to_str().unwrap());
    assert_eq!(&rows[0][column("script")], "loan-01");
    assert_eq!(&rows[0][column("channel")], "mono");
    let last = rows.last().unwrap();
    assert_eq!(&last[column("file")], noise.to_str().unwrap());
    assert_eq!((&last[column("script")], &last[column("score")]), ("", ""));
    assert_eq!(&last[column("seconds")], "10");
}

#[test]
fn text_is_for_people_and_without_colours_in_a_pipe() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 5);
    let noise = write_noise(folder.path(), "noise.wav");
    let ran = run(scan([], &[&call, &noise])).assert_done();
    assert!(ran.stdout.contains("match   warranty-01 (auto-warranty), false alarms "), "{}", ran.stdout);
    assert!(ran.stdout.contains("  no match\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    // No progress in a pipe: the summary alone.
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);

    let coloured = run(scan(["--color", "always"], &[&call]));
    assert!(coloured.stdout.contains("\u{1b}["), "{}", coloured.stdout);
    assert!(run(scan(["--quiet"], &[&call])).assert_done().stderr.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 1);
    let on_terminal = |variable: &str| {
        let scan = format!("{variable} \"$CALLPRINT\" scan --index '{}' '{}'", index().display(), call.display());
        run_on_terminal(&scan).assert_done().stdout
    };
    let coloured = on_terminal("");
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mmatch   dental-02"), "{coloured:?}");
    // The progress bar moves the cursor; colours are the sequences that end in `m`.
    let plain = on_terminal("NO_COLOR=1");
    assert!(plain.contains("match   dental-02"), "{plain:?}");
    let sequences = plain.split('\u{1b}').skip(1).map(|rest| rest.chars().find(char::is_ascii_alphabetic));
    assert!(sequences.clone().all(|end| end != Some('m')), "{plain:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_progress_bar_unless_quiet_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 1);
    let (index, call) = (index().display(), call.display());
    // One file shows its seconds, several are counted; results that go elsewhere make no difference.
    let one =
        run_on_terminal(&format!("\"$CALLPRINT\" scan --index '{index}' '{call}' >/dev/null")).assert_done().stdout;
    assert!(one.contains(" of audio, ") && one.contains(" x real time"), "{one:?}");
    let two = run_on_terminal(&format!("\"$CALLPRINT\" scan --index '{index}' '{call}' '{call}'")).assert_done().stdout;
    assert!(two.contains("1 of 2 files"), "{two:?}");
    let quiet =
        run_on_terminal(&format!("\"$CALLPRINT\" scan --quiet --index '{index}' '{call}'")).assert_done().stdout;
    assert!(quiet.contains("dental-02") && !quiet.contains("real time"), "{quiet:?}");
}

#[test]
fn raw_pcm_on_standard_input_is_heard_as_the_file_is() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 3);
    let file = run(scan(["--format", "json"], &[&call])).assert_done().json().remove(0);
    let mut bytes = vec![0; 16_000];
    bytes.extend(to_i16(&samples(CLIPS[3])).iter().flat_map(|sample| sample.to_le_bytes()));
    let mut piped = run_with_input(scan(["--format", "json", "-"], &[]), &bytes).assert_done().json().remove(0);
    assert_eq!(piped["file"], "-");
    piped["file"] = file["file"].clone();
    assert_eq!(piped, file);
}

#[test]
fn raw_pcm_may_have_any_encoding_rate_and_channels() {
    // The script on the right of 16 kHz stereo floats, silence on the left: every sample twice is a crude resampler, and
    // good enough to be recognised.
    let right = samples(CLIPS[0]);
    let frames: Vec<u8> =
        right.iter().flat_map(|sample| [0.0, *sample, 0.0, *sample]).flat_map(f32::to_le_bytes).collect();
    let args = ["--format", "json", "--rate", "16000", "--channels", "2", "--encoding", "f32le", "-"];
    let report = run_with_input(scan(args, &[]), &frames).assert_done().json().remove(0);
    assert_eq!(best(&report), Some("dental-01"), "{report}");
    assert_eq!(report["matches"][0]["channel"], 1);
    let names: Vec<&Value> = report["channels"].as_array().unwrap().iter().map(|channel| &channel["name"]).collect();
    assert_eq!(names, ["left", "right"]);
}

#[test]
fn every_encoding_of_raw_pcm_is_heard() {
    let script = &samples(CLIPS[0])[..32_000];
    let encoded: [(&str, Vec<u8>); 4] = [
        ("s16le", to_i16(script).iter().flat_map(|sample| sample.to_le_bytes()).collect()),
        ("f32le", script.iter().flat_map(|sample| sample.to_le_bytes()).collect()),
        ("ulaw", script.iter().map(|&sample| g711(ULAW, sample)).collect()),
        ("alaw", script.iter().map(|&sample| g711(ALAW, sample)).collect()),
    ];
    for (encoding, bytes) in encoded {
        let args = ["--format", "json", "--encoding", encoding, "-"];
        let report = run_with_input(scan(args, &[]), &bytes).assert_done().json().remove(0);
        assert_eq!((&report["seconds"], best(&report)), (&json!(4.0), Some("dental-01")), "{encoding}: {report}");
        assert!(number(&report["matches"][0]["ber"]) < 0.03, "{encoding}: {report}");
    }
}

#[test]
fn channels_are_named_in_every_format() {
    let folder = TempDir::new().unwrap();
    let left = to_i16(&samples(CLIPS[2]));
    let frames: Vec<i16> = left.iter().flat_map(|&sample| [sample, 0]).collect();
    let call = write_wav(folder.path(), "stereo.wav", 8000, 2, &frames);
    let text = run(scan([], &[&call])).assert_done().stdout;
    assert!(text.contains("left and right\n") && text.contains("loan-01 (bank-loan) on left"), "{text}");
    let csv = run(scan(["--format", "csv"], &[&call])).assert_done().stdout;
    assert!(csv.contains(",left,loan-01,"), "{csv}");
}

#[test]
fn nothing_matched_is_status_1_on_request() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    let noise = write_noise(folder.path(), "noise.wav");
    assert_eq!(run(scan([], &[&noise])).status, Some(0));
    assert_eq!(run(scan(["--fail-if-none"], &[&noise])).status, Some(1));
    assert_eq!(run(scan(["--fail-if-none"], &[&noise, &call])).status, Some(0));
    let missing = folder.path().join("missing.wav");
    assert_eq!(run(scan(["--fail-if-none"], &[&noise, &missing])).status, Some(2));
}

#[test]
fn candidates_are_shown_on_request_and_are_no_matches() {
    let folder = TempDir::new().unwrap();
    // So strict that nothing can pass.
    let call = write_call(folder.path(), "call.wav", 0);
    let strict = ["--format", "json", "--max-far", "1e-300", "--fail-if-none"];
    let ran = run(scan(strict, &[&call]));
    assert_eq!((ran.status, &ran.json()[0]["matches"]), (Some(1), &json!([])), "{ran:?}");
    let [a, b, c, d, e] = strict;
    let ran = run(scan([a, b, c, d, e, "--all"], &[&call]));
    let report = &ran.json()[0];
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(best(report), Some("dental-01"), "{report}");
    assert_eq!(report["decided_at"], Value::Null);
}

#[test]
fn a_match_is_one_at_rates_from_its_own_on() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    let report = |max_far: f64| {
        let max_far = format!("{max_far:e}");
        run(scan(["--format", "json", "--max-far", &max_far], &[&call])).assert_done().json().remove(0)
    };
    let own = number(&report(0.01)["matches"][0]["false_alarms_per_hour"]);
    // The limit says also when is looked again, so that scores differ by parts of a nat.
    assert_eq!(best(&report(3.0 * own)), Some("dental-01"));
    assert_eq!(best(&report(0.3 * own)), None);
}

#[test]
fn a_report_of_damaged_audio_says_so() {
    let folder = TempDir::new().unwrap();
    let whole = write_call(folder.path(), "call.wav", 0);
    let bytes = fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.wav");
    fs::write(&cut, &bytes[..bytes.len() * 9 / 10]).unwrap();
    let ran = run(scan(["--salvage", "--format", "json"], &[&whole, &cut]));
    let reports = ran.json();
    assert_eq!((ran.status, &reports[0]["damaged"]), (Some(2), &Value::Null), "{ran:?}");
    assert!(reports[1]["damaged"].as_str().unwrap().contains("but its header announces"), "{}", reports[1]);
    let ran = run(scan(["--salvage", "--format", "csv"], &[&whole, &cut]));
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().next_back(), Some("damaged"));
    let damaged: Vec<bool> = reader.records().map(|row| !row.unwrap().iter().next_back().unwrap().is_empty()).collect();
    assert_eq!(damaged, [false, true]);
}

#[cfg(unix)]
#[test]
fn names_that_differ_in_bytes_that_are_no_utf_8_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    for name in [&b"caf\xe8.wav"[..], b"caf\xe9.wav"] {
        fs::rename(write_noise(folder.path(), "x.wav"), folder.path().join(std::ffi::OsStr::from_bytes(name))).unwrap();
    }
    let ran = run(scan(["--format", "json"], &[folder.path()])).assert_done();
    let names: Vec<String> = ran.json().iter().map(|report| report["file"].as_str().unwrap().to_owned()).collect();
    assert!(names[0].ends_with("/caf\\xE8.wav") && names[1].ends_with("/caf\\xE9.wav"), "{names:?}");
}

#[test]
fn a_file_with_a_header_on_standard_input_is_warned_of() {
    let folder = TempDir::new().unwrap();
    let call = fs::read(write_call(folder.path(), "call.wav", 0)).unwrap();
    for command in ["scan", "words", "features"] {
        let ran = run_with_input([command, "-"], &call).assert_done();
        assert!(ran.stderr.contains("-: looks like a WAV file, but raw PCM is expected"), "{ran:?}");
        let ran = run_with_input([command, "-"], &call[44..]).assert_done();
        assert!(!ran.stderr.contains("looks like"), "{ran:?}");
    }
}

#[test]
fn words_and_features_keep_what_a_broken_stream_gave() {
    let folder = TempDir::new().unwrap();
    let bytes = fs::read(write_call(folder.path(), "call.wav", 0)).unwrap();
    let odd = &bytes[44..bytes.len() - 1];
    for (command, done) in [("words", "searched"), ("features", "analysed")] {
        let ran = run_with_input([command, "-", "--format", "json"], odd);
        ran.assert_refused(Path::new("-"), &format!("the audio before that was {done}"));
        assert_eq!(ran.json().len(), 1, "{ran:?}");
        // Of a file, only on request.
        let cut = folder.path().join("cut.wav");
        fs::write(&cut, &bytes[..bytes.len() * 9 / 10]).unwrap();
        let ran = run([command, cut.to_str().unwrap(), "--format", "json"]);
        ran.assert_refused(&cut, "--salvage");
        assert_eq!(ran.stdout, "");
        let ran = run([command, cut.to_str().unwrap(), "--format", "json", "--salvage"]);
        ran.assert_refused(&cut, "the audio before that was");
        assert_eq!(ran.json().len(), 1, "{ran:?}");
    }
}

#[test]
fn an_index_that_holds_nothing_or_can_not_be_mapped_is_told() {
    let folder = TempDir::new().unwrap();
    let noise = write_noise(folder.path(), "noise.wav");
    let empty = folder.path().join("empty.cpi");
    callprint::index::IndexBuilder::new().write(&empty).unwrap();
    for command in ["scan", "words"] {
        let ran = run([command.as_ref(), "-i".as_ref(), empty.as_os_str(), noise.as_os_str()]).assert_done();
        assert!(ran.stderr.contains("empty.cpi: the index is empty"), "{ran:?}");
    }
    let line = "cat \"$1\" | \"$0\" scan -i /dev/stdin \"$2\"";
    let ran = run_in_shell(line, [index(), &noise]);
    ran.assert_refused(Path::new("/dev/stdin"), "give a regular file");
}

#[test]
fn the_advice_for_a_file_without_a_header_can_be_followed() {
    let folder = TempDir::new().unwrap();
    let samples = fs::read(write_call(folder.path(), "call.wav", 0)).unwrap()[44..].to_vec();
    let raw = folder.path().join("call.raw");
    fs::write(&raw, &samples).unwrap();
    run(scan([], &[&raw])).assert_refused(&raw, "name it .sln");
    let ran = run_in_shell(
        "exec \"$0\" scan - --rate 8000 --encoding s16le -i \"$1\" --format json < \"$2\"",
        [index(), &raw],
    );
    assert_eq!(best(&ran.assert_done().json()[0]), Some("dental-01"));
    let named = folder.path().join("call.sln");
    fs::rename(&raw, &named).unwrap();
    assert_eq!(best(&run(scan(["--format", "json"], &[&named])).assert_done().json()[0]), Some("dental-01"));
}

#[test]
fn a_reader_that_goes_away_ends_the_scan_quietly() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    for format in ["text", "json", "csv"] {
        let mut child = command(scan(["--quiet", "--format", format], &[&call, &call]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let folder = TempDir::new().unwrap();
    let call = write_call(folder.path(), "call.wav", 0);
    for format in ["text", "json", "csv"] {
        let args = [index().as_os_str(), call.as_os_str(), format.as_ref()];
        let ran = run_in_shell("exec \"$0\" scan --index \"$1\" \"$2\" --format \"$3\" >/dev/full", args);
        ran.assert_refused(Path::new("standard output"), "no space left");
    }
}

#[test]
fn verbose_tells_what_is_done() {
    let folder = TempDir::new().unwrap();
    let noise = write_noise(folder.path(), "noise.wav");
    let ran = run(scan(["--verbose"], &[&noise])).assert_done();
    assert!(ran.stderr.contains("6 renderings"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{}: scanned 10.0 s in", noise.display())), "{}", ran.stderr);
}

#[test]
fn a_list_names_recordings() {
    let folder = TempDir::new().unwrap();
    let (call, noise) = (write_call(folder.path(), "call.wav", 0), write_noise(folder.path(), "two words.wav"));
    let files = |ran: cli_support::Ran| -> Vec<String> {
        ran.assert_done().json().iter().map(|report| report["file"].as_str().unwrap().to_owned()).collect()
    };
    let expected = [&noise, &call, &noise].map(|path| path.to_str().unwrap().to_owned());
    let list = folder.path().join("list");
    let args = |list: &Path| scan(["--format", "json", "--files-from", list.to_str().unwrap()], &[&noise]);
    // Of every system, with blank lines, and as `find -print0` writes them.
    for [before, between, after] in [["", "\n", "\n"], ["\n", "\r\n\r\n", "\r\n"], ["", "\n", ""], ["", "\0", "\0"]] {
        let text = format!("{before}{}{between}{}{after}", call.display(), noise.display());
        fs::write(&list, &text).unwrap();
        assert_eq!(files(run(args(&list))), expected, "{text:?}");
        assert_eq!(files(run_with_input(args(Path::new("-")), text.as_bytes())), expected, "{text:?}");
    }
    fs::write(&list, "").unwrap();
    assert_eq!(files(run(args(&list))), expected[..1], "an empty list names nothing");
}

#[test]
fn a_list_that_is_missing_or_asks_for_standard_input_twice_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    run(scan(["--files-from", missing.to_str().unwrap()], &[])).assert_refused(&missing, "no such file");
    let twice = run(scan(["--files-from", "-"], &[Path::new("-")]));
    assert_eq!(twice.status, Some(2));
    assert!(twice.stderr.contains("more than once"), "{twice:?}");
    // In a list `-` is a file.
    let list = folder.path().join("list");
    fs::write(&list, "-\n").unwrap();
    run(scan(["--files-from", list.to_str().unwrap()], &[])).assert_refused(Path::new("./-"), "no such file");
}
