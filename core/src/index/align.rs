//! Exact alignment of a candidate: following a rendering's codes through the query.
//!
//! For each stored code (40 ms) the query has four codes (10 ms each); the path chooses one, near the candidate's line,
//! moving at most 10 ms a step off it. That follows the rest of the speed that the grid of speeds leaves (±2.5 %), a
//! jitter buffer's slips, and lost packets, at a small price per move. The best path maximises the sum of agreements
//! minus the price: dynamic programming after Viterbi (1967), as in dynamic time warping with a slope constraint
//! (Sakoe & Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26(1), 1978).

use super::{Candidate, Index};
use crate::fingerprint::{CODE_HOP, QueryFrame, SPEEDS, stream_time};

/// Longest stretch of query that an alignment looks at, s.
pub const MAX_QUERY_SECONDS: f64 = 8.0;

/// How far the path may leave the candidate's line, frames.
const REACH: i32 = 12;
/// States of the path.
const STATES: usize = 2 * REACH as usize + 1;
/// Price of moving 10 ms off the line, in units of agreement.
const MOVE_PRICE: f32 = 0.08;

/// One stored code and the query code that the path gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Number of the code in its rendering.
    pub code: u32,
    /// The query frame, on the time axis of the alignment's speed.
    pub frame: u32,
    /// Agreement of the reliable bits, -1 to 1.
    pub agreement: f32,
    /// Differing bits of 128.
    pub distance: u8,
    /// Query level minus script level, 1/256 octave of power.
    pub level: i16,
    /// Whether both sides hold sound.
    pub active: bool,
    /// Whether the script holds sound here.
    pub script_active: bool,
    /// Whether the query holds sound here.
    pub query_active: bool,
}

/// A rendering laid over the query, code by code.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    /// Number of the rendering.
    pub rendering: usize,
    /// Index of the query's assumed speed.
    pub speed: usize,
    /// Codes of the rendering that fall into the query, in order.
    pub steps: Vec<Step>,
    /// Query codes with sound at this speed, in all.
    pub query_active: usize,
}

/// The query codes of one speed, in order, without gaps: `frames[i]` has frame number `first + i`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) frames: &'a [QueryFrame],
}

impl Lane<'_> {
    fn get(&self, frame: i32) -> Option<&QueryFrame> {
        let first = self.frames.first()?.frame as i32;
        usize::try_from(frame - first).ok().and_then(|i| self.frames.get(i))
    }
}

/// Lays a candidate's rendering over the query codes of its speed. `None` where they do not overlap.
pub(crate) fn align(index: &Index, candidate: &Candidate, lane: Lane<'_>) -> Option<Alignment> {
    let (first, last) = (lane.frames.first()?.frame as i32, lane.frames.last()?.frame as i32);
    let range = index.code_range(candidate.rendering);
    let hop = CODE_HOP as i32;
    let from = (first - candidate.offset).max(0).div_euclid(hop) + i32::from((first - candidate.offset).max(0) % hop != 0);
    let to = ((last - candidate.offset).div_euclid(hop) + 1).min(range.len() as i32);
    if from >= to {
        return None;
    }
    let codes = index.codes().get(range.clone())?;
    let levels = index.levels().get(range)?;
    let (agreements, offsets) = best_path(codes, candidate.offset, from..to, lane);
    let steps = (from..to).zip(agreements.iter().zip(&offsets)).filter_map(|(j, (&agreement, &off))| {
        let query = lane.get(candidate.offset + hop * j + off)?;
        let (code, level) = (codes[j as usize].get(), levels[j as usize]);
        Some(Step {
            code: j as u32,
            frame: query.frame,
            agreement,
            distance: query.soft.code.distance(code) as u8,
            level: query.level - i16::from(level) * super::builder::LEVEL_STEP,
            active: query.active && level > 0,
            script_active: level > 0,
            query_active: query.active,
        })
    });
    let steps: Vec<Step> = steps.collect();
    let query_active = lane.frames.iter().filter(|f| f.active).count();
    Some(Alignment { rendering: candidate.rendering, speed: candidate.speed, steps, query_active })
}

/// Agreement and offset from the line of each stored code on the best path.
fn best_path(
    codes: &[super::StoredCode],
    offset: i32,
    range: std::ops::Range<i32>,
    lane: Lane<'_>,
) -> (Vec<f32>, Vec<i32>) {
    let n = range.len();
    let mut local = vec![[0f32; STATES]; n];
    let mut from = vec![[0i8; STATES]; n];
    let mut total = [0f32; STATES];
    for (j, (local, from)) in range.zip(local.iter_mut().zip(&mut from)) {
        let stored = codes[j as usize].get();
        let mut next = [f32::NEG_INFINITY; STATES];
        for (state, next) in next.iter_mut().enumerate() {
            let frame = offset + CODE_HOP as i32 * j + state as i32 - REACH;
            // A state outside the query is allowed at the price of no agreement at all.
            local[state] = lane.get(frame).map_or(-0.5, |q| if q.active { q.soft.agreement(stored) } else { 0.0 });
            for (step, price) in [(0i8, 0.0), (-1, MOVE_PRICE), (1, MOVE_PRICE)] {
                let Some(&before) = state.checked_add_signed(isize::from(step)).and_then(|s| total.get(s)) else {
                    continue;
                };
                if before - price > *next {
                    *next = before - price;
                    from[state] = step;
                }
            }
            *next += local[state];
        }
        total = next;
    }
    // Ties go to the state nearest the line, so that the result does not depend on the order of states.
    let by_total = |&a: &usize, &b: &usize| total[a].total_cmp(&total[b]).then(distance(b).cmp(&distance(a)));
    let mut state = (0..STATES).max_by(by_total).unwrap_or(REACH as usize);
    let (mut agreements, mut offsets) = (vec![0.0; n], vec![0; n]);
    for j in (0..n).rev() {
        agreements[j] = local[j][state];
        offsets[j] = state as i32 - REACH;
        state = state.saturating_add_signed(isize::from(from[j][state])).min(STATES - 1);
    }
    (agreements, offsets)
}

fn distance(state: usize) -> u32 {
    (state as i32 - REACH).unsigned_abs()
}

impl Alignment {
    /// Time in the stream of a step's query code (middle of the patch), s.
    pub fn query_time(&self, step: &Step) -> f64 {
        stream_time(f64::from(step.frame), self.speed)
    }

    /// Time in the rendering of a step's stored code (middle of the patch), s.
    pub fn script_time(&self, step: &Step) -> f64 {
        stream_time(f64::from(step.code) * CODE_HOP as f64, SPEEDS.iter().position(|&s| s == 1.0).unwrap_or_default())
    }

    /// Playback speed over steps `range`, by the slope of script time against query time (least squares).
    pub fn playback_speed(&self, range: std::ops::Range<usize>) -> f64 {
        let points: Vec<(f64, f64)> =
            self.steps[range].iter().map(|s| (self.query_time(s), self.script_time(s))).collect();
        let n = points.len() as f64;
        let mean = points.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
        let (mut xy, mut xx) = (0.0, 0.0);
        for (x, y) in &points {
            xy += (x - mean.0) * (y - mean.1);
            xx += (x - mean.0).powi(2);
        }
        if xx > 0.0 && points.len() >= 5 { xy / xx } else { SPEEDS[self.speed] }
    }
}
