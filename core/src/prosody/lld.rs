//! The low-level descriptors: one record each 10 ms.

/// What is known of one frame of 10 ms. Frame k describes the audio from `k · 10 ms` to `(k + 1) · 10 ms`; the windows of
/// all descriptors are centred there, whatever their length, with silence assumed before the start and after the end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lld {
    /// Centre of the frame, s from the start of the stream.
    pub time: f64,
    /// Fundamental frequency, 75 to 600 Hz; 0 where unvoiced.
    pub f0: f32,
    /// Voicing: the normalised autocorrelation at the period (the best candidate's where unvoiced), 0 to 1.
    pub voicing: f32,
    /// Harmonics-to-noise ratio `10 log10(r / (1 - r))`, dB, at most 60; NaN where unvoiced (Boersma 1993, eq. 4).
    pub hnr: f32,
    /// Level of the 20 ms around the centre, dB re full scale 1 (a full-scale sine has -3), without the mean; at least -100.
    pub level: f32,
}

/// Columns of [`Lld::values`] with their units.
pub const LLD_NAMES: &[&str] = &["F0_Hz", "F0semitoneFrom27.5Hz", "voicing", "HNRpitch_dB", "level_dB"];

impl Lld {
    /// Whether the frame is voiced.
    pub fn voiced(&self) -> bool {
        self.f0 > 0.0
    }

    /// F0 in semitones above 27.5 Hz, as in eGeMAPS; 0 where unvoiced.
    pub fn semitones(&self) -> f32 {
        if self.voiced() { semitones(self.f0) } else { 0.0 }
    }

    /// The descriptors in the order of [`LLD_NAMES`], all but the time.
    pub fn values(&self) -> [f32; LLD_NAMES.len()] {
        [self.f0, self.semitones(), self.voicing, self.hnr, self.level]
    }
}

/// 12 log2(f / 27.5 Hz).
pub(crate) fn semitones(f0: f32) -> f32 {
    12.0 * (f0 / 27.5).log2()
}
