//! Verification: does the query sound like the rendering, frame by frame, along an alignment?
//!
//! A code blurs 0.4 s; the log bands of both sides, each 20 ms, show where a script that shares a greeting leaves it. A
//! small convolution over time and bands, the same for all bands, turns the surroundings of each cell (20 ms x band) into a
//! number, and their mean over the bands is the frame's log-likelihood ratio of "same audio" against "other speech". It
//! was trained on clean and degraded recordings, mostly against other speech of the same voice at the place where that fits
//! best (`corpus/training/verify.py`). Additive noise fills valleys but takes nothing away, which is what the
//! network can see of it (compare missing-data recognition: Cooke, Green, Josifovski & Vizinho, "Robust automatic speech
//! recognition with missing and unreliable acoustic data", Speech Communication 34, 2001).
//!
//! Arithmetic is f32 in source order, multiplications and additions fused where the source says so, so results are the same
//! on every machine.

use std::{ops::Range, sync::LazyLock};

use super::{Alignment, align::MAX_STEPS, format::StoredBands};
use crate::{
    fingerprint::{BANDS, Bands},
    simd::wide,
};

/// What the network sees of a cell.
const CHANNELS: usize = 6;
/// Cells that a kernel spans in time and in bands.
const KERNEL: (usize, usize) = (5, 3);
/// A row of bands with a zero on either side.
const ROW: usize = BANDS + 2;
/// Unit of the network's inputs, 1/256 octave of power: 12 dB.
const UNIT: f32 = 1024.0;
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

/// The query's bands at one assumed speed: `frames[i]` is frame number `first + i`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BandLane<'a> {
    pub(crate) first: u32,
    pub(crate) frames: &'a [Bands],
}

/// The log-likelihood ratio of each frame of an alignment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// Number of the first frame in the rendering, 20 ms each.
    pub first: usize,
    /// Log-likelihood ratios, nats, frame by frame. Empty where there is too little to judge.
    pub ratios: Vec<f32>,
}

impl Verification {
    /// The ratios of the frames that codes `first` to `last` (numbers in the rendering, both counted) describe.
    pub fn of_codes(&self, first: usize, last: usize) -> &[f32] {
        let at = |frame: usize| frame.saturating_sub(self.first).min(self.ratios.len());
        let from = at(frames_of(first).start);
        &self.ratios[from..at(frames_of(last).end).max(from)]
    }
}

/// Memory for judging alignments, and what was found last; once it has grown, judging allocates no more.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    reference: Vec<[f32; BANDS]>,
    query: Vec<[f32; BANDS]>,
    columns: Columns,
    input: Vec<[f32; ROW]>,
    hidden: [Vec<[f32; ROW]>; 2],
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
    /// Allocates what the longest alignments need.
    pub(crate) fn reserve(&mut self) {
        let frames = 2 * MAX_STEPS;
        let rows = frames + 2 * (KERNEL.0 / 2);
        self.reference.reserve(frames);
        self.query.reserve(frames);
        self.input.reserve(rows * CHANNELS);
        self.hidden[0].reserve(rows * network().first.outputs);
        self.hidden[1].reserve(rows * network().second.outputs);
        self.verification.ratios.reserve(frames);
        let Columns { reference, query, sorted, gaps } = &mut self.columns;
        for column in [reference, query, sorted, gaps] {
            column.reserve(frames);
        }
    }
}

/// Judges an alignment frame by frame; the verification lies in `hearing` afterwards.
pub(crate) fn verify(alignment: &Alignment, stored: &[StoredBands], lane: BandLane<'_>, hearing: &mut Hearing) {
    hearing.verification.first = 0;
    hearing.verification.ratios.clear();
    let (Some(first), Some(last)) = (alignment.steps.first(), alignment.steps.last()) else { return };
    let frames = frames_of(first.code as usize).start..frames_of(last.code as usize).end.min(stored.len());
    let mut from = None;
    let Hearing { reference, query, .. } = hearing;
    reference.clear();
    query.clear();
    for (t, bands) in stored.iter().enumerate().take(frames.end).skip(frames.start) {
        // The code whose patch has this frame nearest its middle says where the query is.
        let nearest = (4 * t as i64 - 35).div_euclid(8) - i64::from(first.code);
        let step = &alignment.steps[(nearest.max(0) as usize).min(alignment.steps.len() - 1)];
        let at = 2 * t as i64 + i64::from(step.frame) - 4 * i64::from(step.code) - i64::from(lane.first);
        let frames = usize::try_from(at).ok().and_then(|at| Some((lane.frames.get(at)?, lane.frames.get(at + 1)?)));
        let Some((a, b)) = frames else { continue };
        from.get_or_insert(t);
        reference.push(unpack(bands));
        query.push(std::array::from_fn(|i| f32::from((a[i] + b[i]) / 2) / UNIT));
    }
    if let Some(first) = from.filter(|_| reference.len() >= MINIMUM_FRAMES) {
        hearing.verification.first = first;
        network().judge(hearing);
    }
}

fn unpack(bands: &StoredBands) -> [f32; BANDS] {
    let scale = STEP as f32 / UNIT;
    std::array::from_fn(|b| f32::from(bands.0[b / 2] >> (4 * (b % 2)) & 15) * scale)
}

/// The learned network.
#[derive(Debug)]
pub(crate) struct Network {
    /// First layer's weights, by output group, time, channel, band and output of the group.
    first: Layer,
    second: Layer,
    last: Vec<f32>,
    bias: f32,
    /// Hash of the file.
    pub(crate) hash: u64,
}

#[derive(Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// For each group of four outputs: time, input, band, output.
    weights: Vec<[f32; GROUP]>,
    bias: Vec<f32>,
}

/// Outputs that are computed together, so that each loaded row serves several.
const GROUP: usize = 3;

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the embedded file is a constant of the build, and a test parses it")]
    Network::from_bytes(include_bytes!("verifier.bin")).expect("the embedded verifier is intact")
});

/// The network of this build.
pub(crate) fn network() -> &'static Network {
    &NETWORK
}

impl Network {
    /// Reads a file that `corpus/training/verify.py` wrote: magic `CPVF`, version u16, outputs of the two layers u16 each,
    /// two zero bytes, then f32: weights (time, band, input, output) and biases of both layers, weights and bias of the
    /// last; CRC-32 of all before it.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or("shorter than its checksum")?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err("checksum does not fit".into());
        }
        let (header, rest) = body.split_at_checked(12).ok_or("shorter than its header")?;
        let word = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (h1, h2) = (word(6), word(8));
        if &header[..4] != b"CPVF" || word(4) != 1 || h1 == 0 || h2 == 0 || h1 % GROUP != 0 || h2 % GROUP != 0 {
            return Err("not a verifier of version 1".into());
        }
        let mut numbers = rest.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
        let expected = KERNEL.0 * KERNEL.1 * (CHANNELS * h1 + h1 * h2) + h1 + 2 * h2 + 1;
        if rest.len() != 4 * expected {
            return Err("sizes and contents do not fit".into());
        }
        let mut take = |n: usize| -> Vec<f32> { numbers.by_ref().take(n).collect() };
        let mut layer = |inputs: usize, outputs: usize| {
            let plain = take(KERNEL.0 * KERNEL.1 * inputs * outputs);
            Layer::new(inputs, outputs, &plain, take(outputs))
        };
        let (first, second) = (layer(CHANNELS, h1), layer(h1, h2));
        let last = take(h2);
        let bias = take(1)[0];
        let hash = u64::from(crc32fast::hash(body)) << 32 | u64::from(crc32fast::hash(&body[..body.len() / 2]));
        Ok(Self { first, second, last, bias, hash })
    }

    /// The log-likelihood ratio of each frame of `hearing`'s reference and query: the same number of frames, in units of
    /// 12 dB.
    fn judge(&self, hearing: &mut Hearing) {
        let Hearing { reference, query, columns, input, hidden: [first, second], verification } = hearing;
        inputs(reference, query, columns, input);
        convolve(&self.first, input, first);
        convolve(&self.second, first, second);
        let margin = KERNEL.0 / 2;
        let frames = second.chunks_exact(self.second.outputs).skip(margin).take(reference.len());
        verification.ratios.extend(frames.map(|rows| {
            let sum: f32 = rows.iter().zip(&self.last).map(|(row, w)| row[1..=BANDS].iter().sum::<f32>() * w).sum();
            sum / BANDS as f32 + self.bias
        }));
    }

    #[cfg(test)]
    fn ratios(&self, reference: &[[f32; BANDS]], query: &[[f32; BANDS]]) -> Vec<f32> {
        let mut hearing = Hearing { reference: reference.to_vec(), query: query.to_vec(), ..Hearing::default() };
        self.judge(&mut hearing);
        hearing.verification.ratios
    }
}

impl Layer {
    fn new(inputs: usize, outputs: usize, plain: &[f32], bias: Vec<f32>) -> Self {
        let mut weights = Vec::with_capacity(plain.len() / GROUP);
        for group in (0..outputs).step_by(GROUP) {
            for t in 0..KERNEL.0 {
                for c in 0..inputs {
                    for k in 0..KERNEL.1 {
                        let at = ((t * KERNEL.1 + k) * inputs + c) * outputs + group;
                        weights.push(std::array::from_fn(|o| plain[at + o]));
                    }
                }
            }
        }
        Self { inputs, outputs, weights, bias }
    }
}

wide! {
    /// One layer: convolution and rectifier. Rows come by frame and channel, with `KERNEL.0 / 2` frames of zeros at each end,
    /// and go out the same way.
    fn convolve(layer: &Layer, input: &[[f32; ROW]], out: &mut Vec<[f32; ROW]>) {
        let margin = KERNEL.0 / 2;
        let frames = input.len() / layer.inputs;
        clear_to(out, frames * layer.outputs);
        let taps = KERNEL.0 * layer.inputs;
        for t in margin..frames.saturating_sub(margin) {
            let rows = &input[(t - margin) * layer.inputs..][..taps];
            for (g, weights) in layer.weights.chunks_exact(taps * KERNEL.1).enumerate() {
                let mut sums: [[f32; BANDS]; GROUP] = std::array::from_fn(|o| [layer.bias[g * GROUP + o]; BANDS]);
                for (row, weights) in rows.iter().zip(weights.as_chunks::<{ KERNEL.1 }>().0) {
                    for (k, weights) in weights.iter().enumerate() {
                        let mut cells = [0.0f32; BANDS];
                        cells.copy_from_slice(&row[k..k + BANDS]);
                        for (sum, &w) in sums.iter_mut().zip(weights) {
                            for (s, &x) in sum.iter_mut().zip(&cells) {
                                // Fused on purpose: one rounding on every machine, and half the work where it is one instruction.
                                *s = w.mul_add(x, *s);
                            }
                        }
                    }
                }
                for (o, sum) in sums.iter().enumerate() {
                    let row = &mut out[t * layer.outputs + g * GROUP + o];
                    for (y, &s) in row[1..=BANDS].iter_mut().zip(sum) {
                        *y = s.max(0.0);
                    }
                }
            }
        }
    }
}

/// Rows of zeros.
fn clear_to(rows: &mut Vec<[f32; ROW]>, count: usize) {
    rows.clear();
    rows.resize(count, [0.0; ROW]);
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
    let margin = KERNEL.0 / 2;
    clear_to(out, (n + 2 * margin) * CHANNELS);
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
            let rows = &mut out[(t + margin) * CHANNELS..][..CHANNELS];
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

    #[test]
    fn the_same_sound_however_loud_says_more_than_another() {
        let mean = |ratios: Vec<f32>| ratios.iter().sum::<f32>() / ratios.len() as f32;
        let quieter: Vec<_> = voice(1, 80).iter().map(|f| f.map(|v| v - 2.0)).collect();
        let same = mean(network().ratios(&voice(1, 80), &quieter));
        let other = mean(network().ratios(&voice(1, 80), &voice(4, 80)));
        assert!(same > 0.5 && same > other + 1.0, "{same} {other}");
    }

    #[test]
    fn the_fast_layer_equals_the_definition() {
        let layer = &network().first;
        let (mut input, mut out) = (Vec::new(), Vec::new());
        inputs(&voice(2, 30), &voice(3, 30), &mut Columns::default(), &mut input);
        convolve(layer, &input, &mut out);
        let taps = KERNEL.0 * layer.inputs;
        for (t, o, b) in [(2, 0, 0), (9, 5, 23), (17, 11, 12), (31, 7, 1)] {
            let mut sum = f64::from(layer.bias[o]);
            for i in 0..KERNEL.0 {
                for c in 0..layer.inputs {
                    for k in 0..KERNEL.1 {
                        let weights = &layer.weights[(o / GROUP) * taps * KERNEL.1..];
                        let w = weights[(i * layer.inputs + c) * KERNEL.1 + k][o % GROUP];
                        sum += f64::from(w) * f64::from(input[(t + i - 2) * layer.inputs + c][b + k]);
                    }
                }
            }
            let found = f64::from(out[t * layer.outputs + o][b + 1]);
            assert!((found - sum.max(0.0)).abs() < 1e-3, "{t} {o} {b}: {found} {sum}");
        }
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

    #[test]
    fn a_damaged_verifier_is_refused() {
        let bytes = include_bytes!("verifier.bin");
        for at in (0..bytes.len()).step_by(499) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            assert!(Network::from_bytes(&damaged).is_err(), "byte {at}");
        }
        assert!(Network::from_bytes(&bytes[..100]).is_err());
    }
}
