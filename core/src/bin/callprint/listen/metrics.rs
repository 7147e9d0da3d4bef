//! What is counted, in a file: for the textfile collector of Prometheus' node exporter, or anything that reads its format.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use callprint::engine::Metrics;

use crate::{
    exit::Failure,
    output::file::{begin, failure, persist},
};

/// How often the file is written: as often as figures are usually collected, or oftener; and how often at most one thing is told.
const EVERY: Duration = Duration::from_secs(10);

/// What is counted here beside calls and their events.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections beyond `--max-calls`.
    pub(crate) turned_away: Count,
    /// RTP streams ended for others beyond it.
    pub(crate) made_room: Count,
    /// Lines that did not fit into the queue to standard output.
    pub(crate) lost_events: Count,
}

impl Counts {
    fn to_prometheus(&self) -> String {
        let counters = [
            ("callprint_turned_away_total", "Connections turned away because of --max-calls.", &self.turned_away),
            ("callprint_made_room_total", "RTP streams ended for others because of --max-calls.", &self.made_room),
            ("callprint_lost_events_total", "Events lost because their reader was too far behind.", &self.lost_events),
        ];
        let line = |(name, help, count): (&str, &str, &Count)| {
            format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n", count.total())
        };
        counters.into_iter().map(line).collect()
    }
}

/// A count of what may come in thousands and is told now and then.
#[derive(Debug, Default)]
pub(crate) struct Count {
    total: AtomicU64,
    /// When it was told last, and the total then.
    told: Mutex<Option<(Instant, u64)>>,
}

impl Count {
    /// Counts one more; how many have come since they were told last, where they are to be told now.
    pub(crate) fn add(&self) -> Option<u64> {
        let total = self.total.fetch_add(1, Relaxed) + 1;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match *told {
            Some((when, _)) if when.elapsed() < EVERY => return None,
            Some((_, before)) => before,
            None => 0,
        };
        *told = Some((Instant::now(), total));
        Some(total.saturating_sub(before))
    }

    /// All that were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// A thread that keeps the file up to date.
pub(crate) struct Export {
    thread: JoinHandle<Result<(), Failure>>,
    /// Dropped where it ends.
    stop: Sender<()>,
}

impl Export {
    /// Writes the file now, so that what is wrong with it is known at once, and then again and again.
    pub(crate) fn begin(path: &Path, metrics: &Arc<Metrics>, counts: &Arc<Counts>) -> Result<Self, Failure> {
        write(path, metrics, counts)?;
        let (stop, stopped) = channel();
        let (path, metrics, counts): (PathBuf, _, _) = (path.to_owned(), Arc::clone(metrics), Arc::clone(counts));
        let thread = thread::spawn(move || {
            // A disk that is full for a while is no reason to stop: the last write tells.
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let _ = write(&path, &metrics, &counts);
            }
            write(&path, &metrics, &counts)
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

fn write(path: &Path, metrics: &Metrics, counts: &Counts) -> Result<(), Failure> {
    let text = metrics.to_prometheus() + &counts.to_prometheus();
    let mut file = begin(path)?;
    file.write_all(text.as_bytes()).map_err(|error| failure(path, error))?;
    persist(path, file)
}
