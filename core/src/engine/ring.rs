//! The audio of a call that waits.

/// A queue of samples of fixed capacity.
#[derive(Debug)]
pub(super) struct Ring {
    samples: Box<[i16]>,
    first: usize,
    length: usize,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self { samples: vec![0; capacity.max(1)].into(), first: 0, length: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Samples that there is room for.
    pub(super) fn room(&self) -> usize {
        self.samples.len() - self.length
    }

    /// Takes in as many samples as there is room for; says how many.
    pub(super) fn push(&mut self, samples: impl ExactSizeIterator<Item = i16>) -> usize {
        let taken = samples.len().min(self.room());
        let mut at = (self.first + self.length) % self.samples.len();
        for sample in samples.take(taken) {
            self.samples[at] = sample;
            at = if at + 1 == self.samples.len() { 0 } else { at + 1 };
        }
        self.length += taken;
        taken
    }

    /// Moves the oldest samples, `count` at most, to the end of `out`.
    pub(super) fn take(&mut self, count: usize, out: &mut Vec<i16>) {
        let count = count.min(self.length);
        let straight = count.min(self.samples.len() - self.first);
        out.extend_from_slice(&self.samples[self.first..self.first + straight]);
        out.extend_from_slice(&self.samples[..count - straight]);
        self.length -= count;
        // An empty one begins again at its front: a call that is never far behind touches little of its memory.
        self.first = if self.length == 0 { 0 } else { (self.first + count) % self.samples.len() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn it_is_a_queue_with_a_limit(
            capacity in 1usize..20,
            steps in prop::collection::vec((any::<bool>(), 0usize..30), 0..60),
        ) {
            let (mut ring, mut plain, mut next) = (Ring::new(capacity), VecDeque::new(), 0i16);
            for (push, count) in steps {
                if push {
                    let given: Vec<i16> = (0..count as i16).map(|i| next + i).collect();
                    next += count as i16;
                    let taken = ring.push(given.iter().copied());
                    prop_assert_eq!(taken, count.min(capacity - plain.len()));
                    plain.extend(&given[..taken]);
                } else {
                    let mut out = Vec::new();
                    ring.take(count, &mut out);
                    let expected: Vec<i16> = plain.drain(..count.min(plain.len())).collect();
                    prop_assert_eq!(out, expected);
                }
                prop_assert_eq!(ring.is_empty(), plain.is_empty());
            }
        }
    }
}
