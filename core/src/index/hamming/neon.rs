//! NEON: 16 bytes at a time, `cnt` for the bits of each byte, pairwise sums for those of each word; `bsl` makes a carry of a
//! full adder in one instruction.

use std::arch::aarch64::{
    uint8x16_t, uint64x2_t, vaddq_u32, vaddvq_u32, vandq_u64, vbslq_u64, vcntq_u8, vdupq_n_u8, vdupq_n_u64, veorq_u8,
    veorq_u64, vminvq_u8, vminvq_u16, vminvq_u32, vpaddlq_u8, vpaddlq_u16, vpaddq_u8,
};

use zerocopy::IntoBytes;

use super::{
    BinaryCode, scalar,
    sliced::{self, Probe, Vectors, intrinsic},
};

/// Vectors handled at a time.
const VECTORS: usize = 8;
/// Bytes handled at a time.
const BYTES: usize = 16 * VECTORS;

/// The query as often as it fits into 32 bytes.
#[inline]
#[target_feature(enable = "neon")]
fn repeated<const W: usize>(query: &BinaryCode<W>) -> [uint8x16_t; 2] {
    let words: [_; 4] = std::array::from_fn(|i| query.0[i % W]);
    zerocopy::transmute!(words)
}

/// Differing bits of each of the 16 words, in order. At most 64, so bytes hold them.
#[inline]
#[target_feature(enable = "neon")]
fn words(bytes: &[u8; BYTES], query: [uint8x16_t; 2]) -> uint8x16_t {
    let vectors: [uint8x16_t; VECTORS] = zerocopy::transmute!(*bytes);
    let count = |i: usize| vcntq_u8(veorq_u8(vectors[i], query[i % 2]));
    let pairs = |i: usize| vpaddq_u8(count(i), count(i + 1));
    vpaddq_u8(vpaddq_u8(pairs(0), pairs(2)), vpaddq_u8(pairs(4), pairs(6)))
}

/// The least distance of the codes in 128 bytes.
#[inline]
#[target_feature(enable = "neon")]
fn least_of_block<const W: usize>(bytes: &[u8; BYTES], query: [uint8x16_t; 2]) -> u32 {
    let words = words(bytes, query);
    match W {
        1 => u32::from(vminvq_u8(words)),
        2 => u32::from(vminvq_u16(vpaddlq_u8(words))),
        _ => vminvq_u32(vpaddlq_u16(vpaddlq_u8(words))),
    }
}

/// [`scalar::least`].
#[target_feature(enable = "neon")]
pub(super) fn least<const W: usize, const STREAMS: usize>(
    query: &BinaryCode<W>,
    streams: [&[BinaryCode<W>]; STREAMS],
) -> [u32; STREAMS] {
    let repeated = repeated(query);
    let blocks = streams.map(|codes| codes.as_bytes().as_chunks::<BYTES>().0);
    let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    let done = count * BYTES / size_of::<BinaryCode<W>>();
    let mut least = scalar::least(query, streams.map(|codes| &codes[done..]));
    for i in 0..count {
        for (least, blocks) in least.iter_mut().zip(&blocks) {
            *least = (*least).min(least_of_block::<W>(&blocks[i], repeated));
        }
    }
    least
}

/// [`scalar::find`].
#[target_feature(enable = "neon")]
pub(super) fn find<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], distance: u32) -> usize {
    scalar::find(query, codes, distance)
}

/// [`scalar::fill`].
#[target_feature(enable = "neon")]
pub(super) fn fill<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], out: &mut [u16]) {
    let repeated = repeated(query);
    let (blocks, _) = codes.as_bytes().as_chunks::<BYTES>();
    let at_a_time = BYTES / size_of::<BinaryCode<W>>();
    let (whole, rest) = out.split_at_mut(blocks.len() * at_a_time);
    for (block, out) in blocks.iter().zip(whole.chunks_exact_mut(at_a_time)) {
        let words: [u8; 16] = zerocopy::transmute!(words(block, repeated));
        for (out, words) in out.iter_mut().zip(words.as_chunks::<W>().0) {
            *out = words.iter().map(|&word| u16::from(word)).sum();
        }
    }
    scalar::fill(query, &codes[blocks.len() * at_a_time..], rest);
}

/// [`scalar::sum`].
#[target_feature(enable = "neon")]
pub(super) fn sum<const W: usize>(a: &[BinaryCode<W>], b: &[BinaryCode<W>]) -> u32 {
    let (blocks_a, _) = a.as_bytes().as_chunks::<16>();
    let (blocks_b, _) = b.as_bytes().as_chunks::<16>();
    let mut sums = vpaddlq_u16(vpaddlq_u8(vdupq_n_u8(0)));
    for (a, b) in blocks_a.iter().zip(blocks_b) {
        let differing = veorq_u8(zerocopy::transmute!(*a), zerocopy::transmute!(*b));
        sums = vaddq_u32(sums, vpaddlq_u16(vpaddlq_u8(vcntq_u8(differing))));
    }
    let done = blocks_a.len().min(blocks_b.len()) * 16 / size_of::<BinaryCode<W>>();
    vaddvq_u32(sums) + scalar::sum(&a[done..], &b[done..])
}

/// [`sliced::scan`] over planes of 128 codes.
#[target_feature(enable = "neon")]
pub(super) fn scan<const W: usize>(
    probes: &mut [Probe],
    codes: &[BinaryCode<W>],
    found: &mut dyn FnMut(&mut Probe, usize, u64),
) -> usize {
    sliced::scan(Neon(()), probes, codes, found)
}

/// Vectors of two words. Made only in [`scan`], which is compiled for NEON.
#[derive(Clone, Copy)]
struct Neon(());

impl Vectors for Neon {
    type Plane = uint64x2_t;
    const LANES: usize = 2;

    #[inline(always)]
    fn splat(self, word: u64) -> uint64x2_t {
        intrinsic!(vdupq_n_u64(word))
    }

    #[inline(always)]
    fn load(self, words: &[u64; 8]) -> uint64x2_t {
        let [a, b, ..] = *words;
        zerocopy::transmute!([a, b])
    }

    #[inline(always)]
    fn store(self, plane: uint64x2_t) -> [u64; 8] {
        let [a, b]: [u64; 2] = zerocopy::transmute!(plane);
        [a, b, 0, 0, 0, 0, 0, 0]
    }

    #[inline(always)]
    fn xor(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        intrinsic!(veorq_u64(a, b))
    }

    #[inline(always)]
    fn and(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        intrinsic!(vandq_u64(a, b))
    }

    /// Where b and c differ the carry is a, else it is b.
    #[inline(always)]
    fn full_add(self, a: uint64x2_t, b: uint64x2_t, c: uint64x2_t) -> (uint64x2_t, uint64x2_t) {
        intrinsic!({
            let either = veorq_u64(b, c);
            (veorq_u64(a, either), vbslq_u64(either, a, b))
        })
    }

    #[inline(always)]
    fn any(self, plane: uint64x2_t) -> bool {
        self.store(plane) != [0; 8]
    }
}
