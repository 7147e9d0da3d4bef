//! How long work runs for Python: without the interpreter's lock, without panics getting out, and interruptible.

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use callprint::{
    Error, Result,
    audio::{Block, Format, Source},
};
use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};

use crate::error::{InternalError, exception};

/// Time between looks for Ctrl-C: short for a person, and rare enough that the lock is hardly ever asked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `work` while other Python threads may run. A panic, which would be a bug, becomes an `InternalError`.
pub(crate) fn without_lock<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    flatten(py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// Like [`without_lock`], over a source: stops between two blocks on Ctrl-C, and when `cancel` is set.
pub(crate) fn over_source<S: Source + Send, T: Send>(
    py: Python<'_>,
    source: S,
    cancel: Option<&CancelFlag>,
    work: impl FnOnce(&mut dyn Source) -> Result<T> + Send,
) -> PyResult<T> {
    let cancel = cancel.map(|flag| Arc::clone(&flag.0));
    let mut source = Watched { source, cancel, looked: Instant::now(), interrupt: None };
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(|| work(&mut source))));
    match source.interrupt {
        Some(interrupt) => Err(interrupt),
        None => flatten(result),
    }
}

fn flatten<T>(result: std::thread::Result<Result<T>>) -> PyResult<T> {
    match result {
        Ok(result) => result.map_err(exception),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(InternalError::new_err(format!("a bug in callprint; please report it: {text}")))
        }
    }
}

/// Set by one thread to stop work that others are doing.
#[pyclass(frozen, module = "callprint._core")]
#[derive(Debug, Default)]
pub(crate) struct CancelFlag(Arc<AtomicBool>);

#[pymethods]
impl CancelFlag {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Stops all work that was given this flag, soon.
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A source that ends with an error when someone wants the work to stop.
struct Watched<S> {
    source: S,
    cancel: Option<Arc<AtomicBool>>,
    looked: Instant,
    /// What to raise instead of the error.
    interrupt: Option<PyErr>,
}

impl<S> Watched<S> {
    /// What asks for a stop, if anything. Signals reach Python's main thread only; elsewhere this finds none.
    fn stop(&mut self) -> Option<PyErr> {
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Some(PyKeyboardInterrupt::new_err("cancelled"));
        }
        if self.looked.elapsed() < LOOK_EVERY {
            return None;
        }
        let interrupt = Python::attach(|py| py.check_signals()).err();
        self.looked = Instant::now();
        interrupt
    }
}

impl<S: Source> Source for Watched<S> {
    fn format(&self) -> Format {
        self.source.format()
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.source.seconds_hint()
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        self.interrupt = self.stop();
        match self.interrupt {
            // Never seen by anyone: `over_source` raises the interrupt itself.
            Some(_) => Err(Error::Io { path: PathBuf::new(), source: ErrorKind::Interrupted.into() }),
            None => self.source.next_block(block),
        }
    }
}
