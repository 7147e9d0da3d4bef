//! Hand-over: when a machine stops and a person takes over.
//!
//! The strongest witness is the script itself. While a known script plays, its match follows it; where the match stops
//! growing and something goes on to speak that it does not explain, that is the person whom the machine has called for. On a
//! line that carries both parties the one who was called is heard, too, and says a word or two where the machine waits; so
//! only speech of some length counts. Where it begins is read off the levels.
//!
//! Input: an [`Activity`] each 10 ms, and several times a second how far the known scripts reach. Output: at most one
//! hand-over until a script is heard again. The decision comes when [`PATIENCE`] has passed since the match's end and
//! [`SPEECH`] has been heard since an onset (or, of one who speaks with long pauses, [`SLOW_SPEECH`]), so an answer, a pause in the script, a lost packet or a burst of noise is none.
//!
//! Memory: 16 s of levels (6 kB), nothing is allocated after construction. Cost: nothing to speak of a frame; some
//! microseconds an evaluation, and only while a match has just ended.
//!
//! Limits: without a known script nothing is announced here; what a change of voice tells is in `change`. A recording that
//! goes on with words that the index does not hold is taken for a person, as far as its script is concerned; what the voices say to that is
//! weighed by `takeovers` in `detect`.

use std::ops::Range;

use crate::signal::{Activity, HOP_SECONDS, LOG_UNITS_PER_OCTAVE, ToneRun};

/// Time that must pass after the end of a match, s.
const PATIENCE: f64 = 1.6;
/// Of one who has taken over at least so many frames sound …
const SPEECH: usize = 110;
/// … among so many from the onset: who only answers the machine says less …
const SPEECH_OF: usize = 250;
/// … or so many, with pauses, among so many more: of 111 hand-overs in development calls, whose people say single words and
/// letters, 98 are told, and none in 239 calls without one (with 100 frames and levels from 24 dB below the machine's 88,
/// without this rule 76).
const SLOW_SPEECH: usize = 75;
const SLOW_SPEECH_OF: usize = 400;
/// Who speaks within so many frames of the script's end, says less than [`SPEECH`], and then nothing for so many, may only have
/// interrupted the machine, as people do who are then put through. What comes within so many frames of that is waited for; if it
/// is enough, the person begins there. (Of 79 hand-overs in development calls, seven in ten of them after an interruption, 59 are
/// told instead of 56; seen first in public calls.)
const AT_ONCE: usize = 20;
const SILENCE: usize = 60;
const AFTER_ANSWER: usize = 400;
/// Frames of levels that are remembered (16 s).
const MEMORY: usize = 1600;
/// Frames before the match's end from which speech of another may begin: the end is known to about that.
const SLACK: usize = 5;
/// Frames of a match whose levels say how loud the machine is.
const MACHINE: usize = 600;
/// So many frames without sound are a gap.
const GAP: usize = 8;
/// An onset holds this many frames of sound among the next [`ONSET_OF`].
const ONSET: usize = 7;
const ONSET_OF: usize = 12;
/// What speaks so much more softly than the machine may only be what surrounds it: noise, music, other people. Then who comes so much
/// louder, within so many frames, is the person. (Of 152 hand-overs in development calls, a third of them over noise, 137 are told instead
/// of 135.)
const SOFT: i32 = decibels(8.0);
const LOUDER: i32 = decibels(6.0);
const LOUDER_WITHIN: usize = 400;
/// Levels from 27 dB below the machine's loud ones (their 90th percentile) count as sound: a person may speak softly …
const BELOW_MACHINE: i32 = decibels(27.0);
/// … if they lie 6 dB above the noise: the 80th percentile of the quietest half a second …
const ABOVE_NOISE: i32 = decibels(6.0);
const QUIETEST: usize = 50;
/// … as far as speech does at all, which in loud noise is 8 dB below the loud ones.
const NOISY: i32 = decibels(8.0);
/// Share of frames that the loud ones are louder than.
const LOUD: f64 = 0.9;
/// Levels in a bin of the histogram: 1.5 dB.
const BIN: i32 = 128;
const BINS: usize = 96;

const fn decibels(db: f64) -> i32 {
    // An octave of power is 3.0103 dB.
    (db / 3.0103 * LOG_UNITS_PER_OCTAVE as f64) as i32
}

/// When a person took over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takeover {
    /// When the person began to speak, s from the start of the stream.
    pub at: f64,
    /// How sure that is, 0 to 1: after a known script it grows with the sound heard since, `1 - exp(-s / 0.7 s)`; after another machine
    /// it is what the change of voice makes likely.
    pub confidence: f64,
}

/// Listens for a hand-over on one channel.
///
/// ```
/// use callprint::{prosody::Handover, signal::Activity};
///
/// let (loud, quiet) = (Activity { level: 6000, ..Default::default() }, Activity { level: 3000, ..Default::default() });
/// let mut handover = Handover::new();
/// // A script until 3 s, half a second of nothing, then a voice.
/// for frame in 0..600 {
///     handover.frame(&if (300..350).contains(&frame) { quiet } else { loud });
///     handover.script(Some((frame as f64 * 0.01).min(3.0)));
/// }
/// let found = handover.poll().expect("a person took over");
/// assert!((found.at - 3.5).abs() < 0.05 && found.confidence > 0.6);
/// ```
#[derive(Debug, Clone)]
pub struct Handover {
    /// Level of frame n at n % [`MEMORY`]; `i16::MIN` for a tone.
    levels: Box<[i16]>,
    tone: ToneRun,
    frames: usize,
    /// End of what known scripts explain, s.
    end: Option<f64>,
    announced: Option<f64>,
    found: Option<Takeover>,
    ended: bool,
}

impl Default for Handover {
    fn default() -> Self {
        Self::new()
    }
}

impl Handover {
    /// A listener at the start of a stream.
    pub fn new() -> Self {
        Self {
            levels: vec![i16::MIN; MEMORY].into(),
            tone: ToneRun::default(),
            frames: 0,
            end: None,
            announced: None,
            found: None,
            ended: false,
        }
    }

    /// Forgets the stream; the memory stays.
    pub fn reset(&mut self) {
        (self.tone, self.frames, self.end, self.announced, self.found) = (ToneRun::default(), 0, None, None, None);
        self.ended = false;
    }

    /// Takes in the next frame of 10 ms.
    pub fn frame(&mut self, activity: &Activity) {
        let (tone, turned_out) = self.tone.push(activity.tone);
        self.levels[self.frames % MEMORY] = if tone { i16::MIN } else { activity.level };
        for back in 0..turned_out.min(self.frames + 1) {
            self.levels[(self.frames - back) % MEMORY] = i16::MIN;
        }
        self.frames += 1;
    }

    /// Takes in how far the known scripts reach (the latest end of a sure match, s; `None` without one), at the time of the
    /// newest frame. Call it regularly, such as five times a second.
    pub fn script(&mut self, end: Option<f64>) {
        let Some(end) = end else { return };
        if self.end.is_none_or(|known| end > known + 0.05) {
            self.end = Some(end);
        }
        if self.announced.is_some_and(|at| end > at + PATIENCE) {
            // The machine speaks again: the next person is another hand-over.
            self.announced = None;
        }
        if self.announced.is_none() && self.seconds() >= end + PATIENCE {
            self.decide(end);
        }
    }

    /// Tells that no frames will follow: what has been heard so far must do. Call it before the last [`script`](Self::script).
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The hand-over found since the last call, if there was one.
    pub fn poll(&mut self) -> Option<Takeover> {
        self.found.take()
    }

    fn seconds(&self) -> f64 {
        self.frames as f64 * HOP_SECONDS
    }

    fn decide(&mut self, end: f64) {
        let oldest = self.frames.saturating_sub(MEMORY);
        // Windows are longer than hops: the frame that begins at a time reaches 22 ms beyond the next one's begin.
        let end_frame = ((end / HOP_SECONDS).round().max(0.0) as usize).clamp(oldest, self.frames);
        let loud = self.percentile(end_frame.saturating_sub(MACHINE).max(oldest)..end_frame, LOUD);
        let threshold = self.threshold(loud, oldest);
        let sound = |frame: usize| self.level(frame) >= threshold;
        let from = end_frame.saturating_sub(SLACK).max(oldest);
        let ended = self.ended;
        let fluent = Rule { enough: SPEECH, of: SPEECH_OF, wait: SPEECH_OF, ended };
        // One who speaks fluently may still come: what goes before that is an answer.
        let wait = if ended { SPEECH_OF } else { SLOW_SPEECH_OF + SPEECH_OF };
        let slow = Rule { enough: SLOW_SPEECH, of: SLOW_SPEECH_OF, wait, ended };
        let speech = |rule| first_speech(from..self.frames, end_frame, rule, sound);
        let Some(found) = speech(fluent).or_else(|| speech(slow)) else { return };
        let level = self.percentile(found.0..(found.0 + SPEECH).min(self.frames), LOUD);
        let (soft, until) = (level < loud - SOFT, found.0 + LOUDER_WITHIN + SPEECH_OF);
        let above = |frame: usize| self.level(frame) >= level + LOUDER;
        let louder = || first_speech(found.0..until.min(self.frames), found.0, fluent, above);
        let may_come = soft && !ended && self.frames < until;
        let louder = if soft { louder() } else { None };
        let Some((onset, heard)) = louder.or((!may_come).then_some(found)) else { return };
        let at = onset as f64 * HOP_SECONDS;
        let confidence = 1.0 - (-(heard as f64) * HOP_SECONDS / 0.7).exp();
        self.announced = Some(at);
        self.found = Some(Takeover { at, confidence });
    }

    fn level(&self, frame: usize) -> i32 {
        i32::from(self.levels[frame % MEMORY])
    }

    /// The level from which a frame is sound, where the machine's loud frames have this one.
    fn threshold(&self, loud: i32, oldest: usize) -> i32 {
        let noise = self.noise(oldest).map_or(i32::MIN, |noise| noise + ABOVE_NOISE);
        (loud - BELOW_MACHINE).max(noise.min(loud - NOISY))
    }

    /// The level of the noise, where there was half a second without tones.
    fn noise(&self, oldest: usize) -> Option<i32> {
        let quiet = |from: usize| {
            let mut levels: [i16; QUIETEST] = std::array::from_fn(|i| self.levels[(from + i) % MEMORY]);
            let all = levels.iter().all(|&level| level > i16::MIN);
            all.then(|| i32::from(*levels.select_nth_unstable(QUIETEST * 4 / 5).1))
        };
        (oldest..(self.frames + 1).saturating_sub(QUIETEST)).step_by(QUIETEST / 5).filter_map(quiet).min()
    }

    fn percentile(&self, frames: Range<usize>, share: f64) -> i32 {
        let mut counts = [0usize; BINS];
        let mut total = 0;
        for frame in frames {
            let level = self.level(frame);
            counts[((level / BIN).max(0) as usize).min(BINS - 1)] += 1;
            total += 1;
        }
        let mut rank = (share * total as f64) as usize;
        for (bin, &count) in counts.iter().enumerate() {
            if rank < count {
                return bin as i32 * BIN;
            }
            rank -= count;
        }
        0
    }
}

/// How much speech counts.
#[derive(Debug, Clone, Copy)]
struct Rule {
    /// So many frames with sound...
    enough: usize,
    /// ... of so many from the onset,
    of: usize,
    /// once so many have passed.
    wait: usize,
    /// Whether no frames will follow.
    ended: bool,
}

/// Where the first speech begins that is enough for someone who has taken over, and how many of its frames sound. An onset is
/// sound that holds on after a gap, or at the very end of the script.
fn first_speech(frames: Range<usize>, end: usize, rule: Rule, sound: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    let Rule { enough, of, wait, ended } = rule;
    let count = |from: usize, frames: usize| (from..from + frames).filter(|&frame| sound(frame)).count();
    let last = frames.end.checked_sub(wait)?;
    let mut quiet = GAP;
    // What may only be an answer, and where the silence after it is long enough.
    let mut answer: Option<((usize, usize), usize)> = None;
    for frame in frames.start..=last {
        if answer.is_some_and(|((onset, _), _)| frame > onset + AFTER_ANSWER) {
            break;
        }
        if !sound(frame) {
            quiet += 1;
            continue;
        }
        if (quiet >= GAP || frame == end)
            && answer.is_none_or(|(_, silence)| frame > silence)
            && count(frame, ONSET_OF) >= ONSET
        {
            let found = (frame, count(frame, of.min(frames.end - frame)));
            if found.1 >= enough {
                let interrupts = answer.is_none() && frame <= end + AT_ONCE;
                let silence = if interrupts { silence_after(frame..frames.end, &sound) } else { None };
                let Some(silence) = silence else { return Some(found) };
                answer = Some((found, silence));
            }
        }
        quiet = 0;
    }
    answer.map(|(found, _)| found).filter(|(onset, _)| ended || last > onset + AFTER_ANSWER)
}

/// Where a silence of [`SILENCE`] is over that follows less than [`SPEECH`].
fn silence_after(frames: Range<usize>, sound: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut heard, mut quiet) = (0, 0);
    for frame in frames {
        (heard, quiet) = if sound(frame) { (heard + 1, 0) } else { (heard, quiet + 1) };
        if heard >= SPEECH || quiet >= SILENCE {
            return (heard < SPEECH).then_some(frame);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::TONE_FRAMES;

    /// Frames at 50 dB over the floor where `spoken`, the script reported to 0.3 s behind the stream and not beyond `end`.
    fn run(seconds: f64, end: f64, spoken: impl Fn(f64) -> bool) -> Vec<Takeover> {
        run_at(seconds, end, |time| if spoken(time) { 6000 } else { 2000 })
    }

    /// The same with frames of any level.
    fn run_at(seconds: f64, end: f64, level: impl Fn(f64) -> i16) -> Vec<Takeover> {
        let (mut handover, mut found) = (Handover::new(), Vec::new());
        for frame in 0..(seconds * 100.0) as usize {
            let time = frame as f64 * 0.01;
            handover.frame(&Activity { level: level(time), ..Default::default() });
            if frame % 20 == 0 {
                handover.script((time > 2.0).then_some((time - 0.3).min(end)));
                found.extend(handover.poll());
            }
        }
        found
    }

    #[test]
    fn a_person_after_the_script_is_a_handover_at_the_onset() {
        let found = run(12.0, 6.0, |t| !(6.0..=7.2).contains(&t));
        assert_eq!(found.len(), 1);
        assert!((found[0].at - 7.2).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn a_person_speaks_over_what_surrounds_them() {
        // 12 dB below the machine from shortly after it to the person, who is as loud as it.
        let found = run_at(16.0, 6.0, |time| match time {
            ..6.0 | 9.5.. => 6000,
            6.2..9.5 => 6000 - decibels(12.0) as i16,
            _ => 2000,
        });
        assert!(found.len() == 1 && (found[0].at - 9.5).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn silence_after_the_script_is_none() {
        assert_eq!(run(12.0, 6.0, |t| t < 6.0), []);
        // A click of 0.2 s.
        assert_eq!(run(12.0, 6.0, |t| t < 6.0 || (8.0..8.2).contains(&t)), []);
    }

    #[test]
    fn busy_tones_after_the_script_are_none() {
        let speech = Activity { level: 6000, ..Default::default() };
        let quiet = Activity { level: 2000, ..Default::default() };
        let tone = |known: bool| Activity { level: 6500, tone: known, ..Default::default() };
        let mut handover = Handover::new();
        for frame in 0..1200 {
            // From 6 s on 0.35 s of tone and 0.35 s of nothing; a tone is known for one after some frames.
            let in_cadence = frame % 70;
            handover.frame(&match frame {
                ..600 => speech,
                _ if in_cadence < 35 => tone(in_cadence >= TONE_FRAMES - 1),
                _ => quiet,
            });
            handover.script(Some((frame as f64 * 0.01).min(5.9)));
            assert_eq!(handover.poll(), None, "frame {frame}");
        }
    }

    #[test]
    fn who_answers_the_machine_does_not_take_over() {
        // "Hello?" for a second, then the person after a pause.
        let found = run(14.0, 6.0, |t| t < 6.0 || (6.5..7.5).contains(&t) || t > 9.0);
        assert_eq!(found.len(), 1);
        assert!((found[0].at - 9.0).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn who_interrupts_the_machine_and_waits_does_not_take_over() {
        let found = run(16.0, 6.0, |t| !(6.9..=8.2).contains(&t));
        assert_eq!(found.len(), 1);
        assert!((found[0].at - 8.2).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn pauses_within_the_script_are_none() {
        assert_eq!(run(12.0, 12.0, |t| !((t * 2.0) as usize).is_multiple_of(3)), []);
    }

    #[test]
    fn one_who_interrupts_takes_over_where_the_script_stops() {
        let found = run(10.0, 5.0, |_| true);
        assert_eq!(found.len(), 1);
        assert!((found[0].at - 5.0).abs() < 0.1, "{found:?}");
    }
}
