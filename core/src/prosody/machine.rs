//! Machine or human: how likely a voice is synthetic, from its prosody.
//!
//! Model: logistic regression on functionals of stretches of 5 s of speech, standardised, limited to ±3 deviations; features that
//! are not defined count as their mean. Only features that a level, a colour of the line or the length of a recording
//! change little are in it; `benches/reports/machine_voice.md` is its model card, `corpus/training/voice.py` fits it.
//!
//! The log-odds of the stretches are averaged, weighed by their speech, then brought to a probability by a line that was fitted on
//! engines and speakers which the model had not seen, half of them of kinds that it knows nothing of: readers, people in meetings and on
//! the radio, actors of another language. Where that says too little it abstains, and before 3 s of speech.
//!
//! Never overrules a script match: it is a second opinion for calls of unknown scripts.

use super::{
    FEATURES,
    change::{Candidate, VoiceChange},
    collector::Collector,
    extractor::{Extractor, Follower},
    functionals::Functionals,
    handover::Takeover,
    lld::Lld,
    machine_model::{ABSTAIN, BIAS, CALIBRATION, TERMS},
};
use crate::{detect::MachineVoice, signal::Activity};

/// Speech in a stretch, s.
const STRETCH: f64 = 5.0;
/// Least speech to say anything, s.
const LEAST_SPEECH: f64 = 3.0;
/// Standardised features are limited to this.
const LIMIT: f64 = 3.0;

/// One feature of the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    /// Column of [`FEATURES`].
    pub(super) feature: usize,
    /// Mean over the training set.
    pub(super) mean: f64,
    /// Standard deviation over it.
    pub(super) deviation: f64,
    /// Weight of the standardised value, log-odds.
    pub(super) weight: f64,
}

impl Term {
    fn contribution(&self, functionals: &Functionals) -> f64 {
        let value = functionals.values()[self.feature];
        if value.is_nan() {
            return 0.0;
        }
        self.weight * ((value - self.mean) / self.deviation).clamp(-LIMIT, LIMIT)
    }
}

/// What one feature said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// Name of the feature, as in [`FEATURES`].
    pub feature: &'static str,
    /// Log-odds that it added: positive for machine.
    pub log_odds: f64,
}

/// Judges the voice of one channel, as a stream.
///
/// Memory is constant, and nothing is allocated after construction except by [`why`](Self::why).
///
/// ```
/// let mut judge = callprint::prosody::VoiceJudge::new();
/// judge.push(&[0.0; 8000]);
/// let verdict = judge.machine_voice();
/// assert!(verdict.abstained && verdict.probability.is_none(), "a second of silence says nothing");
/// ```
#[derive(Debug)]
pub struct VoiceJudge {
    extractor: Extractor,
    past: Past,
    change: VoiceChange,
}

/// Stretches that are over.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// Sum of log-odds times seconds of speech, and of the seconds.
    weighted: f64,
    seconds: f64,
    /// Sum of contributions times seconds.
    terms: [f64; TERMS.len()],
}

impl Past {
    fn add(&mut self, functionals: &Functionals, seconds: f64) {
        self.weighted += raw_log_odds(functionals) * seconds;
        for (sum, term) in self.terms.iter_mut().zip(TERMS) {
            *sum += term.contribution(functionals) * seconds;
        }
        self.seconds += seconds;
    }
}

/// Takes the frames to where they count.
struct Ear<'a, E> {
    past: &'a mut Past,
    change: &'a mut VoiceChange,
    each: E,
}

impl<E: FnMut(&Candidate)> Follower for Ear<'_, E> {
    fn frame(&mut self, lld: &Lld) {
        self.change.push(lld, &mut self.each);
    }

    fn group(&mut self, collector: &mut Collector) {
        let seconds = collector.speech_seconds();
        let (asked, over) = (self.change.wants_verdict(), seconds >= STRETCH);
        if !asked && !over {
            return;
        }
        let mut now = *self.past;
        if seconds >= LEAST_SPEECH {
            now.add(&collector.functionals(None), seconds);
        }
        if asked {
            self.change.verdict(now.weighted / now.seconds);
        }
        if over {
            *self.past = now;
            collector.restart();
        }
    }
}

impl Default for VoiceJudge {
    fn default() -> Self {
        Self::new()
    }
}

impl VoiceJudge {
    /// A judge at the start of a stream.
    pub fn new() -> Self {
        Self { extractor: Extractor::without_egemaps(), past: Past::default(), change: VoiceChange::new() }
    }

    /// Takes in samples in [-1, 1] at 8 kHz.
    pub fn push(&mut self, samples: &[f32]) {
        self.push_with(samples, |_| ());
    }

    /// Takes in samples; `each` hears of every onset at which the voice may have changed from a machine to a person.
    pub fn push_with(&mut self, samples: &[f32], each: impl FnMut(&Candidate)) {
        let Self { extractor, past, change } = self;
        extractor.push_to(samples, &mut Ear { past, change, each });
    }

    /// Takes in what the next frame is, before the samples that complete it: without this, ringing and busy tones may be taken for a
    /// voice where hand-overs are concerned.
    pub fn activity(&mut self, activity: &Activity) {
        self.change.activity(activity);
    }

    /// The hand-over from an unknown machine to a person that was found since the last call, if there was one.
    pub fn takeover(&mut self) -> Option<Takeover> {
        self.change.poll()
    }

    /// The onsets judged last, oldest first.
    pub(crate) fn onsets(&self) -> impl Iterator<Item = &Candidate> {
        self.change.onsets()
    }

    /// Time up to which onsets are judged, s.
    pub(crate) fn onsets_judged_until(&self) -> f64 {
        self.change.judged_until()
    }

    /// Tells that no samples will follow: [`takeover`](Self::takeover) then says what can be said by what was heard.
    pub fn finish(&mut self) {
        self.finish_with(|_| ());
    }

    /// The same; `each` as for [`push_with`](Self::push_with).
    pub fn finish_with(&mut self, mut each: impl FnMut(&Candidate)) {
        self.change.finish(&mut each);
    }

    /// Forgets the stream; the memory stays.
    pub fn reset(&mut self) {
        self.extractor.reset();
        self.past = Past::default();
        self.change.reset();
    }

    /// Seconds of speech in the stretches that are complete: the verdict rests on more whenever this has grown.
    pub fn judged_seconds(&self) -> f64 {
        self.past.seconds
    }

    /// The verdict on all of the stream so far.
    pub fn machine_voice(&self) -> MachineVoice {
        let past = self.until_now();
        let seconds = past.seconds.max(self.past.seconds);
        if seconds < LEAST_SPEECH || TERMS.is_empty() {
            return MachineVoice { probability: None, abstained: true, seconds };
        }
        let probability = sigmoid(calibrated(past.weighted / past.seconds));
        let abstained = (ABSTAIN.0..ABSTAIN.1).contains(&probability);
        MachineVoice { probability: (!abstained).then_some(probability), abstained, seconds }
    }

    /// What each feature added to the log-odds, largest first; empty before there is enough speech.
    pub fn why(&self) -> Vec<Contribution> {
        let past = self.until_now();
        if past.seconds < LEAST_SPEECH {
            return Vec::new();
        }
        let mut contributions: Vec<Contribution> = TERMS
            .iter()
            .zip(past.terms)
            .map(|(term, sum)| Contribution {
                feature: FEATURES[term.feature].name,
                log_odds: CALIBRATION.0 * sum / past.seconds,
            })
            .collect();
        contributions.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
        contributions
    }

    /// Past stretches and the one that is not over, if it counts.
    fn until_now(&self) -> Past {
        let mut past = self.past;
        let seconds = self.extractor.collector().speech_seconds();
        if seconds >= LEAST_SPEECH {
            past.add(&self.extractor.functionals(), seconds);
        } else if past.seconds == 0.0 {
            past.seconds = seconds;
        }
        past
    }
}

/// Calibrated log-odds that the segment of these functionals was spoken by a machine; meant for stretches of about 5 s of
/// speech.
pub fn machine_log_odds(functionals: &Functionals) -> f64 {
    calibrated(raw_log_odds(functionals))
}

fn raw_log_odds(functionals: &Functionals) -> f64 {
    BIAS + TERMS.iter().map(|term| term.contribution(functionals)).sum::<f64>()
}

fn calibrated(log_odds: f64) -> f64 {
    CALIBRATION.0 * log_odds + CALIBRATION.1
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vowels of pulses with a melody of its own for each `voice`, 0.4 s each and more than half a minute of them, with pauses.
    fn speech(voice: u32) -> Vec<f32> {
        let (mut phase, mut random) = (0.0f32, voice);
        (0..300_000u32)
            .map(|n| {
                let (vowel, t) = (n / 3200, (n % 3200) as f32 / 3200.0);
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (random >> 16) as f32 / 65_536.0 - 0.5;
                phase += (110.0 + 9.0 * (vowel * voice % 7) as f32 + 20.0 * t) / 8000.0;
                let pulse = if phase >= 1.0 { 0.5 } else { 0.0 };
                phase %= 1.0;
                if vowel % 6 == voice % 6 || t > 0.8 { 0.001 * noise } else { pulse + 0.01 * noise }
            })
            .collect()
    }

    /// All that a judge says of a stream, to the bit.
    fn heard(judge: &mut VoiceJudge, samples: &[f32]) -> (Vec<u64>, Vec<String>) {
        let mut onsets = Vec::new();
        judge.push_with(samples, |candidate| onsets.push(format!("{candidate:?}")));
        judge.finish_with(|candidate| onsets.push(format!("{candidate:?}")));
        onsets.push(format!("{:?} {:?}", judge.machine_voice(), judge.takeover()));
        let functionals = judge.extractor.functionals();
        let past = [judge.past.weighted, judge.past.seconds];
        (functionals.values().iter().chain(&past).map(|value| value.to_bits()).collect(), onsets)
    }

    #[test]
    fn after_a_reset_nothing_is_left_of_the_stream_before() {
        let (one, other) = (speech(2), speech(5));
        let new = heard(&mut VoiceJudge::new(), &one);
        assert!(new.1.len() > 1, "no onset was judged");
        let mut judge = VoiceJudge::new();
        assert_ne!(heard(&mut judge, &other), new);
        judge.reset();
        assert_eq!(heard(&mut judge, &one), new);
        // In the middle of a word.
        judge.push(&other[..177_777]);
        judge.reset();
        assert_eq!(heard(&mut judge, &one), new);
    }
}
