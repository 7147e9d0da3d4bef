//! The judge: a small network that says, of an alignment, how likely the rendering plays there.
//!
//! Three parts, trained as one on what the search itself brings up (`corpus/training/judge.py`). A convolution over time and
//! bands, the same for all bands, turns the surroundings of each cell (20 ms x band) into a few numbers; a convolution over
//! time sees their means over the bands and how well the codes agree, and gives each frame a few numbers, among them its
//! log-likelihood ratio; and a perceptron sees the means and the extremes of these over a stretch, with the properties of
//! its codes, and gives the log-likelihood ratio of the stretch (a network over frames whose outputs are pooled: compare
//! Snyder, Garcia-Romero, Sell, Povey & Khudanpur, "X-vectors: robust DNN embeddings for speaker recognition", ICASSP 2018).
//!
//! Arithmetic is f32 in source order, multiplications and additions fused where the source says so: equal inputs give equal
//! bits on every machine. Scores may differ in their last bits, since some of the properties are
//! logarithms by the platform's mathematics library, and so is some of what follows.

use std::{ops::Range, sync::LazyLock};

use smallvec::SmallVec;

use crate::{
    fingerprint::{BANDS, intact},
    simd::wide,
};

/// What the network sees of a cell.
pub(super) const CHANNELS: usize = 6;
/// Cells that a kernel spans in time and in bands.
const KERNEL: (usize, usize) = (5, 3);
/// Frames of zeros at each end of rows.
pub(super) const MARGIN: usize = KERNEL.0 / 2;
/// A row of bands with a zero on either side.
pub(super) const ROW: usize = BANDS + 2;
/// Frames that a kernel over time alone spans.
const SPAN: usize = 7;
/// What a frame has beside its bands: agreement of the nearest code, and whether script and query hold sound (1 or 0).
pub(super) const BESIDE: usize = 3;
/// Frames of 20 ms in 0.3 s.
const SHORT: usize = 15;
/// Properties of a stretch's codes that the network sees.
pub(super) const PROPERTIES: usize = 9;
/// Numbers that the layers over time make of a frame: as many as registers hold for [`FRAMES`] frames.
const WIDE: usize = 24;
/// Frames that such a layer looks at together, so that each loaded weight serves several.
const FRAMES: usize = 4;
/// What the network sees of a stretch.
const POOLED: usize = 3 * WIDE + PROPERTIES;
/// Outputs that are computed together, so that each loaded row serves several.
const GROUP: usize = 3;

/// The learned network.
#[derive(Debug)]
pub(crate) struct Network {
    cells: [Cells; 2],
    frames: [Frames; 2],
    /// Weights of a frame's log-likelihood ratio.
    ratio: [f32; WIDE],
    ratio_bias: f32,
    stretch: Stretch,
    /// Hash of the file.
    pub(crate) hash: u64,
}

/// A layer over time and bands.
#[derive(Debug)]
struct Cells {
    inputs: usize,
    outputs: usize,
    /// For each group of outputs: time, input, band, output.
    weights: Vec<[f32; GROUP]>,
    bias: Vec<f32>,
}

/// A layer over time: weights by time, input and output.
#[derive(Debug)]
struct Frames {
    inputs: usize,
    weights: Vec<[f32; WIDE]>,
    bias: [f32; WIDE],
}

/// The perceptron over a stretch.
#[derive(Debug)]
struct Stretch {
    /// By input and hidden unit.
    weights: Vec<f32>,
    bias: Vec<f32>,
    last: Vec<f32>,
    constant: f32,
    /// From the inputs straight to the output.
    skip: Vec<f32>,
    /// Mean and deviation of the properties in training.
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

/// Memory for judging; once it has grown, judging allocates no more.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Rows by frame and channel, with [`MARGIN`] frames of zeros at each end.
    pub(super) input: Vec<[f32; ROW]>,
    /// What each frame has beside its bands.
    pub(super) beside: Vec<[f32; BESIDE]>,
    cells: [Vec<[f32; ROW]>; 2],
    frames: [Vec<f32>; 3],
}

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the embedded file is a constant of the build, and a test parses it")]
    Network::from_bytes(include_bytes!("judge.bin")).expect("the embedded judge is intact")
});

/// The network of this build.
pub(crate) fn network() -> &'static Network {
    &NETWORK
}

impl Judgement {
    /// What the network made of each frame of a range.
    fn frames(&self, range: Range<usize>) -> &[[f32; WIDE]] {
        let all = self.frames[2].as_chunks::<WIDE>().0;
        let at = |frame: usize| (frame + SPAN / 2).min(all.len());
        &all[at(range.start)..at(range.end)]
    }

    /// Allocates what `frames` frames need.
    pub(super) fn reserve(&mut self, frames: usize) {
        let network = network();
        let rows = frames + 2 * MARGIN;
        self.input.reserve(rows * CHANNELS);
        self.beside.reserve(frames);
        for (rows_of, layer) in self.cells.iter_mut().zip(&network.cells) {
            rows_of.reserve(rows * layer.outputs);
        }
        let padded = frames + SPAN - 1;
        self.frames[0].reserve(padded * network.frames[0].inputs);
        self.frames[1].reserve(padded * network.frames[1].inputs);
        self.frames[2].reserve(padded * WIDE);
    }
}

impl Network {
    /// Reads a file that `corpus/training/judge.py` wrote: magic `CPVF`, version u16 (2), outputs of the two layers over cells,
    /// of those over frames and of the hidden layer over a stretch u16 each, two zero bytes, then f32: weights and biases of
    /// all layers in order, means and deviations of the properties; CRC-32 of all before it.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = intact(bytes)?;
        let (header, rest) = body.split_at_checked(16).ok_or("shorter than its header")?;
        let word = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let [first, second, wide, hidden] = [6, 8, 10, 12].map(word);
        let whole = first > 0 && second > 0 && wide == WIDE && first % GROUP == 0 && second % GROUP == 0;
        if &header[..4] != b"CPVF" || word(4) != 2 || !whole {
            return Err("not a judge of version 2".into());
        }
        let (cell, seen, pooled) = (KERNEL.0 * KERNEL.1, second + BESIDE, POOLED);
        let sizes = [
            cell * CHANNELS * first,
            first,
            cell * first * second,
            second,
            SPAN * seen * wide,
            wide,
            SPAN * wide * wide,
            wide,
            wide,
            1,
            pooled * hidden,
            hidden,
            hidden,
            1,
            pooled,
            PROPERTIES,
            PROPERTIES,
        ];
        if rest.len() != 4 * sizes.iter().sum::<usize>() {
            return Err("sizes and contents do not fit".into());
        }
        let mut numbers = rest.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
        let mut parts = sizes.map(|n| numbers.by_ref().take(n).collect::<Vec<f32>>()).into_iter();
        let mut part = || parts.next().unwrap_or_default();
        let first = Cells::new(CHANNELS, &part(), part());
        let second = Cells::new(first.outputs, &part(), part());
        let frames = [seen, wide].map(|inputs| Frames::new(inputs, &part(), &part()));
        let (ratio, ratio_bias) = (rows(&part())[0], part()[0]);
        let (weights, bias, last, constant, skip) = (part(), part(), part(), part()[0], part());
        let stretch = Stretch { weights, bias, last, constant, skip, mean: part(), deviation: part() };
        let hash = u64::from(crc32fast::hash(body)) << 32 | u64::from(crc32fast::hash(&body[..body.len() / 2]));
        Ok(Self { cells: [first, second], frames, ratio, ratio_bias, stretch, hash })
    }

    /// Judges the frames whose inputs lie in `memory`; their log-likelihood ratios are added to `ratios`.
    pub(super) fn hear(&self, memory: &mut Judgement, ratios: &mut Vec<f32>) {
        let Judgement { input, beside, cells: [first, second], frames: [seen, between, last] } = memory;
        convolve(&self.cells[0], input, first);
        convolve(&self.cells[1], first, second);
        let n = beside.len();
        let [one, two] = &self.frames;
        padded(seen, n, one.inputs);
        let rows = second.chunks_exact(self.cells[1].outputs).skip(MARGIN);
        let outputs = seen[SPAN / 2 * one.inputs..].chunks_exact_mut(one.inputs);
        for ((rows, beside), out) in rows.zip(&*beside).zip(outputs) {
            for (row, out) in rows.iter().zip(&mut *out) {
                *out = row[1..=BANDS].iter().sum::<f32>() / BANDS as f32;
            }
            out[rows.len()..].copy_from_slice(beside);
        }
        over_time(one, seen, n, between);
        over_time(two, between, n, last);
        dots(memory.frames(0..n), &self.ratio, self.ratio_bias, ratios);
    }

    /// Log-likelihood ratio, nats, of the stretch `range` of the frames heard last, with the properties of its codes.
    pub(super) fn judge(&self, memory: &Judgement, range: Range<usize>, properties: &[f64; PROPERTIES]) -> f64 {
        let mut pooled = [0.0; POOLED];
        let (n, mut both) = (range.len(), 0.0f32);
        let (means, rest) = pooled.split_at_mut(WIDE);
        let (active, rest) = rest.split_at_mut(WIDE);
        let (highest, seen) = rest.split_at_mut(WIDE);
        let frames = memory.frames(range.clone());
        let add = |sum: &mut [f32], h: &[f32], sign: f32| sum.iter_mut().zip(h).for_each(|(s, x)| *s += sign * x);
        for (h, beside) in frames.iter().zip(&memory.beside[range]) {
            add(means, h, 1.0);
            if beside[1] > 0.0 && beside[2] > 0.0 {
                both += 1.0;
                add(active, h, 1.0);
            }
        }
        let scale = |sum: &mut [f32], by: f32| sum.iter_mut().for_each(|s| *s /= by);
        scale(means, (n as f32).max(1.0));
        scale(active, both.max(1.0));
        if n < SHORT {
            highest.copy_from_slice(means);
        } else {
            let mut window = [0.0; WIDE];
            for (i, h) in frames.iter().enumerate() {
                add(&mut window, h, 1.0);
                if let Some(left) = i.checked_sub(SHORT) {
                    add(&mut window, &frames[left], -1.0);
                }
                if i + 1 >= SHORT {
                    highest.iter_mut().zip(&window).for_each(|(most, w)| *most = most.max(w / SHORT as f32));
                }
            }
        }
        let Stretch { weights, bias, last, constant, skip, mean, deviation } = &self.stretch;
        for (i, x) in seen.iter_mut().enumerate() {
            *x = (properties[i] as f32 - mean[i]) / deviation[i];
        }
        let mut hidden: SmallVec<[f32; 64]> = SmallVec::from_slice(bias);
        for (x, weights) in pooled.iter().zip(weights.chunks_exact(hidden.len())) {
            hidden.iter_mut().zip(weights).for_each(|(h, w)| *h = w.mul_add(*x, *h));
        }
        hidden.iter_mut().for_each(|h| *h = h.max(0.0));
        f64::from(dot(&hidden, last) + dot(&pooled, skip) + constant)
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (x, y)| x.mul_add(*y, sum))
}

/// Room for `frames` frames of `width` numbers, with zeros half a [`SPAN`] before and after.
fn padded(values: &mut Vec<f32>, frames: usize, width: usize) {
    values.clear();
    values.resize((frames + SPAN - 1) * width, 0.0);
}

wide! {
    /// Appends each row's sum of products with `weights`, and `bias`.
    fn dots(rows: &[[f32; WIDE]], weights: &[f32; WIDE], bias: f32, out: &mut Vec<f32>) {
        out.extend(rows.iter().map(|row| dot(row, weights) + bias));
    }
}

/// Rows of zeros.
pub(super) fn clear_to(rows: &mut Vec<[f32; ROW]>, count: usize) {
    rows.clear();
    rows.resize(count, [0.0; ROW]);
}

/// Numbers as rows of [`WIDE`].
fn rows(plain: &[f32]) -> Vec<[f32; WIDE]> {
    plain.as_chunks::<WIDE>().0.to_vec()
}

impl Frames {
    fn new(inputs: usize, plain: &[f32], bias: &[f32]) -> Self {
        Self { inputs, weights: rows(plain), bias: rows(bias)[0] }
    }
}

impl Cells {
    fn new(inputs: usize, plain: &[f32], bias: Vec<f32>) -> Self {
        let outputs = bias.len();
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
    /// One layer over cells: convolution and rectifier. Rows come by frame and channel, with [`MARGIN`] frames of zeros at
    /// each end, and go out the same way.
    fn convolve(layer: &Cells, input: &[[f32; ROW]], out: &mut Vec<[f32; ROW]>) {
        let frames = input.len() / layer.inputs;
        clear_to(out, frames * layer.outputs);
        let taps = KERNEL.0 * layer.inputs;
        for t in MARGIN..frames.saturating_sub(MARGIN) {
            let rows = &input[(t - MARGIN) * layer.inputs..][..taps];
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

wide! {
    /// One layer over time: convolution and rectifier. Frames come and go with half a [`SPAN`] of zeros at each end.
    fn over_time(layer: &Frames, input: &[f32], frames: usize, out: &mut Vec<f32>) {
        padded(out, frames, WIDE);
        let taps = SPAN * layer.inputs;
        let seen = |t: usize| &input[t * layer.inputs..][..taps];
        let (fours, rest) = out[SPAN / 2 * WIDE..][..frames * WIDE].as_chunks_mut::<WIDE>().0.as_chunks_mut::<FRAMES>();
        for (i, out) in fours.iter_mut().enumerate() {
            *out = sums(layer, std::array::from_fn(|f| seen(FRAMES * i + f)));
        }
        for (i, out) in rest.iter_mut().enumerate() {
            [*out] = sums(layer, [seen(FRAMES * fours.len() + i)]);
        }
    }
}

/// A layer's outputs for some frames at once, of which it sees `seen`: sums stay in registers, each weight serves all.
#[inline(always)]
fn sums<const N: usize>(layer: &Frames, seen: [&[f32]; N]) -> [[f32; WIDE]; N] {
    let mut sums = [layer.bias; N];
    for (i, weights) in layer.weights.iter().enumerate() {
        for (sum, seen) in sums.iter_mut().zip(&seen) {
            let x = seen[i];
            for (y, &w) in sum.iter_mut().zip(weights) {
                *y = w.mul_add(x, *y);
            }
        }
    }
    sums.map(|sum| sum.map(|y| y.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 that follow no pattern.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0;
        (0..count).map(number).collect()
    }

    #[test]
    fn a_layer_over_cells_equals_its_definition() {
        let (inputs, outputs, frames) = (4, 6, 9);
        let plain = numbers(KERNEL.0 * KERNEL.1 * inputs * outputs, 1);
        let layer = Cells::new(inputs, &plain, numbers(outputs, 2));
        let mut input = vec![[0.0; ROW]; (frames + 2 * MARGIN) * inputs];
        for (row, values) in input[MARGIN * inputs..][..frames * inputs]
            .iter_mut()
            .zip(numbers(frames * inputs * BANDS, 3).chunks(BANDS))
        {
            row[1..=BANDS].copy_from_slice(values);
        }
        let mut out = Vec::new();
        convolve(&layer, &input, &mut out);
        for (t, o, b) in [(0, 0, 0), (3, 5, 23), (8, 2, 12), (5, 4, 1)] {
            let mut sum = f64::from(layer.bias[o]);
            for i in 0..KERNEL.0 {
                for k in 0..KERNEL.1 {
                    for c in 0..inputs {
                        let w = plain[((i * KERNEL.1 + k) * inputs + c) * outputs + o];
                        sum += f64::from(w) * f64::from(input[(t + i) * inputs + c][b + k]);
                    }
                }
            }
            let found = f64::from(out[(t + MARGIN) * outputs + o][b + 1]);
            assert!((found - sum.max(0.0)).abs() < 1e-5, "{t} {o} {b}: {found} {sum}");
        }
    }

    #[test]
    fn a_layer_over_time_equals_its_definition() {
        let (inputs, outputs, frames) = (5, WIDE, 14);
        let (weights, bias) = (numbers(SPAN * inputs * outputs, 4), numbers(outputs, 5));
        let layer = Frames::new(inputs, &weights, &bias);
        let mut input = Vec::new();
        padded(&mut input, frames, inputs);
        input[SPAN / 2 * inputs..][..frames * inputs].copy_from_slice(&numbers(frames * inputs, 6));
        let mut out = Vec::new();
        over_time(&layer, &input, frames, &mut out);
        for t in 0..frames {
            for o in 0..outputs {
                let taps =
                    (0..SPAN * inputs).map(|i| f64::from(input[t * inputs + i]) * f64::from(weights[i * outputs + o]));
                let sum = taps.sum::<f64>() + f64::from(bias[o]);
                let found = f64::from(out[(t + SPAN / 2) * outputs + o]);
                assert!((found - sum.max(0.0)).abs() < 1e-5, "{t} {o}: {found} {sum}");
            }
        }
    }

    #[test]
    fn a_damaged_judge_is_refused() {
        let bytes = include_bytes!("judge.bin");
        for at in (0..bytes.len()).step_by(499) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            assert!(Network::from_bytes(&damaged).is_err(), "byte {at}");
        }
        assert!(Network::from_bytes(&bytes[..100]).is_err());
    }
}
