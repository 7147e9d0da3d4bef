//! The decision: audio of a call in, matches and events out.

mod answer;
mod evaluation;
mod events;
mod heard;
mod hypothesis;
mod report;
mod rivals;
mod scan;
mod session;
mod takeovers;
mod tracker;

pub use evaluation::prepare_thread;
pub use events::{MAX_RIVALS, SessionEvent, SessionMatch};
pub use report::{ChannelReport, Event, EventKind, MachineVoice, Match, ScanReport};
pub use scan::{ScanOptions, Scanner};
pub use session::{Session, SessionConfig};
