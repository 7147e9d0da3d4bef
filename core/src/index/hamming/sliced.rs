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
    let mut table = Table { parity: [[zero; 2]; TRIPLES], majority: [[zero; 8]; TRIPLES] };
    for (block, part) in codes.chunks_exact(size).enumerate() {
        tabulate(v, part, &mut table);
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

/// Fills the table from a block.
#[inline(always)]
fn tabulate<V: Vectors, const W: usize>(v: V, codes: &[BinaryCode<W>], table: &mut Table<V::Plane>) {
    // Words of a row that are not in use stay 0; so do the planes after the last.
    let mut planes = [[0u64; 8]; 3 * TRIPLES];
    for (word, planes) in planes.as_chunks_mut::<64>().0.iter_mut().take(W).enumerate() {
        for (lane, codes) in codes.as_chunks::<64>().0.iter().enumerate().take(V::LANES) {
            for (plane, code) in planes.iter_mut().zip(codes) {
                plane[lane] = code.0[word].get();
            }
        }
        transpose(planes, V::LANES);
    }
    let all = v.splat(u64::MAX);
    let rows = planes.as_chunks::<3>().0.iter().take(triples(W));
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

/// Transposes the matrix of 64 x 64 bits in each of the first `lanes` columns of words: Warren, "Hacker's Delight", 2nd ed.,
/// §7-3, with the first bit lowest.
#[inline(always)]
fn transpose(rows: &mut [[u64; 8]; 64], lanes: usize) {
    let mut width = 32;
    let mut mask = u64::MAX >> 32;
    while width > 0 {
        for pair in rows.chunks_exact_mut(2 * width) {
            let (upper, lower) = pair.split_at_mut(width);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                for (upper, lower) in upper[..lanes].iter_mut().zip(&mut lower[..lanes]) {
                    let swapped = (*upper >> width ^ *lower) & mask;
                    *upper ^= swapped << width;
                    *lower ^= swapped;
                }
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

/// The mask of the codes that the probe looks for.
#[inline(always)]
fn below<V: Vectors, const W: usize>(v: V, table: &Table<V::Plane>, probe: &Probe) -> V::Plane {
    // The weights above 8 that the sum needs: 128 for 64 bits, 512 for 256.
    let tops = 4 + W.ilog2() as usize;
    let [mut ones, mut twos, mut fours, mut eights] = std::array::from_fn(|k| v.splat(probe.offset[k]));
    let mut top: [V::Plane; WEIGHTS - 4] = std::array::from_fn(|k| v.splat(probe.offset[4 + k]));

    let count = triples(W);
    let (parity, majority, picks) = (&table.parity[..count], &table.majority[..count], &probe.picks[..count]);
    // Four triples: their sums into the ones, all carries into the twos, and three carries of weight 4.
    let mut four = |parity: &[[V::Plane; 2]], majority: &[[V::Plane; 8]], picks: &[u8]| {
        let sum = |i: usize| parity[i][usize::from(picks[i] >> 3 & 1)];
        let carry = |i: usize| majority[i][usize::from(picks[i] & 7)];
        let (a, b, x, y, z);
        (ones, a) = v.full_add(ones, sum(0), sum(1));
        (ones, b) = v.full_add(ones, sum(2), sum(3));
        (twos, x) = v.full_add(twos, carry(0), carry(1));
        (twos, y) = v.full_add(twos, carry(2), carry(3));
        (twos, z) = v.full_add(twos, a, b);
        [x, y, z]
    };
    // Adds two numbers of weight 16.
    let mut carry_on = |a: V::Plane, b: V::Plane| {
        let mut carry;
        (top[0], carry) = v.full_add(top[0], a, b);
        for weight in &mut top[1..tops] {
            (*weight, carry) = (v.xor(*weight, carry), v.and(*weight, carry));
        }
    };
    let (parity8, parity4) = parity.as_chunks::<8>();
    let (majority8, majority4) = majority.as_chunks::<8>();
    let (picks8, picks4) = picks.as_chunks::<8>();
    for ((parity, majority), picks) in parity8.iter().zip(majority8).zip(picks8) {
        let [a, b, c] = four(&parity[..4], &majority[..4], &picks[..4]);
        let [d, e, f] = four(&parity[4..], &majority[4..], &picks[4..]);
        let (x, y, z, s, t);
        (fours, x) = v.full_add(fours, a, b);
        (fours, y) = v.full_add(fours, c, d);
        (fours, z) = v.full_add(fours, e, f);
        (eights, s) = v.full_add(eights, x, y);
        (eights, t) = (v.xor(eights, z), v.and(eights, z));
        carry_on(s, t);
    }
    if !picks4.is_empty() {
        let [a, b, c] = four(parity4, majority4, picks4);
        let (x, y, s);
        (fours, x) = v.full_add(fours, a, b);
        (_, y) = (v.xor(fours, c), v.and(fours, c));
        (_, s) = v.full_add(eights, x, y);
        carry_on(s, v.splat(0));
    }
    v.xor(top[tops - 1], v.splat(u64::MAX))
}
