//! Prosody of the telephone band: descriptors each 10 ms and functionals over a segment, one channel of 8 kHz audio.
//!
//! [`Extractor`] takes samples as they come and gives an [`Lld`] each 10 ms and, at any time, [`Functionals`]: the feature
//! set `TtsProsodyV1`. [`FEATURES`] defines every column (name, unit, formula, source), `callprint features --list` prints
//! them. [`analyse`] does the same for all channels of a recording of any rate.
//!
//! | part | what | source |
//! |---|---|---|
//! | `pitch` | F0 candidates, voicing, harmonics-to-noise ratio | Boersma 1993, sections 3 and 4 |
//! | `path` | F0 path, voiced or unvoiced | Boersma 1993, eq. 25-27, with bounded delay |
//! | `delivery` | speech and pauses, syllable nuclei | de Jong & Wempe 2009, de Jong & Bosker 2013 |
//! | `formants` | formants 1 to 3 by linear prediction | Makhoul 1975; Atal & Hanauer 1971 |
//! | `dynamics` | how the cepstrum moves and comes back | in it |
//! | `breath`, `repetition`, `turns` | breath-like events, phrases said again, turn-taking | in each part |
//! | `spectrum`, `perturbation`, `rhythm` | spectral shape, jitter and shimmer, nPVI and modulation | in each part |
//! | `gemaps` | the columns with eGeMAPS's names, by its own F0 | Eyben et al. 2016 |
//! | `collector`, `functionals` | means, deviations, percentiles, rates | |
//! | `machine` | [`VoiceJudge`]: machine or human | `benches/reports/machine_voice.md` |
//! | `handover` | [`Handover`]: when a person takes over from a script | |
//! | `change` | when a person takes over from a machine whose script is not known | Chen & Gopalakrishnan 1998, in it |
//!
//! Everything streams: memory is constant, the results are the same for any cutting of the input, and no second pass is
//! needed. What other programs take from the whole recording (its peak level, the percentiles that set a silence
//! threshold) is taken from what has been heard so far.
//!
//! Agreement with Praat's `To Pitch (ac)` at its standard settings, on 24 minutes of recorded prompts (English and
//! Italian): gross errors (> 20 %) .02 to .04 %, median difference below .1 cent, voicing decisions that differ
//! 1.0 to 1.5 % (program `prosody-peers`).
//!
//! # Sources
//!
//! - P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
//!   sound", Proceedings of the Institute of Phonetic Sciences 17 (1993), 97-110.
//! - N. H. de Jong, T. Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically", Behavior
//!   Research Methods 41 (2009), 385-390.
//! - N. H. de Jong, H. R. Bosker, "Choosing a threshold for silent pauses to measure second language fluency", Proceedings
//!   of DiSS 2013, 17-20.
//! - F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
//!   IEEE Transactions on Affective Computing 7 (2016), 190-202.

mod breath;
mod catalog;
mod change;
mod collector;
mod contour;
mod delivery;
mod dynamics;
mod eight;
mod extractor;
mod formants;
mod functionals;
mod gemaps;
mod handover;
mod lld;
mod machine;
mod machine_model;
mod path;
mod perturbation;
mod pitch;
mod recording;
mod repetition;
mod rhythm;
mod runs;
mod spectrum;
mod stats;
mod tracker;
mod turns;
mod windows;

pub use catalog::{FEATURE_SET, FEATURES, Feature};
pub use change::{Candidate, MEASURE_NAMES};
pub use extractor::Extractor;
pub use functionals::Functionals;
pub use handover::{Handover, Takeover};
pub use lld::{LLD_NAMES, Lld};
pub use machine::{Contribution, VoiceJudge, machine_log_odds};
pub(crate) use pitch::{Candidates, PitchAnalyser, StreamPeak};
pub use recording::analyse;
pub use tracker::{F0, F0Tracker};
pub(crate) use windows::Windows;
