//! Scans as JSON: the line that `callprint scan --format json` prints, so that both have the same keys.

use callprint::{
    Error, Result,
    audio::Source,
    detect::{Match, ScanOptions, Scanner},
    fingerprint::SPEEDS,
    index::{Index, Step},
};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::call::{CancelFlag, over_source};

/// How a match lies over the recording, code by code: assumed speed; times in the recording and in the rendering, s; bits of 128
/// that differ; whether both sides hold sound.
type Path<'py> =
    (f64, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<u8>>, Bound<'py, PyArray1<bool>>);

/// A report as a JSON object, and the path of each of its matches.
pub(crate) type Scanned<'py> = (String, Vec<Path<'py>>);

/// Scans `source` to its end.
pub(crate) fn scan<'py, S: Source + Send>(
    py: Python<'py>,
    index: &Index,
    options: ScanOptions,
    name: &str,
    source: S,
    cancel: Option<&CancelFlag>,
) -> PyResult<Scanned<'py>> {
    let (text, report) = over_source(py, source, cancel, |source| {
        let report = Scanner::new(index, options)?.scan(name, source, &mut |_| ())?;
        Ok((json(&report)?, report))
    })?;
    Ok((text, report.matches.iter().map(|found| path(py, found)).collect()))
}

/// The path of a match, of the part that fits.
pub(crate) fn path<'py>(py: Python<'py>, found: &Match) -> Path<'py> {
    let (alignment, evidence) = (&found.alignment, &found.evidence);
    let steps = alignment.steps.get(evidence.first..evidence.end).unwrap_or_default();
    let times = |time: &dyn Fn(&Step) -> f64| PyArray1::from_iter(py, steps.iter().map(time));
    (
        SPEEDS.get(alignment.speed).copied().unwrap_or(1.0),
        times(&|step| alignment.query_time(step)),
        times(&|step| alignment.script_time(step)),
        PyArray1::from_iter(py, steps.iter().map(|step| step.distance)),
        PyArray1::from_iter(py, steps.iter().map(|step| step.active)),
    )
}

/// Any report as JSON; numbers that are not finite become null.
pub(crate) fn json(report: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(report).map_err(|error| Error::InvalidArgument(error.to_string()))
}
