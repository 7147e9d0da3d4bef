//! The same words by another voice; results as JSON, with the keys that `callprint words --format json` prints.

use std::path::PathBuf;

use callprint::{
    audio::Source,
    wording::{LEAST_RATE, SameWords},
};
use pyo3::prelude::*;

use crate::{
    audio::{Array, Limit, open, samples_of, samples_of_file},
    call::{CancelFlag, over_source, without_lock},
    detect::json,
    index::Index,
};

/// The renderings of an index as sequences of sounds; it never changes, so threads share it without a lock.
#[pyclass(frozen, module = "callprint._core")]
pub(crate) struct Wording(callprint::wording::Wording);

#[pymethods]
impl Wording {
    #[classattr]
    const LEAST_RATE: f64 = LEAST_RATE;

    #[new]
    fn new(py: Python<'_>, index: &Index) -> PyResult<Self> {
        let index = index.ready(py)?;
        without_lock(py, || Ok(Self(callprint::wording::Wording::new(&index))))
    }

    /// What a clip says, or null.
    fn search(&self, py: Python<'_>, y: Array<'_>, sr: u32) -> PyResult<String> {
        let samples = samples_of(py, &y, sr)?;
        without_lock(py, || json(&self.0.search(&samples)))
    }

    fn search_file(&self, py: Python<'_>, path: PathBuf, channel: Option<usize>, max_seconds: f64) -> PyResult<String> {
        let limit = Limit { seconds: max_seconds, instead: "scan() takes recordings of any length" };
        let samples = samples_of_file(py, &path, channel, limit)?;
        let in_channel = |found| SameWords { channel: channel.unwrap_or(0), ..found };
        without_lock(py, || json(&self.0.search(&samples).map(in_channel)))
    }

    fn scan(
        &self,
        py: Python<'_>,
        y: Array<'_>,
        sr: u32,
        max_far: f64,
        cancel: Option<&CancelFlag>,
    ) -> PyResult<String> {
        self.scan_source(py, "<array>", y.source(sr)?, max_far, cancel)
    }

    fn scan_file(&self, py: Python<'_>, path: PathBuf, max_far: f64, cancel: Option<&CancelFlag>) -> PyResult<String> {
        self.scan_source(py, &path.to_string_lossy(), open(py, &path)?, max_far, cancel)
    }
}

impl Wording {
    fn scan_source<S: Source + Send>(
        &self,
        py: Python<'_>,
        name: &str,
        source: S,
        max_far: f64,
        cancel: Option<&CancelFlag>,
    ) -> PyResult<String> {
        over_source(py, source, cancel, |source| json(&self.0.scan(name, source, max_far, &mut |_| ())?))
    }
}
