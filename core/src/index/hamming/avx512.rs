//! AVX-512 with VPOPCNTDQ: 64 bytes at a time, one instruction for the bits of eight words, one for half a full adder.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_min_epu64, _mm512_popcnt_epi64, _mm512_reduce_add_epi64,
    _mm512_reduce_min_epu64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_ternarylogic_epi64,
    _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use zerocopy::IntoBytes;

use super::{
    BinaryCode, scalar,
    sliced::{self, Probe, Vectors, intrinsic},
};

/// Vectors handled at a time.
const VECTORS: usize = 4;
/// Bytes handled at a time.
const BYTES: usize = 64 * VECTORS;

/// Distances of the codes in 256 bytes, eight to a vector, of which the first 4 / `W` count. Their order: [`ORDER`].
#[inline]
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
fn distances<const W: usize>(bytes: &[u8; BYTES], query: __m512i) -> [__m512i; VECTORS] {
    let vectors: [__m512i; VECTORS] = zerocopy::transmute!(*bytes);
    let [a, b, c, d] = vectors.map(|vector| _mm512_popcnt_epi64(_mm512_xor_si512(vector, query)));
    let zero = _mm512_setzero_si512();
    // A word's bits and those of the word after it.
    let pairs = |a, b| _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    match W {
        1 => [a, b, c, d],
        2 => [pairs(a, b), pairs(c, d), zero, zero],
        _ => {
            let (ab, cd) = (pairs(a, b), pairs(c, d));
            let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd);
            let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(ab, cd);
            [_mm512_add_epi64(even, odd), zero, zero, zero]
        }
    }
}

/// Which of eight successive codes each word of a vector of [`distances`] belongs to.
const fn order(words: usize) -> [usize; 8] {
    match words {
        1 => [0, 1, 2, 3, 4, 5, 6, 7],
        2 => [0, 4, 1, 5, 2, 6, 3, 7],
        _ => [0, 2, 1, 3, 4, 6, 5, 7],
    }
}

/// The query as often as it fits into a vector.
#[inline]
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
fn repeated<const W: usize>(query: &BinaryCode<W>) -> __m512i {
    let words: [_; 8] = std::array::from_fn(|i| query.0[i % W]);
    zerocopy::transmute!(words)
}

/// The least distances of the codes in 256 bytes.
#[inline]
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
fn least_of_block<const W: usize>(bytes: &[u8; BYTES], query: __m512i) -> __m512i {
    let [a, b, c, d] = distances::<W>(bytes, query);
    match W {
        1 => _mm512_min_epu64(_mm512_min_epu64(a, b), _mm512_min_epu64(c, d)),
        2 => _mm512_min_epu64(a, b),
        _ => a,
    }
}

/// [`scalar::least`].
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
pub(super) fn least<const W: usize, const STREAMS: usize>(
    query: &BinaryCode<W>,
    streams: [&[BinaryCode<W>]; STREAMS],
) -> [u32; STREAMS] {
    let repeated = repeated(query);
    let blocks = streams.map(|codes| codes.as_bytes().as_chunks::<BYTES>().0);
    let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    let mut least = [_mm512_set1_epi64(i64::from(u32::MAX)); STREAMS];
    for i in 0..count {
        for (least, blocks) in least.iter_mut().zip(&blocks) {
            *least = _mm512_min_epu64(*least, least_of_block::<W>(&blocks[i], repeated));
        }
    }
    let done = count * BYTES / size_of::<BinaryCode<W>>();
    let mut out = scalar::least(query, streams.map(|codes| &codes[done..]));
    for (out, least) in out.iter_mut().zip(least) {
        *out = (*out).min(_mm512_reduce_min_epu64(least) as u32);
    }
    out
}

/// [`scalar::find`].
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
pub(super) fn find<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], distance: u32) -> usize {
    scalar::find(query, codes, distance)
}

/// [`scalar::fill`].
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
pub(super) fn fill<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], out: &mut [u16]) {
    let repeated = repeated(query);
    let (blocks, _) = codes.as_bytes().as_chunks::<BYTES>();
    let at_a_time = BYTES / size_of::<BinaryCode<W>>();
    let (whole, rest) = out.split_at_mut(blocks.len() * at_a_time);
    for (block, out) in blocks.iter().zip(whole.chunks_exact_mut(at_a_time)) {
        for (found, out) in distances::<W>(block, repeated).into_iter().zip(out.as_chunks_mut::<8>().0) {
            let found: [u64; 8] = zerocopy::transmute!(found);
            for (place, distance) in order(W).into_iter().zip(found) {
                out[place] = distance as u16;
            }
        }
    }
    scalar::fill(query, &codes[blocks.len() * at_a_time..], rest);
}

/// [`scalar::sum`].
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
pub(super) fn sum<const W: usize>(a: &[BinaryCode<W>], b: &[BinaryCode<W>]) -> u32 {
    let (blocks_a, _) = a.as_bytes().as_chunks::<BYTES>();
    let (blocks_b, _) = b.as_bytes().as_chunks::<BYTES>();
    let mut sums = _mm512_setzero_si512();
    for (a, b) in blocks_a.iter().zip(blocks_b) {
        let a: [__m512i; VECTORS] = zerocopy::transmute!(*a);
        let b: [__m512i; VECTORS] = zerocopy::transmute!(*b);
        for (a, b) in a.into_iter().zip(b) {
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(_mm512_xor_si512(a, b)));
        }
    }
    let done = blocks_a.len().min(blocks_b.len()) * BYTES / size_of::<BinaryCode<W>>();
    _mm512_reduce_add_epi64(sums) as u32 + scalar::sum(&a[done..], &b[done..])
}

/// [`sliced::scan`] over planes of 512 codes.
#[target_feature(enable = "avx2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq")]
pub(super) fn scan<const W: usize>(
    probes: &mut [Probe],
    codes: &[BinaryCode<W>],
    found: &mut dyn FnMut(&mut Probe, usize, u64),
) -> usize {
    sliced::scan(Avx512(()), probes, codes, found)
}

/// Vectors of eight words. Made only in [`scan`], which is compiled for AVX-512.
#[derive(Clone, Copy)]
struct Avx512(());

impl Vectors for Avx512 {
    type Plane = __m512i;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, word: u64) -> __m512i {
        intrinsic!(_mm512_set1_epi64(word as i64))
    }

    #[inline(always)]
    fn load(self, words: &[u64; 8]) -> __m512i {
        zerocopy::transmute!(*words)
    }

    #[inline(always)]
    fn store(self, plane: __m512i) -> [u64; 8] {
        zerocopy::transmute!(plane)
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_xor_si512(a, b))
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        intrinsic!(_mm512_and_si512(a, b))
    }

    /// The tables of truth of "an odd number" and of "at least two".
    #[inline(always)]
    fn full_add(self, a: __m512i, b: __m512i, c: __m512i) -> (__m512i, __m512i) {
        intrinsic!((_mm512_ternarylogic_epi64::<0x96>(a, b, c), _mm512_ternarylogic_epi64::<0xe8>(a, b, c)))
    }

    #[inline(always)]
    fn any(self, plane: __m512i) -> bool {
        intrinsic!(_mm512_test_epi64_mask(plane, plane)) != 0
    }
}
