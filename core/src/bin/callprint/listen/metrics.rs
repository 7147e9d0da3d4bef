//! What is counted, in a file: for the textfile collector of Prometheus' node exporter, or anything that reads its format.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use callprint::engine::Metrics;

use crate::{
    exit::Failure,
    output::file::{begin, failure, persist},
};

/// How often the file is written: as often as figures are usually collected, or oftener.
const EVERY: Duration = Duration::from_secs(10);

/// A thread that keeps the file up to date.
pub(crate) struct Export {
    thread: JoinHandle<Result<(), Failure>>,
    /// Dropped where it ends.
    stop: Sender<()>,
}

impl Export {
    /// Writes the file now, so that what is wrong with it is known at once, and then again and again.
    pub(crate) fn begin(path: &Path, metrics: &Arc<Metrics>) -> Result<Self, Failure> {
        write(path, metrics)?;
        let (stop, stopped) = channel();
        let (path, metrics): (PathBuf, _) = (path.to_owned(), Arc::clone(metrics));
        let thread = thread::spawn(move || {
            // A disk that is full for a while is no reason to stop: the last write tells.
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let _ = write(&path, &metrics);
            }
            write(&path, &metrics)
        });
        Ok(Self { thread, stop })
    }

    /// Writes the file for the last time.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let Self { thread, stop } = self;
        drop(stop);
        thread.join().unwrap_or_else(|_| Err(Failure::new("the thread of --metrics failed; please report it")))
    }
}

fn write(path: &Path, metrics: &Metrics) -> Result<(), Failure> {
    let mut file = begin(path)?;
    file.write_all(metrics.to_prometheus().as_bytes()).map_err(|error| failure(path, error))?;
    persist(path, file)
}
