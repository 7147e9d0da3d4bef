//! What is sound at all: level, silence and supervisory tones, frame by frame.
//!
//! Ringback, busy and dial tones are one or two steady sine waves (ITU-T E.180: 400-450 Hz in most countries, 440 + 480 Hz
//! in North America), so nearly all of a frame's power sits around its two highest peaks, and the peaks stay where they
//! are. A voice does that for a few frames, hardly ever for 150 ms. Steady noise has no peaks but a level that
//! hardly moves; that is judged over a patch, by [`Activity::level`], where the code is made.

use super::{BINS, Spectrum, log2_fixed};

/// Bins of the telephone band that the level counts: 219 to 3500 Hz.
const BAND: std::ops::Range<usize> = 7..113;
/// Bins on either side of a peak that a Hann window spreads a sine over.
const PEAK_REACH: usize = 2;
/// Share of the band's power around the two highest peaks that makes a frame tonal.
const TONAL_SHARE: f32 = 0.92;
/// Frames in a row with the same peaks that make a tone (150 ms).
pub(crate) const TONE_FRAMES: usize = 15;
/// Log level under which a frame is silence whatever surrounds it: about -66 dB below a full-scale sine.
const SILENCE_POWER: f32 = 3.0e6;
/// How fast the remembered peak level falls, in 1/256 octave of power a frame: 6 dB a second.
const PEAK_DECAY: i32 = 5;

/// What one frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// Log power of the band 219-3500 Hz, 1/256 octave.
    pub level: i16,
    /// How far the level lies below the recent peak of sound that is no tone, 1/256 octave, 0 or more.
    pub below_peak: i16,
    /// Below any level of speech on a telephone line, or digital silence.
    pub silent: bool,
    /// Part of a steady tone (ringback, busy, dial tone, DTMF).
    pub tone: bool,
}

impl Activity {
    /// Neither silence nor a tone.
    pub fn is_sound(&self) -> bool {
        !self.silent && !self.tone
    }
}

/// Classifies frames of one stream in order.
#[derive(Debug, Clone, Default)]
pub struct ActivityGate {
    peaks: [usize; 2],
    same_peaks: usize,
    peak_level: i32,
}

impl ActivityGate {
    /// A gate at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Classifies the next frame.
    pub fn push(&mut self, power: &Spectrum) -> Activity {
        let total: f32 = power[BAND].iter().sum();
        let level = log2_fixed(total + 1.0);
        let silent = total < SILENCE_POWER;
        let tone = !silent && self.is_tone(power);
        if silent {
            self.same_peaks = 0;
        }
        self.peak_level = (self.peak_level - PEAK_DECAY).max(0);
        if !silent && !tone {
            self.peak_level = self.peak_level.max(i32::from(level));
        }
        let below_peak = (self.peak_level - i32::from(level)).max(0) as i16;
        Activity { level, below_peak, silent, tone }
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn is_tone(&mut self, power: &Spectrum) -> bool {
        // Tones reach below the band that counts for level, never above it.
        let whole: f32 = power[2..BINS].iter().sum();
        let first = highest(power, usize::MAX);
        let second = highest(power, first);
        let mut share = around(power, first);
        let second_share = around(power, second);
        let two = second_share > 0.02 * share && second.abs_diff(first) > PEAK_REACH;
        if two {
            share += second_share;
        }
        let peaks = if two && second < first { [second, first] } else { [first, if two { second } else { first }] };
        let tonal = share >= TONAL_SHARE * whole;
        let same = peaks.iter().zip(&self.peaks).all(|(a, b)| a.abs_diff(*b) <= 1);
        self.same_peaks = match (tonal, same) {
            (true, true) => self.same_peaks + 1,
            (true, false) => 1,
            (false, _) => 0,
        };
        self.peaks = peaks;
        self.same_peaks >= TONE_FRAMES
    }
}

/// Bin of the highest peak that is not within reach of `other`.
fn highest(power: &Spectrum, other: usize) -> usize {
    let mut best = 2;
    for k in 2..BINS {
        if (other == usize::MAX || k.abs_diff(other) > 2 * PEAK_REACH) && power[k] > power[best] {
            best = k;
        }
    }
    best
}

fn around(power: &Spectrum, bin: usize) -> f32 {
    power[bin.saturating_sub(PEAK_REACH)..(bin + PEAK_REACH + 1).min(BINS)].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Framer;

    fn classify(samples: &[f32]) -> Vec<Activity> {
        let (mut framer, mut gate, mut out) = (Framer::new(), ActivityGate::new(), Vec::new());
        framer.push(samples, |s| out.push(gate.push(s)));
        out
    }

    fn tone(frequencies: &[f64], seconds: f64, amplitude: f64) -> Vec<f32> {
        (0..(seconds * 8000.0) as usize)
            .map(|n| {
                let t = n as f64 / 8000.0;
                frequencies.iter().map(|f| amplitude * (2.0 * std::f64::consts::PI * f * t).sin()).sum::<f64>() as f32
            })
            .collect()
    }

    #[test]
    fn ringback_is_a_tone_after_150_ms() {
        for frequencies in [&[450.0][..], &[440.0, 480.0], &[400.0, 450.0], &[425.0], &[350.0, 440.0], &[770.0, 1336.0]]
        {
            let found = classify(&tone(frequencies, 1.0, 0.1));
            assert!(found[20..].iter().all(|a| a.tone), "{frequencies:?}");
        }
    }

    #[test]
    fn silence_is_silent() {
        assert!(classify(&[0.0; 8000]).iter().all(|a| a.silent && !a.is_sound()));
        let hiss: Vec<f32> =
            (0..8000u32).map(|n| ((n.wrapping_mul(2_654_435_761) >> 16) % 3) as f32 / 32768.0).collect();
        assert!(classify(&hiss).iter().all(|a| a.silent));
    }

    #[test]
    fn a_gliding_voice_like_tone_is_sound() {
        // A harmonic series whose fundamental glides, as in speech.
        let x: Vec<f32> = (0..8000)
            .map(|n| {
                let t = n as f64 / 8000.0;
                let phase = 2.0 * std::f64::consts::PI * (150.0 * t + 40.0 * t * t);
                (1..12).map(|h| (phase * f64::from(h)).sin() * 0.05).sum::<f64>() as f32
            })
            .collect();
        assert!(classify(&x).iter().all(Activity::is_sound));
    }
}
