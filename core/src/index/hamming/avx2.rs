//! AVX2: 32 bytes at a time.
//!
//! A shuffle looks up the bits of each half byte; bytes of one code are added side by side until a sum of absolute
//! differences from 0 adds eight of them. Measured against one `popcnt` after the other (1.7 times as fast for 128 bits) and
//! against what the compiler makes of the plain loop with AVX2 (2.2 times).

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_add_epi64, _mm256_and_si256, _mm256_min_epu32, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_sad_epu8, _mm256_set1_epi8, _mm256_set1_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_testz_si256, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use zerocopy::IntoBytes;

use super::{
    BinaryCode, scalar,
    sliced::{self, Probe, Vectors, intrinsic},
};

/// Vectors handled at a time.
const VECTORS: usize = 4;
/// Bytes handled at a time.
const BYTES: usize = 32 * VECTORS;

/// Set bits of each byte.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count(bits: __m256i) -> __m256i {
    let bits_of_half: __m256i = zerocopy::transmute!([
        [0u8, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4],
        [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]
    ]);
    let low_half = _mm256_set1_epi8(15);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bits), low_half);
    let low = _mm256_and_si256(bits, low_half);
    _mm256_add_epi8(_mm256_shuffle_epi8(bits_of_half, low), _mm256_shuffle_epi8(bits_of_half, high))
}

/// The query as often as it fits into a vector.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn repeated<const W: usize>(query: &BinaryCode<W>) -> __m256i {
    let words: [_; 4] = std::array::from_fn(|i| query.0[i % W]);
    zerocopy::transmute!(words)
}

/// Distances of the codes in 128 bytes, four to a vector, of which the first 4 / `W` count: for 64 and 256 bits in order,
/// for 128 bits in the order 0, 2, 1, 3.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn distances<const W: usize>(bytes: &[u8; BYTES], query: __m256i) -> [__m256i; VECTORS] {
    let vectors: [__m256i; VECTORS] = zerocopy::transmute!(*bytes);
    let [a, b, c, d] = vectors.map(|vector| count(_mm256_xor_si256(vector, query)));
    let zero = _mm256_setzero_si256();
    // The eight bytes of a word beside those of the word after it.
    let pairs = |a, b| _mm256_add_epi8(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    match W {
        1 => [a, b, c, d].map(|counts| _mm256_sad_epu8(counts, zero)),
        2 => [_mm256_sad_epu8(pairs(a, b), zero), _mm256_sad_epu8(pairs(c, d), zero), zero, zero],
        _ => {
            let (ab, cd) = (pairs(a, b), pairs(c, d));
            let low = _mm256_permute2x128_si256::<0x20>(ab, cd);
            let high = _mm256_permute2x128_si256::<0x31>(ab, cd);
            [_mm256_sad_epu8(_mm256_add_epi8(low, high), zero), zero, zero, zero]
        }
    }
}

/// The least distances of the codes in 128 bytes.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn least_of_block<const W: usize>(bytes: &[u8; BYTES], query: __m256i) -> __m256i {
    let [a, b, c, d] = distances::<W>(bytes, query);
    match W {
        1 => _mm256_min_epu32(_mm256_min_epu32(a, b), _mm256_min_epu32(c, d)),
        2 => _mm256_min_epu32(a, b),
        _ => a,
    }
}

/// [`scalar::least`].
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn least<const W: usize, const STREAMS: usize>(
    query: &BinaryCode<W>,
    streams: [&[BinaryCode<W>]; STREAMS],
) -> [u32; STREAMS] {
    let repeated = repeated(query);
    let blocks = streams.map(|codes| codes.as_bytes().as_chunks::<BYTES>().0);
    let count = blocks.iter().map(|blocks| blocks.len()).min().unwrap_or_default();
    let mut least = [_mm256_set1_epi64x(i64::from(u32::MAX)); STREAMS];
    for i in 0..count {
        for (least, blocks) in least.iter_mut().zip(&blocks) {
            *least = _mm256_min_epu32(*least, least_of_block::<W>(&blocks[i], repeated));
        }
    }
    let done = count * BYTES / size_of::<BinaryCode<W>>();
    let mut out = scalar::least(query, streams.map(|codes| &codes[done..]));
    for (out, least) in out.iter_mut().zip(least) {
        let least: [u64; 4] = zerocopy::transmute!(least);
        *out = least.into_iter().fold(*out, |least, found| least.min(found as u32));
    }
    out
}

/// [`scalar::find`].
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn find<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], distance: u32) -> usize {
    scalar::find(query, codes, distance)
}

/// [`scalar::fill`].
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn fill<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], out: &mut [u16]) {
    let repeated = repeated(query);
    let (blocks, _) = codes.as_bytes().as_chunks::<BYTES>();
    let at_a_time = BYTES / size_of::<BinaryCode<W>>();
    let (whole, rest) = out.split_at_mut(blocks.len() * at_a_time);
    for (block, out) in blocks.iter().zip(whole.chunks_exact_mut(at_a_time)) {
        for (found, out) in distances::<W>(block, repeated).into_iter().zip(out.as_chunks_mut::<4>().0) {
            let found: [u64; 4] = zerocopy::transmute!(found);
            let [a, b, c, d] = found.map(|distance| distance as u16);
            *out = if W == 2 { [a, c, b, d] } else { [a, b, c, d] };
        }
    }
    scalar::fill(query, &codes[blocks.len() * at_a_time..], rest);
}

/// [`scalar::sum`].
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn sum<const W: usize>(a: &[BinaryCode<W>], b: &[BinaryCode<W>]) -> u32 {
    let (blocks_a, _) = a.as_bytes().as_chunks::<BYTES>();
    let (blocks_b, _) = b.as_bytes().as_chunks::<BYTES>();
    let mut sums = _mm256_setzero_si256();
    for (a, b) in blocks_a.iter().zip(blocks_b) {
        let a: [__m256i; VECTORS] = zerocopy::transmute!(*a);
        let b: [__m256i; VECTORS] = zerocopy::transmute!(*b);
        let mut counts = _mm256_setzero_si256();
        for (a, b) in a.into_iter().zip(b) {
            counts = _mm256_add_epi8(counts, count(_mm256_xor_si256(a, b)));
        }
        sums = _mm256_add_epi64(sums, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
    }
    let sums: [u64; 4] = zerocopy::transmute!(sums);
    let done = blocks_a.len().min(blocks_b.len()) * BYTES / size_of::<BinaryCode<W>>();
    sums.into_iter().sum::<u64>() as u32 + scalar::sum(&a[done..], &b[done..])
}

/// [`sliced::scan`] over planes of 256 codes.
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn scan<const W: usize>(
    probes: &mut [Probe],
    codes: &[BinaryCode<W>],
    found: &mut dyn FnMut(&mut Probe, usize, u64),
) -> usize {
    sliced::scan(Avx2(()), probes, codes, found)
}

/// Vectors of four words. Made only in [`scan`], which is compiled for AVX2.
#[derive(Clone, Copy)]
struct Avx2(());

impl Vectors for Avx2 {
    type Plane = __m256i;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, word: u64) -> __m256i {
        intrinsic!(_mm256_set1_epi64x(word as i64))
    }

    #[inline(always)]
    fn load(self, words: &[u64; 8]) -> __m256i {
        let [a, b, c, d, ..] = *words;
        zerocopy::transmute!([a, b, c, d])
    }

    #[inline(always)]
    fn store(self, plane: __m256i) -> [u64; 8] {
        let [a, b, c, d]: [u64; 4] = zerocopy::transmute!(plane);
        [a, b, c, d, 0, 0, 0, 0]
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_xor_si256(a, b))
    }

    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        intrinsic!(_mm256_and_si256(a, b))
    }

    #[inline(always)]
    fn full_add(self, a: __m256i, b: __m256i, c: __m256i) -> (__m256i, __m256i) {
        intrinsic!({
            let either = _mm256_xor_si256(b, c);
            let carry = _mm256_or_si256(_mm256_and_si256(b, c), _mm256_and_si256(a, either));
            (_mm256_xor_si256(a, either), carry)
        })
    }

    #[inline(always)]
    fn any(self, plane: __m256i) -> bool {
        intrinsic!(_mm256_testz_si256(plane, plane)) == 0
    }
}
