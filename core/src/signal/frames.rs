//! Framing and the short-time power spectrum.
//!
//! Input: 8 kHz samples in [-1, 1], pushed in pieces of any length. Output: for each hop of 80 samples (10 ms) the power
//! spectrum of the 256 samples (32 ms) under a periodic Hann window. Samples are scaled to the 16-bit range first, so
//! that the bands' absolute floor means the same for float and integer input.
//!
//! The result does not depend on how the input is cut into pushes. The transform runs in realfft's scalar code, so it
//! is the same on every CPU. Cost: about 0.5 microseconds a frame.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};

/// Samples in a frame (32 ms).
pub const FRAME: usize = 256;
/// Samples from one frame to the next (10 ms).
pub const HOP: usize = 80;
/// Bins of the power spectrum, 31.25 Hz apart; the one at 4 kHz is left out.
pub const BINS: usize = 128;
/// Length of a frame, s.
pub const FRAME_SECONDS: f64 = FRAME as f64 / 8000.0;
/// Time from one frame to the next, s.
pub const HOP_SECONDS: f64 = HOP as f64 / 8000.0;

/// Full scale of the integer range that samples are brought to.
const INTEGER_SCALE: f32 = 32768.0;

/// Power at [`BINS`] bins, in squared 16-bit units times the window's gain.
pub type Spectrum = [f32; BINS];

/// Cuts a stream into frames and transforms each.
pub struct Framer {
    plan: Arc<dyn RealToComplex<f32>>,
    window: [f32; FRAME],
    /// The last samples pushed that a frame to come still needs, oldest first.
    pending: Vec<f32>,
    windowed: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Spectrum,
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// A framer at the start of a stream. Plans the transform and allocates all it needs.
    pub fn new() -> Self {
        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(FRAME);
        let window = std::array::from_fn(|n| {
            let phase = 2.0 * std::f64::consts::PI * n as f64 / FRAME as f64;
            (0.5 - 0.5 * phase.cos()) as f32
        });
        Self {
            window,
            pending: Vec::with_capacity(FRAME + HOP),
            windowed: plan.make_input_vec(),
            bins: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            plan,
            power: [0.0; BINS],
        }
    }

    /// Takes samples and hands each complete frame's power spectrum to `each`, in order.
    pub fn push(&mut self, samples: &[f32], mut each: impl FnMut(&Spectrum)) {
        for &sample in samples {
            // 16-bit files decode to n / 32768: rounding brings back n exactly, and floats meet the same grid.
            let integer = (sample.clamp(-1.0, 1.0) * INTEGER_SCALE).round();
            self.pending.push(if integer.is_finite() { integer.min(32767.0) } else { 0.0 });
            if self.pending.len() == FRAME {
                self.transform();
                each(&self.power);
                self.pending.drain(..HOP);
            }
        }
    }

    /// Forgets the stream; the next sample starts a new one.
    pub fn reset(&mut self) {
        self.pending.clear();
    }

    fn transform(&mut self) {
        for ((out, &x), &w) in self.windowed.iter_mut().zip(&self.pending).zip(&self.window) {
            *out = x * w;
        }
        // The lengths come from the plan itself, the only thing this call could object to.
        let planned = self.plan.process_with_scratch(&mut self.windowed, &mut self.bins, &mut self.scratch);
        debug_assert!(planned.is_ok());
        for (p, x) in self.power.iter_mut().zip(&self.bins) {
            *p = x.re * x.re + x.im * x.im;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectra(samples: &[f32], piece: usize) -> Vec<Spectrum> {
        let mut framer = Framer::new();
        let mut out = Vec::new();
        for part in samples.chunks(piece) {
            framer.push(part, |s| out.push(*s));
        }
        out
    }

    #[test]
    fn a_sine_on_a_bin_gives_the_closed_form_power() {
        // A of amplitude a under a Hann window: |X| = a * N / 4 at the bin, half of that on either side.
        let amplitude = 1000.0f64;
        let x: Vec<f32> = (0..FRAME)
            .map(|n| (amplitude * (2.0 * std::f64::consts::PI * 16.0 * n as f64 / 256.0).cos() / 32768.0) as f32)
            .collect();
        let s = &spectra(&x, FRAME)[0];
        let expected = (amplitude * 64.0).powi(2) as f32;
        assert!((s[16] / expected - 1.0).abs() < 1e-3, "{} {expected}", s[16]);
        assert!((s[15] / expected - 0.25).abs() < 1e-3);
        assert!(s[40] < expected * 1e-6);
    }

    #[test]
    fn frames_do_not_depend_on_the_pieces() {
        let x: Vec<f32> = (0..4000).map(|n| ((n * n % 977) as f32 / 977.0 - 0.5) * 0.8).collect();
        let whole = spectra(&x, x.len());
        assert_eq!(whole.len(), 1 + (4000 - FRAME) / HOP);
        for piece in [1, 7, 80, 160, 255, 1000] {
            assert_eq!(spectra(&x, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn what_is_not_a_number_counts_as_silence() {
        let s = spectra(&[f32::NAN; FRAME], FRAME);
        assert!(s[0].iter().all(|&p| p == 0.0));
    }
}
