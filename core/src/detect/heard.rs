//! What came of a stream: the codes and bands of the last [`MAX_QUERY_SECONDS`], and the stored codes that they hit.

use super::{answer::Answer, evaluation::HOPELESS};
use crate::{
    fingerprint::{Bands, HeardCode, Listener, Pitch, QueryFrame, SPEEDS, model},
    index::{Candidate, Hit, Index, MAX_QUERY_SECONDS, Search},
    prosody::{Handover, VoiceJudge},
    signal::{Activity, HOP_SECONDS},
};

/// Frames between evaluations (0.2 s), and while a hypothesis is so near below the threshold that it may pass it in less.
const EVALUATE_EVERY: usize = 20;
const EVALUATE_SOON: usize = 10;
/// Hits that are kept within the window for each code of an index that is compared with in full: speech against the corpus gives 1.6 to
/// 3.3. As many as of 2^18 codes are kept at most.
const HITS_OF_A_CODE: usize = 4;
pub(super) const MOST_HITS: usize = 1 << 18;
/// The same where codes are found by their keys (640 KiB): 30 calls against 186 renderings gave 15,000 at most.
const HITS_BY_KEYS: usize = 1 << 15;
/// Of so many hits as are kept, one may come between two evaluations; a fifth to an eighth as many come as are there.
const OF_THE_HITS: usize = 4;
/// Hits that one code may bring.
const NEW_AT_ONCE: usize = 1 << 14;
/// Frames of pitch that are kept: half a second more than of codes, whose patches reach beyond their beginning.
const KEPT_PITCH: usize = (MAX_QUERY_SECONDS / HOP_SECONDS) as usize + 50;

/// Hits that are kept within the window.
fn max_hits(index: &Index) -> usize {
    if index.has_tables() {
        HITS_BY_KEYS
    } else {
        (HITS_OF_A_CODE * index.codes().len()).clamp(HITS_BY_KEYS, MOST_HITS)
    }
}

/// Frames kept at an assumed speed.
fn kept(speed: f64) -> usize {
    (MAX_QUERY_SECONDS / HOP_SECONDS * speed) as usize
}

/// What came of the stream within the window.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Codes at each assumed speed.
    pub(super) lanes: Vec<Vec<HeardCode>>,
    /// Bands at each assumed speed, and the number of the first.
    pub(super) bands: Vec<(u32, Vec<Bands>)>,
    /// Pitch, and the number of the first frame.
    pub(super) pitch: (u32, Vec<Pitch>),
    pub(super) search: Search,
    /// Hits up to the last evaluation, in order, and since.
    pub(super) hits: Vec<Hit>,
    pub(super) new_hits: Vec<Hit>,
    /// Lines whose codes promised nothing or were too few, and until when they are left alone, s.
    pub(super) hopeless: Vec<(Candidate, f64)>,
    pub(super) frames: usize,
    /// Whether an evaluation is due, and whether the next one is sooner than usual.
    pub(super) due: bool,
    pub(super) soon: bool,
    /// Whether a code with sound came since the last evaluation, and when one did that such a code had come before, s.
    pub(super) fresh: bool,
    pub(super) fresh_at: f64,
    pub(super) answer: Answer,
    pub(super) handover: Handover,
}

impl Heard {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { lanes: vec![Vec::new(); SPEEDS.len()], bands: vec![(0, Vec::new()); SPEEDS.len()], ..Self::default() }
    }

    /// Allocates all that listening can need, so that it need not.
    pub(super) fn reserve(&mut self, index: &Index) {
        self.search.reserve(index);
        for ((lane, (_, bands)), speed) in self.lanes.iter_mut().zip(&mut self.bands).zip(SPEEDS) {
            // Between evaluations come a fifth of a second more, and a frame for rounding.
            let frames = kept(speed) + (EVALUATE_EVERY as f64 * speed) as usize + 2;
            lane.reserve(frames);
            bands.reserve(frames + model().patch);
        }
        self.pitch.1.reserve(KEPT_PITCH + EVALUATE_EVERY + model().patch);
        let hits = max_hits(index);
        self.hits.reserve(hits);
        self.hopeless.reserve(HOPELESS);
        // One code may bring many before they are cut.
        self.new_hits.reserve(hits / OF_THE_HITS + NEW_AT_ONCE);
    }

    /// Forgets the stream; the memory stays.
    pub(super) fn reset(&mut self) {
        self.lanes.iter_mut().for_each(Vec::clear);
        for (first, bands) in &mut self.bands {
            *first = 0;
            bands.clear();
        }
        self.pitch.0 = 0;
        self.pitch.1.clear();
        self.hits.clear();
        self.new_hits.clear();
        self.hopeless.clear();
        self.search.reset();
        self.handover.reset();
        (self.frames, self.answer) = (0, Answer::default());
        (self.due, self.soon, self.fresh, self.fresh_at) = (false, false, false, 0.0);
    }

    /// Drops codes and hits that are older than the window.
    pub(super) fn forget(&mut self) {
        let patch = model().patch;
        for ((lane, (first, bands)), speed) in self.lanes.iter_mut().zip(&mut self.bands).zip(SPEEDS) {
            let keep = kept(speed);
            if lane.len() > keep {
                lane.drain(..lane.len() - keep);
            }
            if bands.len() > keep + patch {
                *first += (bands.len() - keep - patch) as u32;
                bands.drain(..bands.len() - keep - patch);
            }
        }
        let (first, pitch) = &mut self.pitch;
        if pitch.len() > KEPT_PITCH {
            *first += (pitch.len() - KEPT_PITCH) as u32;
            pitch.drain(..pitch.len() - KEPT_PITCH);
        }
        let first: [u32; SPEEDS.len()] =
            std::array::from_fn(|s| self.lanes.get(s).and_then(|l| l.first()).map_or(0, |f| f.frame));
        let within = |h: &Hit| first.get(usize::from(h.speed)).is_some_and(|&f| h.frame >= f);
        self.hits.retain(within);
        self.new_hits.retain(within);
    }

    /// Brings the new hits in order among the old ones, which are in order already; `merged` is scratch memory.
    pub(super) fn sort_hits(&mut self, index: &Index, merged: &mut Vec<Hit>) {
        let Self { hits, new_hits, .. } = self;
        new_hits.sort_unstable();
        merged.clear();
        let mut old = hits.iter().copied().peekable();
        for &new in new_hits.iter() {
            while let Some(hit) = old.next_if(|&hit| hit <= new) {
                merged.push(hit);
            }
            merged.push(new);
        }
        merged.extend(old);
        if index.has_tables() {
            // A search by lines may find a hit twice.
            merged.dedup();
        }
        hits.clear();
        hits.extend_from_slice(merged);
        new_hits.clear();
    }
}

/// A listener that looks each code up as it comes.
pub(super) struct Ear<'a> {
    pub(super) heard: &'a mut Heard,
    pub(super) index: &'a Index,
    pub(super) judge: Option<&'a mut VoiceJudge>,
}

impl Listener for Ear<'_> {
    fn frame(&mut self, activity: Activity) {
        let heard = &mut *self.heard;
        heard.frames += 1;
        heard.handover.frame(&activity);
        if let Some(judge) = &mut self.judge {
            judge.activity(&activity);
        }
        heard.answer.frame(&activity);
        heard.due |= heard.frames.is_multiple_of(if heard.soon { EVALUATE_SOON } else { EVALUATE_EVERY });
    }

    fn bands(&mut self, speed: usize, bands: &Bands) {
        if let Some((_, lane)) = self.heard.bands.get_mut(speed) {
            lane.push(*bands);
        }
    }

    fn pitch(&mut self, pitch: Pitch) {
        self.heard.pitch.1.push(pitch);
    }

    fn code(&mut self, code: QueryFrame) {
        let heard = &mut *self.heard;
        heard.fresh |= code.active;
        heard.answer.code(&code);
        heard.search.find_hits(self.index, &code, &mut heard.new_hits);
        let hits = max_hits(self.index);
        heard.new_hits.truncate(hits.saturating_sub(heard.hits.len()).min(hits / OF_THE_HITS));
        if let Some(lane) = heard.lanes.get_mut(code.speed) {
            lane.push(HeardCode::from(&code));
        }
    }
}
