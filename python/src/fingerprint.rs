//! Codes of a signal as arrays.

use callprint::fingerprint::{Extractor, SPEEDS};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::{
    audio::{Array, for_each_8k},
    call::over_source,
};

/// Codes `(n, 2)`, the times `(n,)` of their middles in seconds, and whether each holds sound `(n,)`.
type Codes<'py> = (Bound<'py, PyArray2<u64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<bool>>);

/// Codes every `hop` frames of 10 ms, at the assumed speed nearest to `speed`.
#[pyfunction]
pub(crate) fn fingerprint<'py>(py: Python<'py>, y: Array<'py>, sr: u32, hop: u32, speed: f64) -> PyResult<Codes<'py>> {
    let away = |s: &f64| (s - speed).abs();
    let nearest = SPEEDS.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b))).unwrap_or(1.0);
    let (words, times, active) = over_source(py, y.source(sr)?, None, |source| {
        let mut extractor = if nearest == 1.0 { Extractor::reference() } else { Extractor::new() };
        let (mut words, mut times, mut active) = (Vec::new(), Vec::new(), Vec::new());
        for_each_8k(source, |samples| {
            extractor.push(
                samples,
                |_| (),
                |frame| {
                    if frame.frame.is_multiple_of(hop) && SPEEDS.get(frame.speed) == Some(&nearest) {
                        words.extend(frame.soft.code().0);
                        times.push(frame.time());
                        active.push(frame.active);
                    }
                },
            );
        })?;
        Ok((words, times, active))
    })?;
    let codes = PyArray1::from_vec(py, words).reshape([times.len(), 2])?;
    Ok((codes, PyArray1::from_vec(py, times), PyArray1::from_vec(py, active)))
}
