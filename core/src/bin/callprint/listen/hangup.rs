//! SIGHUP, by which servers are told to look at their files again. Where there is no such signal nothing is done.

use std::{io, thread::Scope};

/// Acts on signals until it is dropped.
pub(crate) struct Hangups {
    #[cfg(unix)]
    signals: signal_hook::iterator::Handle,
}

impl Hangups {
    /// Calls `act` on each SIGHUP, in a thread of its own.
    #[cfg(unix)]
    pub(crate) fn watch<'scope>(scope: &'scope Scope<'scope, '_>, act: impl Fn() + Send + 'scope) -> io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])?;
        let handle = signals.handle();
        scope.spawn(move || signals.forever().for_each(|_| act()));
        Ok(Self { signals: handle })
    }

    #[cfg(not(unix))]
    pub(crate) fn watch<'scope>(_: &'scope Scope<'scope, '_>, _: impl Fn() + Send + 'scope) -> io::Result<Self> {
        Ok(Self {})
    }
}

#[cfg(unix)]
impl Drop for Hangups {
    fn drop(&mut self) {
        self.signals.close();
    }
}
