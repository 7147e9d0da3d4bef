//! # callprint
//!
//! Recognises scripted robot calls by their sound. Caller IDs rotate; the recorded or synthesised opening does not. Callprint
//! turns telephone audio into binary spectral fingerprints and prosody features, matches them against an index of known
//! scripts, and says which script plays, how sure that is, where in the script, and at what speed.
//!
//! Where to begin:
//!
//! | to | use |
//! |---|---|
//! | find known scripts in a recording | [`detect::Scanner`] |
//! | listen to a live call | [`Session`] |
//! | listen to many on few threads | [`engine::SessionPool`] |
//! | make an index of clips, or exchange one in service | [`index::IndexBuilder`], [`index::LiveIndex`] |
//! | find a script that another voice says, in a recording | [`wording::Wording`] |
//! | measure prosody | [`prosody`] |
//!
//! A *script* is what a robot says, a *rendering* one recording of it. Scores are natural logarithms of likelihood ratios, in
//! *nats*; what decides is the false-alarm rate that a score has in the index, in wrong matches per hour of audio.
//!
//! The modules stand in the order of the data:
//! [`audio`] (files and streams to 8 kHz) → [`signal`] (frames, bands, activity, tones) → [`fingerprint`] (binary codes) →
//! [`index`] (known scripts, search, alignment, score) → [`detect`] (a call's verdict, live or of a recording) →
//! [`engine`] (many live calls on few threads); [`prosody`] runs beside the fingerprint on the same audio, and
//! [`wording`] compares words where the recording is another.
//!
//! ## Features
//!
//! All that the `callprint` program needs is on by default. A program that uses the library switches that off
//! (`default-features = false` leaves out some eighty crates) and names what it wants: `corpus` for `Index::builtin`, 3.5 MB;
//! `decode` for audio files ([`audio::FileSource`]), and `opus` for Opus in them (not on 32-bit x86, for which its decoder
//! does not compile); `telephony` for AudioSocket and RTP. Indexes, scans of samples, sessions, pools and prosody need none of
//! them. `capi` is the C interface, which `core/capi/install.sh` builds; `amr` reads AMR files by a library in C.
//!
//! A file is a stream fed fast: batch and stream run the same code and give the same bits for any chunking.
//!
//! Tutorial, how-to guides (live calls, Asterisk, GStreamer, C), how it works with figures, the data card and the model
//! cards are on the [site](../../site/index.html), which `python/docs/build.sh` builds beside this reference.

#![warn(missing_debug_implementations)]
// docs.rs builds with a compiler that can say beside each item which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audio;
#[cfg(feature = "capi")]
#[expect(nonstandard_style, reason = "names as in C")]
pub mod capi;
pub mod detect;
pub mod engine;
mod error;
pub mod fingerprint;
pub mod index;
pub mod prosody;
#[doc(hidden)]
pub mod replace;
pub mod signal;
mod simd;
#[cfg(feature = "telephony")]
pub mod telephony;
pub mod wording;

pub use detect::{Session, SessionConfig, SessionEvent, SessionMatch, prepare_thread};
pub use error::{Error, IndexFault, Result};
pub use index::Index;
pub use simd::{SimdLevel, simd_level};
