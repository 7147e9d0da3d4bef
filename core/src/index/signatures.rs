//! Signatures: bits that lie beside a code's number in a list of its table, and tell most of the codes there that are not near from those that
//! are, without a look at the codes themselves.

use super::keys::{MAX_KEY_BITS, TABLES, word};
use crate::fingerprint::{Code, SoftCode};

/// First bit of the signature in a table of bits: those that are in no key.
fn first_bit(table: usize) -> usize {
    TABLES * MAX_KEY_BITS as usize + 16 * table
}

/// Signature of a code in a table of bits: bits 78 + 16 t to 94 + 16 t.
pub(super) fn narrow(code: Code, table: usize) -> u16 {
    (word(code) >> first_bit(table)) as u16
}

/// First bit of the signature in the table of cells.
const FIRST_OF_CELLS: usize = 64;

/// Signature of a code in the table of cells: bits 64 to 96.
pub(super) fn wide(code: Code) -> u32 {
    (word(code) >> FIRST_OF_CELLS) as u32
}

/// Which of a signature's bits are compared, and in how many of them an entry may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Filter<S> {
    /// The query's signature.
    pub(crate) signature: S,
    /// The bits that are reliable.
    pub(crate) mask: S,
    /// Differing bits that are let through.
    pub(crate) limit: S,
}

// Set bits of pairs, fours and bytes, side by side: a vector of these takes a dozen instructions, where few processors have one
// that counts them.

impl Filter<u16> {
    /// For a table of bits: compares those that are `reliable` and lets three of sixteen of them differ.
    pub(super) fn narrow(query: &SoftCode, table: usize, reliable: impl Fn(usize) -> bool) -> Self {
        let first = first_bit(table);
        let mask = (0..16).fold(0, |mask, bit| mask | u16::from(reliable(first + bit)) << bit);
        Self { signature: narrow(query.code(), table), mask, limit: (mask.count_ones() * 3 / 16) as u16 }
    }

    /// Whether an entry of this signature is worth a look at its code.
    #[inline(always)]
    pub(crate) fn passes(&self, signature: u16) -> bool {
        let bits = (signature ^ self.signature) & self.mask;
        let twos = bits - (bits >> 1 & 0x5555);
        let fours = (twos & 0x3333) + (twos >> 2 & 0x3333);
        let eights = (fours + (fours >> 4)) & 0x0F0F;
        (eights + (eights >> 8)) & 0x1F <= self.limit
    }
}

impl Filter<u32> {
    /// For the table of cells: compares those that are `reliable` and lets a quarter of them differ. Of the codes with 30 % wrong bits
    /// four fifths pass, of unrelated ones one in forty.
    pub(super) fn wide(query: &SoftCode, reliable: impl Fn(usize) -> bool) -> Self {
        let mask = (0..32).fold(0, |mask, bit| mask | u32::from(reliable(FIRST_OF_CELLS + bit)) << bit);
        Self { signature: wide(query.code()), mask, limit: mask.count_ones() / 4 }
    }

    /// Whether an entry of this signature is worth a look at its code.
    #[inline(always)]
    pub(crate) fn passes(&self, signature: u32) -> bool {
        let bits = (signature ^ self.signature) & self.mask;
        let twos = bits - (bits >> 1 & 0x5555_5555);
        let fours = (twos & 0x3333_3333) + (twos >> 2 & 0x3333_3333);
        let eights = (fours + (fours >> 4)) & 0x0F0F_0F0F;
        let sixteens = eights + (eights >> 8);
        (sixteens + (sixteens >> 16)) & 0x3F <= self.limit
    }
}

/// The filters of a query code.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filters {
    /// In each table of bits.
    pub(crate) bits: [Filter<u16>; TABLES],
    /// In the table of cells.
    pub(crate) cells: Filter<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{hamming::tests::Random, keys::tests::soft};

    #[test]
    fn the_filter_forgives_what_is_doubtful() {
        let query = soft(|d| if d % 2 == 0 { 80 } else { 1 });
        let reliable = |bit: usize| query.values()[bit] > 40;
        for table in 0..TABLES {
            let filter = Filter::narrow(&query, table, reliable);
            assert!(filter.passes(filter.signature ^ 0xAAAA), "every doubtful bit wrong");
            assert!(!filter.passes(filter.signature ^ 0x5555), "every sure bit wrong");
        }
        let filter = Filter::wide(&query, reliable);
        assert!(filter.passes(filter.signature ^ 0xAAAA_AAAA), "every doubtful bit wrong");
        assert!(!filter.passes(filter.signature ^ 0x5555_5555), "every sure bit wrong");
    }

    #[test]
    fn what_passes_differs_in_no_more_bits_than_it_may() {
        let mut random = Random(6);
        for _ in 0..10_000 {
            let [signature, other, mask] = [random.next(), random.next(), random.next()].map(|r| r as u32);
            for limit in 0..=32 {
                let differing = ((signature ^ other) & mask).count_ones();
                assert_eq!(Filter { signature, mask, limit }.passes(other), differing <= limit);
                let narrow = Filter { signature: signature as u16, mask: mask as u16, limit: limit as u16 };
                let differing = ((signature ^ other) & mask & 0xFFFF).count_ones();
                assert_eq!(narrow.passes(other as u16), differing <= limit);
            }
        }
    }
}
