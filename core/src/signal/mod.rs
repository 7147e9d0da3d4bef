//! From 8 kHz samples to frames, and from frames to what is speech at all.
//!
//! One frame every 10 ms serves both the fingerprint and the prosody features: [`Framer`] cuts and transforms,
//! [`MelBank`] sums the spectrum into log bands, [`ActivityGate`] says which stretches can carry a voice and which are
//! silence, a steady noise or a supervisory tone (ringback, busy).

mod activity;
mod frames;
mod mel;
mod tone_run;

pub(crate) use activity::TONE_FRAMES;
pub use activity::{Activity, ActivityGate};
pub use frames::{BINS, FRAME, FRAME_SECONDS, Framer, HOP, HOP_SECONDS, Spectrum};
pub use mel::{LOG_UNITS_PER_OCTAVE, MelBank, log2_fixed};
pub(crate) use tone_run::{ToneReach, ToneRun};
