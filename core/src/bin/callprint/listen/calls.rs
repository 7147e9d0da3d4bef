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

use super::{Listening, events::End, hearing::Hearing};
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
    threads: Vec<Thread<'scope>>,
    /// Number of its thread for each call that is up.
    threads_of: HashMap<StreamKey, usize>,
}

struct Thread<'scope> {
    queue: SyncSender<Heard>,
    handle: ScopedJoinHandle<'scope, Outcome>,
    calls: usize,
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
        listening: &'env Listening<'env>,
    ) -> Self {
        let thread = |_| {
            let (queue, arrivals) = sync_channel(QUEUE);
            Thread { queue, handle: scope.spawn(move || hear(&arrivals, listening)), calls: 0 }
        };
        Self { threads: (0..threads).map(thread).collect(), threads_of: HashMap::new() }
    }

    /// Hands on what came of a call; `finished` is the reason of those that end because all do.
    pub(crate) fn take(&mut self, key: &StreamKey, event: StreamEvent<'_>, time: Duration, finished: &'static str) {
        let (threads, threads_of) = (&mut self.threads, &mut self.threads_of);
        let number = *threads_of.entry(*key).or_insert_with(|| {
            let idlest = (0..threads.len()).min_by_key(|&number| threads[number].calls).unwrap_or_default();
            threads[idlest].calls += 1;
            idlest
        });
        let what = match event {
            StreamEvent::Samples(samples) => What::Samples(samples.to_vec()),
            StreamEvent::Ended(end, counts) => {
                threads[number].calls -= 1;
                threads_of.remove(key);
                let reason = match end {
                    StreamEnd::Idle => "idle",
                    StreamEnd::MadeRoom => "made_room",
                    _ => finished,
                };
                What::Ended(counts, reason)
            }
        };
        // A thread that has failed takes nothing any more; that is told in the end.
        let _ = threads[number].queue.send(Heard { key: *key, time, arrived: Instant::now(), what });
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
    let Listening { reporter, console, .. } = listening;
    let mut calls: HashMap<StreamKey, (String, Hearing)> = HashMap::new();
    let mut outcome = Outcome::default();
    for Heard { key, time, arrived, what } in arrivals {
        let (call, hearing) = match calls.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match listening.hear(SAMPLE_RATE) {
                Ok(hearing) => {
                    outcome.heard += 1;
                    new.insert((key.to_string(), hearing))
                }
                Err(error) => {
                    outcome.trouble = Some(Failure::new(error));
                    continue;
                }
            },
        };
        match what {
            What::Samples(samples) => {
                hearing.push_f32(&samples);
                reporter.drain(call, hearing, time);
                listening.metrics.lateness().observe(arrived.elapsed().as_secs_f64());
            }
            What::Ended(counts, reason) => {
                if hearing.seconds() == 0.0 {
                    console.note(&format!(
                        "{call}: {} is not decoded; --payload TYPE=CODEC says what a dynamic type is",
                        counts.codec
                    ));
                }
                reporter.end(call, hearing, time, &End { reason, rtp: Some(counts) });
                calls.remove(&key);
            }
        }
    }
    outcome
}
