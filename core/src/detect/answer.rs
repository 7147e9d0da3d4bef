//! When somebody answered, and for how long there was sound that can be a voice.
//!
//! A tone is surely one after 0.3 s only, and a steady noise by a whole patch of a code (0.4 s). So sound counts when the code
//! around it has been made, and an answer is one when codes with sound have come for longer than a tone needs to be known. Rings,
//! busy tones and the line's noise before somebody speaks are neither.

use crate::{
    fingerprint::{QueryFrame, SPEEDS, is_loud, model},
    signal::{Activity, FRAME_SECONDS, HOP_SECONDS, ToneReach},
};

/// Codes with sound in a row that make an answer (0.36 s): a tone that begins in a noise brings 33 until it is sure, a word of 0.16 s 36.
const ANSWER_CODES: u32 = 36;
/// Frames that are remembered, the bits of [`Answer::heard`].
const REMEMBERED: usize = 64;

/// The sound of one stream.
#[derive(Debug, Default)]
pub(super) struct Answer {
    frames: u64,
    /// Whether each of the last frames is near the peak level and no tone, the latest lowest.
    heard: u64,
    tone: ToneReach,
    /// Codes with sound in a row, and when the sound of the first began, s.
    run: u32,
    begun: f64,
    answered_at: Option<f64>,
    voiced_frames: u64,
    /// Frames of the run that count once it is long enough.
    waiting: u64,
}

impl Answer {
    /// Takes the next frame.
    pub(super) fn frame(&mut self, activity: &Activity) {
        self.frames += 1;
        let (tone, before) = self.tone.push(activity);
        self.heard = self.heard << 1 | u64::from(is_loud(activity) && !tone);
        self.heard &= !(((1 << before) - 1) << 1);
    }

    /// Takes a code whose patch ends with the frame before the last.
    pub(super) fn code(&mut self, code: &QueryFrame) {
        if SPEEDS.get(code.speed) != Some(&1.0) {
            return;
        }
        if !code.voice {
            (self.run, self.waiting) = (0, 0);
            return;
        }
        let patch = model().patch.min(REMEMBERED - 1);
        let within = self.heard >> 1 & (u64::MAX >> (REMEMBERED - patch));
        self.waiting += within >> (patch / 2) & 1;
        self.run += 1;
        if self.run == 1 {
            let first = (self.frames + u64::from(within.leading_zeros())).saturating_sub(REMEMBERED as u64 + 1);
            self.begun = first as f64 * HOP_SECONDS + 0.5 * FRAME_SECONDS;
        }
        if self.run >= ANSWER_CODES {
            self.answered_at.get_or_insert(self.begun);
            self.voiced_frames += std::mem::take(&mut self.waiting);
        }
    }

    /// When sound that can be a voice first came, s.
    pub(super) fn answered_at(&self) -> Option<f64> {
        self.answered_at
    }

    /// Seconds of sound that can be a voice.
    pub(super) fn voiced_seconds(&self) -> f64 {
        self.voiced_frames as f64 * HOP_SECONDS
    }
}
