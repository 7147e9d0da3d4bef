//! The index: read-only when it is searched, a builder while it changes, one of the two at a time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use callprint::{
    Error, IndexFault, Result,
    detect::ScanOptions,
    index::{IndexBuilder, Label, script_of},
};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    audio::{Array, Limit, open, samples_of, samples_of_file},
    call::{CancelFlag, without_lock},
    detect::{self, Scanned},
    error::exception,
};

/// Name, script, category, language, seconds and number of codes of a rendering.
type Row = (String, String, String, String, f64, usize);

/// An index that can be changed and searched, by several threads.
///
/// The lock is held only without the interpreter's lock, and never while Python code or a scan runs, so that the two can't
/// wait for each other.
#[pyclass(frozen, module = "callprint._core")]
pub(crate) struct Index(Mutex<State>);

enum State {
    /// As it was opened, or as the last change left it.
    Ready(Arc<callprint::index::Index>),
    /// Changed since it was last searched.
    Changing(IndexBuilder),
    /// Given up.
    Closed,
}

impl State {
    /// The index to read, made from the builder if there were changes.
    fn ready(&mut self) -> Result<Arc<callprint::index::Index>> {
        let index = match self {
            Self::Ready(index) => return Ok(Arc::clone(index)),
            Self::Changing(builder) => Arc::new(callprint::index::Index::from_bytes(builder.to_bytes()?)?),
            Self::Closed => return Err(closed()),
        };
        *self = Self::Ready(Arc::clone(&index));
        Ok(index)
    }

    /// The builder to change.
    fn changing(&mut self) -> Result<&mut IndexBuilder> {
        if let Self::Ready(index) = self {
            *self = Self::Changing(IndexBuilder::from_index(index));
        }
        match self {
            Self::Changing(builder) => Ok(builder),
            _ => Err(closed()),
        }
    }
}

fn closed() -> Error {
    Error::InvalidArgument("the index is closed".to_owned())
}

impl Index {
    fn holding(index: callprint::index::Index) -> Self {
        Self(Mutex::new(State::Ready(Arc::new(index))))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ready(&self, py: Python<'_>) -> PyResult<Arc<callprint::index::Index>> {
        without_lock(py, || self.lock().ready())
    }

    fn insert(&self, py: Python<'_>, label: Label, samples: &[f32]) -> PyResult<()> {
        without_lock(py, || self.lock().changing()?.add(label, samples))
    }
}

#[pymethods]
impl Index {
    /// An empty index.
    #[new]
    fn new() -> Self {
        Self(Mutex::new(State::Changing(IndexBuilder::new())))
    }

    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        without_lock(py, || callprint::index::Index::open(&path).map(Self::holding))
    }

    #[staticmethod]
    fn builtin() -> PyResult<Self> {
        callprint::index::Index::builtin().map(Self::holding).map_err(exception)
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: Vec<u8>) -> PyResult<Self> {
        without_lock(py, || callprint::index::Index::from_bytes(bytes).map(Self::holding))
    }

    /// The bytes that `save` would write.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = without_lock(py, || match &mut *self.lock() {
            State::Changing(builder) => builder.to_bytes(),
            State::Ready(index) => IndexBuilder::from_index(index).to_bytes(),
            State::Closed => Err(closed()),
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        without_lock(py, || {
            check_target(&path)?;
            match &mut *self.lock() {
                State::Changing(builder) => builder.write(&path),
                State::Ready(index) => IndexBuilder::from_index(index).write(&path),
                State::Closed => Err(closed()),
            }
        })
    }

    fn add(
        &self,
        py: Python<'_>,
        id: String,
        category: String,
        language: String,
        y: Array<'_>,
        sr: u32,
    ) -> PyResult<()> {
        let samples = samples_of(py, &y, sr)?;
        self.insert(py, Label { id, category, language }, &samples)
    }

    #[expect(clippy::too_many_arguments, reason = "called from one place, in their order")]
    fn add_file(
        &self,
        py: Python<'_>,
        id: String,
        category: String,
        language: String,
        path: PathBuf,
        channel: Option<usize>,
        max_seconds: f64,
    ) -> PyResult<()> {
        let limit = Limit { seconds: max_seconds, instead: "cut it to the script" };
        let samples = samples_of_file(py, &path, channel, limit)?;
        self.insert(py, Label { id, category, language }, &samples)
    }

    fn remove(&self, py: Python<'_>, name: &str) -> PyResult<usize> {
        without_lock(py, || self.lock().changing()?.remove(name))
    }

    fn scan<'py>(
        &self,
        py: Python<'py>,
        y: Array<'_>,
        sr: u32,
        max_far: f64,
        all: bool,
        cancel: Option<&CancelFlag>,
    ) -> PyResult<Scanned<'py>> {
        let index = self.ready(py)?;
        detect::scan(py, &index, ScanOptions { max_far, all }, "<array>", y.source(sr)?, cancel)
    }

    fn scan_file<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        max_far: f64,
        all: bool,
        cancel: Option<&CancelFlag>,
    ) -> PyResult<Scanned<'py>> {
        let index = self.ready(py)?;
        let source = open(py, &path)?;
        detect::scan(py, &index, ScanOptions { max_far, all }, &path.to_string_lossy(), source, cancel)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        without_lock(py, || match &*self.lock() {
            State::Ready(index) => Ok(index.len()),
            State::Changing(builder) => Ok(builder.len()),
            State::Closed => Err(closed()),
        })
    }

    /// Whether there is a rendering or a script of this name.
    fn __contains__(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        let index = self.ready(py)?;
        Ok(index.renderings().any(|rendering| rendering.id == name || script_of(rendering.id) == name))
    }

    /// All renderings, in the order of their names.
    fn renderings(&self, py: Python<'_>) -> PyResult<Vec<Row>> {
        let index = self.ready(py)?;
        let row = |r: callprint::index::Rendering<'_>| {
            (r.id.to_owned(), r.script.to_owned(), r.category.to_owned(), r.language.to_owned(), r.seconds, r.codes)
        };
        Ok(index.renderings().map(row).collect())
    }

    /// The stored codes of a rendering `(n, 2)`, the times of their middles, and whether each holds sound.
    #[expect(clippy::type_complexity, reason = "three plain arrays")]
    fn codes<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<(Bound<'py, PyArray2<u64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<bool>>)> {
        let index = self.ready(py)?;
        let at = index.renderings().position(|rendering| rendering.id == name);
        let fault = || Error::index(index.path(), IndexFault::NoSuchRendering(name.to_owned()));
        let at = at.ok_or_else(|| exception(fault()))?;
        let codes: Vec<_> = index.rendering_codes(at).collect();
        let words: Vec<u64> = codes.iter().flat_map(|c| c.code.0).collect();
        Ok((
            PyArray1::from_vec(py, words).reshape([codes.len(), 2])?,
            PyArray1::from_iter(py, codes.iter().map(|c| c.time)),
            PyArray1::from_iter(py, codes.iter().map(|c| c.active)),
        ))
    }

    /// Sizes, as a JSON object.
    fn stats(&self, py: Python<'_>) -> PyResult<String> {
        let index = self.ready(py)?;
        without_lock(py, || detect::json(&index.stats()))
    }

    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        let index = self.ready(py)?;
        without_lock(py, || index.verify())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        without_lock(py, || {
            *self.lock() = State::Closed;
            Ok(())
        })
    }
}

/// Checks that what is at `path`, if anything, may be replaced by an index: a slip in a name must not cost a recording.
fn check_target(path: &Path) -> Result<()> {
    match callprint::index::Index::open(path) {
        Err(Error::Index { reason: IndexFault::NotAnIndex, .. })
            if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0) =>
        {
            let message =
                format!("{}: is there and is no index; give another name, or remove it first", path.display());
            Err(Error::InvalidArgument(message))
        }
        _ => Ok(()),
    }
}
