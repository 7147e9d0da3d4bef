//! SIGINT and SIGTERM: all that listens is told to stop; a second signal ends the program at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::exit::Failure;

/// Whether to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Waits for signals in a thread of its own; `wake` is called after the flag is set.
    pub(crate) fn on_signal(wake: impl Fn() + Send + 'static) -> Result<Self, Failure> {
        let stop = Self::default();
        let seen = stop.clone();
        on_each(move || {
            if seen.0.swap(true, Ordering::SeqCst) {
                // 128 + SIGINT, what shells report of a program that was interrupted.
                process::exit(130);
            }
            wake();
        })
        .map_err(|error| Failure::new(format_args!("signals can't be caught: {error}")))?;
        Ok(stop)
    }

    /// Stops without a signal.
    #[cfg(test)]
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a signal has come.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Calls `act` on each signal that asks for an end.
#[cfg(unix)]
fn on_each(act: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        iterator::Signals,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(|_| act()))?;
    Ok(())
}

#[cfg(not(unix))]
fn on_each(act: impl Fn() + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(act)
}
