//! What the machine can do at best, measured on the spot: reading memory and counting bits.

use std::hint::black_box;

use crate::binary_codes::Random;

/// Everything in `words`, so that all of it has to be read; in `STREAMS` places at once.
fn read<const STREAMS: usize>(words: &[u64]) -> u64 {
    let mut all = [[0u64; 16]; STREAMS];
    let part = words.len() / STREAMS / 16;
    let (blocks, _) = words.as_chunks::<16>();
    for i in 0..part {
        for (stream, all) in all.iter_mut().enumerate() {
            for (all, word) in all.iter_mut().zip(&blocks[stream * part + i]) {
                *all |= word;
            }
        }
    }
    all.iter().flatten().fold(0, |a, b| a | b)
}

/// Reads all of `words` once from front to back, then in two and in four places at a time; the seconds by `clock` of the
/// fastest.
pub fn read_seconds(words: &[u64], clock: impl Fn(&mut dyn FnMut()) -> f64) -> f64 {
    let ways = [read::<1>, read::<2>, read::<4>];
    ways.iter().map(|way| clock(&mut || _ = black_box(way(black_box(words))))).fold(f64::INFINITY, f64::min)
}

/// Set bits of all words.
#[inline(always)]
fn count(words: &[u64]) -> u64 {
    // Four sums, so that none waits for the one before.
    let (fours, rest) = words.as_chunks::<4>();
    let mut sums = [0; 4];
    for four in fours {
        for (sum, word) in sums.iter_mut().zip(four) {
            *sum += u64::from(word.count_ones());
        }
    }
    sums.iter().sum::<u64>() + rest.iter().map(|word| u64::from(word.count_ones())).sum::<u64>()
}

#[cfg(target_arch = "x86_64")]
fn count_with_popcnt(words: &[u64]) -> u64 {
    #[target_feature(enable = "popcnt")]
    fn popcnt(words: &[u64]) -> u64 {
        count(words)
    }
    if is_x86_feature_detected!("popcnt") {
        #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
        // SAFETY: the line above found the CPU to have the instruction; the code itself is safe Rust.
        return unsafe { popcnt(words) };
    }
    count(words)
}

#[cfg(not(target_arch = "x86_64"))]
fn count_with_popcnt(words: &[u64]) -> u64 {
    count(words)
}

/// Seconds by `clock` for counting the bits of a word in the first-level cache with the CPU's instruction for it, one word
/// after the other.
pub fn popcount_seconds(clock: impl Fn(&mut dyn FnMut()) -> f64) -> f64 {
    const ROUNDS: usize = 2000;
    let mut random = Random::new(3);
    let words: Vec<u64> = (0..2048).map(|_| random.word()).collect();
    let seconds = clock(&mut || {
        for _ in 0..ROUNDS {
            black_box(count_with_popcnt(black_box(&words)));
        }
    });
    seconds / (ROUNDS * words.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_read_and_all_bits_counted() {
        let mut words = vec![0u64; 64 * 10];
        for at in [0, 63, 64, 320, 639] {
            words[at] = 5;
            assert_eq!([read::<1>(&words), read::<2>(&words), read::<4>(&words)], [5; 3], "{at}");
            assert_eq!(count_with_popcnt(&words), 2);
            words[at] = 0;
        }
    }
}
