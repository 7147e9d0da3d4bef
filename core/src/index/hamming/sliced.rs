//! Many queries against a block of codes by bit planes and full adders.
//!
//! A block of 64 L codes (L words in a vector) is transposed: plane p holds bit p of every code. A code's distance from a
//! query is the sum over p of plane p where the query has a 0 and of its complement where the query has a 1: a sum
//! of one-bit numbers for all codes of the block at once, made of full adders as in the carry-save trees of Harley and Seal
//! (Warren, "Hacker's Delight", 2nd ed., §5-1). What makes it cheaper than counting bits of each code in turn:
//!
//! 1. The first layer of adders is shared by the queries. Three planes can meet eight combinations of query bits; the sums
//!    (one plane and its complement) and carries (eight planes) of all are put into a table once per block, and a query picks.
//!    The table of 256 bits takes 28 KiB with AVX2, a first-level cache.
//! 2. What a query wants to know is whether any code is nearer than its best so far, b. So the adders do not start at 0 but
//!    at T - b for a power of two T: the plane of weight T then is 0 for the nearer codes, without a comparison.
//! 3. Exact distances are counted only for those codes, and they are few.
//!
//! Cost for 256 bits: 168 full adders a query and block; with AVX2 3.4 instructions a code against 10 for the shuffle.
//! Transposing and the table cost as much as about ten queries, so single queries do not come here.

use super::BinaryCode;

/// Triples of planes in the widest code, rounded up to a multiple of four.
const TRIPLES: usize = 88;
/// Planes of the widest sum: weights 1 to 512.
const WEIGHTS: usize = 10;

/// Calls an intrinsic on behalf of [`Vectors`].
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! intrinsic {
    ($call:expr) => {{
        #[expect(unsafe_code, reason = "an intrinsic without operands in memory")]
        // SAFETY: a value of a type that implements Vectors exists only where the CPU has its instructions.
        unsafe {
            $call
        }
    }};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use intrinsic;

/// What a kernel needs of a vector of L words. An implementation for optional instructions is a value that exists only in
/// code compiled for them.
pub(super) trait Vectors: Copy {
    /// L words.
    type Plane: Copy;
    /// L, at most 8.
    const LANES: usize;
    /// All words the same.
    fn splat(self, word: u64) -> Self::Plane;
    /// The first L words.
    fn load(self, words: &[u64; 8]) -> Self::Plane;
    /// The words, and zeros.
    fn store(self, plane: Self::Plane) -> [u64; 8];
    /// Bits of one.
    fn xor(self, a: Self::Plane, b: Self::Plane) -> Self::Plane;
    /// Bits of both.
    fn and(self, a: Self::Plane, b: Self::Plane) -> Self::Plane;
    /// Sum and carry; the shortest path is from `a`.
    fn full_add(self, a: Self::Plane, b: Self::Plane, c: Self::Plane) -> (Self::Plane, Self::Plane);
    /// Whether any bit is set.
    fn any(self, plane: Self::Plane) -> bool;
}

/// A query as the adders want it, and what it looks for.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// For each triple of planes its three query bits, and the complement of nothing or everything: their parity.
    picks: [u8; TRIPLES],
    /// T - limit, a mask for each weight.
    offset: [u64; WEIGHTS],
    /// Codes of a smaller distance are looked for.
    limit: u32,
    /// The query's number.
    pub(super) number: usize,
}

impl Probe {
    /// Looks for codes nearer than `limit` to `query`, at most one more than the bits.
    pub(super) fn new<const W: usize>(number: usize, query: &BinaryCode<W>, limit: u32) -> Self {
        let words = query.words();
        let bit = |p: usize| words.get(p / 64).map_or(0, |word| (word >> (p % 64) & 1) as u8);
        let picks = std::array::from_fn(|t| {
            let bits = bit(3 * t) | bit(3 * t + 1) << 1 | bit(3 * t + 2) << 2;
            bits | (bits.count_ones() as u8 & 1) << 3
        });
        let mut probe = Self { picks, offset: [0; WEIGHTS], limit: 0, number };
        probe.look_below::<W>(limit);
        probe
    }

    /// Looks for codes nearer than `limit` from here on.
    pub(super) fn look_below<const W: usize>(&mut self, limit: u32) {
        self.limit = limit.min(BinaryCode::<W>::BITS + 1);
        let start = (2 * BinaryCode::<W>::BITS) - self.limit;
        self.offset = std::array::from_fn(|k| 0u64.wrapping_sub(u64::from(start >> k & 1)));
    }

    /// Codes of a smaller distance are looked for.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }
}

/// Triples of planes of a code of `W` words, a multiple of four.
const fn triples(words: usize) -> usize {
    (64 * words).div_ceil(3).next_multiple_of(4)
}

/// Sums and carries of the triples of planes for all combinations of query bits.
struct Table<P> {
    parity: [[P; 2]; TRIPLES],
    majority: [[P; 8]; TRIPLES],
}

/// Looks for each probe's codes in whole blocks of `codes`. Where a group of 64 holds some, `found` gets the probe, the
/// position of the group's first code, and a mask of them. Says how many codes were seen.
#[inline(always)]
pub(super) fn scan<V: Vectors, const W: usize>(
    v: V,
    probes: &mut [Probe],
    codes: &[BinaryCode<W>],
    found: &mut dyn FnMut(&mut Probe, usize, u64),
) -> usize {
    let size = 64 * V::LANES;
    let zero = v.splat(0);
    let mut planes = [[0u64; 8]; 3 * TRIPLES];
    let mut table = Table { parity: [[zero; 2]; TRIPLES], majority: [[zero; 8]; TRIPLES] };
    for (block, part) in codes.chunks_exact(size).enumerate() {
        tabulate(v, part, &mut planes, &mut table);
        for probe in &mut *probes {
            let nearer = below::<V, W>(v, &table, probe);
            if v.any(nearer) {
                for (lane, &mask) in v.store(nearer)[..V::LANES].iter().enumerate() {
                    if mask != 0 {
                        found(probe, block * size + 64 * lane, mask);
                    }
                }
            }
        }
    }
    codes.len() / size * size
}

/// Fills planes and table from a block; planes that the code does not have stay as they are, 0.
#[inline(always)]
fn tabulate<V: Vectors, const W: usize>(
    v: V,
    codes: &[BinaryCode<W>],
    planes: &mut [[u64; 8]; 3 * TRIPLES],
    table: &mut Table<V::Plane>,
) {
    for (word, planes) in planes.as_chunks_mut::<64>().0.iter_mut().take(W).enumerate() {
        for (i, plane) in planes.iter_mut().enumerate() {
            let mut row = [0; 8];
            for (lane, row) in row[..V::LANES].iter_mut().enumerate() {
                *row = codes[64 * lane + i].0[word].get();
            }
            // Through a vector: what is read in one piece wants to be written in one piece.
            *plane = v.store(v.load(&row));
        }
        transpose::<V>(planes);
    }
    let all = v.splat(u64::MAX);
    let rows = planes.as_chunks::<3>().0.iter().take(const { triples(W) });
    for ((row, parity), majority) in rows.zip(&mut table.parity).zip(&mut table.majority) {
        let [x, y, z] = [v.load(&row[0]), v.load(&row[1]), v.load(&row[2])];
        for pick in 0..4 {
            let x = if pick & 1 == 0 { x } else { v.xor(x, all) };
            let y = if pick & 2 == 0 { y } else { v.xor(y, all) };
            let (sum, carry) = v.full_add(x, y, z);
            // Complementing all three inputs complements both outputs.
            majority[pick] = carry;
            majority[7 - pick] = v.xor(carry, all);
            if pick == 0 {
                *parity = [sum, v.xor(sum, all)];
            }
        }
    }
}

/// Transposes the matrix of 64 x 64 bits in each of the first `LANES` columns of words: Warren, "Hacker's Delight", 2nd
/// ed., §7-3, with the first bit lowest.
#[inline(always)]
fn transpose<V: Vectors>(rows: &mut [[u64; 8]; 64]) {
    swap_halves::<V, 32>(rows);
    swap_halves::<V, 16>(rows);
    swap_halves::<V, 8>(rows);
    swap_halves::<V, 4>(rows);
    swap_halves::<V, 2>(rows);
    swap_halves::<V, 1>(rows);
}

/// In each square of twice `WIDTH` swaps the upper right with the lower left quarter.
#[inline(always)]
fn swap_halves<V: Vectors, const WIDTH: usize>(rows: &mut [[u64; 8]; 64]) {
    // The lower `WIDTH` of every twice `WIDTH` bits.
    let mask = const { u64::MAX / ((1 << WIDTH) + 1) };
    for first in 0..32 {
        let upper = first / WIDTH * 2 * WIDTH + first % WIDTH;
        let lower = upper + WIDTH;
        let (before, from_lower) = rows.split_at_mut(lower);
        for (upper, lower) in before[upper].iter_mut().zip(&mut from_lower[0]).take(V::LANES) {
            let swapped = (*upper >> WIDTH ^ *lower) & mask;
            *upper ^= swapped << WIDTH;
            *lower ^= swapped;
        }
    }
}

/// The mask of the codes that the probe looks for.
#[inline(always)]
fn below<V: Vectors, const W: usize>(v: V, table: &Table<V::Plane>, probe: &Probe) -> V::Plane {
    let count = const { triples(W) };
    let (parity, parity_rest) = table.parity[..count].as_chunks::<8>();
    let (majority, majority_rest) = table.majority[..count].as_chunks::<8>();
    let (picks, picks_rest) = probe.picks[..count].as_chunks::<8>();
    let mut sum = Sum::new::<W>(v, &probe.offset);
    for ((parity, majority), picks) in parity.iter().zip(majority).zip(picks) {
        let [a, b, c] = sum.add_four(v, &parity[..4], &majority[..4], &picks[..4]);
        let [d, e, f] = sum.add_four(v, &parity[4..], &majority[4..], &picks[4..]);
        let (x, y, z, s, t);
        (sum.fours, x) = v.full_add(sum.fours, a, b);
        (sum.fours, y) = v.full_add(sum.fours, c, d);
        (sum.fours, z) = v.full_add(sum.fours, e, f);
        (sum.eights, s) = v.full_add(sum.eights, x, y);
        (sum.eights, t) = half_add(v, sum.eights, z);
        sum.add_sixteens::<W>(v, s, t);
    }
    if !picks_rest.is_empty() {
        let [a, b, c] = sum.add_four(v, parity_rest, majority_rest, picks_rest);
        let (x, y, s);
        (sum.fours, x) = v.full_add(sum.fours, a, b);
        (sum.fours, y) = half_add(v, sum.fours, c);
        (sum.eights, s) = v.full_add(sum.eights, x, y);
        sum.add_sixteens::<W>(v, s, v.splat(0));
    }
    v.xor(sum.top[const { tops(W) - 1 }], v.splat(u64::MAX))
}

/// Planes above weight 8 of a sum over `words` words: up to 128 for 64 bits, 512 for 256.
const fn tops(words: usize) -> usize {
    4 + words.ilog2() as usize
}

/// Sum and carry of two bits.
#[inline(always)]
fn half_add<V: Vectors>(v: V, a: V::Plane, b: V::Plane) -> (V::Plane, V::Plane) {
    (v.xor(a, b), v.and(a, b))
}

/// The sums of all codes of a block, a plane for each weight. Methods instead of closures: only they are certain to
/// be compiled for the caller's instructions.
struct Sum<P> {
    ones: P,
    twos: P,
    fours: P,
    eights: P,
    top: [P; WEIGHTS - 4],
}

impl<P: Copy> Sum<P> {
    #[inline(always)]
    fn new<const W: usize>(v: impl Vectors<Plane = P>, start: &[u64; WEIGHTS]) -> Self {
        let mut top = [v.splat(0); WEIGHTS - 4];
        for (plane, &start) in top.iter_mut().zip(&start[4..]).take(const { tops(W) }) {
            *plane = v.splat(start);
        }
        let [ones, twos, fours, eights, ..] = *start;
        Self { ones: v.splat(ones), twos: v.splat(twos), fours: v.splat(fours), eights: v.splat(eights), top }
    }

    /// Adds what the probe picks of four triples, and returns three carries of weight 4.
    #[inline(always)]
    fn add_four(&mut self, v: impl Vectors<Plane = P>, parity: &[[P; 2]], majority: &[[P; 8]], picks: &[u8]) -> [P; 3] {
        let (parity, majority, picks) = (&parity[..4], &majority[..4], &picks[..4]);
        let mut sums = [v.splat(0); 4];
        let mut carries = sums;
        for i in 0..4 {
            sums[i] = parity[i][usize::from(picks[i] >> 3 & 1)];
            carries[i] = majority[i][usize::from(picks[i] & 7)];
        }
        let (a, b, x, y, z);
        (self.ones, a) = v.full_add(self.ones, sums[0], sums[1]);
        (self.ones, b) = v.full_add(self.ones, sums[2], sums[3]);
        (self.twos, x) = v.full_add(self.twos, carries[0], carries[1]);
        (self.twos, y) = v.full_add(self.twos, carries[2], carries[3]);
        (self.twos, z) = v.full_add(self.twos, a, b);
        [x, y, z]
    }

    /// Adds two planes of weight 16.
    #[inline(always)]
    fn add_sixteens<const W: usize>(&mut self, v: impl Vectors<Plane = P>, a: P, b: P) {
        let mut carry;
        (self.top[0], carry) = v.full_add(self.top[0], a, b);
        for weight in &mut self.top[1..const { tops(W) }] {
            (*weight, carry) = half_add(v, *weight, carry);
        }
    }
}
