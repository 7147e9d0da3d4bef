//! Many queries at once, on one thread or several.

use std::{num::NonZeroUsize, thread};

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{BinaryCode, Kernels, Nearest, block_codes, dispatch, nearer, scalar, sliced::Probe};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// From so many queries on planes and adders are faster than one query after the other.
const SLICED_FROM: usize = 12;
/// Codes for a thread to be worth starting.
const CODES_PER_THREAD: usize = 1 << 14;

impl Kernels {
    /// The nearest code of each query, in the order of the queries; `None` for all without codes.
    ///
    /// Codes are read once for all queries. They are split among at most `threads` threads; the answer does not depend on their
    /// number.
    pub fn nearest_of_each<const W: usize>(
        self,
        queries: &[BinaryCode<W>],
        codes: &[BinaryCode<W>],
        threads: NonZeroUsize,
    ) -> Vec<Option<Nearest>> {
        let threads = threads.get().min(codes.len().div_ceil(CODES_PER_THREAD)).max(1);
        let share = codes.len().div_ceil(threads).max(1);
        let mut parts = codes.chunks(share).enumerate();
        let first = parts.next();
        let mut best = vec![None; queries.len()];
        thread::scope(|scope| {
            let others: Vec<_> = parts
                .map(|(i, part)| {
                    let work = move || self.nearest_in_part(queries, part, i * share);
                    // Where the system gives no more threads, this one does the work.
                    thread::Builder::new().spawn_scoped(scope, work).map_err(|_| work)
                })
                .collect();
            if let Some((_, part)) = first {
                best = self.nearest_in_part(queries, part, 0);
            }
            for other in others {
                let other = match other {
                    Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    Err(work) => work(),
                };
                for (best, other) in best.iter_mut().zip(other) {
                    *best = nearer(*best, other);
                }
            }
        });
        best
    }

    fn nearest_in_part<const W: usize>(
        self,
        queries: &[BinaryCode<W>],
        codes: &[BinaryCode<W>],
        first: usize,
    ) -> Vec<Option<Nearest>> {
        let mut best: Vec<Option<Nearest>> = vec![None; queries.len()];
        let mut done = 0;
        if queries.len() >= SLICED_FROM {
            let mut probes: Vec<_> =
                queries.iter().enumerate().map(|(i, query)| Probe::new(i, query, BinaryCode::<W>::BITS + 1)).collect();
            let found = &mut |probe: &mut Probe, group: usize, mask: u64| {
                for_each_bit(mask, |bit| {
                    let position = group + bit;
                    let distance = codes[position].distance(&queries[probe.number]);
                    if distance < probe.limit() {
                        probe.look_below::<W>(distance);
                        best[probe.number] = Some(Nearest { distance, position: first + position });
                    }
                });
            };
            done = dispatch!(self.level, scan(&mut probes, codes, found));
        }
        if let [query] = queries {
            return vec![self.nearest(query, codes).map(|n| Nearest { position: first + n.position, ..n })];
        }
        for (block, part) in codes[done..].chunks(block_codes::<W>()).enumerate() {
            let start = first + done + block * block_codes::<W>();
            for (query, best) in queries.iter().zip(&mut best) {
                self.improve(query, [part], [start], std::array::from_mut(best));
            }
        }
        best
    }

    /// Hands query number, position and distance of every code within `limit` bits of any of the queries to `found`. For each
    /// query positions ascend; queries alternate.
    pub fn within_each<const W: usize>(
        self,
        queries: &[BinaryCode<W>],
        codes: &[BinaryCode<W>],
        limit: u32,
        mut found: impl FnMut(usize, usize, u32),
    ) {
        let mut done = 0;
        if queries.len() >= SLICED_FROM {
            let below = limit.saturating_add(1);
            let mut probes: Vec<_> = queries.iter().enumerate().map(|(i, query)| Probe::new(i, query, below)).collect();
            let report = &mut |probe: &mut Probe, group: usize, mask: u64| {
                for_each_bit(mask, |bit| {
                    let distance = codes[group + bit].distance(&queries[probe.number]);
                    found(probe.number, group + bit, distance);
                });
            };
            done = dispatch!(self.level, scan(&mut probes, codes, report));
        }
        for (block, part) in codes[done..].chunks(block_codes::<W>()).enumerate() {
            for (number, query) in queries.iter().enumerate() {
                self.within(query, part, limit, |at, distance| {
                    found(number, done + block * block_codes::<W>() + at, distance)
                });
            }
        }
    }
}

/// The numbers of the bits set in `mask`, ascending.
fn for_each_bit(mut mask: u64, mut visit: impl FnMut(usize)) {
    while mask != 0 {
        visit(mask.trailing_zeros() as usize);
        mask &= mask - 1;
    }
}
