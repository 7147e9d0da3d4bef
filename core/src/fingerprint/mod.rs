//! From frames to binary codes.
//!
//! A **code** (sub-fingerprint) is a 128-bit word that describes 0.4 s of sound: log-mel bands of 40 frames, a few
//! temporal functions per band (zero sum, so a channel's colour and the level drop out), a learned linear projection,
//! the sign. The distance of a value from its threshold says how reliable its bit is; a query keeps that as a **soft**
//! value, the index keeps only the bits.
//!
//! Queries make a code every 10 ms at several assumed playback speeds, the index one every 40 ms at speed 1.
//!
//! The constants come from `corpus/training`; the steps are specified in its MODEL.md. Sources: dense binary
//! sub-fingerprints from Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002; projections learned
//! to separate speech from channel by linear discriminant analysis (Fukunaga, *Introduction to Statistical Pattern
//! Recognition*, 1990, ch. 10); rotation for balanced bits after Gong & Lazebnik, "Iterative quantization", CVPR 2011.

mod code;
mod extract;
mod heard;
mod kernel;
mod model;
mod pitch;
mod restored;

pub use code::{BITS, Code, SoftCode};
pub use extract::{BANDS, Bands, CODE_HOP, Extractor, Listener, QueryFrame, Reference, SPEEDS, reference_codes};
pub(crate) use extract::{SOUND_DEPTH, is_loud, stream_time};
pub(crate) use heard::HeardCode;
pub use model::{Model, model};
pub(crate) use model::{hash, intact};
pub use pitch::Pitch;
pub(crate) use pitch::between;
pub(crate) use restored::Restorer;
