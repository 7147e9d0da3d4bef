//! When somebody answered, and for how long there was sound that can be a voice.
//!
//! A tone is surely one after 0.3 s only, and a steady noise by a whole patch of a code (0.4 s). So sound counts when the code
//! around it has been made, and an answer is one when codes with sound have come for longer than a tone needs to be known. Rings,
//! busy tones and the line's noise before somebody speaks are neither.

use crate::{
    fingerprint::{QueryFrame, SOUND_DEPTH, SPEEDS, is_loud, model},
    signal::{Activity, FRAME_SECONDS, HOP_SECONDS, ToneReach},
};

/// Codes with sound in a row that make an answer (0.36 s): a tone that begins in a noise brings 33 until it is sure, a word of 0.16 s 36.
const ANSWER_CODES: u32 = 36;
/// Frames that are remembered: those of so many codes and a patch at least.
const REMEMBERED: usize = 128;

/// The sound of one stream.
#[derive(Debug)]
pub(super) struct Answer {
    frames: u64,
    /// Whether each of the last frames is near the peak level and no tone, the latest lowest, and their levels by number.
    heard: u128,
    levels: [i16; REMEMBERED],
    tone: ToneReach,
    /// Codes with sound in a row.
    run: u32,
    answered_at: Option<f64>,
    voiced_frames: u64,
    /// Frames of the run that count once it is long enough.
    waiting: u32,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            frames: 0,
            heard: 0,
            levels: [0; REMEMBERED],
            tone: ToneReach::default(),
            run: 0,
            answered_at: None,
            voiced_frames: 0,
            waiting: 0,
        }
    }
}

impl Answer {
    /// Takes the next frame.
    pub(super) fn frame(&mut self, activity: &Activity) {
        self.levels[self.frames as usize % REMEMBERED] = activity.level;
        self.frames += 1;
        let (tone, before) = self.tone.push(activity);
        self.heard = self.heard << 1 | u128::from(is_loud(activity) && !tone);
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
        self.waiting += self.heard_at(1 + model().patch / 2);
        self.run += 1;
        if self.run >= ANSWER_CODES {
            self.voiced_frames += u64::from(std::mem::take(&mut self.waiting));
            if self.answered_at.is_none() {
                self.answered_at = Some(self.beginning());
            }
        }
    }

    /// 1 if the frame so many before the last is sound that counts, or else 0.
    fn heard_at(&self, ago: usize) -> u32 {
        (self.heard >> ago.min(REMEMBERED - 1)) as u32 & 1
    }

    /// When the run's sound began, s: with its first frame that is not far below its loudest. (The line's noise before it was as loud as
    /// anything until then.)
    fn beginning(&self) -> f64 {
        let all = (self.run as usize + model().patch).min(REMEMBERED - 1).min(self.frames as usize);
        let frames = || (0..all).rev().filter(|&ago| self.heard_at(ago) == 1);
        let level = |ago: usize| self.levels[(self.frames as usize - 1 - ago) % REMEMBERED];
        let loudest = frames().map(level).max().unwrap_or(0);
        let first = frames().find(|&ago| loudest.saturating_sub(level(ago)) < SOUND_DEPTH).unwrap_or(0);
        (self.frames as usize - 1 - first) as f64 * HOP_SECONDS + 0.5 * FRAME_SECONDS
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
