//! What hears a call: a session, and once that need not search on, a count of samples.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use callprint::{Index, Session, SessionConfig, SessionEvent, engine::Metrics};

/// Runs `work` on one call; none where it panics. A fault of callprint may cost that call, and no other: what it can leave half
/// done is the session, which is to be [given up](Hearing::give_up).
pub(crate) fn isolated<R>(work: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// One call, or one channel of it.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// None once the call is decided and need not be searched on: a session takes over a megabyte.
    session: Option<Session>,
    sample_rate: u32,
    samples: u64,
    /// Whether a match has been told, whose time counts as the call's decision.
    matched: bool,
    metrics: Arc<Metrics>,
}

impl Hearing {
    /// Begins to hear a call, which is counted in `metrics`.
    ///
    /// # Errors
    /// Those of [`Session::new`].
    pub(crate) fn new(index: &Arc<Index>, config: SessionConfig, metrics: &Arc<Metrics>) -> callprint::Result<Self> {
        let session = Session::new(Arc::clone(index), config)?;
        metrics.count_opened();
        metrics.count_search();
        let metrics = Arc::clone(metrics);
        Ok(Self { session: Some(session), sample_rate: config.sample_rate, samples: 0, matched: false, metrics })
    }

    /// Takes samples in [-1, 1].
    pub(crate) fn push_f32(&mut self, samples: &[f32]) {
        self.take(samples.len());
        if let Some(session) = &mut self.session {
            session.push_f32(samples);
        }
    }

    /// Takes 16-bit samples as they came, without allocating.
    pub(crate) fn push_i16_le(&mut self, bytes: &[u8]) {
        let mut samples = [0; 160];
        for part in bytes.as_chunks().0.chunks(samples.len()) {
            self.take(part.len());
            let Some(session) = &mut self.session else { continue };
            for (sample, &bytes) in samples.iter_mut().zip(part) {
                *sample = i16::from_le_bytes(bytes);
            }
            session.push_i16(&samples[..part.len()]);
        }
    }

    fn take(&mut self, samples: usize) {
        #[cfg(test)]
        assert_ne!(samples, PANICS, "on purpose");
        self.samples += samples as u64;
        self.metrics.count_samples(samples, 0);
    }

    /// The next event that waits, and the index that knows its names.
    pub(crate) fn poll(&mut self) -> Option<(SessionEvent, &Index)> {
        let session = self.session.as_mut()?;
        let event = session.poll()?;
        self.metrics.count_event(&event, session.answered_at().filter(|_| !self.matched));
        self.matched |= matches!(event, SessionEvent::Match { .. });
        Some((event, session.index()))
    }

    /// Lets the session go if it does not search on. What events it still has are lost.
    pub(crate) fn rest_if_decided(&mut self) {
        if self.session.take_if(|session| session.is_decided()).is_some() {
            self.metrics.count_search_end();
        }
    }

    /// Lets go of a session that has panicked. The call is still counted.
    pub(crate) fn give_up(&mut self) {
        if self.session.take().is_some() {
            self.metrics.count_search_end();
        }
    }

    /// Ends the call: its last events wait.
    pub(crate) fn finish(&mut self) {
        match &mut self.session {
            Some(session) => session.finish(),
            None => self.metrics.count_event(&SessionEvent::Ended { at: self.seconds() }, None),
        }
    }

    /// Seconds taken in.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate)
    }
}

/// So many samples at once make a call panic in tests: no input is known that does.
#[cfg(test)]
pub(super) const PANICS: usize = 13;

impl Drop for Hearing {
    fn drop(&mut self) {
        if self.session.is_some() {
            self.metrics.count_search_end();
        }
        self.metrics.count_closed();
    }
}
