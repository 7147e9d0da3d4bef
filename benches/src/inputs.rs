//! Audio that is the same in every run, for the benches of single stages.
//!
//! Throughput is counted in *milliseconds of audio*: in criterion's output, `1 Kelem/s` is once real time, `1 Melem/s` a thousand
//! times.

use std::path::{Path, PathBuf};

use callprint::audio::{SAMPLE_RATE, find_audio, read_channels_8k};

/// So much audio in milliseconds, the elements of throughput.
pub fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

/// A folder of the repository's corpus (`samples`, `renderings`).
pub fn corpus_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name)
}

/// Audio files of a folder of the corpus, sorted by path.
///
/// # Errors
/// Where the folder cannot be read.
pub fn corpus_files(name: &str) -> callprint::Result<Vec<PathBuf>> {
    find_audio(&corpus_folder(name))
}

/// Exactly `seconds` of speech at 8 kHz: the corpus's renderings one after the other.
///
/// # Errors
/// Where a rendering cannot be read, or all of them are not long enough.
pub fn corpus_speech(seconds: f64) -> anyhow::Result<Vec<f32>> {
    let wanted = (seconds * f64::from(SAMPLE_RATE)) as usize;
    let mut speech = Vec::new();
    for path in corpus_files("renderings")? {
        speech.extend(read_channels_8k(path, 120.0)?.into_iter().next().unwrap_or_default());
        if speech.len() >= wanted {
            speech.truncate(wanted);
            return Ok(speech);
        }
    }
    anyhow::bail!("the renderings of the corpus are {} samples long, {wanted} are needed", speech.len())
}

/// Uniform noise in [-1, 1) from a 64-bit linear congruential generator (multiplier and increment of Knuth's MMIX).
#[derive(Debug, Clone)]
pub struct Noise(u64);

impl Noise {
    /// The same sequence for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Iterator for Noise {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The upper 24 bits fill an f32 exactly.
        Some((self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0)
    }
}

/// `seconds` of a voice-like sound at `rate` Hz: a buzz with vibrato and falling harmonics in syllables of a quarter second, a
/// pause after every eighth, a little noise throughout. Peak below 0.7.
pub fn voice(seconds: f64, rate: u32) -> Vec<f32> {
    let mut noise = Noise::new(1);
    let mut phase = 0f64;
    let samples = (seconds * f64::from(rate)) as usize;
    (0..samples)
        .map(|n| {
            let t = n as f64 / f64::from(rate);
            let syllable = (t * 4.0) as u64;
            let f0 = 120.0 + 20.0 * (syllable % 5) as f64 + 3.0 * (std::f64::consts::TAU * 5.0 * t).sin();
            phase = (phase + f0 / f64::from(rate)).fract();
            let loud = if syllable % 8 == 7 { 0.0 } else { (std::f64::consts::PI * (t * 4.0).fract()).sin() };
            let buzz: f64 = (1..=12).map(|k| (std::f64::consts::TAU * f64::from(k) * phase).sin() / f64::from(k)).sum();
            (0.3 * loud * buzz) as f32 + 0.003 * noise.next().unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_bounded_repeatable_and_as_long_as_asked() {
        let voice_8k = voice(3.0, 8000);
        assert_eq!(voice_8k.len(), 24_000);
        assert_eq!(voice_8k, voice(3.0, 8000));
        let peak = voice_8k.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.2 && peak < 0.7, "{peak}");
        // The eighth syllable, 1.75 to 2 s, is a pause.
        assert!(voice_8k[14_000..16_000].iter().all(|sample| sample.abs() <= 0.003));
    }

    #[test]
    fn noise_fills_its_range_evenly() {
        let noise: Vec<f32> = Noise::new(7).take(100_000).collect();
        assert!(noise.iter().all(|n| (-1.0..1.0).contains(n)));
        // Uniform on [-1, 1): mean 0 ± 0.0018, mean square 1/3.
        let mean = noise.iter().map(|n| f64::from(*n)).sum::<f64>() / 1e5;
        let square = noise.iter().map(|n| f64::from(*n).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (square - 1.0 / 3.0).abs() < 0.01, "{mean} {square}");
    }
}
