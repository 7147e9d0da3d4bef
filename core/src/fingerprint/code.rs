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

/// For each byte of a code, eight bytes of all ones or zeros: its bits as a mask over soft values.
static MASKS: [[i8; 8]; 256] = masks();

const fn masks() -> [[i8; 8]; 256] {
    let mut table = [[0i8; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = -((byte >> bit & 1) as i8);
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// A code spread out: a byte of all ones or zeros for each bit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask([i8; BITS]);

impl Mask {
    /// Spreads a code out.
    #[inline(always)]
    pub(crate) fn of(code: Code) -> Self {
        let mut mask = [0; BITS];
        let bytes = code.0.iter().flat_map(|word| word.to_le_bytes());
        for (eight, byte) in mask.as_chunks_mut::<8>().0.iter_mut().zip(bytes) {
            *eight = MASKS[usize::from(byte)];
        }
        Self(mask)
    }
}

/// A code with the reliability of each bit, as a query has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftCode {
    values: [i8; BITS],
    code: Code,
    /// Sum of the values, and of their magnitudes.
    sums: [i16; 2],
}

impl SoftCode {
    /// From the signed distance of each value from its threshold, scaled to -127..=127, and the hard bits (bit d is set
    /// where the value before scaling was above its threshold).
    pub fn new(values: [i8; BITS], code: Code) -> Self {
        let sum = |f: fn(i8) -> i16| values.iter().map(|&v| f(v)).sum();
        Self { values, code, sums: [sum(i16::from), sum(|v| i16::from(v).abs())] }
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
        self.sums[1].unsigned_abs()
    }

    /// Agreement with a stored code: the reliability of the agreeing bits minus that of the differing ones, over all
    /// reliability; 1 when all agree, 0 for unrelated sound, -1 when all differ.
    pub fn agreement(&self, stored: Code) -> f32 {
        self.agreement_with(&Mask::of(stored))
    }

    /// [`agreement`](Self::agreement) with a code that was spread out before.
    #[inline(always)]
    pub(crate) fn agreement_with(&self, stored: &Mask) -> f32 {
        let set = self.values.iter().zip(&stored.0).fold(0i16, |sum, (v, m)| sum.wrapping_add(i16::from(v & m)));
        let [all, magnitude] = self.sums.map(f32::from);
        if magnitude == 0.0 { 0.0 } else { (2.0 * f32::from(set) - all) / magnitude }
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
