//! Frames, bands, activity, tones.
