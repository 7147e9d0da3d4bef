//! F0 of a stream, beside codes and bands, which are too wide to show it. What it says of a match: `pitch` of the index.
//!
//! It is the F0 of each frame's likeliest candidate, without the path that [`F0Tracker`](crate::prosody::F0Tracker) finds among
//! them, which would come half a second later. Between frames more than a semitone apart there is none.

use std::cell::RefCell;

use crate::prosody::{Candidates, PitchAnalyser, StreamPeak, Windows};

/// Lowest F0, Hz; pitches are told above it.
const LOWEST: f32 = 75.0;
/// Cents from one frame to the next beyond which neither is believed.
const LEAP: i16 = 100;

/// F0 of a frame of 10 ms, 75 to 600 Hz in cents, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pitch(Option<i16>);

impl Pitch {
    /// Of a frequency in Hz; none where that is not within 75 to 600.
    pub fn of(hertz: f32) -> Self {
        let cents = (1200.0 * (hertz / LOWEST).log2()).round();
        Self((0.0..=3600.0).contains(&cents).then_some(cents as i16))
    }

    /// Cents above 75 Hz, 0 to 3,600; none where there is no F0.
    pub fn cents(self) -> Option<i16> {
        self.0
    }
}

/// The pitch between two frames, cents above 75 Hz; none where they are too far apart or one has none. `at`: frames from the first of `track`.
pub(crate) fn between(track: &[Pitch], at: f64) -> Option<i16> {
    if at < 0.0 {
        return None;
    }
    let first = at as usize;
    let (a, b) = (track.get(first)?.cents()?, track.get(first + 1)?.cents()?);
    ((a - b).abs() <= LEAP).then(|| a + (f64::from(b - a) * at.fract()).round() as i16)
}

thread_local! {
    /// Tables and memory of the analysis, 45 KiB: each thread has one, not each stream.
    static ANALYSER: RefCell<PitchAnalyser> = RefCell::new(PitchAnalyser::new());
}

/// Pitch of a stream, up to 0.1 s behind it.
#[derive(Debug)]
pub(crate) struct PitchTrack {
    windows: Windows,
    peak: StreamPeak,
}

impl PitchTrack {
    pub(crate) fn new() -> Self {
        Self { windows: Windows::new(), peak: StreamPeak::default() }
    }

    /// Forgets the stream; the memory stays.
    pub(crate) fn reset(&mut self) {
        self.windows.reset();
        self.peak = StreamPeak::default();
    }

    /// Takes samples in [-1, 1]; hands out the pitch of each frame that is ready, in order.
    pub(crate) fn push(&mut self, samples: &[f32], mut each: impl FnMut(Pitch)) {
        let Self { windows, peak } = self;
        windows.push(samples, &mut |group| {
            let candidates = ANALYSER.with_borrow_mut(|analyser| {
                analyser.resume(*peak);
                let candidates = analyser.analyse(group);
                *peak = analyser.peak();
                candidates
            });
            candidates.iter().map(likeliest).for_each(&mut each);
        });
    }
}

/// The pitch of a frame's likeliest candidate; none where that is "unvoiced".
fn likeliest(candidates: &Candidates) -> Pitch {
    let voiced = candidates.voiced().iter().filter(|c| c.strength > candidates.unvoiced);
    let best = voiced.max_by(|a, b| a.strength.total_cmp(&b.strength));
    best.map_or_else(Pitch::default, |best| Pitch::of(best.log2_f0.exp2()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_its_pitch_however_it_is_fed() {
        // 220 Hz: 1,863 cents above 75 Hz.
        let samples: Vec<f32> = (0..8000).map(|n| (n as f32 * 220.0 / 8000.0 * std::f32::consts::TAU).sin()).collect();
        let pitches = |piece: usize| {
            let (mut track, mut pitches) = (PitchTrack::new(), Vec::new());
            samples.chunks(piece).for_each(|part| track.push(part, |pitch| pitches.push(pitch)));
            pitches
        };
        let whole = pitches(samples.len());
        assert!(whole[4..].iter().all(|p| (p.cents().unwrap() - 1863).abs() <= 1), "{whole:?}");
        assert!(whole.len() >= 90, "a tenth of a second is still to come, at most: {}", whole.len());
        assert_eq!(whole, pitches(80));
        assert_eq!(whole, pitches(7));
    }

    #[test]
    fn between_frames_a_glide_is_followed_and_a_leap_is_not() {
        let track = [75.0, 75.0 * 2f32.powf(1.0 / 24.0), 150.0, 0.0].map(Pitch::of);
        assert_eq!(between(&track, 0.5), Some(25));
        assert_eq!(
            [between(&track, 1.5), between(&track, 2.5), between(&track, -0.5), between(&track, 9.0)],
            [None; 4]
        );
    }

    #[test]
    fn frequencies_that_are_no_voice_have_no_pitch() {
        assert_eq!([0.0, 74.0, 601.0, f32::NAN, -5.0].map(|hertz| Pitch::of(hertz).cents()), [None; 5]);
        assert_eq!([75.0, 600.0].map(|hertz| Pitch::of(hertz).cents()), [Some(0), Some(3600)]);
    }
}
