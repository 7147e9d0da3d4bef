//! An input that is read by a thread of its own, so that a signal is heard while a read waits.

use std::thread;

use super::stop::Stop;
use crate::exit::Failure;

enum Arrival<T> {
    Item(T),
    End(Option<Failure>),
    Stop,
}

/// How it ended.
pub(crate) struct Ended {
    /// Why, as events say it.
    pub(crate) reason: &'static str,
    /// What went wrong with the input.
    pub(crate) failure: Option<Failure>,
}

/// Takes what `read` hands on until it ends or a signal comes. `read` is given a function that passes one item on and says
/// whether any more are wanted; with `ahead` items waiting it waits, too.
pub(crate) fn read_ahead<T: Send + 'static>(
    ahead: usize,
    read: impl FnOnce(&mut dyn FnMut(T) -> bool) -> Result<(), Failure> + Send + 'static,
    mut take: impl FnMut(T),
) -> Result<Ended, Failure> {
    let (sender, arrivals) = std::sync::mpsc::sync_channel(ahead);
    let stopping = sender.clone();
    let stop = Stop::on_signal(move || {
        // Where the queue is full there is something to wake up for anyway.
        let _ = stopping.try_send(Arrival::Stop);
    })?;
    // A read can't be interrupted; after a signal the thread is left behind.
    thread::spawn(move || {
        let result = read(&mut |item| sender.send(Arrival::Item(item)).is_ok());
        let _ = sender.send(Arrival::End(result.err()));
    });
    for arrival in arrivals {
        if stop.is_set() {
            return Ok(Ended { reason: "shutdown", failure: None });
        }
        match arrival {
            Arrival::Item(item) => take(item),
            Arrival::End(failure) => return Ok(Ended { reason: "end_of_input", failure }),
            Arrival::Stop => {}
        }
    }
    Ok(Ended { reason: "end_of_input", failure: None })
}
