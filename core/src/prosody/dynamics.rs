//! How the spectrum moves: growth of its change with time, and how closely it comes back to where it was.
//!
//! - Growth: the mean square change of a cepstral coefficient between two frames of speech grows with the time between them, up to
//!   twice its variance. `lfccGrowth` is the logarithm of the ratio of that change over one time to that over half of it, mean over
//!   the first eight coefficients: a structure function (A. N. Kolmogorov 1941) in place of the modulation spectrum of the cepstrum,
//!   which synthesis is known to smooth (S. Takamichi et al., "Postfilters to modify the modulation spectrum for statistical parametric
//!   speech synthesis", IEEE/ACM Trans. ASLP 24 (2016), 755-767). A level, and the colour of a line, cancel out.
//! - Return: the correlation of the change of the cepstrum over 10 ms with that 80 ms later, in the same coefficients. It is below 0, since
//!   what moved away comes back; at the pace of syllables synthesis does so more strictly.
//! - Recurrence: of every second voiced frame the distance to the nearest one of the segment at least 40 voiced frames away, in twelve
//!   coefficients; mean logarithm, less half that of their total variance. Synthesis says a sound the same way more often than people do.
//! - Dimension: how many directions the cepstra of speech have from where they are, by maximum likelihood from the distances T1 to T10 of
//!   every second frame to its ten nearest that are at least 40 frames away: 1 / mean of ln(T10 / Tj) (E. Levina, P. J. Bickel, "Maximum
//!   likelihood estimation of intrinsic dimension", NIPS 17 (2004), 777-784; the mean over all frames is taken before the inverse, as
//!   D. J. C. MacKay and Z. Ghahramani proposed in their comments on it, 2005). What a model speaks has fewer.
//!
//! Constant memory (45 kB), nothing is allocated after construction. Cost: 60 multiply-adds a frame, 3,000 every second voiced frame and
//! as many every second frame of speech.

use super::{lld::Lld, spectrum::LFCC, stats::Moments};
use crate::simd::wide;

/// Coefficients whose growth counts.
const COEFFICIENTS: usize = 8;
/// Times over which the change is measured, frames.
const LAGS: [usize; 5] = [1, 2, 4, 8, 16];
/// Ratios of neighbouring [`LAGS`].
pub(crate) const GROWTHS: usize = LAGS.len() - 1;
const HISTORY: usize = 16;
/// Time after which the cepstrum returns, frames.
const RETURN: usize = 8;
/// Frames that are compared.
const KEPT: usize = 256;
/// Kept frames that are too near in time to count as a recurrence.
const NEAR: usize = 20;
/// Nearest frames that tell the dimension.
const NEIGHBOURS: usize = 10;
/// Squared distances are not taken to be smaller: what is replayed bit for bit has none, dB².
const LEAST_SQUARE: f32 = 1e-3;

/// Growth of the change of the cepstrum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growth {
    /// Past frames: coefficients where there was speech.
    past: [Option<[f32; COEFFICIENTS]>; HISTORY],
    time: usize,
    squares: [[f64; COEFFICIENTS]; LAGS.len()],
    counts: [u64; LAGS.len()],
    /// Of the changes of two frames [`RETURN`] apart: sum of products, and of the squares of each.
    products: [f64; 3],
}

impl Growth {
    /// Takes the next frame.
    pub(crate) fn push(&mut self, lld: &Lld) {
        let now = lld.speech.then(|| std::array::from_fn(|k| lld.lfcc[k]));
        if let Some(now) = now {
            for ((lag, squares), count) in LAGS.into_iter().zip(&mut self.squares).zip(&mut self.counts) {
                let Some(then) = self.past[(self.time + HISTORY - lag) % HISTORY] else { continue };
                for ((square, a), b) in squares.iter_mut().zip(now).zip(then) {
                    *square += f64::from((a - b) * (a - b));
                }
                *count += 1;
            }
            self.compare(&now);
        }
        self.past[self.time % HISTORY] = now;
        self.time += 1;
    }

    /// The newest change against that of [`RETURN`] frames ago.
    fn compare(&mut self, now: &[f32; COEFFICIENTS]) {
        let ago = |lag: usize| &self.past[(self.time + HISTORY - lag) % HISTORY];
        let (Some(before), Some(then), Some(before_then)) = (ago(1), ago(RETURN), ago(RETURN + 1)) else { return };
        let mut sums = [0.0f32; 3];
        for k in 0..COEFFICIENTS {
            let (change, old) = (now[k] - before[k], then[k] - before_then[k]);
            sums[0] += change * old;
            sums[1] += change * change;
            sums[2] += old * old;
        }
        for (to, sum) in self.products.iter_mut().zip(sums) {
            *to += f64::from(sum);
        }
    }

    /// Correlation of a change with that 80 ms later; NaN without speech that is so long.
    pub(crate) fn returning(&self) -> f64 {
        let [product, new, old] = self.products;
        product / (new * old).sqrt()
    }

    /// Growth from 10 to 20, to 40, to 80 and to 160 ms; NaN without speech that is so long.
    pub(crate) fn values(&self) -> [f64; GROWTHS] {
        let change = |lag: usize, k: usize| self.squares[lag][k] / self.counts[lag] as f64;
        std::array::from_fn(|lag| {
            let ratios = (0..COEFFICIENTS).map(|k| (change(lag + 1, k) / change(lag, k)).ln());
            ratios.sum::<f64>() / COEFFICIENTS as f64
        })
    }

    /// Starts a new segment; the past frames stay.
    pub(crate) fn clear(&mut self) {
        self.squares = Default::default();
        self.counts = Default::default();
        self.products = Default::default();
    }
}

/// Every second of the frames handed in, the last [`KEPT`] of them.
#[derive(Debug, Clone)]
struct Past {
    /// Coefficient by coefficient.
    frames: Box<[[f32; KEPT]; LFCC]>,
    /// Squared distances of the newest frame to all.
    distances: Box<[f32; KEPT]>,
    count: usize,
    skip: bool,
}

impl Past {
    fn new() -> Self {
        Self { frames: Box::new([[0.0; KEPT]; LFCC]), distances: Box::new([0.0; KEPT]), count: 0, skip: false }
    }

    /// Takes a frame. If it is kept, `other` hears of all slots whose frames are far enough in time, from the oldest, with
    /// their squared distances; what comes back is its own slot, that of the oldest frame before.
    fn push(&mut self, now: &[f32; LFCC], mut other: impl FnMut(usize, f32)) -> Option<usize> {
        self.skip = !self.skip;
        if !self.skip {
            return None;
        }
        distances(now, &self.frames, &mut self.distances);
        for age in NEAR..KEPT.min(self.count + 1) {
            let slot = (self.count + KEPT - age) % KEPT;
            other(slot, self.distances[slot]);
        }
        let slot = self.count % KEPT;
        for (frames, &value) in self.frames.iter_mut().zip(now) {
            frames[slot] = value;
        }
        self.count += 1;
        Some(slot)
    }

    fn clear(&mut self) {
        self.count = 0;
    }

    fn reset(&mut self) {
        (self.count, self.skip) = (0, false);
    }
}

/// How closely voiced frames come back.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    past: Past,
    /// Squared distance to the nearest frame so far.
    nearest: Box<[f32; KEPT]>,
    logarithms: Moments,
    spread: [Moments; LFCC],
}

impl Recurrence {
    pub(crate) fn new() -> Self {
        Self {
            past: Past::new(),
            nearest: Box::new([f32::INFINITY; KEPT]),
            logarithms: Moments::default(),
            spread: [Moments::default(); LFCC],
        }
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, lld: &Lld) {
        if !lld.speech || !lld.voiced() {
            return;
        }
        let (nearest, mut least) = (&mut self.nearest, f32::INFINITY);
        let slot = self.past.push(&lld.lfcc, |other, distance| {
            least = least.min(distance);
            nearest[other] = nearest[other].min(distance);
        });
        let Some(slot) = slot else { return };
        add(&mut self.logarithms, std::mem::replace(&mut nearest[slot], least));
        for (&value, spread) in lld.lfcc.iter().zip(&mut self.spread) {
            spread.add(f64::from(value));
        }
    }

    /// Mean logarithm of the distance, less half the logarithm of the total variance; NaN with too few frames.
    pub(crate) fn value(&self) -> f64 {
        let mut logarithms = self.logarithms;
        self.nearest.iter().for_each(|&square| add(&mut logarithms, square));
        let variance: f64 = self.spread.iter().map(|spread| spread.stddev().powi(2)).sum();
        logarithms.mean() - 0.5 * variance.ln()
    }

    /// Starts a new segment.
    pub(crate) fn clear(&mut self) {
        self.past.clear();
        self.nearest.fill(f32::INFINITY);
        (self.logarithms, self.spread) = (Moments::default(), [Moments::default(); LFCC]);
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.past.reset();
    }
}

/// Squared distances to the nearest frames, in order.
type Nearest = [f32; NEIGHBOURS];

/// How many directions the cepstra of speech have.
#[derive(Debug, Clone)]
pub(crate) struct Dimension {
    past: Past,
    nearest: Box<[Nearest; KEPT]>,
    /// The last of each, side by side: few distances are below it.
    farthest: Box<[f32; KEPT]>,
    /// Logarithms of the farthest neighbour's distance over those of the others.
    logarithms: Moments,
}

impl Dimension {
    pub(crate) fn new() -> Self {
        Self {
            past: Past::new(),
            nearest: Box::new([[f32::INFINITY; NEIGHBOURS]; KEPT]),
            farthest: Box::new([f32::INFINITY; KEPT]),
            logarithms: Moments::default(),
        }
    }

    /// Takes the next frame.
    pub(crate) fn push(&mut self, lld: &Lld) {
        if !lld.speech {
            return;
        }
        let Self { past, nearest, farthest, logarithms } = self;
        let mut own = [f32::INFINITY; NEIGHBOURS];
        let slot = past.push(&lld.lfcc, |other, distance| {
            if distance < own[NEIGHBOURS - 1] {
                insert(&mut own, distance);
            }
            if distance < farthest[other] {
                farthest[other] = insert(&mut nearest[other], distance);
            }
        });
        let Some(slot) = slot else { return };
        add_ratios(logarithms, &nearest[slot]);
        (nearest[slot], farthest[slot]) = (own, own[NEIGHBOURS - 1]);
    }

    /// The dimension; NaN with too few frames.
    pub(crate) fn value(&self) -> f64 {
        let mut logarithms = self.logarithms;
        self.nearest.iter().for_each(|nearest| add_ratios(&mut logarithms, nearest));
        1.0 / logarithms.mean()
    }

    /// Starts a new segment.
    pub(crate) fn clear(&mut self) {
        self.nearest.fill([f32::INFINITY; NEIGHBOURS]);
        self.farthest.fill(f32::INFINITY);
        self.past.clear();
        self.logarithms = Moments::default();
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.past.reset();
    }
}

/// Puts a distance in its place among the nearest, whose last one goes; the last one now.
fn insert(nearest: &mut Nearest, distance: f32) -> f32 {
    let mut place = NEIGHBOURS - 1;
    while place > 0 && nearest[place - 1] > distance {
        nearest[place] = nearest[place - 1];
        place -= 1;
    }
    nearest[place] = distance;
    nearest[NEIGHBOURS - 1]
}

/// Adds the mean of ln(farthest / other), if all are known.
fn add_ratios(logarithms: &mut Moments, nearest: &Nearest) {
    let [others @ .., farthest] = nearest;
    if farthest.is_finite() {
        let ln = |square: f32| 0.5 * f64::from(square.max(LEAST_SQUARE)).ln();
        let mean = others.iter().map(|&square| ln(square)).sum::<f64>() / others.len() as f64;
        logarithms.add(ln(*farthest) - mean);
    }
}

/// Adds half the logarithm of a squared distance, if there is one.
fn add(logarithms: &mut Moments, square: f32) {
    if square.is_finite() {
        logarithms.add(0.5 * f64::from(square.max(LEAST_SQUARE)).ln());
    }
}

wide! {
    fn distances(now: &[f32; LFCC], frames: &[[f32; KEPT]; LFCC], distances: &mut [f32; KEPT]) {
        distances.fill(0.0);
        for (frames, now) in frames.iter().zip(now) {
            for (distance, then) in distances.iter_mut().zip(frames) {
                *distance += (then - now) * (then - now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(lfcc: [f32; LFCC]) -> Lld {
        Lld { lfcc, ..Lld::steady() }
    }

    #[test]
    fn a_steady_drift_grows_with_the_square_of_time_and_noise_not_at_all() {
        let (mut drift, mut noise) = (Growth::default(), Growth::default());
        let mut random = 7u64;
        for n in 0..20_000 {
            drift.push(&frame([n as f32 * 0.01; LFCC]));
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.push(&frame([(random >> 40) as f32 / 1e6; LFCC]));
        }
        for (drift, noise) in drift.values().into_iter().zip(noise.values()) {
            assert!((drift - 4f64.ln()).abs() < 1e-3, "{drift}");
            assert!(noise.abs() < 0.05, "{noise}");
        }
        drift.clear();
        assert!(drift.values()[0].is_nan());
    }

    /// The finalizer of splitmix64, 16 bits of it.
    fn hash(n: usize, k: usize) -> u64 {
        let x = ((n * 64 + k) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (x ^ x >> 27) >> 48
    }

    #[test]
    fn a_swing_of_a_sixth_of_a_second_returns_and_one_of_a_twelfth_goes_on() {
        let returning = |period: f32| {
            let mut growth = Growth::default();
            for n in 0..2000 {
                growth.push(&frame([(n as f32 / period * std::f32::consts::TAU).sin(); LFCC]));
            }
            growth.returning()
        };
        assert!(Growth::default().returning().is_nan());
        assert!((returning(16.0) + 1.0).abs() < 1e-3, "{}", returning(16.0));
        assert!((returning(8.0) - 1.0).abs() < 1e-3, "{}", returning(8.0));
    }

    #[test]
    fn a_line_has_one_dimension_and_a_cube_three() {
        let dimension = |directions: usize, scale: f32| {
            let mut dimension = Dimension::new();
            for n in 0..1000 {
                let place = |k: usize| scale * hash(n, k % directions) as f32 / 65_536.0;
                dimension.push(&frame(std::array::from_fn(place)));
            }
            dimension.value()
        };
        assert!(Dimension::new().value().is_nan());
        let (line, cube) = (dimension(1, 60.0), dimension(3, 60.0));
        assert!((0.9..1.3).contains(&line) && (2.4..3.6).contains(&cube), "{line} {cube}");
        assert!((dimension(3, 120.0) - cube).abs() < 1e-3);
    }

    #[test]
    fn what_comes_back_is_near_whatever_its_scale() {
        let value =
            |n: usize, period: usize, k: usize| (hash(n % period, k) as f32 + 0.02 * hash(n, k) as f32) / 6500.0;
        let run = |period: usize, scale: f32| {
            let mut recurrence = Recurrence::new();
            for n in 0..900 {
                recurrence.push(&frame(std::array::from_fn(|k| scale * value(n, period, k))));
            }
            recurrence.value()
        };
        let (often, never) = (run(90, 1.0), run(1000, 1.0));
        assert!(often < never - 1.0, "{often} {never}");
        assert!((run(90, 3.0) - often).abs() < 1e-3, "{often} {}", run(90, 3.0));
        assert!(Recurrence::new().value().is_nan());
    }
}
