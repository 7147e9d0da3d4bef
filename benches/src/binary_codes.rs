//! Many binary codes with the statistics of real ones, for measuring searches.
//!
//! Real codes are not uniform bits: successive ones resemble each other, bits depend on each other, and a script that was
//! recorded twice gives two sequences that differ in a tenth to a third of their bits. So the codes of the corpus's
//! renderings are laid one after the other, active ones only, over and over until there are enough; each time with bit
//! errors of another rate between 1/16 and 5/16, drawn independently for each bit, as another channel would make them. The
//! first time has none. Codes wider than 128 bits put together codes that follow each other at 0.4 s, so that
//! they describe separate sound.

use anyhow::{Result, ensure};
use callprint::{audio::read_channels_8k, fingerprint::reference_codes, index::hamming::BinaryCode};
use rayon::prelude::*;

use crate::inputs::corpus_files;

/// Codes from a patch of 0.4 s to the next that does not overlap it.
const PATCH_CODES: usize = 10;

/// splitmix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same sequence for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 64 bits, each set with a probability of `sixteenths` / 16.
    pub fn sparse(&mut self, sixteenths: u32) -> u64 {
        // From the lowest binary digit of the probability up: OR after a 1, AND after a 0.
        (0..4).fold(0, |bits, digit| {
            let word = self.word();
            if sixteenths >> digit & 1 == 1 { bits | word } else { bits & word }
        })
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.word()) * end as u128) >> 64) as usize
    }

    /// `code` with each bit turned over with a probability of `rate`.
    pub fn with_errors<const W: usize>(&mut self, code: &BinaryCode<W>, rate: f64) -> BinaryCode<W> {
        let threshold = (rate * 2f64.powi(32)) as u64;
        let mut words = code.words();
        for word in &mut words {
            for bit in 0..64 {
                *word ^= u64::from(self.word() >> 32 < threshold) << bit;
            }
        }
        BinaryCode::new(words)
    }
}

/// The codes of the corpus's renderings, 40 ms apart, active ones only.
///
/// # Errors
/// Where a rendering cannot be read.
pub fn corpus_codes() -> Result<Vec<[u64; 2]>> {
    let files = corpus_files("renderings")?;
    let per_file: Vec<Vec<[u64; 2]>> = files
        .par_iter()
        .map(|path| {
            let channels = read_channels_8k(path, 120.0)?;
            let codes = channels.iter().flat_map(|channel| reference_codes(channel));
            Ok(codes.filter(|code| code.active).map(|code| code.soft.code().0).collect())
        })
        .collect::<Result<_>>()?;
    Ok(per_file.concat())
}

/// `count` codes of `W` words made from `corpus` as described above.
///
/// # Errors
/// Where the corpus holds too few codes to put together.
pub fn make_codes<const W: usize>(corpus: &[[u64; 2]], count: usize) -> Result<Vec<BinaryCode<W>>> {
    let parts = W.div_ceil(2);
    ensure!(corpus.len() > parts * PATCH_CODES, "the corpus has only {} codes", corpus.len());
    let distinct = corpus.len() - (parts - 1) * PATCH_CODES;
    let mut random = Random::new(20);
    Ok((0..count)
        .map(|i| {
            let (time, at) = (i / distinct, i % distinct);
            let errors = if time == 0 { 0 } else { 1 + (time as u32 * 3) % 5 };
            BinaryCode::new(std::array::from_fn(|word| {
                corpus[at + word / 2 * PATCH_CODES][word % 2] ^ random.sparse(errors)
            }))
        })
        .collect())
}

/// `count` codes drawn from `codes` with bit errors of this rate.
pub fn make_queries<const W: usize>(codes: &[BinaryCode<W>], count: usize, rate: f64) -> Vec<BinaryCode<W>> {
    let mut random = Random::new(21);
    (0..count)
        .map(|_| {
            let at = random.below(codes.len());
            random.with_errors(&codes[at], rate)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_with_the_probability_asked_for() {
        let mut random = Random::new(1);
        for sixteenths in 0..16 {
            let set: u32 = (0..4000).map(|_| random.sparse(sixteenths).count_ones()).sum();
            let share = f64::from(set) / (64.0 * 4000.0);
            // Four standard errors.
            assert!((share - f64::from(sixteenths) / 16.0).abs() < 0.004, "{sixteenths}/16: {share}");
        }
    }

    #[test]
    fn later_rounds_differ_from_the_first_by_their_error_rate() {
        let mut random = Random::new(2);
        let corpus: Vec<_> = (0..500).map(|_| [random.word(), random.word()]).collect();
        let codes = make_codes::<4>(&corpus, 490 * 3).unwrap();
        assert_eq!(codes[0].words(), [corpus[0][0], corpus[0][1], corpus[10][0], corpus[10][1]]);
        let rate = |round: usize| {
            let pairs = codes[..490].iter().zip(&codes[490 * round..]);
            f64::from(pairs.map(|(a, b)| a.distance(b)).sum::<u32>()) / (490.0 * 256.0)
        };
        assert!((rate(1) - 4.0 / 16.0).abs() < 0.01 && (rate(2) - 2.0 / 16.0).abs() < 0.01, "{} {}", rate(1), rate(2));
        let queries = make_queries(&codes[..1], 50, 0.2);
        let errors: u32 = queries.iter().map(|query| query.distance(&codes[0])).sum();
        assert!((f64::from(errors) / (50.0 * 256.0) - 0.2).abs() < 0.02);
    }
}
