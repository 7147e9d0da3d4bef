//! Search that does not look at everything: codes found by their keys, and lines followed through the stream.
//!
//! A query code is looked up in the lists of its likeliest keys (`keys`). A stored code found there that agrees with it
//! may begin a **line**: if the rendering plays, the codes before it in the index agree with the query codes before it in
//! the stream, four frames apart. So one code found is enough, in whatever place of the query; what a key misses, the
//! line brings. A code found by chance is told from a true one by the mean distance of the codes on its line, and if
//! little was heard before it, again half a second later. Along a line that holds, every query code is compared with the
//! stored code it should be, back to the beginning of what is remembered and from then on; so the votes of a candidate are
//! those that comparison with everything would have given it.
//!
//! Steps for each query code: advance the lines; have it looked up ([`super::lookup`]), with some others at a time; judge the lines of what was
//! found.
//!
//! Everything is decided by the stream and the index alone, not by time or threads: the same input gives the same result.

use super::{
    Hit, Index, StoredCode,
    keys::Keying,
    lookup::{self, LookUp, Scratch, warm_thread, with_scratch},
    postings::Postings,
    prefetch::prefetch,
    search::HIT_DISTANCE,
};
use crate::{
    fingerprint::{CODE_HOP, Code, QueryFrame, SPEEDS},
    simd::wide,
};

/// Frames of a lane that are remembered (5.1 s).
const REMEMBERED: u32 = 512;
/// Codes between the one found and the first that is compared: nearer ones resemble it anyway.
const NEAR_CODES: u32 = 3;
/// Codes on a line up to the last that is compared.
const FAR_CODES: u32 = 18;
/// Codes on a line after which one that fits much worse than allowed is given up, and by how many bits worse: most are, and the rest of
/// them need not be fetched.
const HALF_WAY: u32 = 10;
const LENIENCE: u32 = 4;
/// Codes that must be there to judge a line.
const JUDGED_CODES: u32 = 6;
/// Frames after which a line of which too little was heard is judged again.
const AGAIN_AFTER: u32 = 50;
/// Frames without a hit after which a line ends.
const LOST_AFTER: u32 = 200;
/// Lines followed at one speed.
const LINES: usize = 128;
/// Hits after which a line explains what is heard, and for how many query codes each further hit does (0.2 s at all speeds).
const EXPLAINING_HITS: u32 = 8;
const EXPLAINED_CODES: u32 = 20 * SPEEDS.len() as u32;
/// Codes found at one speed that wait to be judged again: what comes beyond is passed over, which keeps memory bounded. (Speech against
/// 10^5 renderings has some hundred.)
const OPEN: usize = 1024;

/// Codes up to which an index is small: 900 renderings of 12 s.
const SMALL: usize = 1 << 18;
/// Keys looked up for a code in a small index.
const FEW_KEYS: f32 = 40.0;
/// The same in a larger one: so many, and less for each bit of its keys, since with the size grow the lists and
/// the way to them. 48 in 10^4 renderings.
const MOST_KEYS: f32 = 116.0;
const LESS_KEYS: f32 = 4.0;
/// The same where codes are filed under cells: so many, and less for each doubling of the codes. 80 in 10^5 renderings, 30 in 10^6; and at least so many.
const MOST_PAIRS: f32 = 444.0;
const LESS_PAIRS: f32 = 14.9;
const LEAST_PAIRS: f32 = 12.0;
/// The same in any index while a line explains what is heard: other renderings of the same sound are as easy to find.
const KEYS_EXPLAINED: f32 = 1.0;
/// Agreement from which a code found by its key may begin a line. Of the codes that differ in 30 % of their bits 84 % agree by .42,
/// of unrelated ones 3 in 10,000; with 43 differing bits as the limit it was 71 %, and 5.
const AGREEMENT: f32 = 0.42;

/// How hard a search looks.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Of so many query codes at one speed one is looked up, in turn at the speeds: stored codes are four query codes apart,
    /// and neighbouring speeds find the same lines.
    every: usize,
    /// The same at the outermost speeds, which hardly anything plays at.
    every_outermost: usize,
    /// Keys looked up for a query code on average.
    keys: f32,
    /// Mean distance on a line that holds, at most. Unrelated sound has 64 ± 2.5, 30 % errors give 38, or 45 where the time is
    /// out by the most it can be.
    line_distance: u32,
}

impl Effort {
    fn of(tables: &Postings<'_>) -> Self {
        if tables.codes <= SMALL {
            // A look costs little beside all else, even at every code. Of 3,000 development snippets as many are right and as many
            // wrong at any score as by comparing with all codes, and with three times as many keys.
            Self { every: 1, every_outermost: 2, keys: FEW_KEYS, line_distance: 55 }
        } else {
            let keys = match tables.keying {
                Keying::Bits => MOST_KEYS - LESS_KEYS * tables.key_bits as f32,
                Keying::Cells => (MOST_PAIRS - LESS_PAIRS * doublings(tables.codes)).max(LEAST_PAIRS),
            };
            Self { every: 2, every_outermost: 4, keys, line_distance: 53 }
        }
    }

    /// Of how many query codes at a speed one is looked up.
    fn every(&self, speed: usize) -> usize {
        if speed == 0 || speed + 1 == SPEEDS.len() { self.every_outermost } else { self.every }
    }
}

/// Logarithm to base 2 of a number of codes, straight between whole ones: the same on every machine.
fn doublings(codes: usize) -> f32 {
    let whole = codes.max(1).ilog2();
    whole as f32 + (codes.max(1) as f32 / (1u64 << whole) as f32 - 1.0)
}

/// Four times a code's position minus the query frame: the same all along a line.
fn diagonal(position: u32, frame: u32) -> i64 {
    i64::from(position) * CODE_HOP as i64 - i64::from(frame)
}

/// A line that holds.
#[derive(Debug, Clone)]
struct Line {
    diagonal: i64,
    rendering: u32,
    codes: std::ops::Range<u32>,
    last_hit: u32,
    hits: u32,
}

/// A query code as remembered.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    code: Code,
    active: bool,
}

/// What is remembered at one assumed speed.
#[derive(Debug, Clone, Default)]
struct Lane {
    /// Frame f is at f % REMEMBERED.
    heard: Vec<Heard>,
    /// First frame remembered, and the one after the last.
    first: u32,
    end: u32,
    lines: Vec<Line>,
    /// Codes found (position, frame) whose lines will be judged again; ascending by frame.
    open: std::collections::VecDeque<(u32, u32)>,
}

impl Lane {
    fn get(&self, frame: u32) -> Option<&Heard> {
        let there = (self.first..self.end).contains(&frame);
        self.heard.get((frame % REMEMBERED) as usize).filter(|heard| there && heard.active)
    }

    fn push(&mut self, query: &QueryFrame) {
        if query.frame != self.end || self.heard.is_empty() {
            self.clear();
            self.heard.resize(REMEMBERED as usize, Heard::default());
            (self.first, self.end) = (query.frame, query.frame);
        }
        self.heard[(query.frame % REMEMBERED) as usize] = Heard { code: query.soft.code(), active: query.active };
        self.end += 1;
        self.first = self.first.max(self.end.saturating_sub(REMEMBERED));
    }

    /// Forgets the stream; the memory stays.
    fn clear(&mut self) {
        (self.first, self.end) = (0, 0);
        self.lines.clear();
        self.open.clear();
    }

    /// Whether this very line is followed. One 10 ms away may be a false one that begins where the true one does (a synthesiser of
    /// formants changes slowly): taking it for the same lost .005 of the matches of 1.5 s.
    fn knows(&self, diagonal: i64) -> bool {
        self.lines.iter().any(|line| line.diagonal == diagonal)
    }
}

/// What lies so far before (or, `ahead`, after) a position or frame.
#[inline(always)]
fn along(from: u32, by: u32, ahead: bool) -> Option<u32> {
    if ahead { from.checked_add(by) } else { from.checked_sub(by) }
}

/// Asks the memory for the codes that [`holds`] looks at up to half way.
fn prefetch_line(codes: &[StoredCode], position: u32, ahead: bool) {
    for at in [NEAR_CODES, NEAR_CODES + 4, HALF_WAY].into_iter().filter_map(|by| along(position, by, ahead)) {
        prefetch(codes, at as usize);
    }
}

wide! {
    /// Whether the codes before (or, `ahead`, after) the one found agree with what was heard; `None` where there are too few to
    /// say.
    fn holds(lane: &Lane, codes: &[StoredCode], position: u32, frame: u32, ahead: bool, distance: u32) -> Option<bool> {
        let (mut count, mut sum) = (0, 0);
        for k in NEAR_CODES..=FAR_CODES {
            let (position, frame) = (along(position, k, ahead), along(frame, k * CODE_HOP as u32, ahead));
            let (Some(position), Some(frame)) = (position, frame) else { break };
            if let (Some(code), Some(heard)) = (codes.get(position as usize), lane.get(frame)) {
                count += 1;
                sum += code.get().distance(heard.code);
            }
            if k == HALF_WAY && sum > count * (distance + LENIENCE) {
                return Some(false);
            }
        }
        (count >= JUDGED_CODES).then(|| sum <= count * distance)
    }
}

/// What the search of one stream remembers, and its scratch memory. The hits that it finds in an index without tables are
/// those of [`find_hits`](super::find_hits).
#[derive(Debug, Default)]
pub struct Search {
    lanes: [Lane; SPEEDS.len()],
    /// Query codes still to come that a line explains.
    explained: u32,
    look_up: LookUp,
}

impl Search {
    /// A search at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the stream; the memory stays.
    pub fn reset(&mut self) {
        self.lanes.iter_mut().for_each(Lane::clear);
        self.explained = 0;
        self.look_up.reset();
    }

    /// Allocates what a search of `index` needs, so that it need not.
    pub(crate) fn reserve(&mut self, index: &Index) {
        if index.postings().is_none() {
            return;
        }
        for lane in &mut self.lanes {
            lane.heard.resize(REMEMBERED as usize, Heard::default());
            lane.lines.reserve(LINES + 1);
            lane.open.reserve(OPEN);
        }
        warm_thread();
    }

    /// Appends to `hits` those that come with the next query code of its speed, also such of earlier query codes as are
    /// only now known to matter. The same hit may come twice.
    pub fn find_hits(&mut self, index: &Index, query: &QueryFrame, hits: &mut Vec<Hit>) {
        let Some(tables) = index.postings() else {
            super::find_hits(index, query, hits);
            return;
        };
        let effort = Effort::of(&tables);
        let Some(lane) = self.lanes.get_mut(query.speed) else { return };
        lane.push(query);
        lane.lines.retain(|line| query.frame - line.last_hit <= LOST_AFTER);
        self.explained = self.explained.saturating_sub(1);
        for line in &mut lane.lines {
            line.visit(index, query.speed, query.frame, query.soft.code(), query.active, hits);
            if line.last_hit == query.frame && line.hits >= EXPLAINING_HITS {
                self.explained = EXPLAINED_CODES;
            }
        }
        let due = |&(_, frame): &(u32, u32)| frame + AGAIN_AFTER <= query.frame;
        for &(position, _) in lane.open.iter().take_while(|open| due(open)) {
            prefetch_line(index.codes(), position, true);
        }
        while let Some((position, frame)) = lane.open.pop_front_if(|open| due(open)) {
            if !lane.knows(diagonal(position, frame))
                && holds(lane, index.codes(), position, frame, true, effort.line_distance) == Some(true)
            {
                follow(lane, index, query.speed, position, frame, hits);
            }
        }
        if !query.active || !(query.frame as usize + query.speed).is_multiple_of(effort.every(query.speed)) {
            return;
        }
        if self.look_up.wait(query) {
            let keys = if self.explained > 0 { KEYS_EXPLAINED } else { effort.keys };
            let look = lookup::Effort { keys, agreement: AGREEMENT };
            with_scratch(|scratch| {
                self.look_up.look(index.codes(), &tables, look, scratch);
                self.judge(index, scratch, effort.line_distance, hits);
            });
        }
    }

    /// Judges the lines of what was found.
    fn judge(&mut self, index: &Index, scratch: &Scratch, distance: u32, hits: &mut Vec<Hit>) {
        for (_, _, position) in scratch.found() {
            prefetch_line(index.codes(), position, false);
        }
        for (speed, frame, position) in scratch.found() {
            let Some(lane) = self.lanes.get_mut(speed) else { continue };
            if lane.knows(diagonal(position, frame)) {
                continue;
            }
            if holds(lane, index.codes(), position, frame, false, distance) == Some(true) {
                follow(lane, index, speed, position, frame, hits);
            } else if lane.open.len() < OPEN {
                lane.open.push_back((position, frame));
            }
        }
    }
}

impl Line {
    /// Compares the query code of a frame with the stored code that it should be.
    fn visit(&mut self, index: &Index, speed: usize, frame: u32, code: Code, active: bool, hits: &mut Vec<Hit>) {
        let at = (i64::from(frame) + self.diagonal + CODE_HOP as i64 / 2).div_euclid(CODE_HOP as i64);
        let Some(at) = u32::try_from(at).ok().filter(|at| active && self.codes.contains(at)) else { return };
        let (Some(stored), Some(1..)) = (index.codes().get(at as usize), index.levels().get(at as usize)) else {
            return;
        };
        let distance = stored.get().distance(code) as u8;
        if distance <= HIT_DISTANCE {
            self.last_hit = self.last_hit.max(frame);
            self.hits += 1;
            hits.push(Hit {
                rendering: self.rendering,
                speed: speed as u8,
                offset: frame as i32 - (at - self.codes.start) as i32 * CODE_HOP as i32,
                frame,
                weight: HIT_DISTANCE + 1 - distance,
            });
        }
    }
}

/// Begins to follow a line, with all that is remembered.
fn follow(lane: &mut Lane, index: &Index, speed: usize, position: u32, frame: u32, hits: &mut Vec<Hit>) {
    let rendering = index.rendering_of(position as usize);
    let range = index.code_range(rendering);
    let Ok(rendering) = u32::try_from(rendering) else { return };
    let codes = range.start as u32..range.end as u32;
    let mut line = Line { diagonal: diagonal(position, frame), rendering, codes, last_hit: frame, hits: 0 };
    for frame in lane.first..lane.end {
        if let Some(&heard) = lane.get(frame) {
            line.visit(index, speed, frame, heard.code, true, hits);
        }
    }
    if lane.lines.len() >= LINES
        && let Some(oldest) = (0..lane.lines.len()).min_by_key(|&i| lane.lines[i].last_hit)
    {
        lane.lines.remove(oldest);
    }
    lane.lines.push(line);
}
