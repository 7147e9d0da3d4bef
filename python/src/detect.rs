//! Scans as JSON: the line that `callprint scan --format json` prints, so that both have the same keys.

use callprint::{
    Error, Result,
    audio::Source,
    detect::{ScanOptions, Scanner},
    index::Index,
};
use pyo3::prelude::*;

use crate::call::{CancelFlag, over_source};

/// Scans `source` to its end; the report as a JSON object.
pub(crate) fn scan<S: Source + Send>(
    py: Python<'_>,
    index: &Index,
    options: ScanOptions,
    name: &str,
    source: S,
    cancel: Option<&CancelFlag>,
) -> PyResult<String> {
    over_source(py, source, cancel, |source| {
        let report = Scanner::new(index, options)?.scan(name, source, &mut |_| ())?;
        json(&report)
    })
}

/// Any report as JSON; numbers that are not finite become null.
pub(crate) fn json(report: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(report).map_err(|error| Error::InvalidArgument(error.to_string()))
}
