//! One channel being listened to: samples in, hypotheses about what plays, updated five times a second.
//!
//! Memory is bounded in a live call: the codes of the last [`MAX_QUERY_SECONDS`](crate::index::MAX_QUERY_SECONDS), their hits, and a limited
//! number of hypotheses. A scan keeps every match as well.

use super::{
    MachineVoice,
    evaluation::{Evaluation, VERIFIED, with_scratch},
    heard::{Ear, Heard},
    hypothesis::Hypothesis,
    takeovers::Takeovers,
};
use crate::{
    audio::SAMPLE_RATE,
    fingerprint::Extractor,
    index::Index,
    prosody::{Takeover, VoiceJudge},
    signal::{FRAME, HOP},
};

/// Score from which a script explains what is heard, so that what it does not explain is another voice, nats: where the
/// threshold is lower, matches are tentative.
const LEAST_EXPLAINING: f64 = 2.0;

/// How a tracker works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mode {
    /// Whether candidates are listed that are no matches: then even hopeless ones are heard frame by frame, and alignments are
    /// kept.
    pub(crate) all: bool,
    /// Whether the bands that were judged are kept, too.
    pub(crate) bands: bool,
    /// Most hypotheses that are kept.
    pub(crate) hypotheses: usize,
    /// Most hand-overs that are kept.
    pub(crate) handovers: usize,
    /// Whether the voice is judged, machine or human.
    pub(crate) voice: bool,
}

/// The state of one channel. It holds no index: whoever feeds it hands the same one in each time.
#[derive(Debug)]
pub(crate) struct Tracker {
    threshold: f64,
    mode: Mode,
    extractor: Extractor,
    heard: Heard,
    samples: u64,
    hypotheses: Vec<Hypothesis>,
    /// Whether the search has been called off.
    resting: bool,
    takeovers: Takeovers,
    voice: Voice,
}

/// Judgement of the voice, where it is wanted.
#[derive(Debug, Default)]
struct Voice {
    judge: Option<Box<VoiceJudge>>,
    /// Speech that the last judgement rested on, s.
    judged: f64,
    machine: Option<MachineHeard>,
}

/// When a voice was first found to behave like a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MachineHeard {
    /// Audio time, s.
    pub(crate) at: f64,
    /// Calibrated probability, 0 to 1.
    pub(crate) probability: f64,
}

impl Tracker {
    /// Starts to listen. `threshold`: score from which a hypothesis counts as decided.
    pub(crate) fn new(threshold: f64, mode: Mode) -> Self {
        Self {
            threshold,
            mode,
            extractor: Extractor::new(),
            heard: Heard::new(),
            samples: 0,
            hypotheses: Vec::new(),
            resting: false,
            takeovers: Takeovers::new(mode.handovers),
            voice: Voice { judge: mode.voice.then(Box::default), ..Voice::default() },
        }
    }

    /// Allocates all that listening can need, so that it need not.
    pub(crate) fn reserve(&mut self, index: &Index) {
        self.heard.reserve(index);
        self.hypotheses.reserve(self.mode.hypotheses.saturating_add(VERIFIED));
    }

    /// Takes 8 kHz samples; `evaluated` hears of each evaluation and says whether to go on searching. Once it has said no,
    /// samples are only counted.
    pub(crate) fn push(&mut self, index: &Index, mut samples: &[f32], mut evaluated: impl FnMut(&Self) -> bool) {
        while !samples.is_empty() {
            // A part ends where a frame does, so that the time of an evaluation does not depend on the chunking.
            let into_hop = (self.samples + (HOP - FRAME % HOP) as u64) % HOP as u64;
            let (part, rest) = samples.split_at((HOP - into_hop as usize).min(samples.len()));
            self.samples += part.len() as u64;
            samples = rest;
            if self.resting {
                continue;
            }
            if let Some(judge) = &mut self.voice.judge {
                judge.push(part);
            }
            let judge = self.voice.judge.as_deref_mut();
            self.extractor.push_to(part, &mut Ear { heard: &mut self.heard, index, judge });
            if std::mem::take(&mut self.heard.due) {
                self.evaluate(index, false);
                self.resting = !evaluated(self);
            }
        }
    }

    /// Ends the stream: a last evaluation, unless the search has been called off.
    pub(crate) fn finish(&mut self, index: &Index) {
        if !self.resting {
            self.evaluate(index, true);
        }
    }

    /// Forgets the stream.
    pub(crate) fn reset(&mut self) {
        self.extractor.reset();
        self.heard.reset();
        self.hypotheses.clear();
        self.takeovers.reset();
        (self.voice.judged, self.voice.machine) = (0.0, None);
        if let Some(judge) = &mut self.voice.judge {
            judge.reset();
        }
        (self.samples, self.resting) = (0, false);
    }

    fn evaluate(&mut self, index: &Index, last: bool) {
        let now = self.seconds();
        let Self { threshold, mode, heard, hypotheses, .. } = self;
        with_scratch(|scratch| {
            Evaluation { index, threshold: *threshold, mode: *mode, now, last, heard, hypotheses, scratch }.evaluate();
        });
        if last {
            self.heard.handover.finish();
            if let Some(judge) = &mut self.voice.judge {
                judge.finish();
            }
        }
        self.listen_for_handover(last);
        self.judge_voice();
    }

    /// Hand-overs from known scripts, whose end is the best witness, and from machines that no script explains.
    fn listen_for_handover(&mut self, last: bool) {
        let least = self.threshold.max(LEAST_EXPLAINING);
        let sure = self.hypotheses.iter().filter(|h| h.score >= least);
        self.takeovers.listen(sure.map(|h| h.query), &mut self.heard.handover, self.voice.judge.as_deref_mut(), last);
    }

    /// Judges the voice anew whenever a stretch of speech is complete.
    fn judge_voice(&mut self) {
        let now = self.seconds();
        let Voice { judge: Some(judge), judged, machine } = &mut self.voice else { return };
        if judge.judged_seconds() > *judged {
            *judged = judge.judged_seconds();
            let probability = judge.machine_voice().probability.filter(|&p| p > 0.5);
            *machine = machine.or(probability.map(|probability| MachineHeard { at: now, probability }));
        }
    }

    /// Hand-overs that are remembered, in the order in which they were told.
    pub(crate) fn handovers(&self) -> &[Takeover] {
        self.takeovers.told()
    }

    /// Those told after the first `known` of the stream, as far as they are remembered, and how many have been told in all.
    pub(crate) fn handovers_since(&self, known: usize) -> (&[Takeover], usize) {
        self.takeovers.since(known)
    }

    /// When the voice was first found to behave like a machine.
    pub(crate) fn machine_heard(&self) -> Option<MachineHeard> {
        self.voice.machine
    }

    /// How sure it is that the voice is a machine's; abstains where that is not judged.
    pub(crate) fn machine_voice(&self) -> MachineVoice {
        let silent = || MachineVoice { probability: None, abstained: true, seconds: self.active_seconds() };
        self.voice.judge.as_ref().map_or_else(silent, |judge| judge.machine_voice())
    }

    /// All hypotheses, best first.
    pub(crate) fn hypotheses(&self) -> &[Hypothesis] {
        &self.hypotheses
    }

    /// Whether the search has been called off.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }

    /// Seconds taken in.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(SAMPLE_RATE)
    }

    /// Seconds of sound that can be a voice: neither silence nor tone nor steady noise.
    pub(crate) fn active_seconds(&self) -> f64 {
        self.heard.answer.voiced_seconds()
    }

    /// When sound that can be a voice first came, s.
    pub(crate) fn answered_at(&self) -> Option<f64> {
        self.heard.answer.answered_at()
    }
}
