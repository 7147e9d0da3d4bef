//! How much an alignment says for its script.

use std::ops::Range;

use super::{Alignment, align::Step};

/// Agreement above which a code counts for the match; unrelated sound stays below it.
const TURNING_POINT: f32 = 0.22;
/// Standard deviation of the agreement of one code of unrelated sound.
const CHANCE_DEVIATION: f64 = 0.11;
/// Codes (40 ms) per independent patch (0.4 s).
const OVERLAP: f64 = 7.0;

/// What an alignment shows, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// First step of the part that fits.
    pub first: usize,
    /// One past the last step of the part that fits.
    pub end: usize,
    /// Codes with sound in the part that fits.
    pub codes: f64,
    /// Their mean agreement, -1 to 1.
    pub agreement: f64,
    /// Mean agreement of the worst third of the fitting part, in blocks of 0.2 s.
    pub worst: f64,
    /// Bit error rate of the fitting part.
    pub ber: f64,
    /// Codes with sound on both sides before and after the part that fits.
    pub outside: f64,
    /// Mean agreement of those.
    pub outside_agreement: f64,
    /// Codes outside where only one side holds sound.
    pub one_sided: f64,
    /// Log-likelihood gain of the fitting part over unrelated sound, nats.
    pub gain: f64,
    /// Log-likelihood of what does not fit, given the agreement of what does, against unrelated sound; nats, negative when
    /// it speaks against the match.
    pub contradiction: f64,
    /// Query codes with sound in the window, in steps of 40 ms.
    pub query_codes: f64,
}

impl Evidence {
    /// Measures an alignment. `None` where nothing fits.
    pub fn of(alignment: &Alignment) -> Option<Self> {
        let steps = &alignment.steps;
        let part = best_part(steps)?;
        let inside = summary(steps[part.clone()].iter().filter(|s| s.active));
        let rest = || steps[..part.start].iter().chain(&steps[part.end..]);
        let outside = summary(rest().filter(|s| s.active));
        let variance = CHANCE_DEVIATION.powi(2) * OVERLAP;
        let m = inside.agreement;
        let bits: u32 = steps[part.clone()].iter().filter(|s| s.active).map(|s| u32::from(s.distance)).sum();
        Some(Self {
            first: part.start,
            end: part.end,
            codes: inside.codes,
            agreement: m,
            worst: worst_third(&steps[part.clone()]),
            ber: f64::from(bits) / (128.0 * inside.codes.max(1.0)),
            outside: outside.codes,
            outside_agreement: outside.agreement,
            one_sided: rest().filter(|s| s.query_active != s.script_active).count() as f64,
            gain: inside.codes * m * m / (2.0 * variance),
            contradiction: outside.codes * (m * outside.agreement - 0.5 * m * m) / variance,
            query_codes: alignment.query_active as f64 / 4.0,
        })
    }
}

/// Log-likelihood ratio of "this rendering plays here" against "something else does", nats.
pub fn score(e: &Evidence) -> f64 {
    e.gain + e.contradiction.min(0.0)
}

struct Summary {
    codes: f64,
    agreement: f64,
}

fn summary<'a>(steps: impl Iterator<Item = &'a Step>) -> Summary {
    let (mut codes, mut sum) = (0.0, 0.0);
    for step in steps {
        codes += 1.0;
        sum += f64::from(step.agreement);
    }
    Summary { codes, agreement: if codes > 0.0 { sum / codes } else { 0.0 } }
}

/// The stretch of steps with the highest sum of agreement above the turning point (Bentley's maximum subarray).
fn best_part(steps: &[Step]) -> Option<Range<usize>> {
    let (mut best, mut part) = (0.0, None);
    let (mut sum, mut start) = (0.0f32, 0);
    for (i, step) in steps.iter().enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, i);
        }
        if step.active {
            sum += step.agreement - TURNING_POINT;
        }
        if sum > best {
            best = sum;
            part = Some(start..i + 1);
        }
    }
    part
}

fn worst_third(steps: &[Step]) -> f64 {
    let mut blocks: Vec<f64> = steps.chunks(5).map(|b| summary(b.iter()).agreement).collect();
    blocks.sort_by(f64::total_cmp);
    let count = blocks.len().div_ceil(3);
    blocks.iter().take(count).sum::<f64>() / count.max(1) as f64
}
