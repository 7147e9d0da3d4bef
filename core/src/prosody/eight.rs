//! Autocorrelation of eight frames at a time.
//!
//! Purpose: the spectrum-and-back that F0 needs is most of its cost. Eight consecutive frames stand side by side, one in
//! each lane of a vector, so that every step of the transform is the same operation on eight values and needs no
//! shuffling; compilers turn the loops over lanes into vector instructions of whatever width there is.
//!
//! Steps: the real frame of 512 becomes a complex one of 256 (even samples real, odd ones imaginary); radix-4 transform,
//! decimation in frequency, output left in digit-reversed order; power |X|² from pairs of bins; the inverse transform,
//! decimation in time, takes that order back to the natural one. (J. W. Cooley, J. W. Tukey, "An algorithm for the
//! machine calculation of complex Fourier series", Math. Comp. 19 (1965), 297-301; H. V. Sorensen et al., "Real-valued
//! fast Fourier transform algorithms", IEEE Trans. ASSP 35 (1987), 849-863.)
//!
//! Cost: about 18,000 additions and multiplications a frame, done eight at a time. Only additions, subtractions and
//! multiplications in source order: the same bits on every machine.

#![allow(
    clippy::needless_range_loop,
    reason = "a loop over lanes is one vector instruction where it is written as such"
)]

use crate::simd::wide;

/// Frames side by side.
pub(crate) const LANES: usize = 8;
/// One value of each frame.
pub(crate) type Lanes = [f32; LANES];

/// Length of the real transform; frames are zero-padded to it.
pub(crate) const LENGTH: usize = 512;
const HALF: usize = LENGTH / 2;

/// A complex value of each frame.
#[derive(Debug, Clone, Copy)]
struct Complex {
    re: Lanes,
    im: Lanes,
}

const ZERO: Complex = Complex { re: [0.0; LANES], im: [0.0; LANES] };

/// Tables and memory of the transform.
#[derive(Debug, Clone)]
pub(crate) struct Autocorrelator {
    data: Box<[Complex]>,
    power: Box<[Lanes]>,
    /// cos and sin of 2πk / 512.
    turn: Box<[(f32, f32)]>,
    /// Where bin k stands after the forward transform.
    place: Box<[u8]>,
}

impl Autocorrelator {
    pub(crate) fn new() -> Self {
        let turn = (0..LENGTH).map(|k| {
            let angle = 2.0 * std::f64::consts::PI * k as f64 / LENGTH as f64;
            (angle.cos() as f32, angle.sin() as f32)
        });
        Self {
            data: vec![ZERO; HALF].into(),
            power: vec![[0.0; LANES]; HALF + 1].into(),
            turn: turn.collect(),
            place: (0..HALF).map(|k| ((k & 3) << 6 | (k & 12) << 2 | (k & 48) >> 2 | k >> 6) as u8).collect(),
        }
    }

    /// Autocorrelation Σ x[n] x[n + lag] of each frame at the lags 0 to `2 · out.len() - 1`, times a common factor: even
    /// and odd lags in pairs. Frames are at most 512 samples long, given as pairs of an even and an odd sample; lags from
    /// `512 - 2 · frames.len()` on wrap around.
    pub(crate) fn run(&mut self, frames: &[[Lanes; 2]], out: &mut [[Lanes; 2]]) {
        self.load(frames);
        transform(&mut self.data, &mut self.power, &self.turn, &self.place);
        for (to, from) in out.iter_mut().zip(&self.data) {
            *to = [from.re, from.im];
        }
    }

    fn load(&mut self, frames: &[[Lanes; 2]]) {
        for (slot, &[re, im]) in self.data.iter_mut().zip(frames) {
            *slot = Complex { re, im };
        }
        self.data[frames.len().min(HALF)..].fill(ZERO);
    }

    /// Four times the power of bins 0 to 256 of frames given as to [`run`](Self::run).
    pub(crate) fn spectrum(&mut self, frames: &[[Lanes; 2]]) -> &[Lanes] {
        self.load(frames);
        spectrum(&mut self.data, &mut self.power, &self.turn, &self.place);
        &self.power
    }

    /// Makes the power that of silence.
    pub(crate) fn clear(&mut self) {
        self.power.fill([0.0; LANES]);
    }

    /// Four times the power of bins 0 to 256 (15.625 Hz apart) of the frames of the last run.
    pub(crate) fn power(&self) -> &[Lanes] {
        &self.power
    }
}

wide! {
    fn spectrum(data: &mut [Complex], power: &mut [Lanes], turn: &[(f32, f32)], place: &[u8]) {
        forward(data, turn);
        to_power(data, power, turn, place);
    }
}

wide! {
    /// Replaces pairs of samples by pairs of lags.
    fn transform(data: &mut [Complex], power: &mut [Lanes], turn: &[(f32, f32)], place: &[u8]) {
        forward(data, turn);
        to_power(data, power, turn, place);
        from_power(data, power, turn, place);
        backward(data, turn);
    }
}

#[inline(always)]
fn forward(data: &mut [Complex], turn: &[(f32, f32)]) {
    let mut length = HALF;
    while length >= 4 {
        let quarter = length / 4;
        let stride = LENGTH / length;
        for block in data.chunks_exact_mut(length) {
            let (first, second) = block.split_at_mut(2 * quarter);
            let (a, b) = first.split_at_mut(quarter);
            let (c, d) = second.split_at_mut(quarter);
            for j in 0..quarter {
                let (even, odd) = (add(a[j], c[j]), add(b[j], d[j]));
                let (even_less, odd_less) = (sub(a[j], c[j]), times_minus_i(sub(b[j], d[j])));
                a[j] = add(even, odd);
                b[j] = rotate(add(even_less, odd_less), turn[j * stride], -1.0);
                c[j] = rotate(sub(even, odd), turn[2 * j * stride], -1.0);
                d[j] = rotate(sub(even_less, odd_less), turn[3 * j * stride], -1.0);
            }
        }
        length = quarter;
    }
}

#[inline(always)]
fn backward(data: &mut [Complex], turn: &[(f32, f32)]) {
    let mut length = 4;
    while length <= HALF {
        let quarter = length / 4;
        let stride = LENGTH / length;
        for block in data.chunks_exact_mut(length) {
            let (first, second) = block.split_at_mut(2 * quarter);
            let (a, b) = first.split_at_mut(quarter);
            let (c, d) = second.split_at_mut(quarter);
            for j in 0..quarter {
                let one = rotate(b[j], turn[j * stride], 1.0);
                let two = rotate(c[j], turn[2 * j * stride], 1.0);
                let three = rotate(d[j], turn[3 * j * stride], 1.0);
                let (even, odd) = (add(a[j], two), add(one, three));
                // Times i, not -i: the other direction.
                let (even_less, odd_less) = (sub(a[j], two), times_minus_i(sub(three, one)));
                a[j] = add(even, odd);
                b[j] = add(even_less, odd_less);
                c[j] = sub(even, odd);
                d[j] = sub(even_less, odd_less);
            }
        }
        length *= 4;
    }
}

/// Four times the power of bins 0 to 256 of the real frames.
#[inline(always)]
fn to_power(data: &[Complex], power: &mut [Lanes], turn: &[(f32, f32)], place: &[u8]) {
    for k in 0..=HALF {
        let z = data[place[k % HALF] as usize];
        let w = data[place[(HALF - k) % HALF] as usize];
        let (cos, sin) = turn[k];
        for lane in 0..LANES {
            // Even samples' spectrum (z + w*) and odd samples' (z - w*) / i, the latter turned by -2πk / 512.
            let (even_re, even_im) = (z.re[lane] + w.re[lane], z.im[lane] - w.im[lane]);
            let (odd_re, odd_im) = (z.im[lane] + w.im[lane], w.re[lane] - z.re[lane]);
            let re = even_re + (cos * odd_re + sin * odd_im);
            let im = even_im + (cos * odd_im - sin * odd_re);
            power[k][lane] = re * re + im * im;
        }
    }
}

/// The half-length spectrum whose inverse transform has even lags as real and odd lags as imaginary parts.
#[inline(always)]
fn from_power(data: &mut [Complex], power: &[Lanes], turn: &[(f32, f32)], place: &[u8]) {
    for k in 0..HALF {
        let (p, q) = (power[k], power[HALF - k]);
        let (cos, sin) = turn[k];
        let slot = &mut data[place[k] as usize];
        for lane in 0..LANES {
            let (sum, difference) = (p[lane] + q[lane], p[lane] - q[lane]);
            slot.re[lane] = sum - difference * sin;
            slot.im[lane] = difference * cos;
        }
    }
}

#[inline(always)]
fn add(a: Complex, b: Complex) -> Complex {
    let mut sum = a;
    for lane in 0..LANES {
        sum.re[lane] += b.re[lane];
        sum.im[lane] += b.im[lane];
    }
    sum
}

#[inline(always)]
fn sub(a: Complex, b: Complex) -> Complex {
    let mut difference = a;
    for lane in 0..LANES {
        difference.re[lane] -= b.re[lane];
        difference.im[lane] -= b.im[lane];
    }
    difference
}

#[inline(always)]
fn times_minus_i(a: Complex) -> Complex {
    let mut turned = a;
    for lane in 0..LANES {
        turned.re[lane] = a.im[lane];
        turned.im[lane] = -a.re[lane];
    }
    turned
}

/// `a` times cos + i · sign · sin.
#[inline(always)]
fn rotate(a: Complex, (cos, sin): (f32, f32), sign: f32) -> Complex {
    let sin = sign * sin;
    let mut turned = a;
    for lane in 0..LANES {
        turned.re[lane] = a.re[lane] * cos - a.im[lane] * sin;
        turned.im[lane] = a.re[lane] * sin + a.im[lane] * cos;
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_sums_of_products() {
        let sample = |n: usize, lane: usize| ((n * n * 31 + n * (lane * 7 + 3)) % 101) as f32 / 50.0 - 1.0;
        let frames: Vec<[Lanes; 2]> = (0..160)
            .map(|n| [std::array::from_fn(|l| sample(2 * n, l)), std::array::from_fn(|l| sample(2 * n + 1, l))])
            .collect();
        let mut out = vec![[[0.0; LANES]; 2]; 64];
        let mut autocorrelator = Autocorrelator::new();
        for _ in 0..2 {
            autocorrelator.run(&frames, &mut out);
        }
        for lane in 0..LANES {
            let x: Vec<f64> = (0..320).map(|n| f64::from(sample(n, lane))).collect();
            let direct = |lag: usize| -> f64 { x[..320 - lag].iter().zip(&x[lag..]).map(|(a, b)| a * b).sum() };
            let scale = f64::from(out[0][0][lane]) / direct(0);
            for lag in 0..128 {
                let found = f64::from(out[lag / 2][lag % 2][lane]) / scale;
                assert!((found - direct(lag)).abs() < 1e-4 * direct(0), "lag {lag}: {found} {}", direct(lag));
            }
        }
    }
}
