//! Which frames are part of a tone, as that becomes known.
//!
//! A long vowel looks like a tone for a moment. So a tone counts once it has been known for a while, 0.3 s in all, shorter than a busy
//! tone; then the frames that made it one are part of it, too, and some before that hold a bit of it.

use crate::signal::TONE_FRAMES;

/// Frames for which a tone must be known to be none of a voice's.
const SURE: usize = 15;

/// Frames for which a tone has been known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ToneRun(usize);

impl ToneRun {
    /// Takes in whether a tone is known in the next frame. Says whether that frame is part of a sure one, and how many frames, it
    /// included, turn out to be.
    pub(super) fn push(&mut self, tone: bool) -> (bool, usize) {
        self.0 = if tone { self.0 + 1 } else { 0 };
        (self.0 > SURE, if self.0 == SURE { SURE + TONE_FRAMES + 2 } else { 0 })
    }
}
