//! Pitch of a rendering as an index keeps it, and what it says along an alignment.
//!
//! Bands are too wide to show harmonics: a speaker who says the same words once more, or a synthesiser who says them at another
//! pitch, has nearly the same ones. The F0 of a replay is the recording's, to some cents, whatever the channel adds, and is still heard
//! in noise that buries most bands; that of words said again wanders off by half a semitone and more.
//!
//! Frames in which both have a pitch agree or not. How many agree of how many is a beta-binomial count in true matches, since
//! channels differ, and another one in false ones (Skellam, "A probability distribution derived from the binomial distribution by
//! regarding the probability of success as variable between the sets of trials", J. R. Statist. Soc. B 10, 1948); the score takes the
//! logarithm of their ratio. `corpus/training/pitch.py` fits both.

use std::ops::Range;

use smallvec::SmallVec;

use super::align::MAX_STEPS;
use crate::fingerprint::{Pitch, SPEEDS, between};

/// Step of stored pitches, cents.
const STEP: i16 = 15;
/// Frames of 10 ms from the middle of the first of two frames of bands, as a stored record has them, to half the way to the second;
/// and from the number of a frame of bands to that of the frame of pitch in the same place.
const SECOND_FRAME: f64 = 0.5;
const FRAME_AHEAD: f64 = 1.1;

/// Cents.
const OCTAVE: f32 = 1200.0;
/// Cents within which pitches agree.
const NEAR: f32 = 35.0;
/// Frames with pitch (20 ms each) to one that says something new.
const DEPENDENT: f64 = 3.0;
/// Shapes of the beta distribution of how many frames agree: of true matches and of false ones, at the pitch that the speed
/// asks for, and...
const EXPECTED: [(f64, f64); 2] = [(10.7, 0.86), (1.76, 12.2)];
/// ... at any other pitch, which a channel that shifts it, or tempo alone, may ask for.
const SHIFTED: [(f64, f64); 2] = [(15.6, 0.88), (7.72, 15.1)];
/// What a shift costs, nats: a tenth of true matches, at most, have one.
const SHIFT_PRICE: f64 = 2.3;
/// What pitches that differ cost at most, nats.
const MOST: f64 = 8.0;

/// A byte for each of `records` band records, from the pitch of each 10 ms: 0 for none, else 1 + cents / 15 above 75 Hz.
pub(super) fn store(track: &[Pitch], records: usize) -> Vec<u8> {
    let byte = |record: usize| {
        let at = 2.0 * record as f64 + SECOND_FRAME + FRAME_AHEAD;
        between(track, at).map_or(0, |cents| 1 + ((cents + STEP / 2) / STEP) as u8)
    };
    (0..records).map(byte).collect()
}

/// Cents above 75 Hz of a stored byte.
fn stored_cents(byte: u8) -> Option<i16> {
    byte.checked_sub(1).map(|steps| STEP * i16::from(steps))
}

/// The pitch of a stream: `frames[i]` is frame number `first + i`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PitchLane<'a> {
    pub(crate) first: u32,
    pub(crate) frames: &'a [Pitch],
}

impl PitchLane<'_> {
    /// How much higher the stream is than a stored pitch, cents, between the frames of bands number `frame` and the next on the time axis
    /// of speed `speed`.
    pub(super) fn above(&self, stored: u8, frame: i64, speed: usize) -> Option<i16> {
        let at = (frame as f64 + SECOND_FRAME) / SPEEDS.get(speed)? + FRAME_AHEAD;
        Some(between(self.frames, at - f64::from(self.first))? - stored_cents(stored)?)
    }
}

/// Log-likelihood ratio, nats, of a replay at `speed` against words said again, from how much higher the query's pitch is, frame
/// by frame, where both have one; 0 where nowhere is.
pub(super) fn likelihood_ratio(above: &[Option<i16>], speed: f64) -> f64 {
    let expected = OCTAVE * (speed.log2() as f32);
    // An octave more or less is an error of the analysis.
    let off = |cents: i16| (f32::from(cents) - expected + 0.5 * OCTAVE).rem_euclid(OCTAVE) - 0.5 * OCTAVE;
    let mut off: SmallVec<[f32; 2 * MAX_STEPS]> = above.iter().flatten().map(|&cents| off(cents)).collect();
    off.sort_unstable_by(f32::total_cmp);
    let frames = off.len() as f64 / DEPENDENT;
    let as_expected = within(&off, -NEAR..NEAR) as f64 / DEPENDENT;
    let most = (0..off.len()).map(|first| within(&off[first..], off[first]..off[first] + 2.0 * NEAR)).max();
    let shifted = most.unwrap_or(0) as f64 / DEPENDENT;
    let as_expected = beta_binomial_ratio(as_expected, frames, EXPECTED);
    let shifted = beta_binomial_ratio(shifted, frames, SHIFTED) - SHIFT_PRICE;
    as_expected.max(shifted).clamp(-MOST, 0.0)
}

/// How many of the values, which ascend, lie in a range.
fn within(ascending: &[f32], range: Range<f32>) -> usize {
    let below = ascending.partition_point(|&x| x < range.start);
    ascending.partition_point(|&x| x <= range.end) - below
}

/// Logarithm of the ratio of two beta-binomial likelihoods of `agreeing` among `frames`.
fn beta_binomial_ratio(agreeing: f64, frames: f64, [of_true, of_false]: [(f64, f64); 2]) -> f64 {
    let likelihood = |(a, b): (f64, f64)| ln_beta(agreeing + a, frames - agreeing + b) - ln_beta(a, b);
    likelihood(of_true) - likelihood(of_false)
}

/// ln B(a, b).
fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// ln Γ(x) for x above 0: Stirling's series for x + 2, which is within 3e-6, and Γ(x + 1) = x Γ(x).
fn ln_gamma(x: f64) -> f64 {
    let y = x + 2.0;
    let series =
        (y - 0.5) * y.ln() - y + 0.5 * (2.0 * std::f64::consts::PI).ln() + 1.0 / (12.0 * y) - 1.0 / (360.0 * y.powi(3));
    series - (x * (x + 1.0)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_the_pitch_to_half_a_step() {
        let track: Vec<Pitch> = (0..60).map(|i| Pitch::of(100.0 * 2f32.powf(i as f32 / 240.0))).collect();
        let stored = store(&track, 40);
        assert_eq!(stored.len(), 40);
        for (record, &byte) in stored.iter().enumerate() {
            // 498 cents, and 5 more with each frame.
            let expected = (2 * record < 57).then_some(498.0 + 5.0 * (2.0 * record as f64 + 1.6));
            let found = stored_cents(byte).map(f64::from);
            assert_eq!(found.is_some(), expected.is_some(), "{record}");
            assert!(found.zip(expected).is_none_or(|(found, expected)| (found - expected).abs() < 8.5), "{record}");
        }
    }

    #[test]
    fn a_stream_is_compared_in_the_same_place_at_any_speed() {
        // A glide of 10 cents a frame of the script, heard a twentieth faster and that much higher: 84 cents.
        let heard: Vec<Pitch> =
            (0..100).map(|i| Pitch::of(100.0 * 2f32.powf(i as f32 * 1.05 / 120.0) * 1.05)).collect();
        let script: Vec<Pitch> = (0..110).map(|i| Pitch::of(100.0 * 2f32.powf(i as f32 / 120.0))).collect();
        let speed = SPEEDS.iter().position(|&s| s == 1.05).unwrap();
        let lane = PitchLane { first: 0, frames: &heard };
        for (record, &byte) in store(&script, 45).iter().enumerate() {
            // Bands of a stream that is faster lie where those of the script do, but for the half of their own window.
            let above = lane.above(byte, 2 * record as i64, speed).unwrap();
            assert!((above - 84).abs() < 22, "{record}: {above}");
        }
    }

    #[test]
    fn a_replay_says_nothing_against_itself_and_another_take_does() {
        let differ = |by: fn(usize) -> i16| (0..60).map(|i| (i % 3 > 0).then(|| by(i))).collect::<Vec<_>>();
        assert_eq!(likelihood_ratio(&differ(|i| (i % 9) as i16 - 4), 1.0), 0.0);
        assert_eq!(likelihood_ratio(&differ(|i| 84 + (i % 9) as i16), 1.05), 0.0, "faster, so higher");
        assert_eq!(likelihood_ratio(&differ(|i| -200 + (i % 9) as i16), 1.0), 0.0, "shifted as a whole");
        assert_eq!(likelihood_ratio(&differ(|i| 1200 * (i % 2) as i16), 1.0), 0.0, "octaves are errors");
        let another = likelihood_ratio(&differ(|i| (i * 37 % 300) as i16 - 150), 1.0);
        assert!(another < -3.0, "{another}");
        assert_eq!(likelihood_ratio(&[None; 50], 1.0), 0.0);
    }

    #[test]
    fn the_logarithm_of_gamma_is_that_of_factorials() {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>().ln();
        for n in 1..20 {
            assert!((ln_gamma(f64::from(n) + 1.0) - factorial(n)).abs() < 1e-5, "{n}");
        }
        // Two beta-binomials of no spread are binomials: 3 of 4 at 9/10 and at 1/2.
        let ratio = beta_binomial_ratio(3.0, 4.0, [(9e6, 1e6), (5e6, 5e6)]);
        assert!((ratio - (0.9f64.powi(3) * 0.1 / 0.0625).ln()).abs() < 1e-3, "{ratio}");
    }
}
