//! The low-level descriptors: one record each 10 ms.

use super::{formants::FORMANTS, spectrum::LFCC};

/// What is known of one frame of 10 ms. Frame k describes the audio from `k · 10 ms` to `(k + 1) · 10 ms`; the windows of
/// all descriptors are centred there, whatever their length, with silence assumed before the start and after the end.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Difference of two neighbouring periods' lengths over their mean; NaN where unvoiced or not to be told.
    pub jitter: f32,
    /// Difference of neighbouring periods' peak-to-peak heights, dB; NaN as for jitter.
    pub shimmer: f32,
    /// Level of the first harmonic less that of the second, dB; NaN where unvoiced.
    pub h1_h2: f32,
    /// Slope of the spectrum's level from 0 to 500 Hz, dB/Hz.
    pub slope_0_500: f32,
    /// Slope of the spectrum's level from 500 to 1500 Hz, dB/Hz.
    pub slope_500_1500: f32,
    /// Energy 50-1000 Hz over 1-4 kHz, dB.
    pub alpha_ratio: f32,
    /// Highest level below 2 kHz less the highest from 2 to 4 kHz, dB.
    pub hammarberg: f32,
    /// Mean absolute change of 20 bands' levels since the last frame, dB.
    pub flux: f32,
    /// Linear-frequency cepstral coefficients 1 to 12, dB.
    pub lfcc: [f32; LFCC],
    /// Formants 1 to 3, Hz; NaN where unvoiced or where fewer than three are found.
    pub formants: [f32; FORMANTS],
    /// Whether the level is above the threshold for speech: 25 dB below the loudest frames so far, or a little above a
    /// noisy line's floor.
    pub speech: bool,
}

/// Columns of [`Lld::values`] with their units.
pub const LLD_NAMES: &[&str] = &[
    "F0_Hz",
    "F0semitoneFrom27.5Hz",
    "voicing",
    "HNRpitch_dB",
    "level_dB",
    "jitterLocal",
    "shimmerLocaldB",
    "logRelF0-H1-H2_dB",
    "slope0-500_dBperHz",
    "slope500-1500_dBperHz",
    "alphaRatio4k_dB",
    "hammarberg4k_dB",
    "flux_dB",
    "lfcc1",
    "lfcc2",
    "lfcc3",
    "lfcc4",
    "lfcc5",
    "lfcc6",
    "lfcc7",
    "lfcc8",
    "lfcc9",
    "lfcc10",
    "lfcc11",
    "lfcc12",
    "formant1_Hz",
    "formant2_Hz",
    "formant3_Hz",
    "speech",
];

impl Lld {
    /// A voiced frame of speech whose cepstrum does not move; for tests.
    #[cfg(test)]
    pub(crate) fn steady() -> Self {
        Self {
            time: 0.0,
            f0: 150.0,
            voicing: 1.0,
            hnr: 20.0,
            level: -20.0,
            jitter: 0.0,
            shimmer: 0.0,
            h1_h2: 0.0,
            slope_0_500: 0.0,
            slope_500_1500: 0.0,
            alpha_ratio: 0.0,
            hammarberg: 0.0,
            flux: 0.0,
            lfcc: [0.0; LFCC],
            formants: [0.0; FORMANTS],
            speech: true,
        }
    }

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
        let mut values = [0.0; LLD_NAMES.len()];
        let first = [
            self.f0,
            self.semitones(),
            self.voicing,
            self.hnr,
            self.level,
            self.jitter,
            self.shimmer,
            self.h1_h2,
            self.slope_0_500,
            self.slope_500_1500,
            self.alpha_ratio,
            self.hammarberg,
            self.flux,
        ];
        let rest = first.into_iter().chain(self.lfcc).chain(self.formants).chain([f32::from(u8::from(self.speech))]);
        for (to, value) in values.iter_mut().zip(rest) {
            *to = value;
        }
        values
    }
}

/// 12 log2(f / 27.5 Hz).
pub(crate) fn semitones(f0: f32) -> f32 {
    12.0 * (f0 / 27.5).log2()
}
