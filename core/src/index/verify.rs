//! Verification: does the query sound like the rendering, frame by frame, along an alignment?
//!
//! A code blurs 0.4 s; the log bands of both sides, each 20 ms, show where a script that shares a greeting leaves it. A
//! small network ([`super::judge`]) turns them into a log-likelihood ratio of "same audio" against "other speech" for each
//! frame, and one for a whole stretch. It was trained on what the search brings up, mostly other speech of the same voice at
//! the place where that fits best. Additive noise fills valleys but takes nothing away, which is what the
//! network can see of it (compare missing-data recognition: Cooke, Green, Josifovski & Vizinho, "Robust automatic speech
//! recognition with missing and unreliable acoustic data", Speech Communication 34, 2001).

use std::ops::Range;

use super::{
    align::{MAX_STEPS, Step},
    format::StoredBands,
    judge::{BESIDE, CHANNELS, Judgement, MARGIN, PROPERTIES, ROW, clear_to, network},
    pitch::{self, PitchLane},
};
use crate::fingerprint::{BANDS, Bands};

/// Unit of bands as networks see them, 1/256 octave of power: 12 dB.
pub(crate) const BAND_UNIT: f32 = 1024.0;
/// Step of stored bands, 1/256 octave of power: 3 dB.
const STEP: i32 = 256;
/// Highest stored step.
const TOP: i32 = 15;
/// Frames of 20 ms from one code to the next.
const CODE_FRAMES: usize = 2;
/// Frames of 20 ms that a code's patch covers.
const PATCH_FRAMES: usize = 20;
/// Fewest frames that are worth judging.
const MINIMUM_FRAMES: usize = 20;

/// The frames of 20 ms that a code (number in the rendering) describes.
pub(super) fn frames_of(code: usize) -> Range<usize> {
    CODE_FRAMES * code..CODE_FRAMES * code + PATCH_FRAMES
}

/// Stores the first `2 * records` frames of a rendering, two to a record.
pub(crate) fn store(bands: &[Bands], records: usize) -> Vec<StoredBands> {
    let sums =
        |pair: &[Bands; 2]| -> [i32; BANDS] { std::array::from_fn(|b| i32::from(pair[0][b]) + i32::from(pair[1][b])) };
    let pairs: Vec<[i32; BANDS]> = bands.as_chunks::<2>().0.iter().take(records).map(sums).collect();
    let highest = pairs.iter().flatten().copied().max().unwrap_or(0);
    let step = |sum: i32| ((sum - highest + STEP).div_euclid(2 * STEP) + TOP).clamp(0, TOP) as u8;
    pairs.iter().map(|p| StoredBands(std::array::from_fn(|i| step(p[2 * i]) | step(p[2 * i + 1]) << 4))).collect()
}

/// The query's bands at one assumed speed: `frames[i]` is frame number `first + i`; and its pitch, which does not depend on that speed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BandLane<'a> {
    pub(crate) speed: usize,
    pub(crate) first: u32,
    pub(crate) frames: &'a [Bands],
    pub(crate) pitch: PitchLane<'a>,
}

/// What an index holds of a rendering to verify it by: its bands, and its pitch where that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stored<'a> {
    pub(crate) bands: &'a [StoredBands],
    pub(crate) pitch: &'a [u8],
}

/// The log-likelihood ratio of each frame of an alignment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// Number of the first frame in the rendering, 20 ms each.
    pub first: usize,
    /// Log-likelihood ratios, nats, frame by frame. Empty where there is too little to judge.
    pub ratios: Vec<f32>,
}

/// The log bands of both sides along an alignment, frame by frame of 20 ms, in units of 12 dB: what the network judges.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlignedBands {
    /// The rendering's, as the index stores them.
    pub reference: Vec<[f32; BANDS]>,
    /// The query's.
    pub query: Vec<[f32; BANDS]>,
    /// Agreement of the nearest code, and whether script and query hold sound there (1 or 0).
    pub beside: Vec<[f32; BESIDE]>,
    /// How much higher the query's pitch is, cents, where both have one.
    pub pitch: Vec<Option<i16>>,
}

impl Verification {
    /// The frames, counted from the first, that codes `first` to `last` (numbers in the rendering, both counted) describe.
    pub fn of_codes(&self, first: usize, last: usize) -> Range<usize> {
        let at = |frame: usize| frame.saturating_sub(self.first).min(self.ratios.len());
        let from = at(frames_of(first).start);
        from..at(frames_of(last).end).max(from)
    }
}

/// Memory for judging alignments, and what was found last; once it has grown, judging allocates no more.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    reference: Vec<[f32; BANDS]>,
    query: Vec<[f32; BANDS]>,
    pitch: Vec<Option<i16>>,
    columns: Columns,
    judgement: Judgement,
    pub(crate) verification: Verification,
}

/// One band over time.
#[derive(Debug, Default)]
struct Columns {
    reference: Vec<f32>,
    query: Vec<f32>,
    sorted: Vec<f32>,
    gaps: Vec<f32>,
}

impl Hearing {
    /// The bands that were judged last.
    pub(crate) fn bands(&self) -> AlignedBands {
        let beside = self.judgement.beside.clone();
        AlignedBands { reference: self.reference.clone(), query: self.query.clone(), beside, pitch: self.pitch.clone() }
    }

    /// Allocates what the longest alignments need.
    pub(crate) fn reserve(&mut self) {
        let frames = 2 * MAX_STEPS;
        self.reference.reserve(frames);
        self.query.reserve(frames);
        self.pitch.reserve(frames);
        self.judgement.reserve(frames);
        self.verification.ratios.reserve(frames);
        let Columns { reference, query, sorted, gaps } = &mut self.columns;
        for column in [reference, query, sorted, gaps] {
            column.reserve(frames);
        }
    }

    /// Log-likelihood ratio, nats, that the rendering plays in `frames` of those judged last; `properties` are those of its
    /// codes. Nothing speaks for it where there was too little to judge.
    pub(crate) fn judge(&self, frames: Range<usize>, properties: &[f64; PROPERTIES]) -> f64 {
        if self.verification.ratios.is_empty() {
            return f64::NEG_INFINITY;
        }
        network().judge(&self.judgement, frames, properties)
    }

    /// Log-likelihood ratio, nats, that the pitches of `frames` of those judged last give where the rendering plays at `speed`.
    pub(crate) fn pitch(&self, frames: Range<usize>, speed: f64) -> f64 {
        pitch::likelihood_ratio(self.pitch.get(frames).unwrap_or_default(), speed)
    }
}

/// Judges an alignment, or a part of one, frame by frame; the verification lies in `hearing` afterwards.
pub(crate) fn verify(steps: &[Step], stored: Stored<'_>, lane: BandLane<'_>, hearing: &mut Hearing) {
    hearing.verification.first = 0;
    hearing.verification.ratios.clear();
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return };
    let frames = frames_of(first.code as usize).start..frames_of(last.code as usize).end.min(stored.bands.len());
    // A code's step; past the ends the outermost.
    let step_at = |code: i64| {
        let at = (code - i64::from(first.code)).max(0) as usize;
        &steps[at.min(steps.len() - 1)]
    };
    let mut from = None;
    let Hearing { reference, query, pitch, judgement: Judgement { beside, .. }, .. } = hearing;
    reference.clear();
    query.clear();
    pitch.clear();
    beside.clear();
    for (t, bands) in stored.bands.iter().enumerate().take(frames.end).skip(frames.start) {
        // The code whose patch has this frame nearest its middle says where the query is.
        let step = step_at((4 * t as i64 - 35).div_euclid(8));
        let at = 2 * t as i64 + i64::from(step.frame) - 4 * i64::from(step.code) - i64::from(lane.first);
        let frames = usize::try_from(at).ok().and_then(|at| Some((lane.frames.get(at)?, lane.frames.get(at + 1)?)));
        let Some((a, b)) = frames else { continue };
        from.get_or_insert(t);
        reference.push(unpack(bands));
        let known = stored.pitch.get(t);
        pitch.push(known.and_then(|&known| lane.pitch.above(known, at + i64::from(lane.first), lane.speed)));
        query.push(std::array::from_fn(|i| f32::from((a[i] + b[i]) / 2) / BAND_UNIT));
        // Between two codes the later, as in training.
        let step = step_at((t as i64 - 8).div_euclid(2));
        beside.push([step.agreement, f32::from(u8::from(step.script_active)), f32::from(u8::from(step.query_active))]);
    }
    if let Some(first) = from.filter(|_| reference.len() >= MINIMUM_FRAMES) {
        let Hearing { reference, query, columns, judgement, verification, .. } = hearing;
        verification.first = first;
        inputs(reference, query, columns, &mut judgement.input);
        network().hear(judgement, &mut verification.ratios);
    }
}

/// Stored bands, 1/256 octave of power above the lowest that is told from less.
pub(super) fn steps(bands: &StoredBands) -> [i16; BANDS] {
    std::array::from_fn(|b| i16::from(bands.0[b / 2] >> (4 * (b % 2)) & 15) * STEP as i16)
}

/// Stored bands in units of 12 dB.
pub(super) fn unpack(bands: &StoredBands) -> [f32; BANDS] {
    steps(bands).map(|band| f32::from(band) / BAND_UNIT)
}

/// The element at `share` of the length in order of size; reorders.
fn rank(values: &mut [f32], share: f64) -> f32 {
    let at = (share * (values.len() - 1) as f64) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The middle element, or the mean of the two; reorders.
fn median(values: &mut [f32]) -> f32 {
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(values.len() / 2, f32::total_cmp);
    let lower = below.iter().copied().max_by(f32::total_cmp).filter(|_| even);
    0.5 * (lower.unwrap_or(upper) + upper)
}

/// What the network sees: levels relative to each side's peak; their difference when the colour of the channel is taken
/// out; that difference when the query's noise floor is counted in; how far each side stands above its floor.
fn inputs(reference: &[[f32; BANDS]], query: &[[f32; BANDS]], columns: &mut Columns, out: &mut Vec<[f32; ROW]>) {
    let n = reference.len();
    let Columns { reference: r, query: q, sorted, gaps } = columns;
    let mut peak = |side: &[[f32; BANDS]]| {
        sorted.clear();
        sorted.extend(side.iter().map(|f| f.iter().copied().fold(f32::NEG_INFINITY, f32::max)));
        rank(sorted, 0.95)
    };
    let (peak_r, peak_q) = (peak(reference), peak(query));
    clear_to(out, (n + 2 * MARGIN) * CHANNELS);
    for column in [&mut *r, &mut *q, &mut *sorted] {
        column.resize(n, 0.0);
    }
    for b in 0..BANDS {
        for t in 0..n {
            r[t] = reference[t][b] - peak_r;
            q[t] = query[t][b] - peak_q;
        }
        sorted.copy_from_slice(q);
        let floor_q = rank(sorted, 0.1);
        sorted.copy_from_slice(r);
        let floor_r = rank(sorted, 0.1);
        let top_r = rank(sorted, 0.9);
        gaps.clear();
        gaps.extend(r.iter().zip(&*q).filter(|&(&r, _)| r > top_r - 1.25).map(|(r, q)| q - r));
        let offset = median(gaps);
        for t in 0..n {
            let (r, q) = (r[t], q[t]);
            let rows = &mut out[(t + MARGIN) * CHANNELS..][..CHANNELS];
            rows[0][b + 1] = r.clamp(-3.0, 1.0);
            rows[1][b + 1] = q.clamp(-3.0, 1.0);
            rows[2][b + 1] = (q - r - offset).clamp(-2.0, 2.0);
            rows[3][b + 1] = (q - (r + offset).max(floor_q)).clamp(-2.0, 2.0);
            rows[4][b + 1] = (q - floor_q).clamp(-1.0, 3.0);
            rows[5][b + 1] = (r - floor_r).clamp(-1.0, 3.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of a made-up voice: moving peaks over a floor, in units of 12 dB.
    fn voice(seed: usize, frames: usize) -> Vec<[f32; BANDS]> {
        let peak = |t: usize, b: usize| ((t * (seed + 3) / 7 + b * (seed + 5)) % 11) as f32 * 0.3;
        (0..frames).map(|t| std::array::from_fn(|b| peak(t, b))).collect()
    }

    fn ratios(reference: &[[f32; BANDS]], query: &[[f32; BANDS]], agreement: f32) -> Vec<f32> {
        let mut judgement = Judgement::default();
        judgement.beside.resize(reference.len(), [agreement, 1.0, 1.0]);
        inputs(reference, query, &mut Columns::default(), &mut judgement.input);
        let mut ratios = Vec::new();
        network().hear(&mut judgement, &mut ratios);
        ratios
    }

    #[test]
    fn the_same_sound_however_loud_says_more_than_another() {
        let mean = |ratios: Vec<f32>| ratios.iter().sum::<f32>() / ratios.len() as f32;
        let quieter: Vec<_> = voice(1, 80).iter().map(|f| f.map(|v| v - 2.0)).collect();
        let same = mean(ratios(&voice(1, 80), &quieter, 0.5));
        let other = mean(ratios(&voice(1, 80), &voice(4, 80), 0.5));
        assert!(same > other + 1.0, "{same} {other}");
    }

    #[test]
    fn stored_bands_are_3_db_steps_under_the_highest() {
        let mut frames = vec![[0i16; BANDS]; 4];
        frames[0][5] = 2560;
        frames[1][5] = 2560;
        frames[0][6] = 2560 - 3 * 256;
        frames[1][6] = 2560 - 3 * 256;
        let stored = store(&frames, 2);
        let steps = unpack(&stored[0]).map(|v| (v * 4.0) as i32);
        assert_eq!((stored.len(), steps[5], steps[6], steps[7]), (2, 15, 12, 5));
    }
}
