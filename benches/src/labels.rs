//! The tables of a labelled folder: what each audio file holds.
//!
//! The folder has `refs/` (clips for the index, named `script__rendering`), `snippets/` with `snippets.tsv` (short pieces, each
//! of one reference or of none) and `calls/` with `calls.tsv` (whole calls). Tables are tab-separated with a header line;
//! `-` or nothing stands for "none". A part that is missing is fine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Deserializer, de::Error as _};

/// One line of `snippets.tsv`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Snippet {
    /// Stem of the audio file below `snippets/`.
    pub id: String,
    /// The rendering that plays; none in a negative.
    #[serde(rename = "ref", deserialize_with = "name_or_none")]
    pub truth: Option<String>,
    /// Channel condition (`gsm`, `alaw_n5`, …).
    pub condition: String,
    /// Nominal length, s.
    pub seconds: f64,
    /// Where the piece begins in the clean reference, s.
    #[serde(default, deserialize_with = "number_or_none")]
    pub ref_offset: Option<f64>,
    /// Playback speed relative to the reference.
    #[serde(default, deserialize_with = "number_or_none")]
    pub speed: Option<f64>,
    /// `positive`, or the kind of negative (`sibling`, `music`, …).
    #[serde(default = "negative")]
    pub kind: String,
}

/// One line of `calls.tsv`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Call {
    /// Stem of the audio file below `calls/`.
    pub id: String,
    /// The rendering that plays; none where no known script does.
    #[serde(rename = "ref", deserialize_with = "name_or_none")]
    pub truth: Option<String>,
    /// Channel condition.
    pub condition: String,
    /// Where the script (or the caller's speech) begins, s.
    #[serde(deserialize_with = "number_or_none")]
    pub script_onset: Option<f64>,
    /// Where a person takes over from the machine, s.
    #[serde(deserialize_with = "number_or_none")]
    pub handover: Option<f64>,
    /// Length of the call, s.
    pub seconds: f64,
    /// `bot`, `other_bot` (a script that is not in the index) or `human`.
    #[serde(default = "negative")]
    pub kind: String,
}

/// Reads `snippets.tsv` of a labelled folder; `None` where the folder has none.
///
/// # Errors
/// A table that cannot be read, with the line concerned.
pub fn read_snippets(folder: &Path) -> Result<Option<Vec<Snippet>>> {
    read_table(&folder.join("snippets.tsv"))
}

/// Reads `calls.tsv` of a labelled folder; `None` where the folder has none.
///
/// # Errors
/// A table that cannot be read, with the line concerned.
pub fn read_calls(folder: &Path) -> Result<Option<Vec<Call>>> {
    read_table(&folder.join("calls.tsv"))
}

/// The audio file of `id` in `folder`: FLAC, or else WAV.
///
/// # Errors
/// Where there is neither.
pub fn audio_path(folder: &Path, id: &str) -> Result<PathBuf> {
    for extension in ["flac", "wav"] {
        // Not `with_extension`, which would cut a name such as `call.1`.
        let path = folder.join(format!("{id}.{extension}"));
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("{}: no {id}.flac or {id}.wav, though the table lists it", folder.display())
}

fn read_table<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<Vec<T>>> {
    if !path.exists() {
        return Ok(None);
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_path(path)
        .with_context(|| path.display().to_string())?;
    let rows: Vec<T> = reader.deserialize().collect::<Result<_, _>>().with_context(|| path.display().to_string())?;
    ensure!(!rows.is_empty(), "{}: the table has a header but no lines", path.display());
    Ok(Some(rows))
}

fn name_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!matches!(text.as_str(), "" | "-")).then_some(text))
}

fn number_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if matches!(text.as_str(), "" | "-") {
        return Ok(None);
    }
    let number: f64 = text.parse().map_err(|_| D::Error::custom(format!("{text:?} is neither a number nor `-`")))?;
    Ok((!number.is_nan()).then_some(number))
}

fn negative() -> String {
    "negative".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(name: &str, text: &str) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(name), text)?;
        Ok(folder)
    }

    #[test]
    fn reads_both_kinds_of_line() -> Result<()> {
        let folder = folder_with(
            "snippets.tsv",
            "id\tref\tcondition\tseconds\tref_offset\tspeed\tkind\n\
             q0\tloan-01__amy\tgsm\t1.50\t0.59\t1.030\tpositive\nq1\t-\talaw\t2.00\tnan\t1.000\tmusic\n",
        )?;
        let rows = read_snippets(folder.path())?.unwrap_or_default();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].truth.as_deref(), Some("loan-01__amy"));
        assert_eq!((rows[0].ref_offset, rows[0].speed), (Some(0.59), Some(1.03)));
        assert_eq!((rows[1].truth.as_ref(), rows[1].ref_offset, rows[1].kind.as_str()), (None, None, "music"));
        assert_eq!(read_calls(folder.path())?, None, "a part that is missing is fine");
        Ok(())
    }

    #[test]
    fn columns_may_be_left_out_or_come_in_another_order() -> Result<()> {
        let folder = folder_with("snippets.tsv", "condition\tid\tseconds\tref\ngsm\tq0\t3\t-\n")?;
        let rows = read_snippets(folder.path())?.unwrap_or_default();
        assert_eq!((rows[0].kind.as_str(), rows[0].speed), ("negative", None));
        Ok(())
    }

    #[test]
    fn a_broken_table_names_file_and_line() -> Result<()> {
        let folder = folder_with(
            "calls.tsv",
            "id\tref\tcondition\tscript_onset\thandover\tseconds\tkind\nc0\t-\tgsm\tsoon\t-\t9\thuman\n",
        )?;
        let message = format!("{:#}", read_calls(folder.path()).err().context("accepted")?);
        assert!(message.contains("calls.tsv") && message.contains("line: 2") && message.contains("soon"), "{message}");
        Ok(())
    }
}
