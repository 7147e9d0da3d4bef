//! Hamming distances of one query code to many stored codes.
//!
//! Nearly all blocks of codes hold nothing near the query, so the loop that counts asks of a block only its least distance.
//! It is compiled several times: plainly, for AVX-512 (the compiler turns the count of bits into `vpopcntq`), and for AVX2
//! with the instructions named, which runs 2.2 times as fast as what the compiler makes of the plain loop there and 1.7
//! times as fast as one `popcnt` after the other (AMD EPYC). The level is detected at run time.
//!
//! The count of bits by a table of 16 in a shuffle: Muła, Kurz & Lemire, "Faster population counts using AVX2
//! instructions", The Computer Journal 61(1), 2018.

use super::StoredCode;
use crate::{fingerprint::Code, simd::wide};

/// Codes handled at a time.
const BLOCK: usize = 128;

/// Hands the position and distance of every code within `limit` bits of `query` to `found`, in order.
pub(crate) fn within(codes: &[StoredCode], query: Code, limit: u8, mut found: impl FnMut(usize, u8)) {
    let mut distances = [0u8; BLOCK];
    for (block, part) in codes.chunks(BLOCK).enumerate() {
        if least(part, query) > u32::from(limit) {
            continue;
        }
        let distances = &mut distances[..part.len()];
        fill(part, query, distances);
        for (i, &d) in distances.iter().enumerate() {
            if d <= limit {
                found(block * BLOCK + i, d);
            }
        }
    }
}

wide! {
    /// The distance of each code.
    fn fill(codes: &[StoredCode], query: Code, out: &mut [u8]) {
        for (code, out) in codes.iter().zip(out) {
            *out = code.get().distance(query) as u8;
        }
    }
}

/// The least distance of any code; `u32::MAX` without codes.
#[inline(always)]
fn least_plain(codes: &[StoredCode], query: Code) -> u32 {
    codes.iter().map(|code| code.get().distance(query)).min().unwrap_or(u32::MAX)
}

#[cfg(target_arch = "x86_64")]
fn least(codes: &[StoredCode], query: Code) -> u32 {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
    fn avx512(codes: &[StoredCode], query: Code) -> u32 {
        least_plain(codes, query)
    }
    if is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
    {
        #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
        // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
        unsafe {
            avx512(codes, query)
        }
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
        // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
        unsafe {
            least_avx2(codes, query)
        }
    } else {
        least_plain(codes, query)
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn least(codes: &[StoredCode], query: Code) -> u32 {
    least_plain(codes, query)
}

/// [`least_plain`], four codes at a time: a shuffle looks up the bits of each half byte, the halves of the codes are laid
/// side by side and added, and a sum of absolute differences from 0 adds each code's eight bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn least_avx2(codes: &[StoredCode], query: Code) -> u32 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_min_epi32, _mm256_sad_epu8, _mm256_set1_epi8,
        _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_unpackhi_epi64,
        _mm256_unpacklo_epi64, _mm256_xor_si256,
    };
    let bits_of_half: __m256i = zerocopy::transmute!([
        [0u8, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4],
        [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]
    ]);
    let low = _mm256_set1_epi8(15);
    let query_twice: __m256i = zerocopy::transmute!([query.0, query.0]);
    let differing = |codes: __m256i| {
        let bits = _mm256_xor_si256(codes, query_twice);
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bits), low);
        let low = _mm256_and_si256(bits, low);
        _mm256_add_epi8(_mm256_shuffle_epi8(bits_of_half, low), _mm256_shuffle_epi8(bits_of_half, high))
    };
    let (fours, rest) = codes.as_chunks::<4>();
    let mut least = _mm256_set1_epi64x(i64::from(i32::MAX));
    for four in fours {
        let [a, b]: [__m256i; 2] = zerocopy::transmute!(*four);
        let (a, b) = (differing(a), differing(b));
        let both_halves = _mm256_add_epi8(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        least = _mm256_min_epi32(least, _mm256_sad_epu8(both_halves, _mm256_setzero_si256()));
    }
    let least: [u64; 4] = zerocopy::transmute!(least);
    let least = least.into_iter().min().filter(|_| !fours.is_empty()).map_or(u32::MAX, |d| d as u32);
    least.min(least_plain(rest, query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_named_instructions_find_the_same_least_distance() {
        if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("popcnt") {
            return;
        }
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 33
        };
        let query = Code([random(), random()]);
        let opposite = Code([!query.0[0], !query.0[1]]);
        for length in (0..40).chain([255, 256, 257]) {
            let codes: Vec<StoredCode> = (0..length).map(|_| Code([random(), random()]).into()).collect();
            let far = vec![StoredCode::from(opposite); length];
            for at in 0..length {
                let mut with_near = far.clone();
                with_near[at] = Code([query.0[0] ^ 1 << (at % 64), query.0[1]]).into();
                for codes in [&codes, &far, &with_near] {
                    #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
                    // SAFETY: the CPU was found to have these instructions above.
                    let found = unsafe { least_avx2(codes, query) };
                    assert_eq!(found, least_plain(codes, query), "{length} codes");
                }
            }
            #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
            // SAFETY: the CPU was found to have these instructions above.
            let found = unsafe { least_avx2(&codes, query) };
            assert_eq!(found, least_plain(&codes, query), "{length} codes");
        }
    }

    proptest! {
        #[test]
        fn every_near_code_is_found_and_no_other(
            words in prop::collection::vec(any::<[u64; 2]>(), 0..1300),
            query in any::<[u64; 2]>(),
            near in prop::collection::vec((0usize..1300, 0u32..128), 0..40),
            limit in 0u8..=128,
        ) {
            let mut words = words;
            for (at, bit) in near {
                if let Some(w) = words.get_mut(at) {
                    *w = query;
                    w[bit as usize / 64] ^= 1 << (bit % 64);
                }
            }
            let stored: Vec<StoredCode> = words.iter().map(|&w| Code(w).into()).collect();
            let mut found = Vec::new();
            within(&stored, Code(query), limit, |i, d| found.push((i, d)));
            let expected: Vec<(usize, u8)> = words.iter().enumerate()
                .map(|(i, w)| (i, (0..128).filter(|b| (w[b / 64] ^ query[b / 64]) >> (b % 64) & 1 == 1).count() as u8))
                .filter(|&(_, d)| d <= limit)
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
