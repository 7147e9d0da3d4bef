//! Work on many files at once, results in the order of the files.

use std::{
    collections::BTreeMap,
    num::NonZero,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::exit::Failure;

/// Threads to use: as asked for, or one per processor.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    match asked {
        Some(jobs) => usize::from(jobs),
        None => thread::available_parallelism().map_or(1, NonZero::get),
    }
}

/// Runs `work` on all `items` in `jobs` threads and hands the results to `deliver`, on this thread, in the order of the
/// items and as soon as they are there.
///
/// No more than `2 * jobs` items are begun and undelivered at a time, so memory does not grow with their number. A panic
/// in `work` fails its item and no other.
pub(crate) fn ordered<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
    mut deliver: impl FnMut(&T, thread::Result<R>),
) {
    ordered_until(items, jobs, work, |item, result| {
        deliver(item, result);
        ControlFlow::Continue(())
    });
}

/// As [`ordered`], until `deliver` breaks: no further item is begun then.
pub(crate) fn ordered_until<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
    mut deliver: impl FnMut(&T, thread::Result<R>) -> ControlFlow<()>,
) {
    let jobs = jobs.clamp(1, items.len().max(1));
    let queue = Queue { state: Mutex::new(State::default()), changed: Condvar::new(), window: 2 * jobs };
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((position, item)) = queue.take(items) {
                    // `work` sees shared data only through a shared reference; what a panic left half done is dropped.
                    let result = catch_unwind(AssertUnwindSafe(|| work(item)));
                    queue.put(position, result);
                }
            });
        }
        let _stop = StopOnDrop(&queue);
        for (position, item) in items.iter().enumerate() {
            let result = queue.wait_for(position);
            if deliver(item, result).is_break() {
                break;
            }
        }
    });
}

/// The failure of an item whose work panicked: a bug of callprint, which must not take the other files with it.
pub(crate) fn panicked(path: &Path) -> Failure {
    Failure::at(path, "internal error, skipped; please report it with the file")
}

struct Queue<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    window: usize,
}

struct State<R> {
    /// Next item to begin.
    next: usize,
    /// Results handed over.
    delivered: usize,
    /// Results that wait for their turn.
    results: BTreeMap<usize, thread::Result<R>>,
    stopped: bool,
}

impl<R> Default for State<R> {
    fn default() -> Self {
        Self { next: 0, delivered: 0, results: BTreeMap::new(), stopped: false }
    }
}

impl<R> Queue<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<R>>) -> MutexGuard<'s, State<R>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item to work on; `None` when there are none left.
    fn take<'t, T>(&self, items: &'t [T]) -> Option<(usize, &'t T)> {
        let mut state = self.lock();
        while !state.stopped && state.next >= state.delivered + self.window {
            state = self.wait(state);
        }
        let item = items.get(state.next).filter(|_| !state.stopped)?;
        state.next += 1;
        Some((state.next - 1, item))
    }

    fn put(&self, position: usize, result: thread::Result<R>) {
        self.lock().results.insert(position, result);
        self.changed.notify_all();
    }

    fn wait_for(&self, position: usize) -> thread::Result<R> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.results.remove(&position) {
                state.delivered = position + 1;
                self.changed.notify_all();
                return result;
            }
            state = self.wait(state);
        }
    }
}

/// Sends the threads home when delivering ends early, or by a panic: the scope would wait for them for ever.
struct StopOnDrop<'q, R>(&'q Queue<R>);

impl<R> Drop for StopOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..200).collect();
        for jobs in [1, 2, 7, 500] {
            let mut seen = Vec::new();
            ordered(
                &items,
                jobs,
                |&n| {
                    // Early items take longer, so that later ones overtake them.
                    thread::sleep(Duration::from_micros((200 - n) % 17 * 50));
                    n * 3
                },
                |&n, result| seen.push((n, result.unwrap_or(0))),
            );
            assert_eq!(seen, items.iter().map(|&n| (n, n * 3)).collect::<Vec<_>>(), "{jobs} threads");
        }
    }

    #[test]
    fn a_slow_item_holds_a_bounded_number_of_results() {
        let items: Vec<usize> = (0..100).collect();
        let begun = AtomicUsize::new(0);
        let mut most = 0;
        ordered(
            &items,
            3,
            |_| begun.fetch_add(1, Ordering::SeqCst),
            |&n, _| {
                thread::sleep(Duration::from_millis(1));
                most = most.max(begun.load(Ordering::SeqCst) - n);
            },
        );
        // Delivering item n, at most `window` items from n + 1 on have been begun.
        assert!(most <= 2 * 3 + 1, "{most} begun and undelivered");
    }

    #[test]
    fn a_panic_fails_one_item() {
        let mut failed = Vec::new();
        ordered(
            &[1, 2, 3],
            2,
            |&n| assert_ne!(n, 2, "on purpose"),
            |&n, result| {
                if result.is_err() {
                    failed.push(n);
                }
            },
        );
        assert_eq!(failed, [2]);
    }

    #[test]
    fn nothing_is_begun_once_delivering_has_stopped() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        ordered_until(
            &items,
            2,
            |_| begun.fetch_add(1, Ordering::SeqCst),
            |&n, _| if n == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
        );
        assert!(begun.load(Ordering::SeqCst) <= 4 + 2 * 2 + 2, "{begun:?} begun");
    }

    #[test]
    fn no_items_give_no_results() {
        ordered(&[] as &[u8], 4, |_| (), |_, _| panic!("delivered something"));
    }
}
