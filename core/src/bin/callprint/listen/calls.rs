//! The calls of a capture, dealt to threads.
//!
//! One thread puts packets in order; each of the others hears its share of the calls, so what one call says comes in order. As much
//! as a queue holds may wait for a thread: a file is read no faster than it is heard, and who captures a live line keeps what
//! must wait, or drops it and says so.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use callprint::{
    audio::SAMPLE_RATE,
    telephony::{StreamCounts, StreamEnd, StreamEvent, StreamKey},
};

use super::{
    INTERNAL_ERROR, Listening,
    events::End,
    hearing::{Hearing, isolated},
};
use crate::exit::Failure;

/// What may wait for a thread: 20 ms of so many calls.
const QUEUE: usize = 4096;

/// How it went.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Calls heard.
    pub(crate) heard: usize,
    /// Why one could not be.
    pub(crate) trouble: Option<Failure>,
}

/// The threads, and which call is whose.
pub(crate) struct Calls<'scope> {
    listening: &'scope Listening<'scope>,
    threads: Vec<Thread<'scope>>,
    /// Number of its thread for each call that is up.
    threads_of: HashMap<StreamKey, usize>,
}

struct Thread<'scope> {
    /// None once the thread has failed.
    queue: Option<SyncSender<Heard>>,
    handle: ScopedJoinHandle<'scope, Outcome>,
    calls: usize,
}

/// A call as its thread sees it.
struct Call {
    name: String,
    hearing: Hearing,
    /// Given up for a fault of callprint.
    failed: bool,
}

/// What came of a call, and when.
struct Heard {
    key: StreamKey,
    time: Duration,
    arrived: Instant,
    what: What,
}

enum What {
    Samples(Vec<f32>),
    Ended(StreamCounts, &'static str),
}

impl<'scope> Calls<'scope> {
    /// Starts `threads` threads.
    pub(crate) fn new<'env>(
        scope: &'scope Scope<'scope, 'env>,
        threads: usize,
        listening: &'scope Listening<'scope>,
    ) -> Self {
        let thread = |_| {
            let (queue, arrivals) = sync_channel(QUEUE);
            Thread { queue: Some(queue), handle: scope.spawn(move || hear(&arrivals, listening)), calls: 0 }
        };
        Self { listening, threads: (0..threads).map(thread).collect(), threads_of: HashMap::new() }
    }

    /// Hands on what came of a call; `finished` is the reason of those that end because all do.
    pub(crate) fn take(&mut self, key: &StreamKey, event: StreamEvent<'_>, time: Duration, finished: &'static str) {
        let Some(number) = self.thread_of(key) else { return };
        let thread = &mut self.threads[number];
        let what = match event {
            StreamEvent::Samples(samples) => What::Samples(samples.to_vec()),
            StreamEvent::Ended(end, counts) => {
                thread.calls -= 1;
                self.threads_of.remove(key);
                let reason = match end {
                    StreamEnd::Idle => "idle",
                    StreamEnd::MadeRoom => {
                        self.listening.tell_made_room();
                        "made_room"
                    }
                    _ => finished,
                };
                What::Ended(counts, reason)
            }
        };
        let heard = Heard { key: *key, time, arrived: Instant::now(), what };
        if thread.queue.as_ref().is_some_and(|queue| queue.send(heard).is_err()) {
            // Its calls are dealt to others with what comes of them next.
            thread.queue = None;
            self.threads_of.retain(|_, of| *of != number);
            self.listening.console.failure(&Failure::new("a listening thread failed; please report it"));
        }
    }

    /// The thread of a call; a new one gets that with the fewest. None where no thread is left.
    fn thread_of(&mut self, key: &StreamKey) -> Option<usize> {
        if let Some(&number) = self.threads_of.get(key) {
            return Some(number);
        }
        let up = self.threads.iter_mut().enumerate().filter(|(_, thread)| thread.queue.is_some());
        let (number, idlest) = up.min_by_key(|(_, thread)| thread.calls)?;
        idlest.calls += 1;
        self.threads_of.insert(*key, number);
        Some(number)
    }

    /// Waits until everything is heard.
    pub(crate) fn finish(self) -> Outcome {
        let mut all = Outcome::default();
        for Thread { queue, handle, .. } in self.threads {
            drop(queue);
            let failed = |_| {
                let trouble = Some(Failure::new("a listening thread failed; please report it"));
                Outcome { heard: 0, trouble }
            };
            let Outcome { heard, trouble } = handle.join().unwrap_or_else(failed);
            all.heard += heard;
            all.trouble = all.trouble.or(trouble);
        }
        all
    }
}

/// A thread's work.
fn hear(arrivals: &Receiver<Heard>, listening: &Listening<'_>) -> Outcome {
    let mut calls = HashMap::new();
    let mut outcome = Outcome::default();
    for heard in arrivals {
        let key = heard.key;
        if isolated(|| take(heard, &mut calls, &mut outcome, listening)).is_none() {
            let call = calls.get_mut(&key);
            let name = call.as_ref().map_or_else(|| key.to_string(), |call| call.name.clone());
            listening.give_up(
                &name,
                call.map(|call| {
                    call.failed = true;
                    &mut call.hearing
                }),
            );
        }
    }
    outcome
}

/// Takes what came of a call.
fn take(heard: Heard, calls: &mut HashMap<StreamKey, Call>, outcome: &mut Outcome, listening: &Listening<'_>) {
    let Heard { key, time, arrived, what } = heard;
    let Call { name, hearing, failed } = match calls.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => match listening.hear(SAMPLE_RATE) {
            Ok(hearing) => {
                outcome.heard += 1;
                new.insert(Call { name: key.to_string(), hearing, failed: false })
            }
            Err(error) => {
                outcome.trouble = Some(Failure::new(error));
                return;
            }
        },
    };
    match what {
        What::Samples(samples) => {
            hearing.push_f32(&samples);
            listening.reporter.drain(name, hearing, time);
            listening.metrics.lateness().observe(arrived.elapsed().as_secs_f64());
        }
        What::Ended(counts, reason) => {
            if hearing.seconds() == 0.0 {
                listening.console.note(&format!(
                    "{name}: {} is not decoded; --payload TYPE=CODEC says what a dynamic type is",
                    counts.codec
                ));
            }
            let reason = if *failed { INTERNAL_ERROR } else { reason };
            listening.end(name, hearing, time, &End { reason, rtp: Some(counts) });
            calls.remove(&key);
        }
    }
}
