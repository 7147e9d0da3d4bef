//! What a pool counts, and the text that monitoring reads.
//!
//! The text is Prometheus' exposition format, version 0.0.4 (`# HELP`, `# TYPE`, `name{labels} value`; histograms as
//! cumulative `_bucket{le="..."}`, `_sum`, `_count`). It is not OpenMetrics, which names counters otherwise.

use std::{
    fmt::Write as _,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::detect::SessionEvent;

/// Bounds of the buckets in s: ten a decade from 0.1 ms to 100 s.
const BOUNDS: usize = 61;

/// A histogram of times, ten buckets a decade from 0.1 ms to 100 s. Any number of threads may add to it.
#[derive(Debug)]
pub struct Histogram {
    /// Observations up to each bound, and beyond the last; not cumulative.
    counts: [AtomicU64; BOUNDS + 1],
    microseconds: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BOUNDS + 1], microseconds: AtomicU64::new(0) }
    }
}

impl Clone for Histogram {
    /// What has been added so far.
    fn clone(&self) -> Self {
        let counts = std::array::from_fn(|b| AtomicU64::new(self.counts[b].load(Relaxed)));
        Self { counts, microseconds: AtomicU64::new(self.microseconds.load(Relaxed)) }
    }
}

/// Upper bounds of the buckets but the last, s.
static LIMITS: LazyLock<[f64; BOUNDS]> =
    LazyLock::new(|| std::array::from_fn(|bucket| 1e-4 * 10f64.powf(bucket as f64 / 10.0)));

impl Histogram {
    /// Adds a time in s.
    pub fn observe(&self, seconds: f64) {
        let bucket = LIMITS.partition_point(|&limit| limit < seconds);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.microseconds.fetch_add((seconds.max(0.0) * 1e6) as u64, Relaxed);
    }

    /// What has been added since `earlier`, a clone of this one, was made.
    pub fn since(&self, earlier: &Self) -> Self {
        let less =
            |now: &AtomicU64, then: &AtomicU64| AtomicU64::new(now.load(Relaxed).saturating_sub(then.load(Relaxed)));
        Self {
            counts: std::array::from_fn(|b| less(&self.counts[b], &earlier.counts[b])),
            microseconds: less(&self.microseconds, &earlier.microseconds),
        }
    }

    /// Times added.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|c| c.load(Relaxed)).sum()
    }

    /// The time that a share (0 to 1) of those added stays below, s, to a quarter; 0 where none was.
    pub fn quantile(&self, share: f64) -> f64 {
        let counts: Vec<u64> = self.counts.iter().map(|c| c.load(Relaxed)).collect();
        let wanted = share * counts.iter().sum::<u64>() as f64;
        let mut below = 0.0;
        for (bucket, &count) in counts.iter().enumerate() {
            let count = count as f64;
            if count > 0.0 && below + count >= wanted {
                let low = if bucket == 0 { 0.0 } else { LIMITS[bucket - 1] };
                return low
                    + (LIMITS[bucket.min(BOUNDS - 1)] - low).max(0.0) * ((wanted - below) / count).clamp(0.0, 1.0);
            }
            below += count;
        }
        0.0
    }

    fn write(&self, name: &str, help: &str, out: &mut String) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut sum = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            sum += count.load(Relaxed);
            let _ = if bucket < BOUNDS {
                writeln!(out, "{name}_bucket{{le=\"{:.6}\"}} {sum}", LIMITS[bucket])
            } else {
                writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {sum}")
            };
        }
        let seconds = self.microseconds.load(Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum {seconds}\n{name}_count {sum}");
    }
}

/// Kinds of events, in the order of [`Metrics::events`].
const KINDS: [&str; 8] =
    ["answered", "match", "ambiguous", "match_revoked", "unmatched", "machine_voice", "handover", "ended"];

/// What a pool counts. Reading disturbs nobody. Who runs sessions without a pool can count in the same way: any number of threads
/// may.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Calls opened and ended.
    opened: AtomicU64,
    closed: AtomicU64,
    /// Calls that hold a session.
    searched: AtomicU64,
    /// Samples taken, and refused for want of room.
    samples: AtomicU64,
    dropped: AtomicU64,
    /// Calls given up because of a fault of the library, and panics of who was told of an event.
    faults: AtomicU64,
    handler_panics: AtomicU64,
    events: [AtomicU64; KINDS.len()],
    lateness: Histogram,
    decision: Histogram,
}

impl Metrics {
    /// Counts a call that begins.
    pub fn count_opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    /// Counts a call that ends.
    pub fn count_closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    /// Counts a call that is searched from now on.
    pub fn count_search(&self) {
        self.searched.fetch_add(1, Relaxed);
    }

    /// Counts a call that is searched no more; nothing where none is searched.
    pub fn count_search_end(&self) {
        let _ = self.searched.fetch_update(Relaxed, Relaxed, |searched| searched.checked_sub(1));
    }

    /// Counts samples, those taken and those refused.
    pub fn count_samples(&self, taken: usize, dropped: usize) {
        self.samples.fetch_add(taken as u64, Relaxed);
        self.dropped.fetch_add(dropped as u64, Relaxed);
    }

    /// Counts a call given up because of a fault of the library.
    pub fn count_fault(&self) {
        self.faults.fetch_add(1, Relaxed);
    }

    pub(super) fn count_handler_panic(&self) {
        self.handler_panics.fetch_add(1, Relaxed);
    }

    /// Counts an event of a call that was answered at `answered_at`, s of its audio: see
    /// [`Session::answered_at`](crate::Session::answered_at). The time from there to a match is counted, too; hand in `None` after
    /// a call's first match, or its later ones count as slow decisions.
    pub fn count_event(&self, event: &SessionEvent, answered_at: Option<f64>) {
        if let Some(at) = KINDS.iter().position(|k| *k == event.kind()) {
            self.events[at].fetch_add(1, Relaxed);
        }
        if let (SessionEvent::Match { at, .. }, Some(answered)) = (event, answered_at) {
            self.decision.observe(at - answered);
        }
    }

    /// Calls opened so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Calls ended so far.
    pub fn closed(&self) -> u64 {
        self.closed.load(Relaxed)
    }

    /// Calls that are searched now: open, begun, and not decided where that ends the search.
    pub fn searched(&self) -> u64 {
        self.searched.load(Relaxed)
    }

    /// Samples taken so far.
    pub fn samples(&self) -> u64 {
        self.samples.load(Relaxed)
    }

    /// Samples refused so far because their call was too far behind; what is pushed and refused again counts again.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Calls given up so far because of a fault of the library.
    pub fn faults(&self) -> u64 {
        self.faults.load(Relaxed)
    }

    /// Panics so far of the function that a pool tells of events.
    pub fn handler_panics(&self) -> u64 {
        self.handler_panics.load(Relaxed)
    }

    /// Events so far of a kind as [`SessionEvent::kind`] names it.
    pub fn events(&self, kind: &str) -> u64 {
        KINDS.iter().position(|k| *k == kind).map_or(0, |at| self.events[at].load(Relaxed))
    }

    /// From a sample's arrival to the moment when all that follows from it is known, s.
    pub fn lateness(&self) -> &Histogram {
        &self.lateness
    }

    /// From the answer of a call to its first match, s of audio.
    pub fn decision(&self) -> &Histogram {
        &self.decision
    }

    /// All of it in Prometheus' text format; serve it as `text/plain; version=0.0.4`.
    pub fn to_prometheus(&self) -> String {
        let mut out = String::new();
        let (opened, closed) = (self.opened(), self.closed());
        let counters = [
            ("callprint_calls_total", "Calls opened.", opened),
            ("callprint_samples_total", "Samples taken.", self.samples()),
            (
                "callprint_dropped_samples_total",
                "Samples refused because their call was too far behind, each time that they were pushed.",
                self.dropped(),
            ),
            ("callprint_faults_total", "Calls given up because of a fault of the library.", self.faults()),
            (
                "callprint_handler_panics_total",
                "Events at which the function that was told of them panicked.",
                self.handler_panics(),
            ),
        ];
        for (name, help, value) in counters {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let gauges = [
            ("callprint_calls_open", "Calls now.", opened.saturating_sub(closed)),
            ("callprint_calls_searched", "Calls now that are searched.", self.searched()),
        ];
        for (name, help, value) in gauges {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        let name = "callprint_events_total";
        let _ = writeln!(out, "# HELP {name} Events by type.\n# TYPE {name} counter");
        for (kind, count) in KINDS.iter().zip(&self.events) {
            let _ = writeln!(out, "{name}{{type=\"{kind}\"}} {}", count.load(Relaxed));
        }
        let help = "From a sample's arrival to the moment when all that follows from it is known.";
        self.lateness.write("callprint_lateness_seconds", help, &mut out);
        self.decision.write("callprint_decision_seconds", "Audio time from the answer to the first match.", &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_quarter() {
        let h = Histogram::default();
        for ms in 1..=1000 {
            h.observe(f64::from(ms) / 1e3);
        }
        for share in [0.01, 0.5, 0.9, 0.99] {
            assert!((h.quantile(share) / share - 1.0).abs() < 0.25, "{share}: {}", h.quantile(share));
        }
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
    }

    #[test]
    fn what_came_since_a_clone_is_told_apart() {
        let h = Histogram::default();
        (0..100).for_each(|_| h.observe(0.001));
        let earlier = h.clone();
        (0..50).for_each(|_| h.observe(0.2));
        let since = h.since(&earlier);
        assert_eq!((earlier.count(), since.count()), (100, 50));
        assert!((0.15..0.25).contains(&since.quantile(0.01)), "{}", since.quantile(0.01));
    }

    #[test]
    fn a_search_that_never_began_does_not_end() {
        let m = Metrics::default();
        m.count_search_end();
        assert_eq!(m.searched(), 0);
        m.count_search();
        assert_eq!(m.searched(), 1);
    }

    #[test]
    fn the_text_has_cumulative_buckets_and_their_sum() {
        let m = Metrics::default();
        for seconds in [0.00005, 0.02, 0.02, 500.0] {
            m.lateness.observe(seconds);
        }
        m.count_event(&SessionEvent::Ended { at: 3.0 }, None);
        let text = m.to_prometheus();
        let line = |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap_or_default().to_owned();
        assert_eq!(
            line("callprint_lateness_seconds_bucket{le=\"0.000100\"}"),
            "callprint_lateness_seconds_bucket{le=\"0.000100\"} 1"
        );
        assert_eq!(
            line("callprint_lateness_seconds_bucket{le=\"+Inf\"}"),
            "callprint_lateness_seconds_bucket{le=\"+Inf\"} 4"
        );
        assert_eq!(
            line("callprint_lateness_seconds_bucket{le=\"100.0"),
            "callprint_lateness_seconds_bucket{le=\"100.000000\"} 3"
        );
        assert_eq!(line("callprint_lateness_seconds_count"), "callprint_lateness_seconds_count 4");
        assert_eq!(line("callprint_events_total{type=\"ended\"}"), "callprint_events_total{type=\"ended\"} 1");
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let value = line.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok());
            assert!(value.is_some(), "{line}");
        }
    }
}
