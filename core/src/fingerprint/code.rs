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
    values: [i8; BITS],
    code: Code,
    /// Sum of the values' magnitudes.
    magnitude: u16,
}

impl SoftCode {
    /// From the signed distance of each value from its threshold, scaled to -127..=127, and the hard bits (bit d is set
    /// where the value before scaling was above its threshold).
    pub fn new(values: [i8; BITS], code: Code) -> Self {
        Self { values, code, magnitude: values.iter().map(|v| u16::from(v.unsigned_abs())).sum() }
    }

    /// Signed reliabilities, -127 to 127.
    pub fn values(&self) -> &[i8; BITS] {
        &self.values
    }

    /// The hard bits.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Sum of the reliabilities' magnitudes.
    pub(crate) fn magnitude(&self) -> u16 {
        self.magnitude
    }

    /// Agreement with a stored code: the reliability of the agreeing bits minus that of the differing ones, over all
    /// reliability; 1 when all agree, 0 for unrelated sound, -1 when all differ.
    pub fn agreement(&self, stored: Code) -> f32 {
        let bit = |d: usize| stored.0[d / 64] >> (d % 64) & 1 == 1;
        let sum: i32 =
            self.values.iter().enumerate().map(|(d, &v)| if bit(d) { i32::from(v) } else { -i32::from(v) }).sum();
        if self.magnitude == 0 { 0.0 } else { sum as f32 / f32::from(self.magnitude) }
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
        SoftCode::new(values, code)
    }

    #[test]
    fn agreement_is_one_with_itself_and_minus_one_with_the_opposite() {
        let q = soft(std::array::from_fn(|d| if d % 3 == 0 { 50 } else { -20 }));
        assert_eq!(q.agreement(q.code()), 1.0);
        assert_eq!(q.agreement(Code([!q.code().0[0], !q.code().0[1]])), -1.0);
    }

    #[test]
    fn an_unreliable_bit_costs_less_than_a_reliable_one() {
        let mut values = [100i8; BITS];
        values[7] = 2;
        let q = soft(values);
        let wrong = |d: usize| {
            let mut c = q.code();
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
