//! Change of voice: where a person takes over from a machine whose script is not known.
//!
//! Speech is cut into stretches at gaps of [`GAP`]. When [`AFTER`] has passed since an onset, what was said before it (up to
//! [`BEFORE_SPEECH`]) is compared with what was said since by a small network over [`MEASURE_NAMES`]: does the voice before
//! behave like a machine and that after it like a person, is it another speaker, is there a gap, does the new one speak on?
//! (The one who was called says a word or two meanwhile.) Where the voice before is taken for a person's there is no hand-over: of 150
//! development calls that one person gives to another 26 are told without this rule, 8 with it, for 3 of 293 hand-overs. Of several onsets
//! near each other the likeliest speaks for all, and the earlier one if they are about as likely.
//!
//! Input: an [`Lld`] each 10 ms, and an [`Activity`] for tones; the verdict on the voice where a gap begins. Output: at most one
//! hand-over each [`REST`], at most 7.1 s after the person's first word, earlier where the stream ends: that is [`AFTER`], [`NEAR`], a second
//! for the levels around a frame, and half a second for its F0. Where a known script ends, what the network said of the onsets around tells whether
//! it is a person that speaks on (`takeovers` in `detect`).
//!
//! The constants of the network are in `model`, fitted on development calls by `corpus/training/change_fit.py`: two people who talk, one who gives the
//! call to another, machines that are interrupted, and noise around either party are in them. On calls of other scripts, voices and people it tells
//! .84 and .71 of the hand-overs, at 1.6 % false calls (`benches/README.md`).
//!
//! Memory: 40 kB, nothing is allocated after construction. Cost: a histogram of 112 bins a frame, 252 multiply-adds an onset.
//!
//! Limits: a machine that says less than [`LEAST_BEFORE`] is not compared, nor a person who does not let it finish and leaves no gap.

mod levels;
mod measures;
mod model;
mod stretch;

use std::collections::VecDeque;

use self::{
    levels::{AHEAD, Levels},
    measures::{MEASURES, Sides},
    model::{BIAS, BIASES, LIMIT, OUTPUT, SCALES, THRESHOLD, WEIGHTS},
    stretch::Stretch,
};
use super::{handover::Takeover, lld::Lld};
use crate::signal::{Activity, HOP_SECONDS, ToneRun};

pub use measures::MEASURE_NAMES;

/// So many frames without speech are a gap (0.12 s).
const GAP: u64 = 12;
/// Frames from an onset until it is judged (3 s).
const AFTER: u64 = 300;
/// Least speech after an onset, frames (0.6 s).
const LEAST_AFTER: u32 = 60;
/// Least speech before it, frames (1.5 s).
const LEAST_BEFORE: u32 = 150;
/// What lies further back does not count, frames (15 s), nor more speech than that (9 s).
const BEFORE_SPAN: u64 = 1500;
const BEFORE_SPEECH: u32 = 900;
/// Onsets so near each other are one change, frames (2.5 s): what follows the machine's last words is the person, too, and who interrupts
/// the machine speaks before who takes over. The likeliest counts, where each second after the first costs so many log-odds.
const NEAR: u64 = 250;
const PER_SECOND: f32 = 0.4;
/// Log-odds of a machine, not calibrated, that the voice before must have by itself: it is not taken for a person.
const LEAST_MACHINE: f32 = -0.764;
/// Frames after a change until another may be told (10 s).
const REST: u64 = 1000;
/// Stretches and verdicts that are remembered.
const STRETCHES: usize = 64;
const VERDICTS: usize = 32;
/// Onsets that are remembered once they are judged.
const ONSETS: usize = 48;
/// Frames for which tones are remembered, at least [`AHEAD`] and what an [`Lld`] lags behind.
const TONES: u64 = 256;

/// An onset and what tells whether a person took over there.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// When the voice began, s.
    pub at: f64,
    /// In the order of [`MEASURE_NAMES`]; not finite where not defined.
    pub measures: [f32; MEASURES],
    /// Log-odds that a person took over from a machine.
    pub log_odds: f32,
    begin: u64,
}

/// Listens for a change from a machine to a person on one channel.
#[derive(Debug, Clone)]
pub(super) struct VoiceChange {
    /// Frames that wait until those around them are known, and their levels.
    delayed: VecDeque<Lld>,
    levels: Levels,
    tones: Tones,
    /// Frames that are through.
    frames: u64,
    last_speech: u64,
    before: Option<Lld>,
    /// Stretch n at n % [`STRETCHES`], the last one open; how many there were, and the next to be judged.
    stretches: Box<[Stretch]>,
    count: usize,
    next: usize,
    verdicts: Verdicts,
    /// The last [`ONSETS`].
    onsets: VecDeque<Candidate>,
    /// Whether no frames will follow.
    ended: bool,
    /// The likeliest of onsets near each other, and the first of them.
    pending: Option<(Candidate, u64)>,
    told: Option<u64>,
    found: Option<Takeover>,
}

impl VoiceChange {
    pub(super) fn new() -> Self {
        let stretches = vec![Stretch::default(); STRETCHES].into();
        Self::with(VecDeque::with_capacity(AHEAD + 1), stretches, VecDeque::with_capacity(ONSETS))
    }

    /// Forgets the stream; the memory stays.
    pub(super) fn reset(&mut self) {
        let (mut delayed, mut onsets) = (std::mem::take(&mut self.delayed), std::mem::take(&mut self.onsets));
        delayed.clear();
        onsets.clear();
        *self = Self::with(delayed, std::mem::take(&mut self.stretches), onsets);
    }

    /// At the start, with memory that is empty; what `stretches` holds is never read before it is written.
    fn with(delayed: VecDeque<Lld>, stretches: Box<[Stretch]>, onsets: VecDeque<Candidate>) -> Self {
        Self {
            delayed,
            levels: Levels::new(),
            tones: Tones::default(),
            frames: 0,
            last_speech: 0,
            before: None,
            stretches,
            count: 0,
            next: 0,
            verdicts: Verdicts::default(),
            onsets,
            ended: false,
            pending: None,
            told: None,
            found: None,
        }
    }

    /// Takes in what the next frame is; ahead of its [`Lld`], which comes 0.4 s later.
    pub(super) fn activity(&mut self, activity: &Activity) {
        self.tones.push(activity.tone);
    }

    /// Takes the next frame. `each` hears of every onset that is judged.
    pub(super) fn push(&mut self, lld: &Lld, each: &mut impl FnMut(&Candidate)) {
        let tone = self.tones.at(self.frames + self.delayed.len() as u64);
        self.levels.push((!tone && lld.level > super::delivery::LEAST_LEVEL + 1.0).then_some(lld.level));
        self.verdicts.frame(lld.speech);
        self.delayed.push_back(*lld);
        if self.delayed.len() > AHEAD {
            self.step(each);
        }
    }

    /// Whether the voice should be judged now: a gap begins.
    pub(super) fn wants_verdict(&mut self) -> bool {
        std::mem::take(&mut self.verdicts.wanted)
    }

    /// Takes the log-odds, not calibrated, that the voice up to now is a machine's.
    pub(super) fn verdict(&mut self, log_odds: f64) {
        self.verdicts.add(log_odds as f32);
    }

    /// Tells that no frames will follow: what has been heard must do.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(&Candidate)) {
        while !self.delayed.is_empty() {
            self.step(each);
        }
        while self.next < self.count {
            self.judge(each);
        }
        self.tell(u64::MAX);
        self.ended = true;
    }

    /// The last onsets that were judged, oldest first.
    pub(super) fn onsets(&self) -> impl Iterator<Item = &Candidate> {
        self.onsets.iter()
    }

    /// Time up to which onsets are judged, s.
    pub(super) fn judged_until(&self) -> f64 {
        if self.ended { f64::INFINITY } else { self.frames.saturating_sub(AFTER) as f64 * HOP_SECONDS }
    }

    /// The change found since the last call, if there was one.
    pub(super) fn poll(&mut self) -> Option<Takeover> {
        self.found.take()
    }

    /// Takes the oldest frame that waits.
    fn step(&mut self, each: &mut impl FnMut(&Candidate)) {
        let Some(mut lld) = self.delayed.pop_front() else { return };
        let now = self.frames;
        lld.speech = lld.level > self.levels.threshold() && !self.tones.at(now);
        if lld.speech {
            if self.count == 0 || now > self.last_speech + GAP {
                self.stretches[self.count % STRETCHES] = Stretch::starting(now);
                self.count += 1;
            }
            let stretch = &mut self.stretches[(self.count - 1) % STRETCHES];
            stretch.add(&lld, self.before.as_ref().filter(|before| before.speech));
            stretch.end = now + 1;
            self.last_speech = now;
        }
        self.before = Some(lld);
        self.frames += 1;
        while self.next < self.count && self.stretch(self.next).begin + AFTER <= self.frames {
            self.judge(each);
        }
        self.tell(self.frames);
    }

    fn stretch(&self, number: usize) -> &Stretch {
        &self.stretches[number % STRETCHES]
    }

    /// Judges the next onset.
    fn judge(&mut self, each: &mut impl FnMut(&Candidate)) {
        let onset = self.next;
        self.next += 1;
        let Some(sides) = self.sides(onset) else { return };
        let (measures, begin) = (sides.measures(), self.stretch(onset).begin);
        let log_odds = log_odds(&measures);
        let candidate = Candidate { at: begin as f64 * HOP_SECONDS, measures, log_odds, begin };
        each(&candidate);
        if self.onsets.len() == ONSETS {
            self.onsets.pop_front();
        }
        self.onsets.push_back(candidate);
        self.tell(begin + AFTER);
        // NaN is none, either.
        let from_machine = sides.machine > LEAST_MACHINE;
        if !from_machine || log_odds < THRESHOLD || self.told.is_some_and(|told| begin < told + REST) {
            return;
        }
        match &mut self.pending {
            Some((best, _)) => {
                let later = (begin - best.begin) as f32 * HOP_SECONDS as f32;
                if log_odds - best.log_odds > PER_SECOND * later {
                    *best = candidate;
                }
            }
            None => self.pending = Some((candidate, begin)),
        }
    }

    /// Tells of the likeliest onset if none that is near can come any more.
    fn tell(&mut self, now: u64) {
        let Some((best, first)) =
            self.pending.filter(|&(best, first)| now > (best.begin + AFTER + NEAR).min(first + AFTER + 2 * NEAR))
        else {
            return;
        };
        debug_assert!(first <= best.begin);
        self.pending = None;
        self.told = Some(best.begin);
        let confidence = 1.0 / (1.0 + (-f64::from(best.log_odds)).exp());
        self.found = Some(Takeover { at: best.at, confidence });
    }

    /// What was said before and after an onset, if that is enough.
    fn sides(&self, onset: usize) -> Option<Sides> {
        let oldest = self.count.saturating_sub(STRETCHES);
        if onset <= oldest {
            return None;
        }
        let begin = self.stretch(onset).begin;
        let mut sides = Sides { machine: self.verdicts.before(begin), ..Sides::default() };
        for number in onset..self.count {
            sides.add_after(self.stretch(number));
        }
        let last = self.stretch(onset - 1).end;
        let mut from = last;
        for number in (oldest..onset).rev() {
            let stretch = self.stretch(number);
            if stretch.begin + BEFORE_SPAN < begin || sides.before.speech > BEFORE_SPEECH {
                break;
            }
            sides.add_before(stretch);
            from = stretch.begin;
        }
        (sides.gap, sides.span_before, sides.span_after) = (begin - last, last - from, self.frames - begin);
        (sides.before.speech >= LEAST_BEFORE && sides.after.speech >= LEAST_AFTER).then_some(sides)
    }
}

/// Log-odds that a person took over from a machine.
fn log_odds(measures: &[f32; MEASURES]) -> f32 {
    let scaled: [f32; MEASURES] = std::array::from_fn(|i| {
        let (mean, deviation) = SCALES[i];
        let value = (measures[i] - mean) / deviation;
        if value.is_nan() { 0.0 } else { value.clamp(-LIMIT, LIMIT) }
    });
    let hidden = WEIGHTS.iter().zip(BIASES).map(|(weights, bias)| {
        let sum: f32 = weights.iter().zip(scaled).map(|(weight, value)| weight * value).sum();
        (sum + bias).tanh()
    });
    hidden.zip(OUTPUT).map(|(value, weight)| value * weight).sum::<f32>() + BIAS
}

/// Which of the last [`TONES`] frames are part of a tone.
#[derive(Debug, Clone, Default)]
struct Tones {
    bits: [u64; TONES as usize / 64],
    frames: u64,
    run: ToneRun,
}

impl Tones {
    fn push(&mut self, tone: bool) {
        let (tone, turned_out) = self.run.push(tone);
        self.set(self.frames, tone);
        for back in 0..turned_out as u64 {
            self.set(self.frames.saturating_sub(back), true);
        }
        self.frames += 1;
    }

    fn set(&mut self, frame: u64, tone: bool) {
        let (word, bit) = ((frame % TONES / 64) as usize, 1 << (frame % 64));
        if tone {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
    }

    /// Whether a frame is part of a tone; none is of which nothing is known.
    fn at(&self, frame: u64) -> bool {
        let known = frame < self.frames && frame + TONES >= self.frames;
        known && self.bits[(frame % TONES / 64) as usize] >> (frame % 64) & 1 == 1
    }
}

/// Verdicts on the voice where gaps begin.
#[derive(Debug, Clone, Default)]
struct Verdicts {
    /// Frame and log-odds of verdict n at n % [`VERDICTS`].
    ring: [(u64, f32); VERDICTS],
    count: usize,
    frames: u64,
    /// Frames since the last speech, if there was any.
    quiet: Option<u64>,
    wanted: bool,
}

impl Verdicts {
    fn frame(&mut self, speech: bool) {
        self.frames += 1;
        self.quiet = if speech { Some(0) } else { self.quiet.map(|quiet| quiet + 1) };
        self.wanted |= self.quiet == Some(GAP);
    }

    fn add(&mut self, log_odds: f32) {
        self.ring[self.count % VERDICTS] = (self.frames, log_odds);
        self.count += 1;
    }

    /// The last one before a frame; NaN without one.
    fn before(&self, frame: u64) -> f32 {
        let known = self.count.saturating_sub(VERDICTS)..self.count;
        // Frames come in groups, so that a verdict may be a few frames late.
        let last = known.rev().map(|n| self.ring[n % VERDICTS]).find(|&(at, _)| at <= frame + GAP);
        last.map_or(f32::NAN, |(_, log_odds)| log_odds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::TONE_FRAMES;

    #[test]
    fn a_tone_is_none_of_a_voices_from_its_first_frame_on() {
        let mut tones = Tones::default();
        // 0.5 s of something else, 0.5 s of tone, of which the first 0.14 s are not yet known to be one.
        (0..100).for_each(|frame| tones.push(frame >= 50 + TONE_FRAMES - 1));
        assert!((55..100).all(|frame| tones.at(frame)));
        assert!((0..45).all(|frame| !tones.at(frame)));
        // A long vowel may look like one for a moment.
        let mut vowel = Tones::default();
        (0..100).for_each(|frame| vowel.push((50..60).contains(&frame)));
        assert!((0..100).all(|frame| !vowel.at(frame)));
    }

    #[test]
    fn a_verdict_is_that_of_the_gap_before_the_onset() {
        let mut verdicts = Verdicts::default();
        assert!(verdicts.before(100).is_nan());
        for frame in 0..400 {
            verdicts.frame(frame % 100 < 80);
            if std::mem::take(&mut verdicts.wanted) {
                verdicts.add(frame as f32);
            }
        }
        // Gaps begin at 80, 180, 280, 380 and are known as such 12 frames later.
        assert_eq!(verdicts.before(200), 191.0);
        assert_eq!(verdicts.before(299), 291.0);
    }

    #[test]
    fn silence_and_a_steady_voice_are_no_change() {
        let mut change = VoiceChange::new();
        for frame in 0..3000 {
            let lld = match frame {
                ..500 => Lld { level: -80.0, speech: false, f0: 0.0, ..Lld::steady() },
                _ if frame % 100 < 80 => Lld { level: -20.0 - (frame % 7) as f32, ..Lld::steady() },
                _ => Lld { level: -70.0, speech: false, f0: 0.0, ..Lld::steady() },
            };
            change.push(&lld, &mut |_| ());
            assert_eq!(change.poll(), None, "frame {frame}");
        }
        change.finish(&mut |_| ());
        assert_eq!(change.poll(), None);
    }

    #[test]
    fn the_network_takes_what_is_not_defined_for_usual() {
        let usual = SCALES.map(|(mean, _)| mean);
        assert_eq!(log_odds(&[f32::NAN; MEASURES]), log_odds(&usual));
        assert!(log_odds(&[f32::INFINITY; MEASURES]).is_finite());
    }
}
