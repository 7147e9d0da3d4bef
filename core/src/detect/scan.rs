//! Scanning a whole recording: every channel through the same stream analysis that a live call gets.

use super::{
    ChannelReport, Event, EventKind, MachineVoice, Match, ScanReport, SessionMatch,
    hypothesis::{Hypothesis, overlap},
    rivals::RIVAL_MARGIN,
    tracker::{Mode, Tracker},
};
use crate::{
    Error, Result,
    audio::{Block, Resampler, Source, channel_name},
    index::{Index, script_of},
};

/// With [`ScanOptions::all`], candidates below the threshold are listed up to this many entries per channel.
const LISTED: usize = 20;

/// Score under which nothing is reported whatever the threshold, nats (55 to 1 against it): one true best candidate in
/// 1,885 of the development snippets lies lower, noises and music nearly always.
const LEAST_SCORE: f64 = -4.0;

/// What a scan reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanOptions {
    /// Largest false-alarm rate, per hour of audio, at which something is called a match. Default 0.01.
    pub max_far: f64,
    /// Also report the best candidates above `max_far`. Default false.
    pub all: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { max_far: 0.01, all: false }
    }
}

/// Scans recordings against one index; cheap to make, usable from many threads.
#[derive(Debug, Clone, Copy)]
pub struct Scanner<'i> {
    index: &'i Index,
    options: ScanOptions,
    threshold: f64,
    least_score: f64,
    bands: bool,
}

impl<'i> Scanner<'i> {
    /// A scanner over `index`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where `max_far` is not a positive number.
    pub fn new(index: &'i Index, options: ScanOptions) -> Result<Self> {
        if !options.max_far.is_finite() || options.max_far <= 0.0 {
            return Err(Error::InvalidArgument(format!(
                "max_far {}: want a positive, finite number of false alarms per hour, such as 0.01",
                options.max_far
            )));
        }
        let threshold = index.calibration().score_at(options.max_far);
        Ok(Self { index, options, threshold, least_score: LEAST_SCORE, bands: false })
    }

    /// A scanner that reports candidates of any score above its threshold. Without this, those under -4 nats are never
    /// reported.
    pub fn with_hopeless(self) -> Self {
        Self { least_score: f64::NEG_INFINITY, ..self }
    }

    /// A scanner that keeps what was judged frame by frame in [`Match::heard`], 10 kB per second of audio and candidate.
    pub fn with_bands(self) -> Self {
        Self { bands: true, ..self }
    }

    /// A scanner whose threshold is known already.
    pub(super) fn with_threshold(index: &'i Index, options: ScanOptions, threshold: f64) -> Self {
        Self { index, options, threshold, least_score: LEAST_SCORE, bands: false }
    }

    fn tracker(&self) -> Tracker {
        Tracker::new(
            self.threshold,
            Mode {
                all: self.options.all,
                bands: self.bands,
                hypotheses: usize::MAX,
                handovers: usize::MAX,
                voice: true,
            },
        )
    }

    /// The score from which something is a match.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Scans a source to its end, all channels. `name` becomes the report's `file`; `progress` is told the seconds done.
    ///
    /// # Errors
    /// Those of [`Source::next_block`], and [`Error::InvalidArgument`] for a format that no source may have.
    pub fn scan(&self, name: &str, source: &mut dyn Source, progress: &mut dyn FnMut(f64)) -> Result<ScanReport> {
        let format = source.format();
        format.check()?;
        let mut channels = Vec::with_capacity(format.channels);
        for _ in 0..format.channels {
            channels.push((Resampler::new(format.sample_rate)?, self.tracker()));
        }
        let (mut block, mut samples, mut frames) = (Block::default(), Vec::new(), 0u64);
        while source.next_block(&mut block)? {
            for (input, (resampler, tracker)) in block.channels.iter().zip(&mut channels) {
                samples.clear();
                resampler.push(input, &mut samples);
                tracker.push(self.index, &samples, |_| true);
            }
            frames += block.frames() as u64;
            progress(frames as f64 / f64::from(format.sample_rate));
        }
        for (resampler, tracker) in &mut channels {
            samples.clear();
            resampler.finish(&mut samples);
            tracker.push(self.index, &samples, |_| true);
            tracker.finish(self.index);
        }
        let trackers: Vec<_> = channels.iter().map(|(_, tracker)| tracker).collect();
        Ok(self.report(name, frames as f64 / f64::from(format.sample_rate), &trackers))
    }

    /// Scans one channel of samples that are 8 kHz already, values in [-1, 1].
    ///
    /// # Errors
    /// None at present; the result leaves room for resource limits.
    pub fn scan_samples(&self, name: &str, samples: &[f32]) -> Result<ScanReport> {
        let mut tracker = self.tracker();
        tracker.push(self.index, samples, |_| true);
        tracker.finish(self.index);
        Ok(self.report(name, tracker.seconds(), &[&tracker]))
    }

    pub(super) fn report(&self, name: &str, seconds: f64, trackers: &[&Tracker]) -> ScanReport {
        let mut matches: Vec<Match> = Vec::new();
        let mut events = Vec::new();
        for (channel, tracker) in trackers.iter().enumerate() {
            let event = |kind, at, probability| Event { kind, at, channel, probability };
            events.extend(tracker.answered_at().map(|at| event(EventKind::Answered, at, None)));
            matches.extend(self.matches(channel, tracker.hypotheses()));
            let machine = tracker.machine_heard();
            events.extend(machine.map(|heard| event(EventKind::MachineVoice, heard.at, Some(heard.probability))));
            let handovers = tracker.handovers().iter();
            events.extend(handovers.map(|h| event(EventKind::Handover, h.at, Some(h.confidence))));
        }
        matches.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.rendering.cmp(&b.rendering)));
        for m in &matches {
            events.extend(m.decided_at.map(|at| Event {
                kind: EventKind::Match,
                at,
                channel: m.channel,
                probability: None,
            }));
        }
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        events.push(Event { kind: EventKind::Ended, at: seconds, channel: 0, probability: None });
        let channels: Vec<ChannelReport> = trackers
            .iter()
            .enumerate()
            .map(|(i, tracker)| ChannelReport {
                name: channel_name(i, trackers.len()),
                active_seconds: tracker.active_seconds(),
                machine_voice: tracker.machine_voice(),
            })
            .collect();
        // The channel that speaks most like a machine; of channels that say nothing, the one that speaks longest.
        let most = |a: &MachineVoice, b: &MachineVoice| {
            let key = |voice: &MachineVoice| (voice.probability.unwrap_or(-1.0), voice.seconds);
            let ((p, s), (q, t)) = (key(a), key(b));
            p.total_cmp(&q).then(s.total_cmp(&t))
        };
        let spoken = channels.iter().map(|c| c.machine_voice).max_by(most);
        ScanReport {
            file: name.to_owned(),
            seconds,
            decided_at: matches.iter().filter_map(|m| m.decided_at).min_by(f64::total_cmp),
            machine_voice: spoken.unwrap_or(MachineVoice { probability: None, abstained: true, seconds: 0.0 }),
            matches,
            events,
            channels,
        }
    }

    /// The hypotheses of one channel that are matches (or listed anyway), best first. What lies under a better one is its
    /// rival or its echo, not a match of its own.
    fn matches(&self, channel: usize, hypotheses: &[Hypothesis]) -> Vec<Match> {
        let mut kept: Vec<(&Hypothesis, Match)> = Vec::new();
        for h in hypotheses.iter().take_while(|h| h.score >= self.least_score) {
            let sure = h.score >= self.threshold;
            if !sure && (!self.options.all || kept.len() >= LISTED) {
                continue;
            }
            let script = script_of(self.index.rendering(h.rendering).id);
            if let Some((better, m)) = kept.iter_mut().find(|(k, _)| overlap(k.query, h.query) > 0.5) {
                let rival = m.script != script && better.score - h.score < RIVAL_MARGIN;
                if rival && !m.rivals.iter().any(|r| r == script) {
                    m.rivals.push(script.to_owned());
                }
                if !self.options.all || m.script == script {
                    continue;
                }
            }
            kept.push((h, self.describe(channel, h)));
        }
        kept.into_iter().map(|(_, m)| m).collect()
    }

    fn describe(&self, channel: usize, h: &Hypothesis) -> Match {
        let rendering = self.index.rendering(h.rendering);
        let found = SessionMatch::of(self.index, h);
        Match {
            script: rendering.script.to_owned(),
            rendering: rendering.id.to_owned(),
            category: rendering.category.to_owned(),
            channel,
            score: found.score,
            false_alarms_per_hour: found.false_alarms_per_hour,
            ber: found.ber,
            query_start: found.query_start,
            query_end: found.query_end,
            script_start: found.script_start,
            script_end: found.script_end,
            speed: found.speed,
            decided_at: h.decided_at,
            rivals: Vec::new(),
            evidence: h.evidence,
            alignment: h.alignment.clone(),
            heard: h.heard.clone(),
        }
    }
}
