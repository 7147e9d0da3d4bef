//! Hamming distances between binary codes of 64, 128 and 256 bits.
//!
//! [`Kernels`] answers what a search over codes asks: the distances of one query to many codes, its nearest code, all codes
//! within a limit, the same for many queries at once, and where a block of consecutive codes lies best in a longer
//! sequence. The index searches codes of 128 bits with it; the other widths are for codes of other origin.
//!
//! **Codes** are little-endian words without alignment ([`BinaryCode`]), so that a part of a memory-mapped file can be
//! searched in place.
//!
//! **Levels.** Each kernel exists in scalar Rust (the reference), for AVX2, AVX-512 and NEON; [`simd_level`]
//! says which is in use. All give the same answers, and tests compare all that the CPU has with the reference.
//!
//! **One query** is bound by memory: a block of codes that fits into a cache is asked only for its least
//! distance, and looked at again where that is good enough. Four places are read at once: the CPU's prefetching stops at each
//! page, and counting leaves fewer loads under way than mere reading does (70 % of the bandwidth from one place, 90 % from
//! four; AMD EPYC, large pages). AVX2 counts bits with a table of 16 in a shuffle (Muła, Kurz &
//! Lemire, "Faster population counts using AVX2 instructions", The Computer Journal 61(1), 2018), AVX-512 with `vpopcntq`,
//! NEON with `cnt`.
//!
//! **Many queries** are bound by arithmetic. There a block of codes is transposed into bit planes once, and each query adds
//! its planes with full adders, which costs a third of counting bits code by code; see `sliced`. Memory is read
//! once for all queries.
//!
//! **Ties** go to the lowest position, whatever the level and the number of threads.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod batch;
mod block;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
mod sliced;
#[cfg(test)]
pub(super) mod tests;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian::U64};

pub use block::Placement;

use super::StoredCode;
use crate::{
    fingerprint::Code,
    simd::{SimdLevel, simd_level},
};

/// Bytes of codes that are asked for their least distance at a time: half a first-level cache.
const BLOCK_BYTES: usize = 16 << 10;
/// Such blocks that a single query reads from each place before it looks at what it found: 64 KiB.
const BLOCKS_IN_STREAM: usize = 4;
/// Places from which a single query reads at once.
const STREAMS: usize = 4;
/// Codes that [`Kernels::within`] handles at a time.
const WITHIN_BLOCK: usize = 128;

/// A code of `WORDS` x 64 bits as it lies in memory and in files: little-endian words, no alignment. Bit d is bit d % 64 of
/// word d / 64. `WORDS` is 1, 2 or 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BinaryCode<const WORDS: usize>([U64; WORDS]);

impl<const WORDS: usize> BinaryCode<WORDS> {
    /// Bits in a code.
    pub const BITS: u32 = {
        assert!(WORDS == 1 || WORDS == 2 || WORDS == 4, "codes have 64, 128 or 256 bits");
        64 * WORDS as u32
    };

    /// From words in the host's byte order.
    pub fn new(words: [u64; WORDS]) -> Self {
        Self(words.map(U64::new))
    }

    /// The words in the host's byte order.
    #[inline]
    pub fn words(&self) -> [u64; WORDS] {
        self.0.map(U64::get)
    }

    /// The codes that `bytes` hold one after the other; `None` where they are no whole number of codes.
    pub fn slice_from_bytes(bytes: &[u8]) -> Option<&[Self]> {
        <[Self]>::ref_from_bytes(bytes).ok()
    }

    /// Bits in which two codes differ, 0 to [`BITS`](Self::BITS).
    #[inline]
    pub fn distance(&self, other: &Self) -> u32 {
        // The order of bytes does not matter for counting.
        self.0.iter().zip(&other.0).map(|(a, b)| (a.get() ^ b.get()).count_ones()).sum()
    }
}

impl From<Code> for BinaryCode<2> {
    fn from(code: Code) -> Self {
        Self::new(code.0)
    }
}

/// The code nearest to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nearest {
    /// Differing bits.
    pub distance: u32,
    /// Its position; the lowest of those that are equally near.
    pub position: usize,
}

/// The kernels at one level of vector instructions.
///
/// ```
/// use callprint::index::hamming::{BinaryCode, Kernels, Nearest};
///
/// let codes = [[0b0000, 0], [0b0111, 0], [0b0101, 1 << 63]].map(BinaryCode::<2>::new);
/// let query = BinaryCode::new([0b0101, 0]);
/// let found = Kernels::default().nearest(&query, &codes);
/// assert_eq!(found, Some(Nearest { distance: 1, position: 1 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// Only levels that the CPU has are put here.
    level: SimdLevel,
}

impl Default for Kernels {
    /// Those of the level in use, [`simd_level`].
    fn default() -> Self {
        Self { level: simd_level() }
    }
}

/// Codes in a block of [`BLOCK_BYTES`].
const fn block_codes<const W: usize>() -> usize {
    const { assert!(BinaryCode::<W>::BITS > 0) };
    BLOCK_BYTES / size_of::<BinaryCode<W>>()
}

/// The nearer of two, the first if they are equally near; so the first must be of lower position.
fn nearer(first: Option<Nearest>, second: Option<Nearest>) -> Option<Nearest> {
    match (first, second) {
        (Some(a), Some(b)) if b.distance < a.distance => second,
        (None, _) => second,
        _ => first,
    }
}

/// Calls a level's version of a kernel.
macro_rules! dispatch {
    ($level:expr, $kernel:ident($($arg:expr),* $(,)?)) => {
        match $level {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code compiled for instructions that the CPU has")]
            // SAFETY: `Kernels` holds a level only if the CPU has its instructions.
            $crate::simd::SimdLevel::Avx512 => unsafe { avx512::$kernel($($arg),*) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code compiled for instructions that the CPU has")]
            // SAFETY: `Kernels` holds a level only if the CPU has its instructions.
            $crate::simd::SimdLevel::Avx2 => unsafe { avx2::$kernel($($arg),*) },
            #[cfg(target_arch = "aarch64")]
            #[expect(unsafe_code, reason = "calling code compiled for instructions that the CPU has")]
            // SAFETY: `Kernels` holds a level only if the CPU has its instructions.
            $crate::simd::SimdLevel::Neon => unsafe { neon::$kernel($($arg),*) },
            _ => scalar::$kernel($($arg),*),
        }
    };
}
use dispatch;

impl Kernels {
    /// The kernels of this level; `None` where the CPU lacks it.
    pub fn at(level: SimdLevel) -> Option<Self> {
        level.is_available().then_some(Self { level })
    }

    /// Their level.
    pub fn level(self) -> SimdLevel {
        self.level
    }

    /// Writes the distance of each of `codes` from `query` to `out`, as far as `out` reaches.
    pub fn distances<const W: usize>(self, query: &BinaryCode<W>, codes: &[BinaryCode<W>], out: &mut [u16]) {
        const { assert!(BinaryCode::<W>::BITS > 0) };
        let count = codes.len().min(out.len());
        dispatch!(self.level, fill(query, &codes[..count], &mut out[..count]));
    }

    /// The nearest code; `None` without codes.
    pub fn nearest<const W: usize>(self, query: &BinaryCode<W>, codes: &[BinaryCode<W>]) -> Option<Nearest> {
        let part = codes.len() / STREAMS / block_codes::<W>() * block_codes::<W>();
        let (parts, rest) = codes.split_at(part * STREAMS);
        let mut best = [None; STREAMS];
        if part > 0 {
            let streams = std::array::from_fn(|i| &parts[i * part..][..part]);
            self.improve(query, streams, std::array::from_fn(|i| i * part), &mut best);
        }
        let [mut first, others @ ..] = best;
        for other in others {
            first = nearer(first, other);
        }
        let mut last = [None];
        self.improve(query, [rest], [part * STREAMS], &mut last);
        nearer(first, last[0])
    }

    /// Puts the nearest code of each of several streams of equal length, whose first codes have the positions `first`, into
    /// `best` if it is nearer than what is there.
    fn improve<const W: usize, const N: usize>(
        self,
        query: &BinaryCode<W>,
        streams: [&[BinaryCode<W>]; N],
        first: [usize; N],
        best: &mut [Option<Nearest>; N],
    ) {
        let count = streams[0].len();
        let step = BLOCKS_IN_STREAM * block_codes::<W>();
        for start in (0..count).step_by(step) {
            let end = count.min(start + step);
            let blocks = streams.map(|codes| &codes[start..end]);
            let least = dispatch!(self.level, least(query, blocks));
            for i in 0..N {
                if best[i].is_none_or(|best| least[i] < best.distance) {
                    let at = dispatch!(self.level, find(query, blocks[i], least[i]));
                    best[i] = Some(Nearest { distance: least[i], position: first[i] + start + at });
                }
            }
        }
    }

    /// Hands the position and distance of every code within `limit` bits of `query` to `found`, in order.
    pub fn within<const W: usize>(
        self,
        query: &BinaryCode<W>,
        codes: &[BinaryCode<W>],
        limit: u32,
        mut found: impl FnMut(usize, u32),
    ) {
        const { assert!(BinaryCode::<W>::BITS > 0) };
        let mut distances = [0u16; WITHIN_BLOCK];
        for (block, part) in codes.chunks(WITHIN_BLOCK).enumerate() {
            // Nearly all blocks hold nothing near.
            let [least] = dispatch!(self.level, least(query, [part]));
            if least > limit {
                continue;
            }
            let distances = &mut distances[..part.len()];
            dispatch!(self.level, fill(query, part, distances));
            for (i, &distance) in distances.iter().enumerate() {
                if u32::from(distance) <= limit {
                    found(block * WITHIN_BLOCK + i, u32::from(distance));
                }
            }
        }
    }
}

/// Hands the position and distance of every stored code within `limit` bits of `query` to `found`, in order.
pub(crate) fn within(codes: &[StoredCode], query: Code, limit: u8, mut found: impl FnMut(usize, u8)) {
    let codes = BinaryCode::<2>::slice_from_bytes(codes.as_bytes()).unwrap_or_default();
    Kernels::default().within(&query.into(), codes, u32::from(limit), |at, distance| found(at, distance as u8));
}
