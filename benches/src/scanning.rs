//! References into an index, queries through the public scanner.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use callprint::{
    Error, IndexFault,
    audio::{FileSource, find_audio, read_channels_8k},
    detect::{ScanReport, Scanner},
    index::{Index, IndexBuilder, Label, Tables},
};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use crate::labels::audio_path;

/// The longest reference that is taken, s.
const MAX_REFERENCE_SECONDS: f64 = 600.0;

/// An index made for one measurement.
#[derive(Debug)]
pub struct References {
    /// The index.
    pub index: Index,
    /// References that have too little sound to be recognised and were left out.
    pub skipped: Vec<String>,
    /// Holds the file that the index is mapped from.
    _file: Option<tempfile::TempDir>,
}

impl References {
    /// Opens an index file that exists.
    ///
    /// # Errors
    /// Those of [`Index::open`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { index: Index::open(path)?, skipped: Vec::new(), _file: None })
    }

    /// Builds an index from all audio files below `folder`, each named `script__rendering` by its stem.
    ///
    /// # Errors
    /// A folder without audio, a file that cannot be read or that has more than one channel, a name that is refused.
    pub fn build(folder: &Path, tables: Tables) -> Result<Self> {
        let paths = find_audio(folder)?;
        ensure!(!paths.is_empty(), "{}: no audio files to build an index from", folder.display());
        let progress = progress_bar("references", paths.len());
        let clips: Vec<(String, Vec<f32>)> =
            paths.par_iter().map(|path| read_reference(path).inspect(|_| progress.inc(1))).collect::<Result<_>>()?;
        progress.finish_and_clear();

        let mut builder = IndexBuilder::new();
        builder.set_tables(tables);
        let mut skipped = Vec::new();
        for (id, samples) in clips {
            match builder.add(Label { id: id.clone(), ..Label::default() }, &samples) {
                Ok(()) => {}
                Err(Error::Index { reason: IndexFault::TooShort { .. }, .. }) => skipped.push(id),
                Err(error) => return Err(error).with_context(|| format!("reference {id}")),
            }
        }
        let file = tempfile::tempdir().context("a folder for the index")?;
        let path = file.path().join("references.cpi");
        builder.write(&path)?;
        Ok(Self { index: Index::open(&path)?, skipped, _file: Some(file) })
    }
}

/// Scans `ids` of `folder` on all threads of the current pool; reports come in the order of the ids.
///
/// # Errors
/// The first file that is missing or cannot be read: a set with holes would be another set.
pub fn scan_all(scanner: &Scanner<'_>, folder: &Path, ids: &[&str], what: &str) -> Result<Vec<ScanReport>> {
    let progress = progress_bar(what, ids.len());
    let scan = |id: &&str| {
        let mut source = FileSource::open(audio_path(folder, id)?)?;
        let report = scanner.scan(id, &mut source, &mut |_| {})?;
        progress.inc(1);
        Ok(report)
    };
    let reports = ids.par_iter().map(scan).collect();
    progress.finish_and_clear();
    reports
}

fn read_reference(path: &Path) -> Result<(String, Vec<f32>)> {
    let id = path.file_stem().and_then(|stem| stem.to_str()).context("a file name that is not UTF-8");
    let id = id.with_context(|| path.display().to_string())?.to_owned();
    let mut channels = read_channels_8k(path, MAX_REFERENCE_SECONDS)?;
    ensure!(channels.len() == 1, "{}: {} channels; a reference has one", path.display(), channels.len());
    Ok((id, channels.pop().unwrap_or_default()))
}

/// A progress bar on standard error; indicatif hides it where that is no terminal.
fn progress_bar(what: &str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:12} {bar:40} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style).with_message(what.to_owned())
}
