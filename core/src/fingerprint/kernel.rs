//! The integer arithmetic of a code: temporal functions and projection, laid out for vectors.
//!
//! Both stages are sums of products of 16-bit numbers. With bands, and then bits, side by side in a vector, no sum runs
//! across one, and the constants are stored in the order in which they are read. Pairs of products make the step, so frames
//! and columns come in pairs, an odd one with a zero: AVX2 has one instruction for eight of them (`vpmaddwd`), which the
//! compiler does not find by itself.
//!
//! Bands are padded to a multiple of eight; what stands there meets zero weights. All sums are exact (the model's bounds
//! rule out an overflow), so their order does not matter.

use std::sync::LazyLock;

use super::{
    code::{BITS, Code},
    model::{Model, model},
};
/// Sums that a vector holds.
const LANES: usize = 8;
/// Values of 16 bits in a vector: a pair for each sum.
const PAIRS: usize = 2 * LANES;
/// Bits whose sums are kept at a time: eight vectors, half the registers of AVX2.
const BLOCK: usize = 64;

/// [`model`], arranged.
pub(super) fn kernel() -> &'static Kernel {
    static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::new(model()));
    &KERNEL
}

/// The constants of the two stages in the order in which they are read.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Bands, padded.
    width: usize,
    /// Temporal functions of each pair of frames, pair by pair.
    basis: Vec<[i16; 2]>,
    functions: usize,
    /// Weights of each pair of features for a block of bits: block by block, then pair by pair.
    projection: Vec<[i16; 2 * BLOCK]>,
    threshold: [i32; BITS],
    shift1: u32,
    shift2: u32,
}

impl Kernel {
    fn new(model: &Model) -> Self {
        let (bands, functions, patch) = (model.bands(), model.functions(), model.patch);
        assert!(patch <= 2 * MAX_PAIRS, "patches of {patch} frames need a larger buffer");
        let width = padded(bands);
        let basis = (0..patch.div_ceil(2))
            .flat_map(|pair| (0..functions).map(move |k| (k, 2 * pair)))
            .map(|(k, t)| [0, 1].map(|i| if t + i < patch { model.basis[k * patch + t + i] } else { 0 }))
            .collect();
        let weight = |bit: usize, column: usize| {
            let (k, b) = (column / width, column % width);
            if b < bands { model.projection[bit * bands * functions + b * functions + k] } else { 0 }
        };
        let projection = (0..BITS / BLOCK)
            .flat_map(|block| (0..width * functions / 2).map(move |pair| (block, pair)))
            .map(|(block, pair)| std::array::from_fn(|i| weight(block * BLOCK + i / 2, 2 * pair + i % 2)))
            .collect();
        let threshold = std::array::from_fn(|bit| model.threshold[bit]);
        Self { width, basis, functions, projection, threshold, shift1: model.shift1, shift2: model.shift2 }
    }

    /// Numbers of 16 bits that the first stage makes of a patch.
    pub(super) fn features(&self) -> usize {
        self.width * self.functions
    }
}

/// `bands` rounded up to whole vectors.
pub(super) fn padded(bands: usize) -> usize {
    bands.next_multiple_of(LANES)
}

/// Adds to each sum its pair's products with `factors`.
#[inline(always)]
fn add_products(sums: &mut [i32; LANES], pairs: &[i16; PAIRS], factors: [i16; 2]) {
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum += i32::from(pairs[2 * i]) * i32::from(factors[0]) + i32::from(pairs[2 * i + 1]) * i32::from(factors[1]);
    }
}

/// [`add_products`] in two instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_products_avx2(sums: &mut [i32; LANES], pairs: &[i16; PAIRS], factors: [i16; 2]) {
    use std::arch::x86_64::{__m256i, _mm256_add_epi32, _mm256_madd_epi16, _mm256_set1_epi32};
    let factors = _mm256_set1_epi32(zerocopy::transmute!(factors));
    let pairs: __m256i = zerocopy::transmute!(*pairs);
    let before: __m256i = zerocopy::transmute!(*sums);
    *sums = zerocopy::transmute!(_mm256_add_epi32(before, _mm256_madd_epi16(pairs, factors)));
}

/// Defines a function over [`add_products`], here called `$add`, and compiles it again for AVX2 over
/// [`add_products_avx2`]; which one runs is decided as in [`wide!`](crate::simd::wide).
macro_rules! stage {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($add:ident; $($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn with($add: impl Fn(&mut [i32; LANES], &[i16; PAIRS], [i16; 2]), $($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,popcnt")]
                fn avx2($($arg: $type),*) $(-> $ret)? {
                    with(|sums, pairs, factors| add_products_avx2(sums, pairs, factors), $($arg),*)
                }
                if $crate::simd::simd_level() >= $crate::simd::SimdLevel::Avx2 {
                    #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
                    // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
                    return unsafe { avx2($($arg),*) };
                }
            }
            with(add_products, $($arg),*)
        }
    };
}

stage! {
    /// First stage: each band's values under each temporal function. `frames` holds a frame after the other, of padded
    /// bands; `floors` is what each band is raised to; the features come out function by function.
    pub(super) fn temporal(add; kernel: &Kernel, frames: &[i16], floors: &[i16], features: &mut [i16]) {
        let width = kernel.width;
        for (at, floors) in floors.as_chunks::<LANES>().0.iter().enumerate() {
            let mut filled = [[0i16; PAIRS]; MAX_PAIRS];
            for (filled, pair) in filled.iter_mut().zip(frames.chunks(2 * width)) {
                let first = eight(pair, at * LANES);
                let second = if pair.len() > width { eight(pair, width + at * LANES) } else { [0; LANES] };
                for i in 0..LANES {
                    filled[2 * i] = first[i].max(floors[i]);
                    filled[2 * i + 1] = second[i].max(floors[i]);
                }
            }
            let pairs = kernel.basis.len() / kernel.functions;
            for k in 0..kernel.functions {
                let mut sums = [0i32; LANES];
                for (pair, filled) in filled[..pairs].iter().enumerate() {
                    add(&mut sums, filled, kernel.basis[pair * kernel.functions + k]);
                }
                let out = &mut features[k * width + at * LANES..][..LANES];
                for (y, sum) in out.iter_mut().zip(sums) {
                    *y = ((sum + (1 << (kernel.shift1 - 1))) >> kernel.shift1).clamp(-32768, 32767) as i16;
                }
            }
        }
    }
}

/// Pairs of frames in a patch at most.
pub(super) const MAX_PAIRS: usize = 32;

#[inline(always)]
fn eight(values: &[i16], at: usize) -> [i16; LANES] {
    let mut out = [0; LANES];
    out.copy_from_slice(&values[at..at + LANES]);
    out
}

stage! {
    /// Second stage: soft values in 8 bits, and the signs.
    pub(super) fn project(add; kernel: &Kernel, features: &[i16]) -> ([i8; BITS], Code) {
        let mut values = [0i8; BITS];
        let mut code = Code::default();
        let rows = kernel.projection.chunks_exact(features.len() / 2);
        let outputs = values.as_chunks_mut::<BLOCK>().0.iter_mut().zip(kernel.threshold.as_chunks::<BLOCK>().0);
        for ((rows, (values, threshold)), word) in rows.zip(outputs).zip(&mut code.0) {
            let mut sums = [[0i32; LANES]; BLOCK / LANES];
            for (row, &pair) in rows.iter().zip(features.as_chunks::<2>().0) {
                for (sums, weights) in sums.iter_mut().zip(row.as_chunks::<PAIRS>().0) {
                    add(sums, weights, pair);
                }
            }
            for (d, ((sum, threshold), soft)) in sums.as_flattened().iter().zip(threshold).zip(values).enumerate() {
                let value = sum - threshold;
                *word |= u64::from(value > 0) << d;
                *soft = ((value + (1 << (kernel.shift2 - 1))) >> kernel.shift2).clamp(-127, 127) as i8;
            }
        }
        (values, code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both stages as `corpus/training/MODEL.md` writes them: band by band, bit by bit. `window` holds each band's frames.
    fn plainly(m: &Model, window: &[Vec<i16>], floors: &[i16]) -> ([i8; BITS], Code) {
        let mut features = Vec::new();
        for (band, &floor) in window.iter().zip(floors) {
            for row in m.basis.chunks(m.patch) {
                let sum: i64 = row.iter().zip(band).map(|(&t, &v)| i64::from(t) * i64::from(v.max(floor))).sum();
                features.push(((sum + (1 << (m.shift1 - 1))) >> m.shift1).clamp(-32768, 32767));
            }
        }
        let (mut values, mut code) = ([0; BITS], Code::default());
        for (d, row) in m.projection.chunks(features.len()).enumerate() {
            let sum: i64 = row.iter().zip(&features).map(|(&w, &y)| i64::from(w) * y).sum();
            let value = sum - i64::from(m.threshold[d]);
            code.0[d / 64] |= u64::from(value > 0) << (d % 64);
            values[d] = ((value + (1 << (m.shift2 - 1))) >> m.shift2).clamp(-127, 127) as i8;
        }
        (values, code)
    }

    /// The embedded model, and smaller ones with odd numbers of bands, frames and functions.
    fn models() -> Vec<Model> {
        let whole = model().clone();
        let cut = |bands: usize, patch: usize, functions: usize| Model {
            edges: whole.edges[..bands + 2].to_vec(),
            patch,
            basis: whole.basis[..patch * functions].to_vec(),
            projection: whole.projection[..BITS * bands * functions].to_vec(),
            ..whole.clone()
        };
        vec![cut(23, 39, 7), cut(1, 3, 1), cut(9, 40, 10), whole]
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_instruction_adds_what_the_plain_code_adds() {
        if !is_x86_feature_detected!("avx2") {
            return;
        }
        let values = [i16::MIN, -32767, -300, -1, 0, 1, 255, 32767];
        for (i, &first) in values.iter().enumerate() {
            for &second in &values[1..] {
                let pairs = std::array::from_fn(|n| values[(n * 3 + i) % values.len()]);
                let (mut plain, mut fast) = ([1; LANES], [1; LANES]);
                add_products(&mut plain, &pairs, [first, second]);
                #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
                // SAFETY: the CPU was found to have AVX2 above.
                unsafe {
                    add_products_avx2(&mut fast, &pairs, [first, second]);
                }
                assert_eq!(plain, fast);
            }
        }
    }

    #[test]
    fn the_arranged_arithmetic_equals_the_plain_one() {
        let mut state = 1u32;
        let mut random = |range: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % range
        };
        for m in models() {
            let kernel = Kernel::new(&m);
            for range in [1, 300, 4000, 12_000] {
                let window: Vec<Vec<i16>> =
                    (0..m.bands()).map(|_| (0..m.patch).map(|_| random(range) as i16).collect()).collect();
                let floors: Vec<i16> = (0..kernel.width).map(|_| random(range / 2 + 1) as i16).collect();
                let frames: Vec<i16> = (0..m.patch)
                    .flat_map(|t| (0..kernel.width).map(move |b| (t, b)))
                    .map(|(t, b)| window.get(b).map_or(77, |band| band[t]))
                    .collect();
                let mut features = vec![0; kernel.features()];
                temporal(&kernel, &frames, &floors, &mut features);
                assert_eq!(project(&kernel, &features), plainly(&m, &window, &floors));
            }
        }
    }
}
