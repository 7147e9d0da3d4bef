//! The program `accuracy` on a small labelled folder made from the corpus: keys of its JSON, its tables, its answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// References, among them one of each known script below and one that plays nowhere.
const REFERENCES: [&str; 4] = ["dental-11__fs2", "dental-12__fs2", "loan-02__fs2", "loan-02__taco"];

/// Sample calls, which serve as snippets and as calls, with their rows of both tables (after the id).
const CALLS: [(&str, &str, &str); 3] = [
    ("dental-handover", "dental-11__fs2\tgsm\t5\t0\t1.0\tpositive", "dental-11__fs2\tgsm\t2.17\t10.37\t18.5\tbot"),
    ("loan-amr", "loan-02__fs2\tamr475\t3\t0\t1.0\tpositive", "loan-02__fs2\tamr475\t2.67\t-\t13.7\tbot"),
    ("human", "-\tgsm\t5\t-\t-\thuman", "-\tgsm\t-\t-\t15.7\thuman"),
];

fn corpus(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(path)
}

/// A folder with `refs/`, `snippets/`, `snippets.tsv`, `calls/` and `calls.tsv`.
fn labelled_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for part in ["refs", "snippets", "calls"] {
        fs::create_dir(path(part)).unwrap();
    }
    for name in REFERENCES {
        fs::copy(corpus(&format!("renderings/{name}.flac")), path(&format!("refs/{name}.flac"))).unwrap();
    }
    let mut snippets = "id\tref\tcondition\tseconds\tref_offset\tspeed\tkind\n".to_owned();
    let mut calls = "id\tref\tcondition\tscript_onset\thandover\tseconds\tkind\n".to_owned();
    for (id, snippet, call) in CALLS {
        for part in ["snippets", "calls"] {
            fs::copy(corpus(&format!("samples/{id}.flac")), path(&format!("{part}/{id}.flac"))).unwrap();
        }
        snippets += &format!("{id}\t{snippet}\n");
        calls += &format!("{id}\t{call}\n");
    }
    fs::write(path("snippets.tsv"), snippets).unwrap();
    fs::write(path("calls.tsv"), calls).unwrap();
    folder
}

fn accuracy(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accuracy")).arg(folder).args(args).output().unwrap()
}

/// The JSON object and the file of answers of one run.
fn measured() -> &'static (Value, String) {
    static MEASURED: OnceLock<(Value, String)> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let folder = labelled_folder();
        let answers = folder.path().join("answers.tsv");
        let output = accuracy(folder.path(), &["--json", "--answers", answers.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let line = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
        (serde_json::from_str(&line).unwrap(), fs::read_to_string(answers).unwrap())
    })
}

#[test]
fn the_last_line_is_an_object_with_the_agreed_keys() {
    let (json, _) = measured();
    for key in ["script_top1", "rendering_top1", "r0", "r1"] {
        assert_eq!(json["snippets"][key], 1.0, "snippets.{key}: {json}");
    }
    assert_eq!(json["snippets"]["by_condition"]["amr475"]["r1"], 1.0);
    assert_eq!(json["snippets"]["by_seconds"]["3.0"]["script_top1"], 1.0);
    assert_eq!(json["snippets"]["negatives"]["human"]["of"], 1);
    let calls = &json["calls"];
    assert_eq!(
        (&calls["recall"], &calls["false_alarms"], &calls["handover_false"]),
        (&1.0.into(), &0.into(), &0.into())
    );
    for key in ["decision_p50_s", "decision_p95_s", "onset_error_p50_s"] {
        assert!(calls[key].as_f64().is_some_and(|seconds| (0.0..5.0).contains(&seconds)), "calls.{key}: {json}");
    }
    assert!(calls["handover_recall"].is_number(), "{json}");
}

/// What `score.py` of the public set reads: id, best rendering, score.
#[test]
fn answers_have_a_line_a_snippet() {
    let (_, answers) = measured();
    let rows: Vec<Vec<&str>> = answers.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), CALLS.map(|(id, ..)| id));
    assert_eq!((rows[0][1], rows[1][1]), ("dental-11__fs2", "loan-02__fs2"));
    let score = |row: &[&str]| row[2].parse::<f64>().unwrap();
    assert!(rows.iter().all(|row| row.len() == 3) && score(&rows[0]) > score(&rows[2]), "{answers}");
}

#[test]
fn tables_are_for_people_and_a_folder_without_labels_is_refused() {
    let folder = labelled_folder();
    fs::remove_file(folder.path().join("calls.tsv")).unwrap();
    let output = accuracy(folder.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["2 positive", "1 negative", "R@1%", "amr475", "5.0 s", "human"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let output = accuracy(&folder.path().join("refs"), &["--json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("neither snippets.tsv nor calls.tsv"));
}
