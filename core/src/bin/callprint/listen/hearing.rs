//! What hears a call: a session, and once that need not search on, a count of samples.

use std::sync::Arc;

use callprint::{Index, Session, SessionConfig};

/// One call, or one channel of it.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// None once the call is decided and need not be searched on: a session takes over a megabyte.
    session: Option<Session>,
    sample_rate: u32,
    samples: u64,
}

impl Hearing {
    /// # Errors
    /// Those of [`Session::new`].
    pub(crate) fn new(index: &Arc<Index>, config: SessionConfig) -> callprint::Result<Self> {
        let session = Session::new(Arc::clone(index), config)?;
        Ok(Self { session: Some(session), sample_rate: config.sample_rate, samples: 0 })
    }

    /// Takes samples in [-1, 1].
    pub(crate) fn push_f32(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        if let Some(session) = &mut self.session {
            session.push_f32(samples);
        }
    }

    /// Takes 16-bit samples as they came, without allocating.
    pub(crate) fn push_i16_le(&mut self, bytes: &[u8]) {
        let mut samples = [0; 160];
        for part in bytes.as_chunks().0.chunks(samples.len()) {
            self.samples += part.len() as u64;
            let Some(session) = &mut self.session else { continue };
            for (sample, &bytes) in samples.iter_mut().zip(part) {
                *sample = i16::from_le_bytes(bytes);
            }
            session.push_i16(&samples[..part.len()]);
        }
    }

    /// What events are to be had from.
    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// Lets the session go if it does not search on. What events it still has are lost.
    pub(crate) fn rest_if_decided(&mut self) {
        self.session.take_if(|session| session.is_decided());
    }

    /// Seconds taken in.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate)
    }
}
