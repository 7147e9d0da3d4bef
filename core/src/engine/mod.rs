//! Many live calls on few threads.
//!
//! A [`SessionPool`] owns worker threads; a [`Call`] is one leg. Whoever has the audio pushes it into a call's ring, which
//! takes no longer than a copy, and goes on; a worker takes what has come, oldest first, through the call's [`Session`], and
//! hands events to the function that the pool was made with. A call is worked on by one thread at a time, so its results are
//! those of a session fed by itself.
//!
//! A session takes over a megabyte, and most calls need theirs for a few seconds only: a call gets one with its first audio and, where
//! it need not be searched once it is decided ([`SessionConfig::stop_when_decided`]), hands it on as soon as it is. What still
//! comes of such a call is counted, and costs nothing else.
//!
//! Back-pressure: a ring holds a fixed stretch of audio. What does not fit is refused, and [`Call::push_i16`] says so: a live
//! source drops it (and the pool counts it), a fast one waits. So memory is bounded by the number of calls.
//!
//! [`Metrics`] counts calls, events and samples, and how late the answers are, as Prometheus' text format.

mod metrics;
mod ring;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use metrics::{Histogram, Metrics};
use ring::Ring;

use crate::{
    Error, Result,
    audio::{expand_alaw, expand_ulaw},
    detect::{Session, SessionConfig, SessionEvent},
    index::Index,
};

/// Samples that a worker takes from a call at a time.
const TURN: usize = 4096;
/// Sessions without a call that are kept for others.
const SPARE: usize = 64;

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

/// Sessions of many calls, and the threads that work on them. Ends when it and all its calls have been dropped.
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

struct Shared {
    index: Arc<Index>,
    ready: Mutex<Ready>,
    work: Condvar,
    spare: Mutex<Vec<Session>>,
    metrics: Metrics,
    on_event: Box<OnEvent>,
}

/// Calls with audio that waits, in the order in which it came.
#[derive(Default)]
struct Ready {
    calls: VecDeque<Arc<Leg>>,
    closed: bool,
}

/// A call as pool and worker see it.
struct Leg {
    id: CallId,
    config: SessionConfig,
    input: Mutex<Input>,
    /// Held by the worker whose turn it is; nobody else asks while `queued`.
    hearing: Mutex<Hearing>,
}

/// What hears a call.
enum Hearing {
    /// Nothing yet: no audio has come.
    Nothing,
    /// A session.
    Session(Box<Session>),
    /// Nothing any more: the call is decided, or its session is lost by a fault.
    NoMore,
}

struct Input {
    ring: Ring,
    /// Samples taken in all.
    taken: u64,
    /// Since when the oldest sample waits.
    since: Option<Instant>,
    ended: bool,
    /// Whether samples are only counted.
    only_counted: bool,
    /// Whether the call is in `Ready` or being worked on.
    queued: bool,
}

/// Locks what no panic can leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SessionPool {
    /// A pool over one index. `on_event` runs on worker threads, with the call's id, and the index that knows names; while it
    /// does, the worker does nothing else.
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
        let shared = Arc::new(Shared {
            index,
            ready: Mutex::default(),
            work: Condvar::new(),
            spare: Mutex::default(),
            metrics: Metrics::default(),
            on_event: Box::new(on_event),
        });
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
    /// Those of [`Session::new`].
    pub fn open(&self, config: SessionConfig) -> Result<Call> {
        // A first session says whether the configuration is good.
        if !lock(&self.shared.spare).iter().any(|s| *s.config() == config) {
            let session = Session::new(self.shared.index.clone(), config)?;
            self.shared.put_by(session);
        }
        let ring = Ring::new((self.backlog * f64::from(config.sample_rate)) as usize);
        let leg = Leg {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            config,
            input: Mutex::new(Input { ring, taken: 0, since: None, ended: false, only_counted: false, queued: false }),
            hearing: Mutex::new(Hearing::Nothing),
        };
        self.shared.metrics.count_opened();
        Ok(Call { leg: Arc::new(leg), shared: self.shared.clone() })
    }

    /// What the pool counts.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }
}

impl Drop for SessionPool {
    /// Works off what waits, then ends the workers.
    fn drop(&mut self) {
        lock(&self.shared.ready).closed = true;
        self.shared.work.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its calls; there is nobody to tell of one of its own.
            let _ = worker.join();
        }
    }
}

/// One leg of a call in a pool. Dropping it ends the call; events that follow from what was pushed still come.
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

    /// Hands over 16-bit samples and says how many were taken: fewer than given where the call is as far behind as the
    /// pool allows. The rest is counted as dropped; push it again later if it can wait.
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
        let listened = !input.only_counted;
        let taken = if listened { input.ring.push(samples.iter().map(convert)) } else { samples.len() };
        input.taken += taken as u64;
        let waits = listened && taken > 0;
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
        let queue = {
            let mut input = lock(&self.leg.input);
            input.ended = true;
            input.since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut input.queued, true)
        };
        if queue {
            self.shared.queue(self.leg.clone());
        }
    }
}

impl Shared {
    fn queue(&self, leg: Arc<Leg>) {
        lock(&self.ready).calls.push_back(leg);
        self.work.notify_one();
    }

    /// A worker's life.
    fn work(&self) {
        let mut samples = Vec::with_capacity(TURN);
        while let Some(leg) = self.next() {
            self.turn(&leg, &mut samples);
        }
    }

    /// The call whose audio waits longest; `None` once the pool is closed and nothing waits.
    fn next(&self) -> Option<Arc<Leg>> {
        let mut ready = lock(&self.ready);
        loop {
            if let Some(leg) = ready.calls.pop_front() {
                return Some(leg);
            }
            if ready.closed {
                return None;
            }
            ready = self.work.wait(ready).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes what waits of a call through its session.
    fn turn(&self, leg: &Arc<Leg>, samples: &mut Vec<i16>) {
        let (since, ended, taken) = {
            let mut input = lock(&leg.input);
            samples.clear();
            input.ring.take(TURN, samples);
            let since = input.since.take();
            input.since = since.filter(|_| !input.ring.is_empty()).map(|since| {
                // What is left came later: as it would from a live source.
                let waits = input.ring.len() as f64 / f64::from(leg.config.sample_rate);
                Instant::now().checked_sub(Duration::from_secs_f64(waits)).map_or(since, |then| then.max(since))
            });
            (since, input.ended && input.ring.is_empty(), input.taken)
        };
        let mut hearing = lock(&leg.hearing);
        // What a panic may leave half done is the session, and that is dropped.
        let advance = || self.advance(leg, &mut hearing, samples, ended.then_some(taken));
        if catch_unwind(AssertUnwindSafe(advance)).is_err() {
            self.metrics.count_fault();
            self.hear_no_more(&mut hearing);
        }
        let no_more = matches!(*hearing, Hearing::NoMore);
        drop(hearing);
        if let Some(since) = since {
            self.metrics.lateness().observe(since.elapsed().as_secs_f64());
        }
        if ended {
            self.metrics.count_closed();
            return;
        }
        let mut input = lock(&leg.input);
        if no_more && !std::mem::replace(&mut input.only_counted, true) {
            (input.ring, input.since) = (Ring::new(0), None);
        }
        // More may have come meanwhile.
        input.queued = !input.ring.is_empty() || input.ended;
        if input.queued {
            drop(input);
            self.queue(leg.clone());
        }
    }

    /// Hears `samples`; where the call has `ended`, that many of them came in all.
    fn advance(&self, leg: &Leg, hearing: &mut Hearing, samples: &[i16], ended: Option<u64>) {
        if matches!(hearing, Hearing::Nothing) {
            *hearing = self.session(leg.config).map_or(Hearing::NoMore, |s| Hearing::Session(Box::new(s)));
            if matches!(hearing, Hearing::Session(_)) {
                self.metrics.count_search();
            }
        }
        let Hearing::Session(session) = hearing else {
            if let Some(taken) = ended {
                let at = taken as f64 / f64::from(leg.config.sample_rate);
                self.tell(leg.id, &SessionEvent::Ended { at }, None);
            }
            return;
        };
        session.push_i16(samples);
        if ended.is_some() {
            session.finish();
        }
        while let Some(event) = session.poll() {
            self.tell(leg.id, &event, session.answered_at());
        }
        if (ended.is_some() || session.is_decided())
            && let Some(session) = self.hear_no_more(hearing)
        {
            self.put_by(*session);
        }
    }

    /// Takes the session away from a call that needs none any more.
    fn hear_no_more(&self, hearing: &mut Hearing) -> Option<Box<Session>> {
        let Hearing::Session(session) = std::mem::replace(hearing, Hearing::NoMore) else { return None };
        self.metrics.count_search_end();
        Some(session)
    }

    fn tell(&self, id: CallId, event: &SessionEvent, answered_at: Option<f64>) {
        self.metrics.count_event(event, answered_at);
        (self.on_event)(id, &self.index, event);
    }

    /// A session for a call; `None` where none can be made, which [`SessionPool::open`] has ruled out.
    fn session(&self, config: SessionConfig) -> Option<Session> {
        let known = {
            let mut spare = lock(&self.spare);
            spare.iter().position(|s| *s.config() == config).map(|at| spare.swap_remove(at))
        };
        known.or_else(|| Session::new(self.index.clone(), config).ok())
    }

    /// Keeps a session that no call needs any more for another.
    fn put_by(&self, mut session: Session) {
        session.reset();
        let mut spare = lock(&self.spare);
        if spare.len() < SPARE {
            spare.push(session);
        }
    }
}
