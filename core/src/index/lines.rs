//! Search that does not look at everything: codes found by their keys, and lines followed through the stream.
//!
//! A query code is looked up in the lists of its likeliest keys (`keys`). A stored code found there whose distance is low
//! may begin a **line**: if the rendering plays, the codes before it in the index agree with the query codes before it in
//! the stream, four frames apart. So one code found is enough, in whatever place of the query; what a key misses, the
//! line brings. A code found by chance is told from a true one by the mean distance of the codes on its line, and if
//! little was heard before it, again half a second later. Along a line that holds, every query code is compared with the
//! stored code it should be, back to the beginning of what is remembered and from then on; so the votes of a candidate are
//! those that comparison with everything would have given it.
//!
//! Steps for each query code: advance the lines; choose keys; directory entries, lists, codes and lines are fetched from
//! memory in four rounds, all of a round at once, for most of the time would go into waiting for them one by one.
//!
//! Everything is decided by the stream and the index alone, so the result is the same on every machine.

use super::{
    Hit, Index, StoredCode,
    keys::{Filter, Prober},
    postings::{List, Postings},
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
/// Codes that must be there to judge a line.
const JUDGED_CODES: u32 = 6;
/// Frames after which a line of which too little was heard is judged again.
const AGAIN_AFTER: u32 = 50;
/// Frames without a hit after which a line ends.
const LOST_AFTER: u32 = 200;
/// Lines followed at one speed.
const LINES: usize = 96;
/// Hits after which a line explains what is heard, and for how many query codes each further hit does (0.2 s at all speeds).
const EXPLAINING_HITS: u32 = 8;
const EXPLAINED_CODES: u32 = 20 * SPEEDS.len() as u32;
/// Codes found at one speed that wait to be judged again, and codes found with one query code: what comes beyond is passed
/// over, which keeps memory bounded. (Speech against 10^5 renderings has a few hundred and some tens.)
const OPEN: usize = 1024;
const FOUND: usize = 4096;
/// Lists longer than this are passed over: what so many codes share tells little.
const LONGEST_LIST: u32 = 4096;

/// How hard a search looks.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Of so many query codes at one speed one is looked up, in turn at the speeds: stored codes are four query codes apart,
    /// and neighbouring speeds find the same lines.
    every: usize,
    /// Keys looked up for a code, at most.
    probes: usize,
    /// The same while a line explains what is heard: other renderings of the same sound are as easy to find.
    probes_explained: usize,
    /// Bits in which a code found by its key may differ to begin a line.
    begin_distance: u32,
    /// Mean distance on a line that holds, at most. Unrelated sound has 64 ± 2.5, 30 % errors give 38, or 45 where the time is
    /// out by the most it can be.
    line_distance: u32,
}

/// In a small index, where a look costs little: of 1,600 development snippets of 1.5 and 2 s it loses two that comparing with all
/// codes finds.
const THOROUGH: Effort = Effort { every: 1, probes: 128, probes_explained: 128, begin_distance: 50, line_distance: 59 };
/// In a large one.
const QUICK: Effort = Effort { every: 2, probes: 40, probes_explained: 8, begin_distance: 43, line_distance: 53 };
/// Codes up to which an index is small: 900 renderings of 12 s.
const SMALL: usize = 1 << 18;

impl Effort {
    fn of(tables: &Postings<'_>) -> &'static Self {
        if tables.codes <= SMALL { &THOROUGH } else { &QUICK }
    }
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

    fn knows(&self, diagonal: i64) -> bool {
        self.lines.iter().any(|line| line.diagonal.abs_diff(diagonal) < CODE_HOP as u64)
    }
}

wide! {
    /// Whether the codes before (or, `ahead`, after) the one found agree with what was heard; `None` where there are too few to
    /// say.
    fn holds(lane: &Lane, codes: &[StoredCode], position: u32, frame: u32, ahead: bool, distance: u32) -> Option<bool> {
        let (mut count, mut sum) = (0, 0);
        for k in NEAR_CODES..=FAR_CODES {
            let step = |from: u32, by: u32| if ahead { from.checked_add(by) } else { from.checked_sub(by) };
            let (Some(position), Some(frame)) = (step(position, k), step(frame, k * CODE_HOP as u32)) else { break };
            if let (Some(code), Some(heard)) = (codes.get(position as usize), lane.get(frame)) {
                count += 1;
                sum += code.get().distance(heard.code);
            }
        }
        (count >= JUDGED_CODES).then(|| sum <= count * distance)
    }
}

wide! {
    /// Appends the positions whose signatures pass the filter, and asks the memory for their codes.
    fn filtered(list: List<'_>, filter: Filter, codes: &[StoredCode], found: &mut Vec<u32>) {
        let (blocks, rest) = list.signatures.as_chunks::<16>();
        let mut take = |at: usize| {
            if let Some(position) = list.positions.get(at).filter(|_| found.len() < FOUND) {
                prefetch(codes, position.get() as usize);
                found.push(position.get());
            }
        };
        for (i, block) in blocks.iter().enumerate() {
            // Most blocks hold nothing, which one comparison tells.
            let passes = block.map(|signature| u8::from(filter.passes(signature.get())));
            let mut set = u128::from_le_bytes(passes);
            while set != 0 {
                take(16 * i + set.trailing_zeros() as usize / 8);
                set &= set - 1;
            }
        }
        for (i, signature) in rest.iter().enumerate() {
            if filter.passes(signature.get()) {
                take(16 * blocks.len() + i);
            }
        }
    }
}

wide! {
    /// Keeps the positions of codes that are near.
    fn keep_near(found: &mut Vec<u32>, codes: &[StoredCode], code: Code, most: u32) {
        found.retain(|&position| {
            codes.get(position as usize).is_some_and(|stored| stored.get().distance(code) <= most)
        });
    }
}

/// What the search of one stream remembers, and its scratch memory. The hits that it finds in an index without tables are
/// those of [`find_hits`](super::find_hits).
#[derive(Debug, Default)]
pub struct Search {
    lanes: [Lane; SPEEDS.len()],
    /// Query codes still to come that a line explains.
    explained: u32,
    prober: Prober,
    ranges: Vec<(u8, (u32, u32))>,
    found: Vec<u32>,
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
        self.prober.reserve();
        self.ranges.reserve(THOROUGH.probes);
        self.found.reserve(FOUND);
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
        while let Some(&(position, frame)) = lane.open.front().filter(|(_, frame)| frame + AGAIN_AFTER <= query.frame) {
            lane.open.pop_front();
            if !lane.knows(diagonal(position, frame))
                && holds(lane, index.codes(), position, frame, true, effort.line_distance) == Some(true)
            {
                follow(lane, index, query.speed, position, frame, hits);
            }
        }
        if !query.active || !(query.frame as usize + query.speed).is_multiple_of(effort.every) {
            return;
        }
        self.look_up(index, &tables, query, effort);
        let lane = &mut self.lanes[query.speed];
        for &position in &self.found {
            prefetch(index.codes(), (position.saturating_sub(NEAR_CODES)) as usize);
            prefetch(index.codes(), (position.saturating_sub(NEAR_CODES + 4)) as usize);
            prefetch(index.codes(), (position.saturating_sub(NEAR_CODES + 8)) as usize);
            prefetch(index.codes(), (position.saturating_sub(NEAR_CODES + 12)) as usize);
            prefetch(index.codes(), (position.saturating_sub(FAR_CODES)) as usize);
        }
        for &position in &self.found {
            if lane.knows(diagonal(position, query.frame)) {
                continue;
            }
            if holds(lane, index.codes(), position, query.frame, false, effort.line_distance) == Some(true) {
                follow(lane, index, query.speed, position, query.frame, hits);
            } else if lane.open.len() < OPEN {
                lane.open.push_back((position, query.frame));
            }
        }
    }

    /// Positions of stored codes that have one of the query's likeliest keys and are near it.
    fn look_up(&mut self, index: &Index, tables: &Postings<'_>, query: &QueryFrame, effort: &Effort) {
        let Self { prober, ranges, found, .. } = self;
        let most = if self.explained > 0 { effort.probes_explained } else { effort.probes };
        prober.probe(&query.soft, tables.key_bits, most);
        for probe in &prober.probes {
            tables.prefetch_directory(usize::from(probe.table), probe.key);
        }
        ranges.clear();
        for probe in &prober.probes {
            let range = tables.range(usize::from(probe.table), probe.key);
            if range.0 < range.1 && range.1 - range.0 <= LONGEST_LIST {
                tables.prefetch_list(usize::from(probe.table), range);
                ranges.push((probe.table, range));
            }
        }
        found.clear();
        for &(table, range) in ranges.iter() {
            let list = tables.list(usize::from(table), range);
            filtered(list, prober.filters[usize::from(table)], index.codes(), found);
        }
        keep_near(found, index.codes(), query.soft.code(), effort.begin_distance);
        found.sort_unstable();
        found.dedup();
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
