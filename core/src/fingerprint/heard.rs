//! A query code as it is remembered to be aligned: reliabilities in bit planes.
//!
//! A reliability is kept in 1/15 of the largest, bit by bit: plane p holds bit p of all 128. So agreement with a stored code
//! is a few population counts, and a code takes 96 bytes instead of 168. What that rounds away moves an agreement by some
//! .004, a wrong bit moves it by .016.

use super::{
    QueryFrame,
    code::{BITS, Code},
};
use crate::simd::wide;

/// Bits of a reliability.
const PLANES: usize = 4;
/// Largest reliability of a bit, as codes have it and as it is kept.
const LARGEST: (u16, u16) = (127, (1 << PLANES) - 1);

/// A code of the stream at one assumed speed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeardCode {
    /// The hard bits.
    pub(crate) code: Code,
    planes: [Code; PLANES],
    /// Number of the patch's first frame on the time axis of its speed.
    pub(crate) frame: u32,
    /// Log power in the middle of the patch, 1/256 octave.
    pub(crate) level: i16,
    /// Sum of the reliabilities.
    magnitude: u16,
    /// Whether the patch holds sound that can be a voice.
    pub(crate) active: bool,
}

impl From<&QueryFrame> for HeardCode {
    fn from(query: &QueryFrame) -> Self {
        let (planes, magnitude) = if query.active { slice(query.soft.values()) } else { Default::default() };
        Self {
            code: query.soft.code(),
            planes,
            frame: query.frame,
            level: query.level,
            magnitude,
            active: query.active,
        }
    }
}

impl HeardCode {
    /// Agreement with a stored code: the reliability of the agreeing bits minus that of the differing ones, over all
    /// reliability; 1 when all agree, 0 for unrelated sound and for silence, -1 when all differ.
    #[inline(always)]
    pub(crate) fn agreement(&self, stored: Code) -> f32 {
        let agreeing = [!(self.code.0[0] ^ stored.0[0]), !(self.code.0[1] ^ stored.0[1])];
        let mut sum = 0;
        for (p, plane) in self.planes.iter().enumerate() {
            sum += ((plane.0[0] & agreeing[0]).count_ones() + (plane.0[1] & agreeing[1]).count_ones()) << p;
        }
        let magnitude = f32::from(self.magnitude);
        if self.magnitude == 0 { 0.0 } else { (2.0 * sum as f32 - magnitude) / magnitude }
    }
}

wide! {
    /// The planes of the reliabilities of `values`, and their sum.
    fn slice(values: &[i8; BITS]) -> ([Code; PLANES], u16) {
        let (most, kept) = LARGEST;
        // A loop in place: what `map` of an array calls would not be compiled for vectors.
        let mut steps = [0u8; BITS];
        for (step, v) in steps.iter_mut().zip(values) {
            *step = ((u16::from(v.unsigned_abs()) * kept + most / 2) / most) as u8;
        }
        let mut planes = [Code::default(); PLANES];
        for (p, plane) in planes.iter_mut().enumerate() {
            for (word, steps) in plane.0.iter_mut().zip(steps.as_chunks::<64>().0) {
                // Eight bits at a time: a product brings the lowest bits of eight bytes together in the highest byte.
                for (i, eight) in steps.as_chunks::<8>().0.iter().enumerate() {
                    let lowest = u64::from_le_bytes(*eight) >> p & 0x0101_0101_0101_0101;
                    *word |= (lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
                }
            }
        }
        (planes, steps.iter().map(|&s| u16::from(s)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::SoftCode;

    /// A code whose reliabilities follow no pattern.
    fn query(seed: usize, active: bool) -> QueryFrame {
        let values: [i8; BITS] = std::array::from_fn(|d| (((d + 1) * (seed + 7) * 7919) % 255) as u8 as i8);
        let values = values.map(|v| v.max(-127));
        let mut code = Code::default();
        for (d, &v) in values.iter().enumerate() {
            code.0[d / 64] |= u64::from(v > 0) << (d % 64);
        }
        QueryFrame { speed: 0, frame: 3, soft: SoftCode::new(values, code), level: 9, active, voice: active }
    }

    #[test]
    fn agrees_as_the_whole_reliabilities_do() {
        for seed in 0..40 {
            let (query, other) = (query(seed, true), query(seed / 2 + 100, true).soft.code());
            let heard = HeardCode::from(&query);
            assert_eq!(heard.agreement(query.soft.code()), 1.0);
            let difference = heard.agreement(other) - query.soft.agreement(other);
            assert!(difference.abs() < 0.02, "{seed}: {difference}");
        }
    }

    #[test]
    fn silence_agrees_with_nothing() {
        assert_eq!(HeardCode::from(&query(1, false)).agreement(Code([0, 0])), 0.0);
    }

    #[test]
    fn planes_hold_the_bits_of_each_reliability() {
        let mut values = [0i8; BITS];
        // 10/15 and 5/15 of the largest.
        (values[3], values[70]) = (-85, 42);
        let (planes, sum) = slice(&values);
        let bit = |p: usize, d: usize| planes[p].0[d / 64] >> (d % 64) & 1;
        assert_eq!([0, 1, 2, 3].map(|p| bit(p, 3)), [0, 1, 0, 1]);
        assert_eq!([0, 1, 2, 3].map(|p| bit(p, 70)), [1, 0, 1, 0]);
        assert_eq!(sum, 15);
    }
}
