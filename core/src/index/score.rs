//! How much an alignment says for its script.
//!
//! The score is the log-likelihood ratio, in nats, of "this rendering plays here" against "something else does, perhaps a
//! script that shares some words". It is a logistic regression (Berkson, "Application of the logistic function to
//! bio-assay", JASA 39, 1944) on a few properties of the agreement along the path, corrected for the share of true
//! candidates in its training set; fitted by `corpus/training/score.py` on development snippets whose scripts, voices and
//! noises are in no reported set.
//!
//! What tells a true match in noise from a stranger that shares a greeting: noise lowers the agreement everywhere a little,
//! and where it lowers it much, the query is louder than the script there; a stranger agrees perfectly for a while, then
//! not at all, at the same level. So the worst tenth, the longest disagreement, and missing level at disagreement speak
//! against a match more than a low mean does.

use std::ops::Range;

use super::{Alignment, align::Step};

/// Agreement above which a code counts for the part that fits; unrelated sound stays below it.
const TURNING_POINT: f32 = 0.22;
/// Codes with sound that any statement needs.
const MINIMUM_CODES: usize = 6;
/// Codes with sound after which an interruption is believed (2 s and a patch).
const INTERRUPTIBLE_CODES: usize = 60;
/// What believing in an interruption costs, nats.
const INTERRUPTION_PRICE: f64 = 1.0;
/// Agreement under which a code disagrees.
const DISAGREEMENT: f32 = 0.3;
/// Decibels in a 1/256 octave of power.
const DECIBELS: f32 = 3.0103 / 256.0;

/// Properties of a stretch of alignment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Properties {
    /// Codes with sound on both sides.
    pub codes: usize,
    /// Their mean agreement, -1 to 1.
    pub agreement: f64,
    /// Agreement that a tenth of them stays below.
    pub worst_tenth: f64,
    /// Share of codes whose agreement is below 0.35.
    pub weak_share: f64,
    /// Longest run of codes that disagree.
    pub longest_disagreement: usize,
    /// Root of the sum of squared agreements.
    pub magnitude: f64,
    /// Level missing where the codes disagree, in units of 150 dB codes: noise adds level, another voice need not.
    pub missing_level: f64,
    /// Codes where only the script holds sound.
    pub script_only: usize,
    /// Codes where only the query holds sound.
    pub query_only: usize,
}

/// What an alignment shows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// First step of the part that fits.
    pub first: usize,
    /// One past the last step of the part that fits.
    pub end: usize,
    /// Bit error rate of the part that fits.
    pub ber: f64,
    /// The part that fits.
    pub part: Properties,
    /// The whole overlap of script and query.
    pub whole: Properties,
}

impl Evidence {
    /// Measures an alignment. `None` where nothing fits or too little has sound.
    pub fn of(alignment: &Alignment) -> Option<Self> {
        let steps = &alignment.steps;
        let fit = best_part(steps)?;
        let part = Properties::of(&steps[fit.clone()]).filter(|p| p.codes >= MINIMUM_CODES)?;
        let whole = Properties::of(steps)?;
        let bits: u32 = steps[fit.clone()].iter().filter(|s| s.active).map(|s| u32::from(s.distance)).sum();
        Some(Self { first: fit.start, end: fit.end, ber: f64::from(bits) / (128.0 * part.codes as f64), part, whole })
    }

    /// Log-likelihood ratio of the match, nats: of the whole overlap, or of the part that fits if that is long enough for
    /// the rest to be an interruption.
    pub fn score(&self) -> f64 {
        let whole = self.whole.score();
        if self.part.codes < INTERRUPTIBLE_CODES {
            return whole;
        }
        whole.max(self.part.score() - INTERRUPTION_PRICE)
    }
}

impl Properties {
    fn of(steps: &[Step]) -> Option<Self> {
        let active: Vec<&Step> = steps.iter().filter(|s| s.active).collect();
        if active.is_empty() {
            return None;
        }
        let n = active.len();
        let mut sorted: Vec<f32> = active.iter().map(|s| s.agreement).collect();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f64| sorted[((share * n as f64) as usize).min(n - 1)];
        let sum = |f: &dyn Fn(f64) -> f64| active.iter().map(|s| f(f64::from(s.agreement))).sum::<f64>();
        Some(Self {
            codes: n,
            agreement: sum(&|x| x) / n as f64,
            worst_tenth: f64::from(at(0.1)),
            weak_share: active.iter().filter(|s| s.agreement < 0.35).count() as f64 / n as f64,
            longest_disagreement: longest_run(&active),
            magnitude: sum(&|x| x.clamp(0.0, 1.0).powi(2)).sqrt(),
            missing_level: missing_level(&active, at(0.7)),
            script_only: steps.iter().filter(|s| s.script_active && !s.query_active).count(),
            query_only: steps.iter().filter(|s| s.query_active && !s.script_active).count(),
        })
    }

    /// The logistic regression.
    fn score(&self) -> f64 {
        let log1p = |n: usize| (n as f64).ln_1p();
        3.0388 * (self.codes as f64).ln() + 3.4984 * self.agreement + 5.0341 * self.worst_tenth
            - 3.901 * self.weak_share
            - 1.1563 * log1p(self.longest_disagreement)
            - 0.2635 * self.magnitude
            - 1.155 * self.missing_level
            - 0.3825 * log1p(self.script_only)
            + 0.7715 * log1p(self.query_only)
            - 10.8774
    }
}

fn longest_run(active: &[&Step]) -> usize {
    let runs = active.split(|s| s.agreement >= DISAGREEMENT);
    runs.map(<[&Step]>::len).max().unwrap_or(0)
}

/// Sum over disagreeing codes of the level (up to 15 dB) that they lack against the codes that agree best.
fn missing_level(active: &[&Step], good: f32) -> f64 {
    let mut levels: Vec<f32> =
        active.iter().filter(|s| s.agreement >= good).map(|s| f32::from(s.level) * DECIBELS).collect();
    levels.sort_by(f32::total_cmp);
    let Some(&upper) = levels.get(levels.len() / 2) else { return 0.0 };
    let gain = 0.5 * (upper + levels[(levels.len() - 1) / 2]);
    let lacking = active.iter().filter(|s| s.agreement < DISAGREEMENT);
    lacking.map(|s| f64::from((gain - f32::from(s.level) * DECIBELS).clamp(0.0, 15.0))).sum::<f64>() / 150.0
}

/// The stretch of steps with the highest sum of agreement above the turning point (Bentley, "Algorithm design techniques",
/// CACM 27(9), 1984).
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

#[cfg(test)]
mod tests {
    use super::*;

    fn alignment(agreements: impl IntoIterator<Item = f32>, level: impl Fn(usize) -> i16) -> Alignment {
        let step = |(i, agreement): (usize, f32)| Step {
            code: i as u32,
            frame: 4 * i as u32,
            agreement,
            distance: (64.0 * (1.0 - agreement)) as u8,
            level: level(i),
            active: true,
            script_active: true,
            query_active: true,
        };
        let steps: Vec<Step> = agreements.into_iter().enumerate().map(step).collect();
        Alignment { rendering: 0, speed: 2, query_active: 4 * steps.len(), steps }
    }

    fn score(agreements: impl IntoIterator<Item = f32>) -> f64 {
        Evidence::of(&alignment(agreements, |_| 0)).map_or(f64::NEG_INFINITY, |e| e.score())
    }

    #[test]
    fn more_of_the_same_agreement_says_more() {
        let scores: Vec<f64> = [10, 20, 40, 80].iter().map(|&n| score(vec![0.7; n])).collect();
        assert!(scores.windows(2).all(|w| w[0] < w[1]), "{scores:?}");
    }

    #[test]
    fn a_noisy_whole_beats_a_perfect_half_of_the_same_mean() {
        let noisy = score(vec![0.5; 40]);
        let shared_greeting = score((0..40).map(|i| if i < 20 { 1.0 } else { 0.0 }));
        assert!(noisy > shared_greeting + 3.0, "{noisy} {shared_greeting}");
    }

    #[test]
    fn a_burst_of_noise_costs_less_than_another_voice() {
        let agreements = || (0..40).map(|i| if (15..25).contains(&i) { 0.05 } else { 0.9 });
        // 10 dB in 1/256 octave of power.
        let scored = |change: i16| {
            let level = move |i: usize| if (15..25).contains(&i) { change } else { 0 };
            Evidence::of(&alignment(agreements(), level)).map_or(f64::NAN, |e| e.score())
        };
        assert!(scored(850) > scored(-850) + 0.5);
    }

    #[test]
    fn an_interruption_after_seconds_of_match_does_not_undo_it() {
        let long = score((0..150).map(|i| if i < 90 { 0.8 } else { 0.0 }));
        let short = score((0..60).map(|i| if i < 25 { 0.8 } else { 0.0 }));
        assert!(long > 5.0, "{long}");
        assert!(short < 2.0, "{short}");
    }

    #[test]
    fn nothing_that_fits_gives_no_evidence() {
        assert!(Evidence::of(&alignment(vec![-0.1; 50], |_| 0)).is_none());
        assert!(Evidence::of(&alignment(vec![], |_| 0)).is_none());
    }
}
