//! Canonical variates: what noise leaves of a code's values.
//!
//! The 128 values of a code are turned such that all of them stand noise about equally well. Between the values of noisy speech and those of the stored
//! code, canonical correlation analysis (Hotelling, "Relations between two sets of variates", Biometrika 28, 1936) finds the
//! directions again in which they correlate most: by .90 along the best, .57 along the 64th and .33 along the last. There are two sets of
//! them, since a noisy code is best undone with the spread of noisy codes. Each variate counts by its correlation to the
//! power of 1.5. So the codes of noisy speech, 30 % of whose bits are wrong, correlate with the stored ones by .66 instead of .58.
//!
//! The constants are learned by `corpus/training/canonical.py` and embedded from a small file with a checksum, little-endian:
//!
//! | offset | type | what |
//! |---|---|---|
//! | 0 | 4 bytes | magic `CPCV` |
//! | 4 | u16 | version, 1 |
//! | 6 | u16 | variates, 64 |
//! | 8 | u16 | values, 128 |
//! | 10 | u16 | right shift of the sums |
//! | 12 | i8 x 64 x 128 | weights for the values of a query code, a row for each variate |
//! | then | i8 x 64 x 128 | weights for those of a stored code |
//! | last 4 | u32 | CRC-32 (zlib) of all bytes before it |

use std::sync::LazyLock;

use crate::{
    fingerprint::{BITS, hash, intact},
    simd::wide,
};

/// Variates.
pub(super) const VARIATES: usize = 64;
/// Bytes before the weights.
const HEADER: usize = 12;
/// File version that this program reads.
const VERSION: u16 = 1;

static CANONICAL: LazyLock<Canonical> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the embedded file is a constant of the build, and a test parses it")]
    Canonical::from_bytes(include_bytes!("canonical.bin")).expect("the embedded canonical variates are intact")
});

/// The weights of this build.
pub(super) fn canonical() -> &'static Canonical {
    &CANONICAL
}

/// Weights of the values for each variate.
type Weights = Box<[[i16; BITS]]>;

/// What turns values into variates.
#[derive(Debug)]
pub(super) struct Canonical {
    query: Weights,
    stored: Weights,
    shift: u32,
    /// Hash of all of the above (64 bits: two checksums of the file, by CRC-32 forward and reversed).
    pub(super) hash: u64,
}

impl Canonical {
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = intact(bytes)?;
        let (header, weights) = body.split_at_checked(HEADER).ok_or("shorter than its header")?;
        let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        if &header[..4] != b"CPCV" || word(4) != VERSION {
            return Err(format!("not canonical variates of version {VERSION}"));
        }
        let shift = u32::from(word(10));
        if [word(6), word(8)].map(usize::from) != [VARIATES, BITS] || !(1..=16).contains(&shift) {
            return Err(format!("{} variates of {} values: not usable", word(6), word(8)));
        }
        let (rows, rest) = weights.as_chunks::<BITS>();
        if rows.len() != 2 * VARIATES || !rest.is_empty() {
            return Err("not of the length it says".into());
        }
        let widen = |rows: &[[u8; BITS]]| rows.iter().map(|row| row.map(|w| i16::from(w as i8))).collect();
        let (query, stored) = rows.split_at(VARIATES);
        Ok(Self { query: widen(query), stored: widen(stored), shift, hash: hash(body) })
    }

    /// Variates of a query code's values.
    pub(super) fn of_query(&self, values: &[i8; BITS]) -> [i8; VARIATES] {
        weigh(&self.query, values, self.shift)
    }

    /// Variates of a stored code's values.
    pub(super) fn of_stored(&self, values: &[i8; BITS]) -> [i8; VARIATES] {
        weigh(&self.stored, values, self.shift)
    }
}

wide! {
    /// Sums of weighted values, rounded, within -127 and 127.
    fn weigh(weights: &[[i16; BITS]], values: &[i8; BITS], shift: u32) -> [i8; VARIATES] {
        let values = values.map(i16::from);
        let mut variates = [0; VARIATES];
        for (variate, weights) in variates.iter_mut().zip(weights) {
            // Below 2^21.
            let sum: i32 = weights.iter().zip(&values).map(|(&w, &v)| i32::from(w) * i32::from(v)).sum();
            *variate = ((sum + (1 << (shift - 1))) >> shift).clamp(-127, 127) as i8;
        }
        variates
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed helper fails the test")]

    use super::*;
    use crate::index::hamming::tests::Random;

    #[test]
    fn a_damaged_file_is_told() {
        let intact = include_bytes!("canonical.bin");
        Canonical::from_bytes(intact).unwrap();
        for at in 0..intact.len() {
            let mut bytes = intact.to_vec();
            bytes[at] ^= 1 << (at % 8);
            assert!(Canonical::from_bytes(&bytes).is_err(), "byte {at}");
            // What the checksum does not tell.
            let body = bytes.len() - 4;
            let crc = crc32fast::hash(&bytes[..body]).to_le_bytes();
            bytes[body..].copy_from_slice(&crc);
            assert!(Canonical::from_bytes(&bytes).is_err() || at >= 10, "byte {at}");
        }
        for length in (0..intact.len()).step_by(97) {
            assert!(Canonical::from_bytes(&intact[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn variates_are_weighted_sums() {
        let mut random = Random(8);
        for extreme in 0..20 {
            let values: [i8; BITS] = std::array::from_fn(|_| match (extreme, random.next()) {
                (0, _) => 127,
                (1, _) => -127,
                (_, word) => (word % 255) as i16 as i8,
            });
            let canonical = canonical();
            for (variates, weights) in
                [(canonical.of_query(&values), &canonical.query), (canonical.of_stored(&values), &canonical.stored)]
            {
                for (&variate, weights) in variates.iter().zip(weights) {
                    let sum: f64 = weights.iter().zip(&values).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
                    let exact = (sum / f64::from(1 << canonical.shift)).clamp(-127.0, 127.0);
                    assert!((f64::from(variate) - exact).abs() <= 0.5, "{variate}, {exact}");
                }
            }
        }
    }
}
