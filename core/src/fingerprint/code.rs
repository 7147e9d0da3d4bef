//! Codes and how they are compared.

/// Bits in a code.
pub const BITS: usize = 128;

/// A binary code: bit d is bit d % 64 of word d / 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Code(pub [u64; 2]);

impl Code {
    /// Bits in which two codes differ, 0 to [`BITS`].
    #[inline]
    pub fn distance(self, other: Self) -> u32 {
        (self.0[0] ^ other.0[0]).count_ones() + (self.0[1] ^ other.0[1]).count_ones()
    }
}

/// A code with the reliability of each bit, as a query has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftCode {
    /// Signed distance of each value from its threshold, scaled to -127..=127; bit d is set where `values[d] > 0`.
    pub values: [i8; BITS],
    /// The hard bits.
    pub code: Code,
}

impl SoftCode {
    /// Agreement with a stored code: the reliability of the agreeing bits minus that of the differing ones, over all
    /// reliability; 1 when all agree, 0 for unrelated sound, -1 when all differ.
    pub fn agreement(&self, stored: Code) -> f32 {
        let (mut set, mut all, mut magnitude) = (0i32, 0i32, 0i32);
        for (word, values) in stored.0.iter().zip(self.values.as_chunks::<64>().0) {
            for (bit, &v) in values.iter().enumerate() {
                let v = i32::from(v);
                // All ones where the stored bit is set: a mask keeps the loop free of branches.
                set += v & -((word >> bit & 1) as i32);
                all += v;
                magnitude += v.abs();
            }
        }
        if magnitude == 0 { 0.0 } else { (2 * set - all) as f32 / magnitude as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soft(values: [i8; BITS]) -> SoftCode {
        let mut code = Code::default();
        for (d, &v) in values.iter().enumerate() {
            code.0[d / 64] |= u64::from(v > 0) << (d % 64);
        }
        SoftCode { values, code }
    }

    #[test]
    fn agreement_is_one_with_itself_and_minus_one_with_the_opposite() {
        let q = soft(std::array::from_fn(|d| if d % 3 == 0 { 50 } else { -20 }));
        assert_eq!(q.agreement(q.code), 1.0);
        assert_eq!(q.agreement(Code([!q.code.0[0], !q.code.0[1]])), -1.0);
    }

    #[test]
    fn an_unreliable_bit_costs_less_than_a_reliable_one() {
        let mut values = [100i8; BITS];
        values[7] = 2;
        let q = soft(values);
        let wrong = |d: usize| {
            let mut c = q.code;
            c.0[d / 64] ^= 1 << (d % 64);
            q.agreement(c)
        };
        let all = 127.0 * 100.0 + 2.0;
        assert!((wrong(7) - (1.0 - 4.0 / all)).abs() < 1e-6);
        assert!((wrong(90) - (1.0 - 200.0 / all)).abs() < 1e-6);
    }

    #[test]
    fn distance_counts_bits() {
        assert_eq!(Code([0b1011, 1 << 63]).distance(Code([0b0001, 0])), 3);
    }
}
