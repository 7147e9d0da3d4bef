//! Blocks of consecutive codes: their distance along a diagonal, and where a block lies best.
//!
//! Two recordings of one script agree code by code along a diagonal of the plane of query position against stored
//! position. The distance of a block is the sum of the distances on it; it is given up as soon as it exceeds what
//! can still be used (early abandoning, after Rakthanmanon et al., "Searching and mining trillions of time series
//! subsequences under dynamic time warping", KDD 2012, §4.1): unrelated codes differ in half of their bits, so most
//! places are left after a part of the block.

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::scalar;
use super::{BinaryCode, Kernels, dispatch};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Bytes of codes between two looks at the limit.
const STRIDE_BYTES: usize = 256;

/// Where a block of codes lies in a longer sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placement {
    /// Differing bits of the whole block.
    pub distance: u64,
    /// Position of the code that the block's first code lies on; the lowest of those that are equally good.
    pub position: usize,
}

impl Kernels {
    /// The sum of the distances of `a[i]` and `b[i]` if it is at most `limit`, over as many codes as both have.
    pub fn block_distance<const W: usize>(self, a: &[BinaryCode<W>], b: &[BinaryCode<W>], limit: u64) -> Option<u64> {
        const { assert!(BinaryCode::<W>::BITS > 0) };
        let stride = STRIDE_BYTES / size_of::<BinaryCode<W>>();
        let count = a.len().min(b.len());
        let mut total = 0u64;
        for (a, b) in a[..count].chunks(stride).zip(b[..count].chunks(stride)) {
            total += u64::from(dispatch!(self.level, sum(a, b)));
            if total > limit {
                return None;
            }
        }
        Some(total)
    }

    /// The place in `codes` where the whole of `block` differs in the fewest bits, if those are at most `limit`. `None`
    /// also for an empty block and for one longer than `codes`.
    pub fn place<const W: usize>(
        self,
        block: &[BinaryCode<W>],
        codes: &[BinaryCode<W>],
        limit: u64,
    ) -> Option<Placement> {
        let mut best = None;
        let mut limit = Some(limit);
        if block.is_empty() {
            return None;
        }
        for (position, window) in codes.windows(block.len()).enumerate() {
            // Below 0 nothing can be better.
            let Some(bound) = limit else { break };
            if let Some(distance) = self.block_distance(block, window, bound) {
                best = Some(Placement { distance, position });
                limit = distance.checked_sub(1);
            }
        }
        best
    }
}
