//! The reference: plain Rust for every CPU, and what the vector versions do with the rest of their blocks.

use super::{
    BinaryCode,
    sliced::{self, Probe, Vectors},
};

/// The least distance in each of several streams, which are read side by side; `u32::MAX` without codes.
#[inline(always)]
pub(super) fn least<const W: usize, const STREAMS: usize>(
    query: &BinaryCode<W>,
    streams: [&[BinaryCode<W>]; STREAMS],
) -> [u32; STREAMS] {
    streams.map(|codes| codes.iter().map(|code| code.distance(query)).min().unwrap_or(u32::MAX))
}

/// The position of the first code at this distance, of which there is one.
#[inline(always)]
pub(super) fn find<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], distance: u32) -> usize {
    codes.iter().position(|code| code.distance(query) == distance).unwrap_or_default()
}

/// The distance of each code.
#[inline(always)]
pub(super) fn fill<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], out: &mut [u16]) {
    for (code, out) in codes.iter().zip(out) {
        *out = code.distance(query) as u16;
    }
}

/// The sum of the distances of pairs, of which there are at most 2^24 (so that it fits).
#[inline(always)]
pub(super) fn sum<const W: usize>(a: &[BinaryCode<W>], b: &[BinaryCode<W>]) -> u32 {
    a.iter().zip(b).map(|(a, b)| a.distance(b)).sum()
}

/// [`sliced::scan`] over planes of 64 codes.
pub(super) fn scan<const W: usize>(
    probes: &mut [Probe],
    codes: &[BinaryCode<W>],
    found: &mut dyn FnMut(&mut Probe, usize, u64),
) -> usize {
    sliced::scan(Word, probes, codes, found)
}

/// A word as a vector.
#[derive(Clone, Copy)]
struct Word;

impl Vectors for Word {
    type Plane = u64;
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(self, word: u64) -> u64 {
        word
    }

    #[inline(always)]
    fn load(self, words: &[u64; 8]) -> u64 {
        words[0]
    }

    #[inline(always)]
    fn store(self, plane: u64) -> [u64; 8] {
        [plane, 0, 0, 0, 0, 0, 0, 0]
    }

    #[inline(always)]
    fn xor(self, a: u64, b: u64) -> u64 {
        a ^ b
    }

    #[inline(always)]
    fn and(self, a: u64, b: u64) -> u64 {
        a & b
    }

    #[inline(always)]
    fn full_add(self, a: u64, b: u64, c: u64) -> (u64, u64) {
        let either = b ^ c;
        (a ^ either, b & c | a & either)
    }

    #[inline(always)]
    fn any(self, plane: u64) -> bool {
        plane != 0
    }
}
