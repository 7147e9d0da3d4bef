//! Renderings without end that have the statistics of real codes.
//!
//! Bits drawn independently would flatter an index: real codes change slowly (neighbours differ in about 40 % of their
//! bits), their bits are not quite independent, quiet codes cluster, and renderings of one voice share phrases. So a
//! rendering is a chain of **segments** of 0.5 to 2 s, each the sum of four stretches of real soft codes (distances from the thresholds,
//! before the sign is taken) of the corpus's renderings:
//!
//! - sums of soft codes keep the covariance of the bits, the change from code to code, and which codes lie near the
//!   threshold, because all of these are linear;
//! - each stretch runs backwards and with a random sign, so that a segment does not follow the recordings that it was made from: a
//!   real query finds in it what it finds in strange speech, single codes that are near by chance;
//! - activity and level are those of the first stretch, bands a stretch of real bands;
//! - three of ten renderings begin with a **greeting** that 30 on average share, each with noise of its own on the values.
//!
//! What comes out is compared with real codes by [`Statistics`], which `scale` prints.

use std::collections::HashMap;

use callprint::fingerprint::{BITS, Bands, CODE_HOP, Code, QueryFrame, Reference, SPEEDS, SoftCode};

/// Codes of a rendering: 12 s.
pub const CODES: usize = 289;
/// Renderings that share a greeting.
const SHARING: u64 = 100;
/// Stretches in a segment.
const STRETCHES: usize = 4;

/// A 64-bit generator with good low bits (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The same sequence for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
}

/// Real renderings to make others from.
#[derive(Debug)]
pub struct Generator {
    real: Vec<Reference>,
    speed: usize,
}

impl Generator {
    /// From real renderings of at least two seconds; shorter ones are left out.
    pub fn new(real: Vec<Reference>) -> Self {
        let real = real.into_iter().filter(|r| r.codes.len() > 50).collect();
        let speed = SPEEDS.iter().position(|&s| s == 1.0).unwrap_or_default();
        Self { real, speed }
    }

    /// Rendering number `number`, always the same.
    pub fn rendering(&self, number: u64) -> Reference {
        let mut random = SplitMix::new(number);
        let mut codes = Vec::with_capacity(CODES);
        if random.below(10) < 3 {
            self.segment(&mut SplitMix::new(!(number / SHARING)), Some(&mut random), &mut codes);
        }
        while codes.len() < CODES {
            self.segment(&mut random, None, &mut codes);
        }
        codes.truncate(CODES);
        let source = &self.real[random.below(self.real.len())].bands;
        let start = random.below(source.len());
        let bands: Vec<Bands> = source.iter().cycle().skip(start).take(CODES * CODE_HOP + 40).copied().collect();
        Reference { codes, bands, pitch: Vec::new() }
    }

    fn segment(&self, random: &mut SplitMix, noise: Option<&mut SplitMix>, codes: &mut Vec<QueryFrame>) {
        let length = 12 + random.below(38);
        let stretches: [(&[QueryFrame], i16); STRETCHES] = std::array::from_fn(|_| {
            let all = &self.real[random.below(self.real.len())].codes;
            let start = random.below(all.len() - length.min(all.len() - 1));
            (&all[start..(start + length).min(all.len())], if random.bits() & 1 == 0 { 1 } else { -1 })
        });
        let mut noise = noise;
        for i in 0..stretches.iter().map(|s| s.0.len()).min().unwrap_or(0) {
            let mut sums = [0i16; BITS];
            for (stretch, sign) in &stretches {
                let values = stretch[stretch.len() - 1 - i].soft.values();
                sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum += sign * i16::from(v));
            }
            if let Some(noise) = noise.as_deref_mut() {
                sums.iter_mut().for_each(|sum| *sum += (noise.below(33) as i16) - 16);
            }
            let first = &stretches[0].0[stretches[0].0.len() - 1 - i];
            codes.push(QueryFrame {
                speed: self.speed,
                frame: (codes.len() * CODE_HOP) as u32,
                soft: soft(&sums),
                level: first.level,
                active: first.active,
                voice: first.active,
            });
        }
    }
}

/// The soft code of summed values: the sum of four has twice the spread of one.
fn soft(sums: &[i16; BITS]) -> SoftCode {
    let mut code = Code::default();
    for (word, sums) in code.0.iter_mut().zip(sums.as_chunks::<64>().0) {
        *word = sums.iter().enumerate().fold(0, |word, (d, &sum)| word | u64::from(sum > 0) << d);
    }
    SoftCode::new(sums.map(|sum| (sum / 2).clamp(-127, 127) as i8), code)
}

/// What of codes matters to an index.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Statistics {
    /// Codes with sound counted.
    pub codes: usize,
    /// Share of set bits: least and most of the 128.
    pub set: (f64, f64),
    /// Differing bits of a code and the next, of one 80 ms and one 160 ms later; means.
    pub change: [f64; 3],
    /// Differing bits of codes of different renderings: mean and standard deviation.
    pub strangers: (f64, f64),
    /// Share of these pairs within 43 bits.
    pub strangers_near: f64,
    /// Codes that share 16 bits (of three tables) with a code, beside itself, for each 65,536 codes; 1 for independent bits.
    pub list: f64,
}

impl Statistics {
    /// Of the active codes of renderings.
    pub fn of(renderings: &[Reference]) -> Self {
        let codes: Vec<Vec<Code>> = renderings
            .iter()
            .map(|r| r.codes.iter().filter(|c| c.active).map(|c| c.soft.code()).collect())
            .filter(|codes: &Vec<Code>| codes.len() > 8)
            .collect();
        let all: Vec<Code> = codes.iter().flatten().copied().collect();
        let share =
            |d: usize| all.iter().filter(|c| c.0[d / 64] >> (d % 64) & 1 == 1).count() as f64 / all.len() as f64;
        let shares: Vec<f64> = (0..BITS).map(share).collect();
        let change = [1, 2, 4].map(|step| {
            mean(codes.iter().flat_map(|c| c.iter().zip(&c[step..]).map(|(a, b)| f64::from(a.distance(*b)))))
        });
        let mut random = SplitMix::new(1);
        let mut pairs = Vec::with_capacity(1 << 20);
        while pairs.len() < 1 << 20 && codes.len() > 1 {
            let [a, b] = [random.below(codes.len()), random.below(codes.len())];
            if a != b {
                let [a, b] = [&codes[a], &codes[b]].map(|c| c[random.below(c.len())]);
                pairs.push(f64::from(a.distance(b)));
            }
        }
        let average = mean(pairs.iter().copied());
        let deviation = mean(pairs.iter().map(|d| (d - average).powi(2))).sqrt();
        let lists = [0, 26, 52].map(|at: usize| {
            let mut count: HashMap<u16, f64> = HashMap::new();
            for code in &all {
                let word = u128::from(code.0[0]) | u128::from(code.0[1]) << 64;
                *count.entry((word >> at) as u16).or_default() += 1.0;
            }
            count.values().map(|n| n * (n - 1.0)).sum::<f64>() / (all.len() as f64).powi(2) * 65536.0
        });
        Self {
            codes: all.len(),
            set: (shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max)),
            change,
            strangers: (average, deviation),
            strangers_near: mean(pairs.iter().map(|&d| f64::from(u8::from(d <= 43.0)))),
            list: mean(lists.into_iter()),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    sum / count.max(1) as f64
}
