//! Prosody of the telephone band: descriptors each 10 ms and functionals over a segment.

mod catalog;
mod delivery;
mod extractor;
mod functionals;
mod lld;
mod path;
mod pitch;
mod recording;
mod stats;

pub use catalog::{FEATURE_SET, FEATURES, Feature};
pub use extractor::Extractor;
pub use functionals::Functionals;
pub use lld::{LLD_NAMES, Lld};
pub use recording::analyse;
