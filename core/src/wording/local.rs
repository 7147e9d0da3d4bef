//! Where two sequences of frames say the same: the best local alignment.
//!
//! Each pair of frames scores the cosine of their embeddings less a constant, so that other sounds count against;
//! the alignment with the highest sum is found by dynamic programming (Smith & Waterman, "Identification of common molecular
//! subsequences", J. Mol. Biol. 147, 1981), in which one side may run up to twice as fast as the other (the slope constraint of
//! Sakoe & Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26, 1978).
//!
//! Steps go one frame on both sides, or two on one and one on the other at a small price; so a row of the table rests on the two
//! rows before it and on nothing of its own, and is computed as a vector.

use super::encoder::{DIMENSIONS, Embedding};
use crate::simd::wide;

/// The cosine of two frames' embeddings at which nothing is said for or against their being the same sound: what lies between
/// the means of the same and of other sounds.
const NEUTRAL: f32 = 0.5;
/// Price of a step in which one side runs twice as fast.
const WARP: f32 = 0.1;

/// A stretch that both sides say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// Sum of the pairs' scores.
    pub(super) score: f32,
    /// First frame and one past the last in the query.
    pub(super) query: (usize, usize),
    /// The same in the reference.
    pub(super) reference: (usize, usize),
}

/// Frames of one side, number by number instead of frame by frame, so that many pairs are scored at a time.
#[derive(Debug, Clone)]
pub(super) struct Transposed {
    frames: usize,
    numbers: Vec<f32>,
}

impl Transposed {
    /// Turns `frames` round.
    pub(super) fn new(frames: &[Embedding]) -> Self {
        let numbers = (0..DIMENSIONS).flat_map(|d| frames.iter().map(move |frame| frame[d])).collect();
        Self { frames: frames.len(), numbers }
    }
}

/// Rows of the table, each with two cells of zeros before its first; once grown, they are not allocated again.
#[derive(Debug, Default)]
pub(super) struct Rows {
    scores: [Vec<f32>; 2],
    sums: [Vec<f32>; 3],
}

/// The score of the best local alignment, and the pair of frames (query, reference) with which it ends. `weight` is the time
/// that a frame of the query stands for, in frames: scores are sums over time.
pub(super) fn best(query: &[Embedding], reference: &Transposed, weight: f32, rows: &mut Rows) -> (f32, (usize, usize)) {
    let cells = reference.frames + 2;
    for row in rows.scores.iter_mut().chain(&mut rows.sums) {
        row.clear();
        row.resize(cells, 0.0);
    }
    let (mut most, mut end) = (0.0, (0, 0));
    for (i, frame) in query.iter().enumerate() {
        rows.scores.swap(0, 1);
        rows.sums.rotate_right(1);
        let ([now, before], [sum, one, two]) = (&mut rows.scores, &mut rows.sums);
        score_row(frame, reference, &mut now[2..]);
        let highest = sum_row(now, before, one, two, sum);
        if highest > most {
            most = highest;
            end = (i, sum[2..].iter().position(|&s| s == highest).unwrap_or(0));
        }
    }
    (most * weight, end)
}

/// The best local alignment: [`best`], then the same from its end backwards, which ends at its beginning.
pub(super) fn align(query: &[Embedding], reference: &[Embedding], weight: f32, rows: &mut Rows) -> Stretch {
    let (score, end) = best(query, &Transposed::new(reference), weight, rows);
    let backwards = |frames: &[Embedding], end: usize| frames.iter().take(end + 1).rev().copied().collect::<Vec<_>>();
    let (back_query, back_reference) = (backwards(query, end.0), backwards(reference, end.1));
    let (_, start) = best(&back_query, &Transposed::new(&back_reference), weight, rows);
    let range = |start: usize, end: usize| (end.saturating_sub(start), end + 1);
    Stretch { score, query: range(start.0, end.0), reference: range(start.1, end.1) }
}

wide! {
    /// Scores one query frame against all reference frames.
    fn score_row(frame: &Embedding, reference: &Transposed, out: &mut [f32]) {
        out.fill(-NEUTRAL);
        for (x, numbers) in frame.iter().zip(reference.numbers.chunks_exact(reference.frames.max(1))) {
            for (out, y) in out.iter_mut().zip(numbers) {
                *out = x.mul_add(*y, *out);
            }
        }
    }
}

wide! {
    /// A row of the table from the two before it; gives its highest cell. Two cells stand before the first frame in each row.
    fn sum_row(now: &[f32], before: &[f32], one: &[f32], two: &[f32], sum: &mut [f32]) -> f32 {
        let n = now.len() - 2;
        let (now, before) = (&now[2..][..n], &before[2..][..n]);
        let (straight, skipped, slow) = (&one[1..][..n], &one[..n], &two[1..][..n]);
        let sum = &mut sum[2..][..n];
        for j in 0..n {
            let warped = skipped[j].max(slow[j] + before[j]) - WARP;
            sum[j] = (now[j] + straight[j].max(warped).max(0.0)).max(0.0);
        }
        let mut highest = 0.0f32;
        for &s in sum.iter() {
            highest = highest.max(s);
        }
        highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that are alike where their letters are.
    fn frames(letters: &str) -> Vec<Embedding> {
        let unit = |letter: u8| std::array::from_fn(|d| if d == usize::from(letter - b'a') { 1.0 } else { 0.0 });
        letters.bytes().map(unit).collect()
    }

    fn aligned(query: &str, reference: &str) -> Stretch {
        align(&frames(query), &frames(reference), 1.0, &mut Rows::default())
    }

    #[test]
    fn what_both_say_is_found_where_it_is_said() {
        let found = aligned("aaabcdefghh", "kkkbcdefgmmmm");
        assert_eq!((found.query, found.reference), ((3, 9), (3, 9)));
        assert!((found.score - 6.0 * (1.0 - NEUTRAL)).abs() < 1e-5);
    }

    #[test]
    fn one_side_may_say_it_slower() {
        let found = aligned("abcdefgh", "ppabbcddeffghpp");
        assert_eq!((found.query, found.reference), ((0, 8), (2, 13)));
    }

    #[test]
    fn nothing_in_common_is_no_alignment() {
        assert_eq!(aligned("abcabc", "defdef").score, 0.0);
        assert_eq!(align(&[], &frames("abc"), 1.0, &mut Rows::default()).score, 0.0);
        assert_eq!(align(&frames("abc"), &[], 1.0, &mut Rows::default()).score, 0.0);
    }
}
