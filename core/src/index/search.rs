//! Candidates: which rendering may play in the query, at what offset and speed.
//!
//! Stored codes that agree with a query code in most bits are **hits**. They are found by keys and lines ([`Search`](super::Search)), in an
//! index of a few minutes by comparing every query code with every stored one ([`find_hits`]). Hits of one true
//! match lie on a line in the plane of query time against script time, so each hit votes for its (rendering, speed,
//! offset), and the cells with most votes become candidates for exact alignment. This is the Hough transform (Duda & Hart,
//! "Use of the Hough transformation to detect lines and curves in pictures", CACM 15(1), 1972) over one free parameter,
//! the offset; the slope comes from the assumed speed.

use super::{Index, hamming};
use crate::fingerprint::{CODE_HOP, QueryFrame, SPEEDS};

/// Bits in which a hit may differ (of 128). Unrelated codes differ in 64 ± 6.
pub(super) const HIT_DISTANCE: u8 = 40;
/// Half the width of an offset cell, frames (10 ms).
const CELL: i32 = 4;
/// Cells kept per rendering.
const PER_RENDERING: usize = 2;

/// A stored code that nearly equals a query code. In order of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Number of the rendering.
    pub rendering: u32,
    /// Index of the query's assumed speed.
    pub speed: u8,
    /// Query frame minus script frame, both on the script's time axis, in frames of 10 ms.
    pub offset: i32,
    /// The query frame.
    pub frame: u32,
    /// 1 for a hit at the limit, more for a closer one.
    pub weight: u8,
}

impl Hit {
    /// All fields in one number, in the order of hits: compared at once, which makes sorting twice as fast.
    fn key(&self) -> u128 {
        let offset = self.offset.cast_unsigned() ^ 1 << 31;
        let place = u64::from(self.rendering) << 8 | u64::from(self.speed);
        let rest = u64::from(self.frame) << 8 | u64::from(self.weight);
        u128::from(place) << 72 | u128::from(offset) << 40 | u128::from(rest)
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A line in the plane of query time against script time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Number of the rendering.
    pub rendering: usize,
    /// Index of the query's assumed speed.
    pub speed: usize,
    /// Query frame minus script frame.
    pub offset: i32,
    /// A query frame in the middle of the hits.
    pub frame: u32,
    /// Weight of the hits in its cell.
    pub votes: u32,
}

impl Candidate {
    /// Whether two candidates are the same line but for a drift between them.
    pub(crate) fn same_line(&self, other: &Self) -> bool {
        self.rendering == other.rendering && self.speed == other.speed && (self.offset - other.offset).abs() <= 2 * CELL
    }

    /// Whether two candidates put the same place of the script at the same time, at whatever speed.
    fn same_place(&self, other: &Self) -> bool {
        let frame = f64::from(self.frame) * SPEEDS[other.speed] / SPEEDS[self.speed];
        let (mine, theirs) = (f64::from(self.frame) - f64::from(self.offset), frame - f64::from(other.offset));
        self.rendering == other.rendering && (mine - theirs).abs() <= 20.0
    }
}

/// Appends all hits of a query code to `hits`, by comparing it with every stored code.
pub fn find_hits(index: &Index, query: &QueryFrame, hits: &mut Vec<Hit>) {
    if !query.active {
        return;
    }
    hamming::within(index.codes(), query.soft.code(), HIT_DISTANCE, |at, distance| {
        if index.levels().get(at).is_none_or(|&level| level == 0) {
            return;
        }
        let rendering = index.rendering_of(at);
        let script_frame = ((at - index.code_range(rendering).start.min(at)) * CODE_HOP) as i32;
        hits.push(Hit {
            rendering: rendering as u32,
            speed: query.speed as u8,
            offset: query.frame as i32 - script_frame,
            frame: query.frame,
            weight: HIT_DISTANCE + 1 - distance,
        });
    });
}

/// The `count` lines with most votes, best first. `hits` is sorted in place, and what it holds twice is dropped.
pub fn find_candidates(hits: &mut Vec<Hit>, count: usize) -> Vec<Candidate> {
    hits.sort_unstable();
    hits.dedup();
    let mut votes = Votes::default();
    votes.count(hits, count);
    votes.candidates
}

/// Memory for counting votes; once it has grown, counting allocates no more.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    /// The candidates found last.
    pub(crate) candidates: Vec<Candidate>,
    cells: Vec<Candidate>,
}

impl Votes {
    /// Finds the `count` lines with most votes, best first. `hits` are in order.
    pub(crate) fn count(&mut self, hits: &[Hit], count: usize) {
        let Self { candidates, cells: all } = self;
        candidates.clear();
        // Votes that a cell must have to come among the first `count`, as far as is known.
        let mut least = 0;
        for group in hits.chunk_by(|a, b| a.rendering == b.rendering) {
            all.clear();
            for hits in group.chunk_by(|a, b| a.speed == b.speed) {
                cells(hits, least, all);
            }
            all.sort_unstable_by_key(|c| (std::cmp::Reverse(c.votes), c.speed, c.offset));
            let first = candidates.len();
            for cell in all.iter() {
                let kept = &candidates[first..];
                if kept.len() < PER_RENDERING && !kept.iter().any(|k| k.same_place(cell)) {
                    candidates.push(*cell);
                }
            }
            // Enough for the answer, with room for renderings to come: the rest can't be among the first `count`.
            if candidates.len() >= 2 * count + ROOM {
                best(candidates, count);
                least = candidates.last().map_or(0, |last| last.votes);
            }
        }
        best(candidates, count);
    }

    /// Allocates what a search by keys needs.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.candidates.reserve(2 * count + ROOM + PER_RENDERING);
        self.cells.reserve(1 << 14);
    }
}

/// Candidates that are collected beyond twice the number wanted before the worst are dropped.
const ROOM: usize = 32;

/// Keeps the `count` candidates with most votes, best first.
fn best(candidates: &mut Vec<Candidate>, count: usize) {
    candidates.sort_unstable_by_key(|c| (std::cmp::Reverse(c.votes), c.rendering, c.speed, c.offset));
    candidates.truncate(count);
}

/// Votes of each offset of one rendering and speed, hits within [`CELL`] counted; local maxima of at least `least` only, appended
/// to `out`.
fn cells(group: &[Hit], least: u32, out: &mut Vec<Candidate>) {
    let begin = out.len();
    let (mut low, mut high, mut votes) = (0, 0, 0u32);
    for (i, hit) in group.iter().enumerate() {
        if i > 0 && group[i - 1].offset == hit.offset {
            continue;
        }
        while high < group.len() && group[high].offset <= hit.offset + CELL {
            votes += u32::from(group[high].weight);
            high += 1;
        }
        while group[low].offset < hit.offset - CELL {
            votes -= u32::from(group[low].weight);
            low += 1;
        }
        if votes < least {
            continue;
        }
        let middle = &group[(low + high) / 2];
        let cell = Candidate {
            rendering: hit.rendering as usize,
            speed: usize::from(hit.speed),
            offset: hit.offset,
            frame: middle.frame,
            votes,
        };
        match out[begin..].last_mut() {
            Some(last) if cell.offset - last.offset <= 2 * CELL => {
                if cell.votes > last.votes {
                    *last = cell;
                }
            }
            _ => out.push(cell),
        }
    }
}
