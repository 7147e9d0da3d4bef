//! Cuts a stream into groups of overlapping frames.

use super::{
    eight::LANES,
    pitch::{GROUP_WINDOW, HALF_WINDOW, HOP},
};

/// Samples kept: enough that moving the tail to the front, at most [`GROUP_WINDOW`], costs little. Each live call has this memory.
const CAPACITY: usize = 2048;
/// Larger values are no audio ([`MAX_SAMPLE`](crate::audio::MAX_SAMPLE)), and their squares would overflow.
const LARGEST: f32 = 65_536.0;

/// Holds the samples that frames to come still need. Frame k is centred at sample `80 k + 40` and reads 160 samples to
/// each side of it, zeros before the start and after the end.
#[derive(Debug)]
pub(crate) struct Windows {
    buffer: Vec<f32>,
    /// Start of the next frame's window in `buffer`.
    next: usize,
    received: u64,
    given: u64,
}

/// The samples of [`LANES`] consecutive frames.
pub(crate) type Group = [f32; GROUP_WINDOW];

impl Windows {
    pub(crate) fn new() -> Self {
        let mut windows = Self { buffer: Vec::with_capacity(CAPACITY), next: 0, received: 0, given: 0 };
        windows.reset();
        windows
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        self.buffer.clear();
        // The window of frame 0 begins before the first sample.
        self.buffer.resize(HALF_WINDOW - HOP / 2, 0.0);
        (self.next, self.received, self.given) = (0, 0, 0);
    }

    /// Takes in samples; hands out each group that is complete.
    pub(crate) fn push(&mut self, samples: &[f32], each: &mut impl FnMut(&Group)) {
        self.received += samples.len() as u64;
        for part in samples.chunks(CAPACITY / 4) {
            self.append(part);
            while self.ready() {
                each(self.take());
            }
        }
    }

    /// Ends the stream: hands out what is left, padded with zeros, with the number of samples of its frames'
    /// hops that are within the stream.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(&Group, usize)) {
        while let Some(left @ 1..) = self.received.checked_sub(self.given * HOP as u64) {
            while !self.ready() {
                self.append(&[0.0; HOP]);
            }
            each(self.take(), left.min((LANES * HOP) as u64) as usize);
        }
    }

    fn ready(&self) -> bool {
        self.buffer.len() - self.next >= GROUP_WINDOW
    }

    fn take(&mut self) -> &Group {
        let from = self.next;
        self.next += LANES * HOP;
        self.given += LANES as u64;
        // `ready` has been asked, so the chunk exists.
        const NONE: &Group = &[0.0; GROUP_WINDOW];
        self.buffer[from..].first_chunk().unwrap_or(NONE)
    }

    fn append(&mut self, samples: &[f32]) {
        if self.buffer.len() + samples.len() > CAPACITY {
            self.buffer.drain(..self.next);
            self.next = 0;
        }
        let clean = |&x: &f32| if x.is_finite() { x.clamp(-LARGEST, LARGEST) } else { 0.0 };
        self.buffer.extend(samples.iter().map(clean));
    }
}
