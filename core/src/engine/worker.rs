//! What works on calls: legs with audio that waits, the threads that take it through sessions, and the sessions between calls.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{CallId, Metrics, OnEvent, ring::Ring};
use crate::{
    Result,
    detect::{Session, SessionConfig, SessionEvent, prepare_thread},
    index::Index,
};

/// Samples that a worker takes from a call at a time.
const TURN: usize = 4096;
/// Sessions without a call that are kept for others.
const SPARE: usize = 64;

/// What a pool, its calls and its workers share.
pub(super) struct Shared {
    ready: Mutex<Ready>,
    work: Condvar,
    stock: Mutex<Stock>,
    pub(super) metrics: Metrics,
    on_event: Box<OnEvent>,
}

/// Calls with audio that waits, in the order in which it came.
#[derive(Default)]
struct Ready {
    calls: VecDeque<Arc<Leg>>,
    closed: bool,
}

/// What calls are made of.
struct Stock {
    /// What calls opened from now on are searched in.
    index: Arc<Index>,
    /// Sessions over that index that wait for calls.
    spare: Vec<Session>,
    /// Calls that have not ended.
    calls: BTreeMap<CallId, Arc<Leg>>,
}

impl Stock {
    fn is_in_use(&self, config: &SessionConfig) -> bool {
        // Most pools have one configuration, so that the first call answers.
        self.calls.values().any(|leg| leg.config == *config)
    }
}

/// A call as pool and worker see it.
pub(super) struct Leg {
    pub(super) id: CallId,
    config: SessionConfig,
    index: Arc<Index>,
    pub(super) input: Mutex<Input>,
    /// Held by the worker whose turn it is; nobody else asks while `queued`.
    hearing: Mutex<Hearing>,
}

/// What a worker knows of a call.
struct Hearing {
    ear: Ear,
    /// Whether a match has been told.
    matched: bool,
}

/// What hears a call.
enum Ear {
    /// Nothing yet: no audio has come.
    Nothing,
    /// A session.
    Session(Box<Session>),
    /// Nothing any more: the call is decided, or its session is lost by a fault.
    NoMore,
}

pub(super) struct Input {
    pub(super) ring: Ring,
    /// Samples taken in all.
    pub(super) taken: u64,
    /// Since when the oldest sample waits.
    pub(super) since: Option<Instant>,
    /// Whether nothing more is taken: the call is over, or its pool is.
    pub(super) ended: bool,
    /// Whether samples are only counted.
    pub(super) only_counted: bool,
    /// Whether the call is in `Ready` or being worked on.
    pub(super) queued: bool,
}

/// Locks what no panic can leave half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(index: Arc<Index>, on_event: Box<OnEvent>) -> Self {
        Self {
            ready: Mutex::default(),
            work: Condvar::new(),
            stock: Mutex::new(Stock { index, spare: Vec::new(), calls: BTreeMap::new() }),
            metrics: Metrics::default(),
            on_event,
        }
    }

    /// Takes in a call whose ring holds `backlog` seconds.
    ///
    /// # Errors
    /// Those of [`Session::new`].
    pub(super) fn open(&self, id: CallId, config: SessionConfig, backlog: f64) -> Result<Arc<Leg>> {
        let index = self.index();
        // A first session says whether the configuration is good.
        let known = lock(&self.stock).spare.iter().any(|s| *s.config() == config);
        let first = if known { None } else { Some(Session::new(index.clone(), config)?) };
        let ring = Ring::new((backlog * f64::from(config.sample_rate)) as usize);
        let leg = Arc::new(Leg {
            id,
            config,
            index,
            input: Mutex::new(Input { ring, taken: 0, since: None, ended: false, only_counted: false, queued: false }),
            hearing: Mutex::new(Hearing { ear: Ear::Nothing, matched: false }),
        });
        let unused = {
            let mut stock = lock(&self.stock);
            stock.calls.insert(id, leg.clone());
            // What no call is like any more is let go; dropped below, where no lock is held.
            let spare = std::mem::take(&mut stock.spare);
            let (kept, unused): (Vec<_>, Vec<_>) = spare.into_iter().partition(|s| stock.is_in_use(s.config()));
            stock.spare = kept;
            unused
        };
        drop(unused);
        if let Some(session) = first {
            self.put_by(session);
        }
        self.metrics.count_opened();
        Ok(leg)
    }

    pub(super) fn index(&self) -> Arc<Index> {
        lock(&self.stock).index.clone()
    }

    /// Searches calls opened from now on in another index.
    pub(super) fn set_index(&self, index: Arc<Index>) {
        let spare = {
            let mut stock = lock(&self.stock);
            stock.index = index;
            std::mem::take(&mut stock.spare)
        };
        drop(spare);
    }

    /// Ends a call: what waits of it is worked off. Again does nothing.
    pub(super) fn end(&self, leg: &Arc<Leg>) {
        let queue = {
            let mut input = lock(&leg.input);
            if std::mem::replace(&mut input.ended, true) {
                return;
            }
            input.since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut input.queued, true)
        };
        if queue {
            self.queue(leg.clone());
        }
    }

    /// Ends all calls, and the workers once nothing waits.
    pub(super) fn close(&self) {
        let calls: Vec<_> = lock(&self.stock).calls.values().cloned().collect();
        calls.iter().for_each(|leg| self.end(leg));
        lock(&self.ready).closed = true;
        self.work.notify_all();
    }

    pub(super) fn queue(&self, leg: Arc<Leg>) {
        lock(&self.ready).calls.push_back(leg);
        self.work.notify_one();
    }

    /// A worker's life.
    pub(super) fn work(&self) {
        prepare_thread();
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
            self.hear_no_more(&mut hearing.ear);
        }
        let no_more = matches!(hearing.ear, Ear::NoMore);
        drop(hearing);
        if let Some(since) = since {
            self.metrics.lateness().observe(since.elapsed().as_secs_f64());
        }
        if ended {
            lock(&self.stock).calls.remove(&leg.id);
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
        let Hearing { ear, matched } = hearing;
        if matches!(ear, Ear::Nothing) {
            *ear = self.session(leg).map_or(Ear::NoMore, |s| Ear::Session(Box::new(s)));
            if matches!(ear, Ear::Session(_)) {
                self.metrics.count_search();
            }
        }
        let Ear::Session(session) = ear else {
            if let Some(taken) = ended {
                let at = taken as f64 / f64::from(leg.config.sample_rate);
                self.tell(leg, &SessionEvent::Ended { at }, None);
            }
            return;
        };
        session.push_i16(samples);
        if ended.is_some() {
            session.finish();
        }
        while let Some(event) = session.poll() {
            // The time to a decision is that of the first match.
            let answered_at = session.answered_at().filter(|_| !*matched);
            *matched |= matches!(event, SessionEvent::Match { .. });
            self.tell(leg, &event, answered_at);
        }
        if (ended.is_some() || session.is_decided())
            && let Some(session) = self.hear_no_more(ear)
        {
            self.put_by(*session);
        }
    }

    /// Takes the session away from a call that needs none any more.
    fn hear_no_more(&self, ear: &mut Ear) -> Option<Box<Session>> {
        let Ear::Session(session) = std::mem::replace(ear, Ear::NoMore) else { return None };
        self.metrics.count_search_end();
        Some(session)
    }

    /// Tells of an event. A panic of who is told is theirs: it ends neither the call nor the worker.
    fn tell(&self, leg: &Leg, event: &SessionEvent, answered_at: Option<f64>) {
        self.metrics.count_event(event, answered_at);
        let told = catch_unwind(AssertUnwindSafe(|| (self.on_event)(leg.id, &leg.index, event)));
        if told.is_err() {
            self.metrics.count_handler_panic();
        }
    }

    /// A session for a call; `None` where none can be made, which [`open`](Self::open) has ruled out.
    fn session(&self, leg: &Leg) -> Option<Session> {
        let fits = |s: &Session| *s.config() == leg.config && Arc::ptr_eq(s.index(), &leg.index);
        let known = {
            let spare = &mut lock(&self.stock).spare;
            spare.iter().position(fits).map(|at| spare.swap_remove(at))
        };
        known.or_else(|| Session::new(leg.index.clone(), leg.config).ok())
    }

    /// Keeps a session that no call needs any more for another, if there may be one like it.
    fn put_by(&self, mut session: Session) {
        session.reset();
        let mut stock = lock(&self.stock);
        let wanted = Arc::ptr_eq(session.index(), &stock.index) && stock.is_in_use(session.config());
        if wanted && stock.spare.len() < SPARE {
            stock.spare.push(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::IndexBuilder;

    fn empty() -> Arc<Index> {
        Arc::new(Index::from_bytes(IndexBuilder::new().to_bytes().unwrap()).unwrap())
    }

    /// Works off all that waits, as a worker would.
    fn work_off(shared: &Shared) {
        while let Some(leg) = { lock(&shared.ready).calls.pop_front() } {
            shared.turn(&leg, &mut Vec::new());
        }
    }

    #[test]
    fn the_call_that_waits_longest_is_next() {
        let shared = Shared::new(empty(), Box::new(|_, _, _| ()));
        let legs = [3, 1, 2].map(|id| shared.open(id, SessionConfig::default(), 1.0).unwrap());
        legs.iter().for_each(|leg| shared.queue(leg.clone()));
        lock(&shared.ready).closed = true;
        let order: Vec<CallId> = std::iter::from_fn(|| shared.next()).map(|leg| leg.id).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn sessions_are_kept_for_configurations_and_an_index_in_use() {
        let shared = Shared::new(empty(), Box::new(|_, _, _| ()));
        let spare = || -> Vec<u32> { lock(&shared.stock).spare.iter().map(|s| s.config().sample_rate).collect() };
        let config = |sample_rate| SessionConfig { sample_rate, ..SessionConfig::default() };
        let first = shared.open(1, config(8000), 1.0).unwrap();
        assert_eq!(spare(), [8000]);
        shared.end(&first);
        work_off(&shared);
        assert_eq!(spare(), [8000], "kept for the next call like it");
        let second = shared.open(2, config(16_000), 1.0).unwrap();
        assert_eq!(spare(), [16_000], "no call has the other rate any more");
        shared.set_index(empty());
        assert!(spare().is_empty(), "they search the old index");
        shared.end(&second);
        work_off(&shared);
        assert!(spare().is_empty(), "a call of the old index leaves none");
        assert!(lock(&shared.stock).calls.is_empty());
        assert_eq!((shared.metrics.opened(), shared.metrics.closed(), shared.metrics.searched()), (2, 2, 0));
    }
}
