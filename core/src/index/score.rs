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

use smallvec::SmallVec;

use super::{
    Alignment, Verification,
    align::{MAX_STEPS, Step},
    verify::frames_of,
};

/// A value for each step; on the stack unless a damaged index makes an alignment longer than any can be.
type PerStep<T> = SmallVec<[T; MAX_STEPS]>;
/// A value for each frame of 20 ms.
type PerFrame<T> = SmallVec<[T; 2 * MAX_STEPS]>;

/// Agreement above which a code counts for the part that fits; unrelated sound stays below it.
const TURNING_POINT: f32 = 0.22;
/// Codes with sound that any statement needs.
const MINIMUM_CODES: usize = 6;
/// Codes with sound that a match must rest on (1.1 s with the patch of the last): on shorter stretches the same speaker
/// saying the same word is taken for the recording.
const SUFFICIENT_CODES: usize = 18;
/// Of these, how many must lie in the part that fits (1 s).
const SUFFICIENT_FITTING_CODES: usize = 16;
/// Codes with sound after which an interruption is believed (2 s and a patch).
const INTERRUPTIBLE_CODES: usize = 60;
/// What believing in an interruption costs, nats.
const INTERRUPTION_PRICE: f64 = 1.0;
/// Agreement under which a code disagrees.
const DISAGREEMENT: f32 = 0.3;
/// Largest ratio of a frame that counts, nats: neighbours are not independent.
pub(super) const RATIO_LIMIT: f64 = 4.0;
/// Ratio above which a frame counts for the part that fits, nats.
const RATIO_TURNING_POINT: f32 = 0.5;
/// Frames of 20 ms in 0.3 s.
const SHORT_FRAMES: usize = 15;
/// Coefficients of the regression, in the order of [`FEATURES`].
const WEIGHTS: [f64; FEATURES.len()] = [
    3.0378, -7.5056, 3.8327, -5.2096, -1.1127, -0.5376, -1.1865, -0.0951, 1.0685, 0.2098, 0.0374, 0.0856, 0.2520,
    -4.3313, 0.2403, 0.9624, 0.1238, -0.2131, 0.6714,
];
/// Its constant.
const CONSTANT: f64 = -5.6277;
/// Decibels in a 1/256 octave of power.
const DECIBELS: f32 = 3.0103 / 256.0;

/// Names of the properties that a score is made from, in the order of [`Properties::features`].
pub const FEATURES: [&str; 19] = [
    "ln codes",
    "agreement",
    "worst tenth of agreements",
    "share of weak agreements",
    "ln1p longest disagreement",
    "magnitude of agreements",
    "missing level",
    "ln1p script only",
    "ln1p query only",
    "mean ratio",
    "sum of ratios",
    "lowest ratio over 0.3 s",
    "lowest ratio over 0.6 s",
    "share of ratios below -0.5",
    "sum of negative ratios",
    "ln1p sum of positive ratios",
    "ratio at 10 %",
    "ratio at 25 %",
    "ratio of the worse end",
];

/// Properties of a stretch of alignment: agreement of codes, and log-likelihood ratios of frames ([`Verification`]).
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
    /// What the frames say.
    pub ratios: Ratios,
}

/// Properties of frame-wise log-likelihood ratios, each limited to ±4 nats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ratios {
    /// Their mean.
    pub mean: f64,
    /// Their sum.
    pub sum: f64,
    /// Lowest mean over 0.3 s.
    pub lowest_short: f64,
    /// Lowest mean over 0.6 s.
    pub lowest_long: f64,
    /// Share of them below -0.5.
    pub negative_share: f64,
    /// Sum of the negative ones.
    pub negative_sum: f64,
    /// Value that a tenth of them stays below.
    pub tenth: f64,
    /// Value that a quarter of them stays below.
    pub quarter: f64,
    /// The lower of the means over the first and the last 0.3 s.
    pub worse_end: f64,
}

impl Ratios {
    fn of(ratios: &[f32]) -> Self {
        if ratios.is_empty() {
            return Self::default();
        }
        let limited: PerFrame<f64> = ratios.iter().map(|&r| f64::from(r).clamp(-RATIO_LIMIT, RATIO_LIMIT)).collect();
        let n = limited.len() as f64;
        let mut sorted = limited.clone();
        sorted.sort_by(f64::total_cmp);
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let lowest = |frames: usize| {
            limited.windows(frames.min(limited.len())).map(mean).min_by(f64::total_cmp).unwrap_or_default()
        };
        let end = SHORT_FRAMES.min(limited.len());
        let negative_sum: f64 = limited.iter().map(|r| r.min(0.0)).sum();
        Self {
            mean: mean(&limited),
            sum: limited.iter().sum(),
            lowest_short: lowest(SHORT_FRAMES),
            lowest_long: lowest(2 * SHORT_FRAMES),
            negative_share: limited.iter().filter(|&&r| r < -0.5).count() as f64 / n,
            negative_sum,
            tenth: sorted[(0.1 * (n - 1.0)) as usize],
            quarter: sorted[(0.25 * (n - 1.0)) as usize],
            worse_end: mean(&limited[..end]).min(mean(&limited[limited.len() - end..])),
        }
    }
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
    /// Measures an alignment by its codes alone. `None` where nothing fits or too little has sound.
    pub fn of(alignment: &Alignment) -> Option<Self> {
        let steps = &alignment.steps;
        let fit = best_part(steps)?;
        let part = Properties::of(&steps[fit.clone()]).filter(|p| p.codes >= MINIMUM_CODES)?;
        let whole = Properties::of(steps)?;
        let ber = bit_error_rate(&steps[fit.clone()], part.codes);
        Some(Self { first: fit.start, end: fit.end, ber, part, whole })
    }

    /// Whether there is enough of it for a match to rest on: 1.1 s of sound, 1 s of which fits.
    pub fn suffices(&self) -> bool {
        self.whole.codes >= SUFFICIENT_CODES && self.part.codes >= SUFFICIENT_FITTING_CODES
    }

    /// The same with what the frames say, which also place the ends of the part that fits more sharply than codes can: where
    /// a person takes over, the last codes blur both voices.
    pub fn verified(mut self, alignment: &Alignment, verification: &Verification) -> Self {
        let steps = &alignment.steps;
        self.whole.ratios = Ratios::of(&verification.ratios);
        if let Some((range, part)) = sharp_part(steps, self.first..self.end, verification) {
            (self.first, self.end, self.part) = (range.start, range.end, part);
            self.ber = bit_error_rate(&steps[range], part.codes);
        }
        let code = |step: usize| steps.get(step).map_or(0, |s| s.code as usize);
        self.part.ratios = Ratios::of(verification.of_codes(code(self.first), code(self.end.saturating_sub(1))));
        self
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
        let active: PerStep<&Step> = steps.iter().filter(|s| s.active).collect();
        if active.is_empty() {
            return None;
        }
        let n = active.len();
        let mut sorted: PerStep<f32> = active.iter().map(|s| s.agreement).collect();
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
            ratios: Ratios::default(),
        })
    }

    /// What the regression sees, as [`FEATURES`] names it.
    pub fn features(&self) -> [f64; FEATURES.len()] {
        let log1p = |n: usize| (n as f64).ln_1p();
        let r = &self.ratios;
        [
            (self.codes as f64).ln(),
            self.agreement,
            self.worst_tenth,
            self.weak_share,
            log1p(self.longest_disagreement),
            self.magnitude,
            self.missing_level,
            log1p(self.script_only),
            log1p(self.query_only),
            r.mean,
            r.sum / 50.0,
            r.lowest_short,
            r.lowest_long,
            r.negative_share,
            r.negative_sum / 50.0,
            ((r.sum - r.negative_sum) / 10.0).ln_1p(),
            r.tenth,
            r.quarter,
            r.worse_end,
        ]
    }

    /// The logistic regression.
    fn score(&self) -> f64 {
        self.features().iter().zip(&WEIGHTS).map(|(x, w)| x * w).sum::<f64>() + CONSTANT
    }
}

fn longest_run(active: &[&Step]) -> usize {
    let runs = active.split(|s| s.agreement >= DISAGREEMENT);
    runs.map(<[&Step]>::len).max().unwrap_or(0)
}

/// Sum over disagreeing codes of the level (up to 15 dB) that they lack against the codes that agree best.
fn missing_level(active: &[&Step], good: f32) -> f64 {
    let mut levels: PerStep<f32> =
        active.iter().filter(|s| s.agreement >= good).map(|s| f32::from(s.level) * DECIBELS).collect();
    levels.sort_by(f32::total_cmp);
    let Some(&upper) = levels.get(levels.len() / 2) else { return 0.0 };
    let gain = 0.5 * (upper + levels[(levels.len() - 1) / 2]);
    let lacking = active.iter().filter(|s| s.agreement < DISAGREEMENT);
    lacking.map(|s| f64::from((gain - f32::from(s.level) * DECIBELS).clamp(0.0, 15.0))).sum::<f64>() / 150.0
}

/// Share of the bits of `codes` codes with sound that differ.
fn bit_error_rate(steps: &[Step], codes: usize) -> f64 {
    let bits: u32 = steps.iter().filter(|s| s.active).map(|s| u32::from(s.distance)).sum();
    f64::from(bits) / (128.0 * codes as f64)
}

/// The steps whose agreement is highest in sum above the turning point.
fn best_part(steps: &[Step]) -> Option<Range<usize>> {
    highest_stretch(steps.iter().map(|s| if s.active { s.agreement - TURNING_POINT } else { 0.0 }))
}

/// The codes of the part `within` that lie in the frames whose ratios are highest in sum above [`RATIO_TURNING_POINT`], if
/// they have sound enough.
fn sharp_part(steps: &[Step], within: Range<usize>, verification: &Verification) -> Option<(Range<usize>, Properties)> {
    let limit = RATIO_LIMIT as f32;
    let fit = highest_stretch(verification.ratios.iter().map(|r| r.clamp(-limit, limit) - RATIO_TURNING_POINT))?;
    let frames = verification.first + fit.start..verification.first + fit.end;
    let first = steps.partition_point(|s| frames_of(s.code as usize).start < frames.start).max(within.start);
    // One frame, half the way to the next code, may lie outside.
    let end = steps.partition_point(|s| frames_of(s.code as usize).end <= frames.end + 1).min(within.end).max(first);
    let part = Properties::of(&steps[first..end]).filter(|p| p.codes >= MINIMUM_CODES)?;
    Some((first..end, part))
}

/// The stretch of values with the highest sum (Bentley, "Algorithm design techniques", CACM 27(9), 1984); `None` where no
/// value is positive.
fn highest_stretch(values: impl Iterator<Item = f32>) -> Option<Range<usize>> {
    let (mut best, mut stretch) = (0.0, None);
    let (mut sum, mut start) = (0.0f32, 0);
    for (i, value) in values.enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, i);
        }
        sum += value;
        if sum > best {
            best = sum;
            stretch = Some(start..i + 1);
        }
    }
    stretch
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

    /// What the frames would say: as much as the codes, from -1.5 where nothing agrees to 4.5 where all does.
    fn verification(alignment: &Alignment) -> Verification {
        let codes = alignment.steps.len();
        let nearest = |frame: usize| (frame.saturating_sub(9) / 2).min(codes - 1);
        let ratios = (0..2 * codes + 18).map(|f| 6.0 * alignment.steps[nearest(f)].agreement - 1.5).collect();
        Verification { first: 0, ratios }
    }

    fn score_of(alignment: &Alignment) -> f64 {
        let verified = |e: Evidence| e.verified(alignment, &verification(alignment)).score();
        Evidence::of(alignment).map_or(f64::NEG_INFINITY, verified)
    }

    fn score(agreements: impl IntoIterator<Item = f32>) -> f64 {
        score_of(&alignment(agreements, |_| 0))
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
            score_of(&alignment(agreements(), level))
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
    fn a_person_taking_over_leaves_the_score_of_what_was_before() {
        // The codes fall off over a patch (10 codes), the frames at once, in the middle of it.
        let whole = alignment((0..150).map(|i| (0.9 - 0.09 * (i as f32 - 85.0).max(0.0)).max(0.0)), |_| 0);
        let ratios = (0..318).map(|frame| if frame < 189 { 3.5 } else { -4.0 }).collect();
        let heard = Verification { first: 0, ratios };
        let after = Evidence::of(&whole).unwrap().verified(&whole, &heard);
        assert_eq!((after.first, after.end), (0, 86), "the codes that lie before the change");
        let short = alignment(vec![0.9; 86], |_| 0);
        let before = Evidence::of(&short).unwrap().verified(&short, &Verification { first: 0, ratios: vec![3.5; 190] });
        assert!(after.score() > before.score() - 2.0, "{} {}", after.score(), before.score());
    }

    #[test]
    fn nothing_that_fits_gives_no_evidence() {
        assert!(Evidence::of(&alignment(vec![-0.1; 50], |_| 0)).is_none());
        assert!(Evidence::of(&alignment(vec![], |_| 0)).is_none());
    }
}
