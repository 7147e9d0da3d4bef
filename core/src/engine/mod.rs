//! Many live calls on few threads.
//!
//! A [`SessionPool`] owns worker threads; a [`Call`] is one leg. Whoever has the audio pushes it into a call's ring, which
//! takes no longer than a copy, and goes on; a worker takes what has come, oldest first, through the call's [`Session`](crate::Session), and
//! hands events to the function that the pool was made with. A call is worked on by one thread at a time, so its results are
//! those of a session fed by itself.
//!
//! A session takes over a megabyte, and most calls need theirs for a few seconds only: a call gets one with its first audio and, where
//! it need not be searched once it is decided ([`SessionConfig::stop_when_decided`]), hands it on as soon as it is. What still
//! comes of such a call is counted, and costs nothing else. Up to 64 sessions without a call wait for the next ones; those of
//! a configuration that no call has any more go when one of another is opened.
//!
//! Back-pressure: a ring holds a fixed stretch of audio. What does not fit is refused, and [`Call::push_i16`] says so: a live
//! source drops it (and the pool counts it), a fast one waits until there is [`room`](Call::room). So memory is bounded by the
//! number of calls.
//!
//! An index can be exchanged while calls are up ([`SessionPool::set_index`]). [`Metrics`] counts calls, events and samples, and
//! how late the answers are, as Prometheus' text format.

mod metrics;
mod ring;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

pub use metrics::{Histogram, Metrics};
use worker::{Leg, Shared, lock};

use crate::{
    Error, Result,
    audio::{expand_alaw, expand_ulaw},
    detect::{SessionConfig, SessionEvent},
    index::Index,
};

/// How a pool works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolConfig {
    /// Worker threads. Default: as many as there are processors.
    pub threads: usize,
    /// Seconds of audio that a call may be behind before more is refused, 0.1 to 60. Default 2.
    pub backlog: f64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from), backlog: 2.0 }
    }
}

/// Tells the calls of a pool apart; counted from 1, never used twice.
pub type CallId = u64;

/// Is told of events, on the thread that found them.
type OnEvent = dyn Fn(CallId, &Index, &SessionEvent) + Send + Sync;

/// Sessions of many calls, and the threads that work on them. It ends when it is dropped, and its calls with it: what was pushed
/// is worked off, each call that is still open is told as [`ended`](SessionEvent::Ended), and takes nothing more
/// ([`Call::is_closed`]).
pub struct SessionPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    backlog: f64,
    next: AtomicU64,
}

impl std::fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPool").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}

impl SessionPool {
    /// A pool over an index. `on_event` runs on worker threads, with the call's id, and the index that knows names; while it
    /// does, the worker does nothing else. If it panics, that event is lost to it, [`Metrics::handler_panics`] counts it, and the
    /// call goes on.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where `threads` is 0 or more than 1024, or `backlog` out of range; [`Error::Io`] where the
    /// system has no threads left.
    pub fn new(
        index: Arc<Index>,
        config: PoolConfig,
        on_event: impl Fn(CallId, &Index, &SessionEvent) + Send + Sync + 'static,
    ) -> Result<Self> {
        let PoolConfig { threads, backlog } = config;
        if !(1..=1024).contains(&threads) {
            return Err(Error::InvalidArgument(format!("threads {threads}: want 1 to 1024")));
        }
        if !(0.1..=60.0).contains(&backlog) {
            return Err(Error::InvalidArgument(format!("backlog {backlog}: want 0.1 to 60 seconds")));
        }
        let shared = Arc::new(Shared::new(index, Box::new(on_event)));
        let mut pool = Self { shared, workers: Vec::with_capacity(threads), backlog, next: AtomicU64::new(1) };
        for number in 0..threads {
            let shared = pool.shared.clone();
            let thread = std::thread::Builder::new().name(format!("callprint-{number}"));
            let worker = thread.spawn(move || shared.work()).map_err(|e| Error::io("worker thread", e))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// A new call.
    ///
    /// # Errors
    /// Those of [`Session::new`](crate::Session::new).
    pub fn open(&self, config: SessionConfig) -> Result<Call> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let leg = self.shared.open(id, config, self.backlog)?;
        Ok(Call { leg, shared: self.shared.clone() })
    }

    /// The index that calls opened now are searched in.
    pub fn index(&self) -> Arc<Index> {
        self.shared.index()
    }

    /// Searches calls opened from now on in `index`. Calls that are open keep the one they have, which goes with the last of them,
    /// and `on_event` is handed the index of the call. Waits for no call.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use callprint::{Index, SessionConfig, engine::{PoolConfig, SessionPool}, index::{IndexBuilder, LiveIndex}};
    /// # fn main() -> callprint::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("scripts.cpi");
    /// # IndexBuilder::new().write(&path)?;
    /// let live = LiveIndex::open(&path)?;
    /// let pool = SessionPool::new(live.current(), PoolConfig::default(), |_, _, _| ())?;
    /// // On a signal, or every few seconds:
    /// if live.reload()? {
    ///     pool.set_index(live.current());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_index(&self, index: Arc<Index>) {
        self.shared.set_index(index);
    }

    /// What the pool counts.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }
}

impl Drop for SessionPool {
    /// Ends the calls that are open, works off what waits, then ends the workers.
    fn drop(&mut self) {
        self.shared.close();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its calls; there is nobody to tell of one of its own.
            let _ = worker.join();
        }
    }
}

/// One leg of a call in a pool. Dropping it ends the call; events that follow from what was pushed still come. A call may outlive its
/// pool, but takes nothing more then ([`is_closed`](Self::is_closed)).
pub struct Call {
    leg: Arc<Leg>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("id", &self.leg.id).finish_non_exhaustive()
    }
}

impl Call {
    /// What events call it.
    pub fn id(&self) -> CallId {
        self.leg.id
    }

    /// Whether the pool is gone: the call has ended, and what is pushed is refused.
    pub fn is_closed(&self) -> bool {
        lock(&self.leg.input).ended
    }

    /// How many samples would be taken now; none once the pool is gone, any number where they are only counted. Only pushing makes
    /// it less.
    pub fn room(&self) -> usize {
        let input = lock(&self.leg.input);
        match (input.ended, input.only_counted) {
            (true, _) => 0,
            (false, true) => usize::MAX,
            (false, false) => input.ring.room(),
        }
    }

    /// Hands over 16-bit samples and says how many were taken: fewer than given where the call is as far behind as the
    /// pool allows, none once the pool is gone. The rest is counted as dropped, each time that it is refused: a source that can
    /// wait pushes no more than there is [`room`](Self::room) for.
    pub fn push_i16(&self, samples: &[i16]) -> usize {
        self.push(samples, |&s| s)
    }

    /// Hands over G.711 mu-law bytes; else as [`push_i16`](Self::push_i16).
    pub fn push_ulaw(&self, bytes: &[u8]) -> usize {
        self.push(bytes, |&b| expand_ulaw(b))
    }

    /// Hands over G.711 A-law bytes; else as [`push_i16`](Self::push_i16).
    pub fn push_alaw(&self, bytes: &[u8]) -> usize {
        self.push(bytes, |&b| expand_alaw(b))
    }

    /// Hands over samples in [-1, 1], which are rounded to 16 bits; else as [`push_i16`](Self::push_i16).
    pub fn push_f32(&self, samples: &[f32]) -> usize {
        self.push(samples, |&s| (s * 32_768.0).round() as i16)
    }

    fn push<T>(&self, samples: &[T], convert: impl Fn(&T) -> i16) -> usize {
        let metrics = &self.shared.metrics;
        let mut input = lock(&self.leg.input);
        let taken = match (input.ended, input.only_counted) {
            (true, _) => 0,
            (false, true) => samples.len(),
            (false, false) => input.ring.push(samples.iter().map(convert)),
        };
        input.taken += taken as u64;
        let waits = taken > 0 && !input.only_counted;
        if waits {
            input.since.get_or_insert_with(Instant::now);
        }
        let queue = waits && !std::mem::replace(&mut input.queued, true);
        drop(input);
        metrics.count_samples(taken, samples.len() - taken);
        if queue {
            self.shared.queue(self.leg.clone());
        }
        taken
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.shared.end(&self.leg);
    }
}
