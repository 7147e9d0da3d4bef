//! Exact alignment of a candidate: following a rendering's codes through the query.
//!
//! For each stored code (40 ms) the query has four codes (10 ms each); the path chooses one, near the candidate's line,
//! moving at most 10 ms a step off it. That follows the rest of the speed that the grid of speeds leaves (±2.5 %), a
//! jitter buffer's slips, and lost packets, at a small price per move. The best path maximises the sum of agreements
//! minus the price: dynamic programming after Viterbi (1967), as in dynamic time warping with a slope constraint
//! (Sakoe & Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26(1), 1978).

use super::{Candidate, Index, score::best_part};
use crate::fingerprint::{CODE_HOP, HeardCode, SPEEDS, stream_time};
use crate::simd::wide;

/// Longest stretch of query that an alignment looks at, s.
pub const MAX_QUERY_SECONDS: f64 = 8.0;

/// Codes that an alignment can have: at the fastest speed, with the path moving each step.
pub(crate) const MAX_STEPS: usize = 320;

/// How far the path may lie off the middle of its band, frames; the band follows the path.
const REACH: usize = 8;
/// States of the path at each code.
const STATES: usize = 2 * REACH + 1;
/// Distance from the middle at which the band moves after the path, frames.
const SLACK: i32 = 3;
/// Price of moving 10 ms off the line, in units of agreement.
const MOVE_PRICE: f32 = 0.08;
/// Agreement of a code that has no query code to agree with.
const OUTSIDE: f32 = -0.5;

/// Codes of the script with sound, one after another, that the query is silent in where it has stopped (0.3 s beside the patch).
const SILENCE: usize = 8;
/// Codes of silence that an alignment keeps at either end then (0.2 s): as much as patches reach over the ends of sound.
const SILENT_ENDS: usize = 5;

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
#[derive(Debug, Clone, PartialEq, Default)]
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
    pub(crate) frames: &'a [HeardCode],
}

impl Lane<'_> {
    /// Where a frame lies, if that is not before the first.
    fn at(&self, frame: i32) -> Option<usize> {
        let first = self.frames.first()?.frame as i32;
        usize::try_from(frame - first).ok()
    }

    fn get(&self, frame: i32) -> Option<&HeardCode> {
        self.at(frame).and_then(|at| self.frames.get(at))
    }
}

/// Lays a candidate's rendering over the query codes of its speed. `None` where they do not overlap.
///
/// The path starts where the candidate's hits lie and is followed to both sides, so that its drift is limited only in
/// rate, not in sum: a tempo change of 10 % at unchanged pitch stays on the path.
///
/// The alignment lies in `paths` afterwards.
pub(crate) fn align(index: &Index, candidate: &Candidate, lane: Lane<'_>, paths: &mut Paths) -> Option<()> {
    let Paths { rows, before, after, alignment } = paths;
    let range = index.code_range(candidate.rendering);
    let codes = index.codes().get(range.clone())?;
    let levels = index.levels().get(range)?;
    let last = i32::try_from(codes.len()).ok()? - 1;
    let hop = CODE_HOP as i32;
    let anchor = ((candidate.frame as i32 - candidate.offset) / hop).clamp(0, last.max(0));
    // The line, a middle of many hits, can pass just before the first frame, where the hit lies: then the next code is heard.
    let heard = |anchor: &i32| lane.get(candidate.offset + hop * anchor).is_some();
    let anchor = [anchor, anchor + 1].into_iter().find(heard)?;
    let start = candidate.offset + hop * anchor;
    follow(codes, lane, anchor, start, -1, rows, before);
    follow(codes, lane, anchor, start, 1, rows, after);
    // Both begin with the anchor's code.
    let points = before.iter().skip(1).rev().chain(after.iter());
    let steps = points.filter_map(|&(j, frame, agreement)| {
        let query = lane.get(frame)?;
        let (code, level) = (codes.get(j as usize)?.get(), *levels.get(j as usize)?);
        Some(Step {
            code: j as u32,
            frame: query.frame,
            agreement,
            distance: query.code.distance(code) as u8,
            level: query.level - i16::from(level) * super::builder::LEVEL_STEP,
            active: query.active && level > 0,
            script_active: level > 0,
            query_active: query.active,
        })
    });
    alignment.steps.clear();
    alignment.steps.extend(steps);
    narrow(&mut alignment.steps);
    alignment.query_active = lane.frames.iter().filter(|f| f.active).count();
    (alignment.rendering, alignment.speed) = (candidate.rendering, candidate.speed);
    Some(())
}

/// Narrows an alignment to what lies around the part that fits best: where the query falls silent and the script speaks on, the robot
/// stopped to listen, and what is said after that is somebody else's. Silence itself is no other speech either.
fn narrow(steps: &mut Vec<Step>) {
    let Some(part) = best_part(steps) else { return };
    let first = part.start - reach(steps[..part.start].iter().rev());
    let end = part.end + reach(steps[part.end..].iter());
    steps.truncate(end);
    steps.drain(..first);
}

/// How many of these steps, outwards from the part that fits, are kept: all before the query falls silent, and [`SILENT_ENDS`] of silence.
fn reach<'a>(steps: impl ExactSizeIterator<Item = &'a Step>) -> usize {
    let all = steps.len();
    let (mut silent_from, mut missing) = (0, 0);
    for (i, step) in steps.enumerate() {
        if step.query_active {
            (silent_from, missing) = (i + 1, 0);
        } else if step.script_active {
            missing += 1;
        }
        if missing == SILENCE {
            return (silent_from + SILENT_ENDS).min(all);
        }
    }
    all
}

/// Memory for following paths, and the alignment found last; once it has grown, aligning allocates no more.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    rows: Vec<Row>,
    /// Points before the anchor and after it, outwards: number of the stored code, query frame, agreement.
    before: Vec<(i32, i32, f32)>,
    after: Vec<(i32, i32, f32)>,
    pub(crate) alignment: Alignment,
}

impl Paths {
    /// Allocates what the longest alignments need.
    pub(crate) fn reserve(&mut self) {
        self.rows.reserve(MAX_STEPS);
        self.before.reserve(MAX_STEPS);
        self.after.reserve(MAX_STEPS);
        self.alignment.reserve();
    }
}

/// One code's choices on the path.
#[derive(Debug)]
struct Row {
    /// Query frame of the middle state.
    middle: i32,
    /// How far the band moved against the row before.
    shift: i32,
    /// Agreement in each state.
    local: [f32; STATES],
    /// Move that led to each state.
    from: [i8; STATES],
}

wide! {
    /// The best path from stored code `anchor` at query frame `start` to one side (`direction` 1 or -1): for each stored code
    /// its number, its query frame, and their agreement, to `points`.
    fn follow(
        codes: &[super::StoredCode],
        lane: Lane<'_>,
        anchor: i32,
        start: i32,
        direction: i32,
        rows: &mut Vec<Row>,
        points: &mut Vec<(i32, i32, f32)>,
    ) {
        rows.clear();
        points.clear();
        let mut total: [f32; STATES] = std::array::from_fn(|s| -MOVE_PRICE * s.abs_diff(REACH) as f32);
        let (mut j, mut middle, mut shift) = (anchor, start, 0);
        while let Some(stored) = usize::try_from(j).ok().and_then(|j| codes.get(j)) {
            if lane.get(middle).is_none() {
                break;
            }
            let stored = stored.get();
            let mut row = Row { middle, shift, local: [OUTSIDE; STATES], from: [0; STATES] };
            let first = lane.at(middle - REACH as i32);
            match first.and_then(|first| lane.frames.get(first..first + STATES)) {
                Some(band) => {
                    for (local, query) in row.local.iter_mut().zip(band) {
                        *local = query.agreement(stored);
                    }
                }
                None => {
                    for (state, local) in row.local.iter_mut().enumerate() {
                        if let Some(query) = lane.get(middle + state as i32 - REACH as i32) {
                            *local = query.agreement(stored);
                        }
                    }
                }
            }
            // State s comes from s + step + shift in the row before; beyond the band's ends there is nothing.
            let mut padded = [f32::NEG_INFINITY; STATES + 4];
            padded[2..2 + STATES].copy_from_slice(&total);
            let from = &padded[(1 + shift) as usize..][..STATES + 2];
            let mut next = [0.0; STATES];
            for state in 0..STATES {
                let (down, stay, up) = (from[state] - MOVE_PRICE, from[state + 1], from[state + 2] - MOVE_PRICE);
                let (best, step) = if down > stay { (down, -1) } else { (stay, 0) };
                let (best, step) = if up > best { (up, 1) } else { (best, step) };
                row.from[state] = step;
                next[state] = best + row.local[state];
            }
            total = next;
            rows.push(row);
            let off = best_state(&total) as i32 - REACH as i32;
            shift = if off.abs() > SLACK { off.signum() } else { 0 };
            middle += direction * CODE_HOP as i32 + shift;
            j += direction;
        }
        let mut state = best_state(&total);
        for (i, row) in rows.iter().enumerate().rev() {
            points.push((anchor + direction * i as i32, row.middle + state as i32 - REACH as i32, row.local[state]));
            state = before(state, row.from[state], row.shift).unwrap_or(state).min(STATES - 1);
        }
        points.reverse();
    }
}

/// The state in the row before, seen from `state` by the move `step` after the band moved by `shift`.
fn before(state: usize, step: i8, shift: i32) -> Option<usize> {
    usize::try_from(state as i32 + i32::from(step) + shift).ok()
}

/// The state of the highest total; the one nearest the middle among equals.
fn best_state(total: &[f32; STATES]) -> usize {
    // From the middle outwards, so that only a higher total replaces what was found.
    let mut best = REACH;
    for off in 1..=REACH {
        for state in [REACH - off, REACH + off] {
            if total[state] > total[best] {
                best = state;
            }
        }
    }
    best
}

/// Time in a rendering of the middle of the patch that begins at `frame` (10 ms), s.
pub(crate) fn script_time(frame: f64) -> f64 {
    stream_time(frame, SPEEDS.iter().position(|&s| s == 1.0).unwrap_or_default())
}

impl Alignment {
    /// Allocates what the longest alignments need.
    pub(crate) fn reserve(&mut self) {
        self.steps.reserve(MAX_STEPS);
    }

    /// Time in the stream of a step's query code (middle of the patch), s.
    pub fn query_time(&self, step: &Step) -> f64 {
        stream_time(f64::from(step.frame), self.speed)
    }

    /// Time in the rendering of a step's stored code (middle of the patch), s.
    pub fn script_time(&self, step: &Step) -> f64 {
        script_time(f64::from(step.code) * CODE_HOP as f64)
    }

    /// Playback speed over steps `range`, by the slope of script time against query time (least squares).
    pub fn playback_speed(&self, range: std::ops::Range<usize>) -> f64 {
        let steps = &self.steps[range];
        let points = || steps.iter().map(|s| (self.query_time(s), self.script_time(s)));
        let n = steps.len() as f64;
        let mean = points().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
        let (mut xy, mut xx) = (0.0, 0.0);
        for (x, y) in points() {
            xy += (x - mean.0) * (y - mean.1);
            xx += (x - mean.0).powi(2);
        }
        if xx > 0.0 && steps.len() >= 5 { xy / xx } else { SPEEDS[self.speed] }
    }
}
