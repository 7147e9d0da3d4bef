//! What a scan says about a recording: matches, events, machine voice. The serialised field names are the
//! contract of `callprint scan --format json`.

use serde::Serialize;

/// One place where a known script was heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// Script id, the part of the rendering's name before `__`.
    pub script: String,
    /// Name of the rendering (`script__voice`) that fits best.
    pub rendering: String,
    /// Category of the script (`dental-implant`), empty where the index does not know it.
    pub category: String,
    /// Channel of the recording in which it was heard, from 0.
    pub channel: usize,
    /// Log-likelihood ratio in nats of "this rendering plays here" against "something else does".
    pub score: f64,
    /// Expected wrong matches at this score or higher per hour of audio searched in this index.
    pub false_alarms_per_hour: f64,
    /// Bit error rate of the aligned codes, 0 (same) to about .5 (unrelated).
    pub ber: f64,
    /// Start in the recording, s.
    pub query_start: f64,
    /// End in the recording, s.
    pub query_end: f64,
    /// Start in the script's rendering, s.
    pub script_start: f64,
    /// End in the script's rendering, s.
    pub script_end: f64,
    /// Playback speed relative to the rendering; 1.03 = 3 % faster.
    pub speed: f64,
    /// Audio time at which a live listener would have known, s; absent for a candidate below the threshold.
    pub decided_at: Option<f64>,
    /// Other scripts that fit the same audio about as well; empty when the match is unambiguous.
    pub rivals: Vec<String>,
    /// The numbers that the score was made from.
    #[serde(skip)]
    pub evidence: crate::index::Evidence,
    /// Code by code, how the rendering lies over the query in the last window; empty unless
    /// [`ScanOptions::all`](super::ScanOptions::all) is set.
    #[serde(skip)]
    pub alignment: crate::index::Alignment,
    /// What was judged frame by frame; only with [`Scanner::with_bands`](super::Scanner::with_bands).
    #[serde(skip)]
    pub heard: Option<(crate::index::Verification, crate::index::AlignedBands)>,
}

/// What happened in the call, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// First sound that is not ringing, tone or silence.
    Answered,
    /// A script became certain.
    Match,
    /// The voice behaves like a machine.
    MachineVoice,
    /// A human took over from the machine.
    Handover,
    /// The audio ended.
    Ended,
}

/// An event and its audio time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Audio time, s.
    pub at: f64,
    /// Channel of the recording, from 0.
    pub channel: usize,
    /// How sure it is, 0 to 1: of `machine_voice` the calibrated probability, of `handover` the confidence; absent for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// How sure it is that the voice is synthetic or recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MachineVoice {
    /// Calibrated probability, 0 to 1; absent when abstained.
    pub probability: Option<f64>,
    /// True when there was too little speech, or no model, to say anything.
    pub abstained: bool,
    /// Seconds of speech it rests on.
    pub seconds: f64,
}

/// What one channel of a recording holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelReport {
    /// `mono`, `left`, `right`, or `channel N` (from 1) for more than two.
    pub name: String,
    /// Seconds of sound that can be a voice: neither silence nor tone nor steady noise.
    pub active_seconds: f64,
    /// Machine-voice score of this channel.
    pub machine_voice: MachineVoice,
}

/// Everything a scan says about one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanReport {
    /// Path as given, or `-` for standard input.
    pub file: String,
    /// Length of the recording, s.
    pub seconds: f64,
    /// Matches, best first.
    pub matches: Vec<Match>,
    /// Machine-voice score of the channel that speaks most like a machine.
    pub machine_voice: MachineVoice,
    /// Events of all channels in order of time.
    pub events: Vec<Event>,
    /// Audio time at which a live listener would have known that a known script plays: the earliest of the matches', s.
    pub decided_at: Option<f64>,
    /// The recording's channels, each scanned by itself.
    pub channels: Vec<ChannelReport>,
}
