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

/// Where the best alignment ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct End {
    /// Sum of the pairs' scores over the query's frames.
    pub(super) score: f32,
    /// Its last frame in the query and in the reference.
    pub(super) query: usize,
    pub(super) reference: usize,
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

    /// The frames up to number `last`, the last one first.
    fn backwards_from(&self, last: usize) -> Self {
        let of_number = self.numbers.chunks_exact(self.frames.max(1));
        let numbers = of_number.flat_map(|of_frames| of_frames.iter().take(last + 1).rev()).copied().collect();
        Self { frames: self.frames.min(last + 1), numbers }
    }
}

/// Rows of the table, each with two cells of zeros before its first; once grown, they are not allocated again.
#[derive(Debug, Default)]
pub(super) struct Rows {
    scores: [Vec<f32>; 2],
    sums: [Vec<f32>; 3],
}

/// Where the best local alignment ends, and its score.
pub(super) fn best(query: &[Embedding], reference: &Transposed, rows: &mut Rows) -> End {
    let cells = reference.frames + 2;
    for row in rows.scores.iter_mut().chain(&mut rows.sums) {
        row.clear();
        row.resize(cells, 0.0);
    }
    let mut end = End::default();
    for (i, frame) in query.iter().enumerate() {
        rows.scores.swap(0, 1);
        rows.sums.rotate_right(1);
        let ([now, before], [sum, one, two]) = (&mut rows.scores, &mut rows.sums);
        score_row(frame, reference, &mut now[2..]);
        let highest = sum_row(now, before, one, two, sum);
        if highest > end.score {
            let reference = sum[2..].iter().position(|&s| s == highest).unwrap_or(0);
            end = End { score: highest, query: i, reference };
        }
    }
    end
}

/// First frames in query and reference of the best alignment that has this end: the best one of what lies before it, backwards.
pub(super) fn beginning(query: &[Embedding], reference: &Transposed, end: End, rows: &mut Rows) -> (usize, usize) {
    let query: Vec<Embedding> = query.iter().take(end.query + 1).rev().copied().collect();
    let start = best(&query, &reference.backwards_from(end.reference), rows);
    (end.query.saturating_sub(start.query), end.reference.saturating_sub(start.reference))
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

    /// Score, and first frame and one past the last in query and reference.
    fn align(query: &[Embedding], reference: &[Embedding]) -> (f32, (usize, usize), (usize, usize)) {
        let (reference, mut rows) = (Transposed::new(reference), Rows::default());
        let end = best(query, &reference, &mut rows);
        let begin = beginning(query, &reference, end, &mut rows);
        (end.score, (begin.0, end.query + 1), (begin.1, end.reference + 1))
    }

    fn aligned(query: &str, reference: &str) -> (f32, (usize, usize), (usize, usize)) {
        align(&frames(query), &frames(reference))
    }

    #[test]
    fn what_both_say_is_found_where_it_is_said() {
        let (score, query, reference) = aligned("aaabcdefghh", "kkkbcdefgmmmm");
        assert_eq!((query, reference), ((3, 9), (3, 9)));
        assert!((score - 6.0 * (1.0 - NEUTRAL)).abs() < 1e-5);
    }

    #[test]
    fn one_side_may_say_it_slower() {
        let (_, query, reference) = aligned("abcdefgh", "ppabbcddeffghpp");
        assert_eq!((query, reference), ((0, 8), (2, 13)));
    }

    #[test]
    fn nothing_in_common_is_no_alignment() {
        assert_eq!(aligned("abcabc", "defdef").0, 0.0);
        assert_eq!(align(&[], &frames("abc")).0, 0.0);
        assert_eq!(align(&frames("abc"), &[]).0, 0.0);
    }
}
