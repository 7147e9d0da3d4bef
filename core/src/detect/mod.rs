//! The decision: audio of a call in, matches and events out.

mod report;
mod scan;
mod tracker;

pub use report::{ChannelReport, Event, EventKind, MachineVoice, Match, ScanReport};
pub use scan::{ScanOptions, Scanner};
