//! Bands to what is said: a small network over time whose output hardly depends on who speaks.
//!
//! Four layers over 24 log bands each 20 ms; a frame's output rests on 150 ms either side and is a unit vector. Frames in
//! which two voices say the same sound of the same words point the same way, all others do not: it was trained on pairs of voices that
//! say the same text, aligned by dynamic programming, to tell the frame that corresponds from all others of a batch (contrastive learning:
//! van den Oord, Li & Vinyals, "Representation learning with contrastive predictive coding", 2018; aligned word pairs
//! of two speakers as the only supervision: Kamper, Elsner, Jansen & Goldwater, "Unsupervised neural network based feature
//! extraction using weak top-down constraints", ICASSP 2015). Trained by `corpus/training/wording.py`.
//!
//! Arithmetic is f32 in source order, so results are the same on every machine.

use std::sync::LazyLock;

use crate::{
    fingerprint::{BANDS, intact},
    simd::wide,
};

/// Numbers that describe a frame.
pub(super) const DIMENSIONS: usize = 16;
/// What is said in a frame of 20 ms, a unit vector.
pub(super) type Embedding = [f32; DIMENSIONS];

/// Hidden numbers a frame.
const WIDTH: usize = 96;
/// Frames either side that an output rests on.
const CONTEXT: usize = 7;
/// Offsets in time, in frames, of what each layer sees.
const TAPS: [&[usize]; 4] = [&[0, 1, 2, 3, 4], &[0, 2, 4], &[0, 3, 6], &[0]];
/// How far under the loud frames a band counts, 12 dB each.
const FLOOR: f32 = -3.0;
/// How far under the loud frames a frame's highest band may lie for the frame to be sound, 12 dB each.
const AUDIBLE: f32 = -2.0;
/// Fewest frames that make a mean.
const ENOUGH: usize = 6;
/// Outputs that are summed up together, in registers.
const GROUP: usize = 16;

/// The learned network.
#[derive(Debug)]
pub(super) struct Encoder {
    layers: Vec<Layer>,
}

/// A layer over time: weights by group of outputs, input and output.
#[derive(Debug)]
struct Layer {
    inputs: usize,
    groups: Vec<Vec<[f32; GROUP]>>,
    bias: Vec<[f32; GROUP]>,
}

impl Layer {
    /// Weights by input, taps outermost, then output; then biases.
    fn read(inputs: usize, taps: usize, outputs: usize, numbers: &mut impl Iterator<Item = f32>) -> Option<Self> {
        let mut groups = vec![vec![[0.0; GROUP]; taps * inputs]; outputs / GROUP];
        let mut bias = vec![[0.0; GROUP]; outputs / GROUP];
        for input in 0..taps * inputs {
            for weight in groups.iter_mut().flat_map(|group| &mut group[input]) {
                *weight = numbers.next()?;
            }
        }
        for value in bias.iter_mut().flatten() {
            *value = numbers.next()?;
        }
        Some(Self { inputs, groups, bias })
    }
}

static ENCODER: LazyLock<Encoder> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the embedded file is a constant of the build, and a test parses it")]
    Encoder::from_bytes(include_bytes!("encoder.bin")).expect("the embedded encoder is intact")
});

/// The network of this build.
pub(super) fn encoder() -> &'static Encoder {
    &ENCODER
}

impl Encoder {
    /// Reads a file that `corpus/training/wording.py` wrote: magic `CPWE`, version u16 (1), two zero bytes; then little-endian f32: of
    /// each layer the weights (by input, taps outermost, then output) and the biases; CRC-32 of all before it.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = intact(bytes)?;
        let numbers = body.strip_prefix(b"CPWE\x01\x00\x00\x00").ok_or("another magic or version")?;
        let (numbers, rest) = numbers.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|&n| f32::from_le_bytes(n));
        let sizes = [BANDS, WIDTH, WIDTH, WIDTH, DIMENSIONS];
        let mut layers = Vec::with_capacity(TAPS.len());
        for (taps, size) in TAPS.iter().zip(sizes.windows(2)) {
            layers.push(Layer::read(size[0], taps.len(), size[1], &mut numbers).ok_or("numbers are missing")?);
        }
        if numbers.next().is_some() || !rest.is_empty() {
            return Err("longer than its layers".into());
        }
        Ok(Self { layers })
    }

    /// What is said in each frame of a stretch of `bands`, log power in units of 12 dB each 20 ms; as many as there are frames.
    ///
    /// Level and channel are taken out by the stretch's own peak and mean, so it should hold at least a second of speech.
    pub(super) fn embed(&self, bands: &[[f32; BANDS]]) -> Vec<Embedding> {
        if bands.is_empty() {
            return Vec::new();
        }
        let mut frames = normalised(bands);
        for (i, (layer, taps)) in self.layers.iter().zip(TAPS).enumerate() {
            let mut out = Vec::new();
            over_time(layer, taps, &frames, &mut out);
            if i + 1 < TAPS.len() {
                out.iter_mut().for_each(|x: &mut f32| *x = x.max(0.0));
            }
            frames = out;
        }
        let unit = |frame: &[f32; DIMENSIONS]| {
            let mut sum = 1e-6f32;
            frame.iter().for_each(|x| sum += x * x);
            let scale = 1.0 / sum.sqrt();
            frame.map(|x| x * scale)
        };
        frames.as_chunks::<DIMENSIONS>().0.iter().map(unit).collect()
    }
}

/// Level of a frame's loudest band.
fn highest(frame: &[f32; BANDS]) -> f32 {
    frame.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The bands under the loud frames, less each band's mean over the audible ones; the first and the last frame repeated
/// [`CONTEXT`] times.
fn normalised(bands: &[[f32; BANDS]]) -> Vec<f32> {
    let mut peaks: Vec<f32> = bands.iter().map(highest).collect();
    let at = (0.95 * (peaks.len() - 1) as f64) as usize;
    let loud = *peaks.select_nth_unstable_by(at, f32::total_cmp).1;
    let under: Vec<[f32; BANDS]> = bands.iter().map(|frame| frame.map(|x| (x - loud).max(FLOOR))).collect();
    let audible = || under.iter().filter(|frame| highest(frame) > AUDIBLE);
    let all = audible().count() < ENOUGH;
    let (mut mean, mut count) = ([0.0f32; BANDS], 0u32);
    for frame in under.iter().filter(|frame| all || highest(frame) > AUDIBLE) {
        mean.iter_mut().zip(frame).for_each(|(m, x)| *m += x);
        count += 1;
    }
    let mean = mean.map(|m| m / count as f32);
    let last = under.len() - 1;
    let padded = (0..under.len() + 2 * CONTEXT).map(|i| i.saturating_sub(CONTEXT).min(last));
    padded.flat_map(|i| std::array::from_fn::<f32, BANDS, _>(|b| under[i][b] - mean[b])).collect()
}

wide! {
    /// Applies a layer to all frames that have all taps, without the nonlinearity.
    fn over_time(layer: &Layer, taps: &[usize], frames: &[f32], out: &mut Vec<f32>) {
        let count = (frames.len() / layer.inputs).saturating_sub(taps[taps.len() - 1]);
        let outputs = layer.groups.len() * GROUP;
        out.clear();
        out.resize(count * outputs, 0.0);
        for (g, (weights, bias)) in layer.groups.iter().zip(&layer.bias).enumerate() {
            for t in 0..count {
                let mut sums = *bias;
                for (tap, weights) in taps.iter().zip(weights.chunks_exact(layer.inputs)) {
                    let frame = &frames[(t + tap) * layer.inputs..][..layer.inputs];
                    for (x, weights) in frame.iter().zip(weights) {
                        for (sum, w) in sums.iter_mut().zip(weights) {
                            *sum = x.mul_add(*w, *sum);
                        }
                    }
                }
                out[t * outputs + g * GROUP..][..GROUP].copy_from_slice(&sums);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same input gives the same in NumPy (`wording.embedded` of `corpus/training/wording.py`), to rounding.
    #[test]
    fn vectors_are_those_of_the_training_program() {
        let band = |t: usize, b: usize| {
            let (t, b) = (t as f64, b as f64);
            (4.0 + 2.0 * (0.3 * t + 0.5 * b).sin() + (b % 5.0) * 0.2 - 0.05 * b) as f32
        };
        let bands: Vec<[f32; BANDS]> = (0..30).map(|t| std::array::from_fn(|b| band(t, b))).collect();
        let vectors = encoder().embed(&bands);
        assert_eq!(vectors.len(), 30);
        let expected = [
            -0.1087, -0.0780, 0.3759, -0.1948, -0.3374, -0.0708, -0.0693, 0.4051, 0.1041, -0.3681, 0.3534, 0.1881,
            -0.0131, -0.1083, 0.3288, -0.2974,
        ];
        for (found, expected) in vectors[12].iter().zip(expected) {
            assert!((found - expected).abs() < 2e-4, "{found} {expected}");
        }
    }

    #[test]
    fn level_and_colour_of_the_channel_change_nothing() {
        let bands: Vec<[f32; BANDS]> =
            (0..60).map(|t| std::array::from_fn(|b| 5.0 + ((t * (b + 2)) as f32 * 0.1).sin())).collect();
        let other: Vec<[f32; BANDS]> =
            bands.iter().map(|f| std::array::from_fn(|b| f[b] + 1.5 - 0.02 * b as f32)).collect();
        for (a, b) in encoder().embed(&bands).iter().zip(encoder().embed(&other)) {
            let cosine: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            assert!(cosine > 0.98, "{cosine}");
        }
    }

    #[test]
    fn nothing_gives_nothing_and_a_damaged_file_an_error() {
        assert!(encoder().embed(&[]).is_empty());
        let intact = include_bytes!("encoder.bin");
        assert!(Encoder::from_bytes(intact).is_ok());
        let mut damaged = intact.to_vec();
        damaged[1000] ^= 1;
        assert!(Encoder::from_bytes(&damaged).is_err());
        assert!(Encoder::from_bytes(&intact[..intact.len() - 8]).is_err());
        assert!(Encoder::from_bytes(b"").is_err());
    }
}
