//! Which frames are part of a tone, as that becomes known.
//!
//! A long vowel looks like a tone for a moment. So a tone counts once it has been known for a while, 0.3 s in all, shorter than a busy
//! tone; then the frames that made it one are part of it, too, and some before that hold a bit of it.

use super::{Activity, activity::TONE_FRAMES};

/// Frames for which a tone must be known to be none of a voice's.
const SURE: usize = 15;
/// Frames that reach over the edge of a tone, which are neither it nor what lies beside it.
const EDGE_FRAMES: usize = 4;

/// Frames for which a tone has been known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ToneRun(usize);

impl ToneRun {
    /// Takes in whether a tone is known in the next frame. Says whether that frame is part of a sure one, and how many frames, it
    /// included, turn out to be.
    pub(crate) fn push(&mut self, tone: bool) -> (bool, usize) {
        self.0 = if tone { self.0 + 1 } else { 0 };
        (self.0 > SURE, if self.0 == SURE { SURE + TONE_FRAMES + 2 } else { 0 })
    }
}

/// How far sure tones reach in one stream, their edges included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ToneReach {
    run: ToneRun,
    /// Frames that still belong to the last.
    left: usize,
}

impl ToneReach {
    /// Whether the next frame belongs to a tone, and how many of those before it do as well, which was not known then.
    pub(crate) fn push(&mut self, activity: &Activity) -> (bool, usize) {
        let (sure, found) = self.run.push(activity.tone);
        if sure || found > 0 {
            self.left = EDGE_FRAMES;
            // As many before this one as turn out to be with it: one more, for the edge.
            return (true, found);
        }
        let edge = self.left > 0;
        self.left = self.left.saturating_sub(1);
        (edge, 0)
    }
}
