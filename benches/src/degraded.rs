//! Queries with a given share of wrong bits, as noise makes them.
//!
//! Three seconds of a real rendering are played at a speed and mixed with noise, white or the babble of six other renderings in turn, whose
//! level is found by bisection such that the codes differ from the stored ones in the wanted share of bits on average.
//! They then pass through the extractor like any query. So which bits are wrong, how reliable they look, how errors
//! gather in weak sounds, and the loss between grid points of time and speed are what they are in use.

use callprint::{
    audio::{Resampler, SAMPLE_RATE},
    fingerprint::{Extractor, QueryFrame, Reference, SPEEDS},
};

use crate::{inputs::Noise, synthetic::SplitMix};

/// Length of a query, s.
pub const SECONDS: f64 = 3.0;
/// Steps of the search for the level of noise, of 70 dB in all.
const BISECTIONS: usize = 8;
/// Frames of 10 ms from the beginning of the stream to the middle of the first patch.
const MIDDLE: f64 = 19.5 + 1.6;

/// A query and what is true of it.
#[derive(Debug, Clone)]
pub struct Query {
    /// Number of the rendering that plays.
    pub rendering: usize,
    /// Where in the rendering it begins, s.
    pub start: f64,
    /// Playback speed.
    pub speed: f64,
    /// Share of wrong bits.
    pub bit_errors: f64,
    /// Its audio.
    pub samples: Vec<f32>,
    /// Its codes at all speeds, in the order of the stream.
    pub codes: Vec<QueryFrame>,
}

/// A rendering to take queries from.
#[derive(Debug, Clone)]
pub struct Source {
    /// 8 kHz samples.
    pub samples: Vec<f32>,
    /// What the index keeps of it.
    pub reference: Reference,
}

impl Query {
    /// Query number `number` of those with this speed and share of wrong bits.
    ///
    /// # Errors
    /// A speed that the resampler refuses.
    pub fn make(sources: &[Source], number: u64, speed: f64, bit_errors: f64) -> callprint::Result<Self> {
        let mut random = SplitMix::new(number);
        let rendering = random.below(sources.len());
        let clip = &sources[rendering].samples;
        let wanted = (SECONDS * f64::from(SAMPLE_RATE)) as usize;
        let needed = (wanted as f64 * speed) as usize + 400;
        let start = random.below(clip.len().saturating_sub(needed) + 1);
        let mut resampler = Resampler::new((f64::from(SAMPLE_RATE) * speed).round() as u32)?;
        let mut clean = Vec::new();
        resampler.push(&clip[start..(start + needed).min(clip.len())], &mut clean);
        resampler.finish(&mut clean);
        clean.truncate(wanted);
        let noise: Vec<f32> = if number.is_multiple_of(2) {
            Noise::new(number).take(clean.len()).collect()
        } else {
            let mut babble = vec![0f32; clean.len()];
            for _ in 0..6 {
                let other = &sources[random.below(sources.len())].samples;
                let from = random.below(other.len());
                babble.iter_mut().zip(other.iter().cycle().skip(from)).for_each(|(sum, x)| *sum += x);
            }
            babble
        };
        let level = rms(&clean) / rms(&noise).max(1e-9);
        let (mut low, mut high) = (-50.0, 20.0);
        let mut query = Self {
            rendering,
            start: start as f64 / f64::from(SAMPLE_RATE),
            speed,
            bit_errors: 0.0,
            samples: Vec::new(),
            codes: Vec::new(),
        };
        for _ in 0..BISECTIONS {
            let decibels: f32 = 0.5 * (low + high);
            let gain = level * 10f32.powf(decibels / 20.0);
            let mix = |(x, n): (&f32, &f32)| 0.5 * (x + gain * n) / (1.0 + 10f32.powf(decibels / 20.0));
            query.samples = clean.iter().zip(&noise).map(mix).collect();
            query.codes.clear();
            Extractor::new().push(&query.samples, |_| {}, |code| query.codes.push(code));
            query.bit_errors = query.errors(&sources[rendering].reference);
            if query.bit_errors < bit_errors { low = decibels } else { high = decibels }
        }
        Ok(query)
    }

    /// Frame of the rendering, from its beginning, that a query code describes if it is right.
    pub fn script_frame(&self, code: &QueryFrame) -> f64 {
        (code.time() * self.speed + self.start) * 100.0 - MIDDLE
    }

    /// Share of bits that differ from the stored codes, at the assumed speed that is nearest.
    fn errors(&self, reference: &Reference) -> f64 {
        let distance = |lane: &usize| (SPEEDS[*lane] - self.speed).abs();
        let lane = (0..SPEEDS.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or_default();
        let (mut bits, mut wrong) = (0u32, 0u32);
        for code in self.codes.iter().filter(|code| code.speed == lane && code.active) {
            // Of the four query codes for each stored one, that which is nearest in time.
            let at = self.script_frame(code) / 4.0;
            let stored = reference.codes.get(at.round().max(0.0) as usize).filter(|stored| stored.active);
            if let Some(stored) = stored.filter(|_| (at - at.round()).abs() <= 0.125) {
                bits += 128;
                wrong += stored.soft.code().distance(code.soft.code());
            }
        }
        f64::from(wrong) / f64::from(bits.max(1))
    }
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|x| x * x).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
