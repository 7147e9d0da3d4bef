//! One leg of a live call: samples pushed as they come, events polled.
//!
//! A session gives what [`Scanner`] gives on the same audio, bit for bit, however the samples are cut into pushes: both feed
//! the same tracker. What it adds is the order in time: each event comes out of the push that made it known.

use std::sync::Arc;

use super::{
    ScanOptions, ScanReport, Scanner,
    evaluation::warm_thread,
    events::{Announcer, SessionEvent},
    takeovers::HANDOVERS,
    tracker::{Mode, Tracker},
};
use crate::{
    Result,
    audio::{Resampler, expand_alaw, expand_ulaw},
    index::Index,
};

/// Samples converted at a time.
const SLICE: usize = 256;
/// Time for which a match must have stood to decide a call, s.
const STANDS: f64 = 2.0;
/// Hypotheses that a session keeps: some 96 matches, and what may become one.
const HYPOTHESES: usize = 160;

/// How a [`Session`] listens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionConfig {
    /// Samples per second of what is pushed, 1000 to 384000 Hz. Default 8000.
    pub sample_rate: u32,
    /// Largest false-alarm rate, per hour of audio, at which something is called a match. Default 0.01.
    pub max_far: f64,
    /// Seconds of sound that can be a voice after which a call without a match is declared unmatched. Default 12:
    /// nine of ten scripts are matched within 4.
    pub unmatched_after: f64,
    /// Whether to stop searching once the call is decided: unmatched, or matched without ambiguity for 2 s. From then on a
    /// session costs next to nothing, hears no second script and no hand-over, and its report may differ from a scan's.
    /// Default false.
    pub stop_when_decided: bool,
    /// Whether the voice is judged, machine or human, and where it changes from one to the other: costs .1 % of a core and 340 kB.
    /// Without it hand-overs are told after known scripts only, by levels alone: sooner, and wherever the machine goes on in other words. Default true.
    pub machine_voice: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            sample_rate: crate::audio::SAMPLE_RATE,
            max_far: 0.01,
            unmatched_after: 12.0,
            stop_when_decided: false,
            machine_voice: true,
        }
    }
}

/// One leg of a live call.
///
/// Push samples as they come, in pieces of any size, and poll the events. [`SessionConfig`] says at which rate they come and what a
/// match is. What a session says does not depend on the pieces, and is what [`Scanner`](super::Scanner) says of the whole.
///
/// ```
/// use std::sync::Arc;
/// use callprint::{Index, Session, SessionConfig};
///
/// # fn main() -> callprint::Result<()> {
/// let index = Arc::new(Index::from_bytes(callprint::index::IndexBuilder::new().to_bytes()?)?);
/// let mut session = Session::new(index, SessionConfig::default())?;
/// session.push_i16(&[0; 160]);
/// while let Some(event) = session.poll() {
///     println!("{:.2} s: {}", event.at(), event.kind());
/// }
/// session.finish();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    index: Arc<Index>,
    config: SessionConfig,
    threshold: f64,
    resampler: Resampler,
    tracker: Tracker,
    announcer: Announcer,
    /// Samples at 8 kHz on their way to the tracker.
    samples: Vec<f32>,
    pushed: u64,
    ended: bool,
    unmatched: bool,
}

impl Session {
    /// A session at the start of a call.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the sample rate is outside 1000 to 384000 Hz, or
    /// `max_far` or `unmatched_after` is not a positive number.
    pub fn new(index: Arc<Index>, config: SessionConfig) -> Result<Self> {
        let threshold = Scanner::new(&index, ScanOptions { max_far: config.max_far, all: false })?.threshold();
        if config.unmatched_after.is_nan() || config.unmatched_after <= 0.0 {
            return Err(crate::Error::InvalidArgument(format!(
                "unmatched_after {}: want a positive number of seconds, such as 12",
                config.unmatched_after
            )));
        }
        let resampler = Resampler::new(config.sample_rate)?;
        let mut tracker = Tracker::new(
            threshold,
            Mode {
                all: false,
                bands: false,
                hypotheses: HYPOTHESES,
                handovers: HANDOVERS,
                voice: config.machine_voice,
            },
        );
        tracker.reserve(&index);
        warm_thread();
        Ok(Self {
            threshold,
            resampler,
            tracker,
            announcer: Announcer::new(),
            samples: Vec::with_capacity(16 * SLICE),
            pushed: 0,
            ended: false,
            unmatched: false,
            index,
            config,
        })
    }

    /// Takes samples in [-1, 1]; what is not finite counts as 0. Any number of them, also none. After
    /// [`finish`](Self::finish) they are ignored.
    pub fn push_f32(&mut self, samples: &[f32]) {
        for slice in samples.chunks(SLICE) {
            self.take(slice);
        }
    }

    /// Takes 16-bit samples.
    pub fn push_i16(&mut self, samples: &[i16]) {
        self.push_with(samples, |&s| f32::from(s) / 32_768.0);
    }

    /// Takes G.711 mu-law bytes.
    pub fn push_ulaw(&mut self, bytes: &[u8]) {
        self.push_with(bytes, |&b| f32::from(expand_ulaw(b)) / 32_768.0);
    }

    /// Takes G.711 A-law bytes.
    pub fn push_alaw(&mut self, bytes: &[u8]) {
        self.push_with(bytes, |&b| f32::from(expand_alaw(b)) / 32_768.0);
    }

    /// The oldest event that was not taken yet; none where nothing new is known. Of more than 64 that wait the oldest are
    /// lost ([`missed_events`](Self::missed_events)).
    pub fn poll(&mut self) -> Option<SessionEvent> {
        self.announcer.poll()
    }

    /// Ends the call: a last evaluation, then [`SessionEvent::Ended`]. Again does nothing.
    pub fn finish(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.samples.clear();
        self.resampler.finish(&mut self.samples);
        self.track();
        self.tracker.finish(&self.index);
        self.evaluated();
        self.announcer.say(SessionEvent::Ended { at: self.seconds() });
    }

    /// Forgets the call; the next sample begins another.
    pub fn reset(&mut self) {
        self.resampler.reset();
        self.tracker.reset();
        self.announcer.reset();
        (self.pushed, self.ended, self.unmatched) = (0, false, false);
    }

    /// The index that is searched: it knows names and categories of the renderings in events.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// How the session listens.
    pub fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// Seconds taken in.
    pub fn seconds(&self) -> f64 {
        self.pushed as f64 / f64::from(self.config.sample_rate)
    }

    /// When the first loud sound began that can be a voice, s; known once .36 s of codes in a row hold such sound.
    pub fn answered_at(&self) -> Option<f64> {
        self.tracker.answered_at()
    }

    /// Seconds of sound that can be a voice: neither silence nor tone nor steady noise.
    pub fn active_seconds(&self) -> f64 {
        self.tracker.active_seconds()
    }

    /// Whether the search has ended before the call, see [`SessionConfig::stop_when_decided`]: what still comes is only counted.
    pub fn is_decided(&self) -> bool {
        self.tracker.is_resting()
    }

    /// Events lost because more than 64 waited to be polled.
    pub fn missed_events(&self) -> u64 {
        self.announcer.missed()
    }

    /// What a scan of the audio so far reports; after [`finish`](Self::finish), of the whole call. Of more than some 100 matches the
    /// latest. Allocates.
    pub fn report(&self, name: &str) -> ScanReport {
        let options = ScanOptions { max_far: self.config.max_far, all: false };
        Scanner::with_threshold(&self.index, options, self.threshold).report(name, self.seconds(), &[&self.tracker])
    }

    fn push_with<T>(&mut self, input: &[T], convert: impl Fn(&T) -> f32) {
        let mut slice = [0.0; SLICE];
        for part in input.chunks(SLICE) {
            for (out, x) in slice.iter_mut().zip(part) {
                *out = convert(x);
            }
            self.take(&slice[..part.len()]);
        }
    }

    fn take(&mut self, samples: &[f32]) {
        if self.ended {
            return;
        }
        self.pushed += samples.len() as u64;
        self.samples.clear();
        self.resampler.push(samples, &mut self.samples);
        self.track();
    }

    /// Hands the converted samples on.
    fn track(&mut self) {
        let Self { index, tracker, announcer, samples, threshold, unmatched, config, .. } = self;
        tracker.push(index, samples, |tracker| {
            announce(announcer, tracker, index, *threshold);
            decide(announcer, tracker, config, unmatched)
        });
    }

    fn evaluated(&mut self) {
        announce(&mut self.announcer, &self.tracker, &self.index, self.threshold);
    }
}

fn announce(announcer: &mut Announcer, tracker: &Tracker, index: &Index, threshold: f64) {
    announcer.answered(tracker.answered_at());
    announcer.evaluated(index, tracker.hypotheses(), threshold, tracker.seconds());
    announcer.voice(tracker.machine_heard());
    announcer.handovers(tracker);
}

/// Whether to go on searching.
fn decide(announcer: &mut Announcer, tracker: &Tracker, config: &SessionConfig, unmatched: &mut bool) -> bool {
    if !*unmatched && !announcer.any_match() && tracker.active_seconds() >= config.unmatched_after {
        *unmatched = true;
        announcer.say(SessionEvent::Unmatched { at: tracker.seconds() });
    }
    let matched = announcer.clear_since().is_some_and(|since| tracker.seconds() >= since + STANDS);
    !(config.stop_when_decided && ((*unmatched && !announcer.any_match()) || matched))
}
