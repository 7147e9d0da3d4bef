//! Every kernel at every level that the CPU has against counting bit by bit, on sizes around all block sizes, at all offsets
//! in a cache line, on codes made to be hard.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::{BinaryCode, Kernels, Nearest, Placement, SimdLevel};

/// Counts of codes around the sizes of the blocks of all kernels.
const SIZES: [usize; 40] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130, 191, 192, 255, 256, 257, 300,
    511, 512, 513, 640, 767, 1023, 1024, 1025, 1536, 2047, 2048, 2051,
];
/// Queries of a batch: below and above the number from which planes are used.
const BATCHES: [usize; 5] = [0, 1, 11, 12, 29];

fn kernels() -> Vec<Kernels> {
    SimdLevel::ALL.into_iter().filter_map(Kernels::at).collect()
}

fn threads(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// splitmix64 (Steele, Lea & Flood, OOPSLA 2014).
pub(in crate::index) struct Random(pub(in crate::index) u64);

impl Random {
    pub(in crate::index) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn code<const W: usize>(&mut self) -> BinaryCode<W> {
        BinaryCode::new(std::array::from_fn(|_| self.next()))
    }

    /// `code` with `count` different bits turned over.
    fn turned<const W: usize>(&mut self, code: &BinaryCode<W>, count: usize) -> BinaryCode<W> {
        let mut words = code.words();
        let mut left: Vec<usize> = (0..64 * W).collect();
        for _ in 0..count {
            let bit = left.swap_remove(self.next() as usize % left.len());
            words[bit / 64] ^= 1 << (bit % 64);
        }
        BinaryCode::new(words)
    }
}

/// Bit by bit.
fn distance<const W: usize>(a: &BinaryCode<W>, b: &BinaryCode<W>) -> u32 {
    let (a, b) = (a.words(), b.words());
    (0..64 * W).filter(|d| (a[d / 64] ^ b[d / 64]) >> (d % 64) & 1 == 1).count() as u32
}

fn nearest<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>]) -> Option<Nearest> {
    let found = codes.iter().enumerate().map(|(position, code)| Nearest { distance: distance(query, code), position });
    found.min_by_key(|n| (n.distance, n.position))
}

fn within<const W: usize>(query: &BinaryCode<W>, codes: &[BinaryCode<W>], limit: u32) -> Vec<(usize, u32)> {
    codes.iter().map(|code| distance(query, code)).enumerate().filter(|&(_, d)| d <= limit).collect()
}

/// Compares all kernels with the reference on these codes.
fn check<const W: usize>(queries: &[BinaryCode<W>], codes: &[BinaryCode<W>], limit: u32, what: &str) {
    let expected: Vec<_> = queries.iter().map(|query| nearest(query, codes)).collect();
    let near: Vec<_> = queries.iter().map(|query| within(query, codes, limit)).collect();
    for kernels in kernels() {
        let case = || format!("{}, {} x {} bits, {what}", kernels.level(), codes.len(), 64 * W);
        for (query, (expected, near)) in queries.iter().zip(expected.iter().zip(&near)).take(2) {
            assert_eq!(kernels.nearest(query, codes), *expected, "{}", case());
            let mut distances = vec![u16::MAX; codes.len()];
            kernels.distances(query, codes, &mut distances);
            assert!(codes.iter().zip(&distances).all(|(code, &d)| distance(query, code) == u32::from(d)), "{}", case());
            let mut found = Vec::new();
            kernels.within(query, codes, limit, |at, distance| found.push((at, distance)));
            assert_eq!(found, *near, "{}", case());
        }
        assert_eq!(kernels.nearest_of_each(queries, codes, threads(1)), expected, "{}", case());
        let mut found = vec![Vec::new(); queries.len()];
        kernels.within_each(queries, codes, limit, |query, at, distance| found[query].push((at, distance)));
        assert_eq!(found, near, "{}", case());
    }
}

fn check_sizes<const W: usize>() {
    let mut random = Random(W as u64);
    let queries: Vec<BinaryCode<W>> = (0..12).map(|_| random.code()).collect();
    let codes: Vec<BinaryCode<W>> = (0..2051).map(|_| random.code()).collect();
    let limit = BinaryCode::<W>::BITS * 2 / 5;
    for size in SIZES {
        check(&queries, &codes[..size], limit, "random");
    }
    for count in BATCHES {
        let queries: Vec<BinaryCode<W>> = (0..count).map(|_| random.code()).collect();
        check(&queries, &codes[..700], limit, "batches");
    }
}

/// Codes enough for four streams of blocks, few different ones: the lowest position of equals must be named.
fn check_streams<const W: usize>() {
    let mut random = Random(6);
    let some: Vec<BinaryCode<W>> = (0..100).map(|_| random.code()).collect();
    let codes: Vec<_> = (0..(160 << 10) / 8 / W + 5).map(|_| some[random.next() as usize % 100]).collect();
    let far: BinaryCode<W> = random.code();
    for size in [(64 << 10) / 8 / W - 1, (64 << 10) / 8 / W, codes.len()] {
        let mut codes = codes[..size].to_vec();
        for at in [0, size / 4, size / 2, size - 1] {
            codes[at] = random.turned(&far, 2);
            let expected = nearest(&far, &codes);
            for kernels in kernels() {
                assert_eq!(kernels.nearest(&far, &codes), expected, "{}, {at} of {size}", kernels.level());
                assert_eq!(kernels.nearest(&some[3], &codes), nearest(&some[3], &codes), "{}", kernels.level());
            }
        }
    }
}

#[test]
fn four_streams_name_the_lowest_position() {
    check_streams::<1>();
    check_streams::<2>();
    check_streams::<4>();
}

#[test]
fn all_levels_agree_on_all_sizes() {
    check_sizes::<1>();
    check_sizes::<2>();
    check_sizes::<4>();
}

fn check_hard_codes<const W: usize>() {
    let mut random = Random(9);
    let bits = 64 * W;
    let query: BinaryCode<W> = random.code();
    let queries: Vec<_> = (0..13).map(|i| random.turned(&query, i % 3)).collect();
    let opposite = BinaryCode::new(query.words().map(|word| !word));
    // Distance 0 and all bits: the ends of every counter. All equal: the lowest position must be named.
    check(&queries, &[query; 600], 0, "all equal");
    check(&queries, &[opposite; 600], bits as u32, "all opposite, all within");
    check(&queries, &[opposite; 600], bits as u32 - 1, "all opposite");
    check(&queries, &[opposite; 600], u32::MAX, "no limit");
    // Each code nearer than all before it, and farther.
    let mut falling: Vec<_> = (0..600).map(|i| random.turned(&query, bits - i * bits / 600)).collect();
    check(&queries, &falling, 20, "falling");
    falling.reverse();
    check(&queries, &falling, 20, "rising");
    // Every distance once, so that every bit of every counter is seen.
    let every: Vec<_> = (0..=bits).rev().map(|count| random.turned(&query, count)).collect();
    for limit in 0..=bits as u32 {
        check(&[query; 12], &every, limit, "every distance");
    }
}

#[test]
fn all_levels_agree_on_hard_codes() {
    check_hard_codes::<1>();
    check_hard_codes::<2>();
    check_hard_codes::<4>();
}

fn check_offsets<const W: usize>() {
    let mut random = Random(5);
    let queries: Vec<BinaryCode<W>> = (0..12).map(|_| random.code()).collect();
    let bytes: Vec<u8> = (0..520 * 8 * W + 64).map(|_| random.next() as u8).collect();
    for offset in 0..64 {
        let codes = BinaryCode::<W>::slice_from_bytes(&bytes[offset..][..519 * 8 * W]).unwrap();
        assert_eq!(codes.len(), 519);
        check(&queries, codes, BinaryCode::<W>::BITS * 2 / 5, &format!("offset {offset}"));
        let place = kernels().into_iter().map(|kernels| kernels.place(&queries, &codes[..40], u64::MAX));
        assert!(place.collect::<Vec<_>>().windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn all_levels_agree_at_all_offsets_in_a_cache_line() {
    check_offsets::<1>();
    check_offsets::<2>();
    check_offsets::<4>();
}

#[test]
fn a_level_is_missing_only_where_the_cpu_lacks_it() {
    let found: Vec<_> = kernels().into_iter().map(Kernels::level).collect();
    assert_eq!(found, SimdLevel::ALL.into_iter().filter(|level| level.is_available()).collect::<Vec<_>>());
    assert!(found.contains(&SimdLevel::Scalar) && found.contains(&Kernels::default().level()));
}

fn check_every_position<const W: usize>() {
    let mut random = Random(3);
    let query: BinaryCode<W> = random.code();
    let far = random.turned(&query, 64 * W / 2);
    for size in [1, 17, 64, 257] {
        for at in 0..size {
            let mut codes = vec![far; size];
            codes[at] = random.turned(&query, 3);
            for kernels in kernels() {
                let expected = Some(Nearest { distance: 3, position: at });
                assert_eq!(kernels.nearest(&query, &codes), expected);
                let queries = [query; 12];
                assert_eq!(kernels.nearest_of_each(&queries, &codes, threads(1)), [expected; 12]);
            }
        }
    }
}

#[test]
fn the_near_code_is_found_wherever_it_is() {
    check_every_position::<1>();
    check_every_position::<2>();
    check_every_position::<4>();
}

#[test]
fn the_answer_does_not_depend_on_the_threads() {
    let mut random = Random(8);
    // Few different codes: nearly all distances are met in every thread's part.
    let some: Vec<BinaryCode<1>> = (0..50).map(|_| random.code()).collect();
    let codes: Vec<_> = (0..(1 << 16) + 77).map(|_| some[random.next() as usize % 50]).collect();
    let queries: Vec<_> = (0..17).map(|i| random.turned(&some[i], 4)).collect();
    let expected: Vec<_> = queries.iter().map(|query| nearest(query, &codes)).collect();
    for count in 1..=6 {
        for queries in [&queries[..], &queries[..2]] {
            let found = Kernels::default().nearest_of_each(queries, &codes, threads(count));
            assert_eq!(found, expected[..queries.len()], "{count} threads");
        }
    }
}

/// The best placement by trying all.
fn place<const W: usize>(block: &[BinaryCode<W>], codes: &[BinaryCode<W>], limit: u64) -> Option<Placement> {
    let placed = (0..(codes.len() + 1).saturating_sub(block.len())).map(|position| {
        let pairs = block.iter().zip(&codes[position..]);
        Placement { distance: pairs.map(|(a, b)| u64::from(distance(a, b))).sum(), position }
    });
    placed.min_by_key(|p| (p.distance, p.position)).filter(|p| !block.is_empty() && p.distance <= limit)
}

fn check_blocks<const W: usize>() {
    let mut random = Random(4);
    for length in [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 64, 75, 100] {
        let codes: Vec<BinaryCode<W>> = (0..100).map(|_| random.code()).collect();
        let start = random.next() as usize % (101 - length);
        let block: Vec<_> = codes[start..][..length].iter().map(|code| random.turned(code, 8 * W)).collect();
        let exact = (8 * W * length) as u64;
        for kernels in kernels() {
            for limit in [0, exact.saturating_sub(1), exact, u64::MAX] {
                assert_eq!(kernels.place(&block, &codes, limit), place(&block, &codes, limit), "{length} of 100");
                let distance = kernels.block_distance(&block, &codes[start..], limit);
                assert_eq!(distance, (exact <= limit).then_some(exact), "{length} of 100");
            }
            assert_eq!(kernels.place(&codes, &block[..length.min(99)], u64::MAX), None);
        }
    }
    // Twice in the sequence: the first counts.
    let block: Vec<BinaryCode<W>> = (0..20).map(|_| random.code()).collect();
    let codes = [&[random.code(); 7][..], &block, &block].concat();
    for kernels in kernels() {
        assert_eq!(kernels.place(&block, &codes, u64::MAX), Some(Placement { distance: 0, position: 7 }));
    }
}

#[test]
fn blocks_are_placed_where_trying_all_places_them() {
    check_blocks::<1>();
    check_blocks::<2>();
    check_blocks::<4>();
}

#[test]
fn bytes_that_are_no_whole_number_of_codes_are_refused() {
    assert!(BinaryCode::<4>::slice_from_bytes(&[0; 33]).is_none());
    assert_eq!(
        BinaryCode::<2>::slice_from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128]).unwrap()[0].words(),
        [1, 1 << 63]
    );
}

proptest! {
    #[test]
    fn every_kernel_equals_counting(
        pool in prop::collection::vec(any::<[u64; 2]>(), 1..20),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0u32..128), 0..400),
        queries in prop::collection::vec(any::<prop::sample::Index>(), 1..16),
        limit in 0u32..=130,
    ) {
        // Codes are from a small pool, most with a bit turned over: near, far, and equal ones.
        let codes: Vec<_> = picks.iter().map(|(pick, bit)| {
            let mut words = *pick.get(&pool);
            words[*bit as usize / 64] ^= 1 << (bit % 64);
            BinaryCode::new(words)
        }).collect();
        let queries: Vec<BinaryCode<2>> = queries.iter().map(|pick| BinaryCode::new(*pick.get(&pool))).collect();
        check(&queries, &codes, limit, "proptest");
        for kernels in kernels() {
            let limit = u64::from(limit) * queries.len() as u64;
            prop_assert_eq!(kernels.place(&queries, &codes, limit), place(&queries, &codes, limit));
        }
    }
}
