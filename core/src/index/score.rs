//! How much an alignment says for its script.
//!
//! The score is the log-likelihood ratio, in nats, of "this rendering plays here" against "something else does, perhaps a
//! script that shares some words". [`super::judge`] gives it, from the frames along the path and a few properties of the
//! agreement of codes; here are these properties, and the part of an alignment that fits.
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
    judge::PROPERTIES,
    verify::{Hearing, frames_of},
};

/// A value for each step; on the stack unless a damaged index makes an alignment longer than any can be.
type PerStep<T> = SmallVec<[T; MAX_STEPS]>;

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
/// Share of an alignment's codes above which a part is all of it, and nats that are not worth hearing it again for.
const ALL_BUT: f64 = 0.9;
const LITTLE: f64 = 0.25;
/// Of the stretches of 1.5 s of scripts that no index holds, cut anywhere, this share is said as a whole by a sibling script
/// in the same voice (texts of `corpus/training`, 1,500 stretches)...
const SHARED_SPEECH: f64 = 0.08;
/// ... and it falls by e with each so many seconds more.
const SHARED_SPEECH_LENGTH: f64 = 0.62;
/// Log-odds that an alignment reaches a score of 0 nats: weights of its [`FEATURES`] and constant, lowered so that at most one
/// in a thousand of those that do falls below 0 (`corpus/training/promise.py`). Of 36,800 alignments in calls of other
/// scripts and voices 17 % lie above, and all 3,505 that reached a score of 0.
const PROMISE: ([f64; PROPERTIES], f64) = ([2.59, 0.0, 5.84, -9.82, -0.7, 0.39, 0.0, -0.22, 0.0], -5.24);
/// Agreement under which a code disagrees.
const DISAGREEMENT: f32 = 0.3;
/// Largest ratio of a frame that counts, nats: neighbours are not independent.
const RATIO_LIMIT: f64 = 4.0;
/// Ratio above which a frame counts for the part that fits, nats.
const RATIO_TURNING_POINT: f32 = 0.5;
/// Decibels in a 1/256 octave of power.
const DECIBELS: f32 = 3.0103 / 256.0;

/// Names of the properties that a score is made from beside the frames, in the order of [`Properties::features`].
pub const FEATURES: [&str; PROPERTIES] = [
    "ln codes",
    "agreement",
    "worst tenth of agreements",
    "share of weak agreements",
    "ln1p longest disagreement",
    "magnitude of agreements",
    "missing level",
    "ln1p script only",
    "ln1p query only",
];

/// Properties of a stretch of alignment: the agreement of its codes, and what the judge made of it.
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
    /// Log-likelihood ratio of the stretch, nats, that of its pitches included; 0 until its frames are judged.
    pub score: f64,
    /// What the pitches of both sides say against it, nats, -8 to 0.
    pub pitch: f64,
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
    /// Playback speed of the part that fits; 0 until its frames are judged.
    pub speed: f64,
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
        Some(Self { first: fit.start, end: fit.end, ber, speed: 0.0, part, whole })
    }

    /// Whether there is enough of it for a match to rest on: 1.1 s of sound, 1 s of which fits.
    pub fn suffices(&self) -> bool {
        self.missing_codes() == 0
    }

    /// How many codes are missing until it [`suffices`](Self::suffices), at least.
    pub(crate) fn missing_codes(&self) -> usize {
        let missing = SUFFICIENT_CODES.saturating_sub(self.whole.codes);
        missing.max(SUFFICIENT_FITTING_CODES.saturating_sub(self.part.codes))
    }

    /// Whether its codes say enough for its frames to be heard, where only matches are wanted.
    pub(crate) fn is_promising(&self) -> bool {
        let (weights, constant) = PROMISE;
        let promises =
            |p: &Properties| p.features().iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() + constant >= 0.0;
        promises(&self.whole) || (self.part.codes >= INTERRUPTIBLE_CODES && promises(&self.part))
    }

    /// The most that an alignment of so many codes can say, nats, however well it fits.
    pub(crate) fn limit(&self) -> f64 {
        unshared(self.whole.codes)
    }

    /// The same with what the frames say, which also place the ends of the part that fits more sharply than codes can: where
    /// a person takes over, the last codes blur both voices. `hearing` has judged the alignment's frames.
    pub(crate) fn verified(mut self, alignment: &Alignment, hearing: &Hearing) -> Self {
        let (steps, verification) = (&alignment.steps, &hearing.verification);
        if let Some((range, part)) = sharp_part(steps, self.first..self.end, verification) {
            (self.first, self.end, self.part) = (range.start, range.end, part);
            self.ber = bit_error_rate(&steps[range], part.codes);
        }
        self.speed = alignment.playback_speed(self.first..self.end);
        self.whole.take_in(hearing, 0..verification.ratios.len(), self.speed);
        let (score, pitch) = (self.whole.score, self.whole.pitch);
        (self.part.score, self.part.pitch) = (score, pitch);
        if self.part.codes >= INTERRUPTIBLE_CODES {
            self.part.take_in(hearing, self.part_frames(alignment, verification), self.speed);
        }
        self
    }

    /// Whether the part that fits, heard by itself, can say more than is known: it is long enough for the rest to be an interruption,
    /// and it is not the whole.
    pub(crate) fn part_can_say_more(&self) -> bool {
        let some_other = self.part.codes as f64 <= ALL_BUT * self.whole.codes as f64;
        self.part.codes >= INTERRUPTIBLE_CODES
            && some_other
            && self.score() < unshared(self.part.codes) - INTERRUPTION_PRICE - LITTLE
    }

    /// Takes in what the frames of the part that fits say when they are judged by themselves: levels, the channel's colour and the
    /// noise are measured on what is judged, and of what is somebody else's they say nothing about the recording.
    pub(crate) fn hear_part_alone(&mut self, hearing: &Hearing) {
        self.part.take_in(hearing, 0..hearing.verification.ratios.len(), self.speed);
    }

    /// The frames of the part that fits, counted from the first that was judged.
    pub fn part_frames(&self, alignment: &Alignment, verification: &Verification) -> Range<usize> {
        let code = |step: usize| alignment.steps.get(step).map_or(0, |s| s.code as usize);
        verification.of_codes(code(self.first), code(self.end.saturating_sub(1)))
    }

    /// Log-likelihood ratio of the match, nats: of the whole overlap, or of the part that fits if that is long enough for
    /// the rest to be an interruption.
    pub fn score(&self) -> f64 {
        let Self { whole, part, .. } = self;
        let of = |p: &Properties| at_most(p.score, unshared(p.codes));
        of(whole).max(of(part) - INTERRUPTION_PRICE)
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
            score: 0.0,
            pitch: 0.0,
        })
    }

    /// Takes in what was heard in the stretch's `frames`, which play at `speed`.
    fn take_in(&mut self, hearing: &Hearing, frames: Range<usize>, speed: f64) {
        self.pitch = hearing.pitch(frames.clone(), speed);
        self.score = hearing.judge(frames, &self.features()) + self.pitch;
    }

    /// What the judge sees, as [`FEATURES`] names it.
    pub fn features(&self) -> [f64; FEATURES.len()] {
        let log1p = |n: usize| (n as f64).ln_1p();
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
        ]
    }
}

/// Log-likelihood ratio, nats, of "this script" against "another one, unknown, that says the same in the same voice" for a
/// stretch of `codes` codes with sound, however well they fit.
fn unshared(codes: usize) -> f64 {
    let seconds = 0.04 * codes as f64 + 0.36;
    (seconds - 1.5) / SHARED_SPEECH_LENGTH - SHARED_SPEECH.ln()
}

/// The log-likelihood ratio against either of two explanations, from those against each.
fn at_most(a: f64, b: f64) -> f64 {
    let (least, most) = (a.min(b), a.max(b));
    least - (least - most).exp().ln_1p()
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
pub(super) fn best_part(steps: &[Step]) -> Option<Range<usize>> {
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

    #[test]
    fn the_part_that_fits_ends_where_its_frames_do() {
        // The codes fall off over a patch (10 codes), the frames at once, in the middle of it: a person takes over.
        let whole = alignment((0..150).map(|i| (0.9 - 0.09 * (i as f32 - 85.0).max(0.0)).max(0.0)), |_| 0);
        let ratios = (0..318).map(|frame| if frame < 189 { 3.5 } else { -4.0 }).collect();
        let by_codes = Evidence::of(&whole).unwrap();
        let (range, part) =
            sharp_part(&whole.steps, by_codes.first..by_codes.end, &Verification { first: 0, ratios }).unwrap();
        assert_eq!((range, part.codes), (0..86, 86), "the codes that lie before the change");
        assert!(by_codes.end > 90, "codes alone blur it: {}", by_codes.end);
    }

    #[test]
    fn louder_where_it_disagrees_is_noise_and_quieter_is_not() {
        let agreements = || (0..40).map(|i| if (15..25).contains(&i) { 0.05 } else { 0.9 });
        // 10 dB in 1/256 octave of power.
        let missing = |change: i16| {
            let level = move |i: usize| if (15..25).contains(&i) { change } else { 0 };
            Evidence::of(&alignment(agreements(), level)).unwrap().whole.missing_level
        };
        assert_eq!(missing(850), 0.0);
        assert!((missing(-850) - 10.0 * 10.0 / 150.0).abs() < 0.01, "{}", missing(-850));
    }

    #[test]
    fn nothing_that_fits_gives_no_evidence() {
        assert!(Evidence::of(&alignment(vec![-0.1; 50], |_| 0)).is_none());
        assert!(Evidence::of(&alignment(vec![], |_| 0)).is_none());
    }
}
