//! Prosody as arrays.

use std::path::PathBuf;

use callprint::{
    audio::Source,
    prosody::{FEATURES, LLD_NAMES, Lld, analyse},
};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::{
    audio::{Array, open},
    call::{CancelFlag, over_source},
};

/// Length in seconds, and a row of functionals `(channels, features)` for each channel.
type Table<'py> = (f64, Bound<'py, PyArray2<f64>>);
/// For each channel its descriptors `(frames, len(LLD_NAMES))`.
type Frames<'py> = Vec<Bound<'py, PyArray2<f32>>>;

/// Functionals of an array.
#[pyfunction]
pub(crate) fn features_of_array<'py>(
    py: Python<'py>,
    y: Array<'py>,
    sr: u32,
    cancel: Option<&CancelFlag>,
) -> PyResult<Table<'py>> {
    functionals(py, y.source(sr)?, cancel)
}

/// Functionals of each channel of a file.
#[pyfunction]
pub(crate) fn features_of_file<'py>(
    py: Python<'py>,
    path: PathBuf,
    cancel: Option<&CancelFlag>,
) -> PyResult<Table<'py>> {
    functionals(py, open(py, &path)?, cancel)
}

/// Descriptors of each frame of an array.
#[pyfunction]
pub(crate) fn frames_of_array<'py>(
    py: Python<'py>,
    y: Array<'py>,
    sr: u32,
    cancel: Option<&CancelFlag>,
) -> PyResult<Frames<'py>> {
    frames(py, y.source(sr)?, cancel)
}

/// Descriptors of each frame and channel of a file.
#[pyfunction]
pub(crate) fn frames_of_file<'py>(
    py: Python<'py>,
    path: PathBuf,
    cancel: Option<&CancelFlag>,
) -> PyResult<Frames<'py>> {
    frames(py, open(py, &path)?, cancel)
}

/// The names of the descriptors, and name, unit, formula and source of each functional.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "two plain lists")]
pub(crate) fn feature_table() -> (Vec<&'static str>, Vec<(&'static str, &'static str, &'static str, &'static str)>) {
    let functionals = FEATURES.iter().map(|f| (f.name, f.unit, f.formula, f.source)).collect();
    (LLD_NAMES.to_vec(), functionals)
}

fn functionals<'py, S: Source + Send>(py: Python<'py>, source: S, cancel: Option<&CancelFlag>) -> PyResult<Table<'py>> {
    let channels = over_source(py, source, cancel, |source| analyse(source, |_, _| (), &mut |_| ()))?;
    let seconds = channels.first().map_or(0.0, |functionals| functionals.seconds());
    let values: Vec<f64> = channels.iter().flat_map(|functionals| functionals.values().iter().copied()).collect();
    Ok((seconds, PyArray1::from_vec(py, values).reshape([channels.len(), FEATURES.len()])?))
}

fn frames<'py, S: Source + Send>(py: Python<'py>, source: S, cancel: Option<&CancelFlag>) -> PyResult<Frames<'py>> {
    let mut channels = vec![Vec::new(); source.format().channels];
    over_source(py, source, cancel, |source| {
        let each = |channel: usize, lld: &Lld| {
            if let Some(values) = channels.get_mut(channel) {
                values.extend_from_slice(&lld.values());
            }
        };
        analyse(source, each, &mut |_| ())
    })?;
    let array = |values: Vec<f32>| {
        let count = values.len() / LLD_NAMES.len();
        PyArray1::from_vec(py, values).reshape([count, LLD_NAMES.len()])
    };
    channels.into_iter().map(array).collect()
}
