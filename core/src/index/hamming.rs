//! Hamming distances of one query code to many stored codes.
//!
//! One plain loop, compiled several times with more of the CPU's instructions allowed; the compiler turns the count of
//! bits into `popcnt`, the AVX2 byte shuffle, or AVX-512's `vpopcntq`. The level is detected once.

use super::StoredCode;
use crate::fingerprint::Code;

/// Codes handled at a time; their distances stay in the first-level cache.
const BLOCK: usize = 512;

/// Hands the position and distance of every code within `limit` bits of `query` to `found`, in order.
pub(crate) fn within(codes: &[StoredCode], query: Code, limit: u8, mut found: impl FnMut(usize, u8)) {
    let mut distances = [0u8; BLOCK];
    for (block, part) in codes.chunks(BLOCK).enumerate() {
        let distances = &mut distances[..part.len()];
        fill(part, query, distances);
        // Nearly all blocks hold nothing near: one vectorised minimum spares looking at each.
        if distances.iter().copied().min().is_some_and(|d| d <= limit) {
            for (i, &d) in distances.iter().enumerate() {
                if d <= limit {
                    found(block * BLOCK + i, d);
                }
            }
        }
    }
}

#[inline(always)]
fn fill_with(codes: &[StoredCode], query: Code, out: &mut [u8]) {
    for (code, out) in codes.iter().zip(out) {
        *out = code.get().distance(query) as u8;
    }
}

#[cfg(target_arch = "x86_64")]
fn fill(codes: &[StoredCode], query: Code, out: &mut [u8]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
    fn avx512(codes: &[StoredCode], query: Code, out: &mut [u8]) {
        fill_with(codes, query, out);
    }
    #[target_feature(enable = "avx2,popcnt")]
    fn avx2(codes: &[StoredCode], query: Code, out: &mut [u8]) {
        fill_with(codes, query, out);
    }
    if is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
    {
        #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
        // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
        unsafe {
            avx512(codes, query, out);
        }
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
        // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
        unsafe {
            avx2(codes, query, out);
        }
    } else {
        fill_with(codes, query, out);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn fill(codes: &[StoredCode], query: Code, out: &mut [u8]) {
    fill_with(codes, query, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
