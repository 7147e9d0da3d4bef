//! What the measuring programs share: labelled sets, scanning them, and the mathematics of scoring.
//!
//! In the order of the data: [`labels`] (the tables of a labelled folder) → [`scanning`] (references into an index, queries
//! through the public scanner) → [`snippets`], [`calls`] and [`calibration`] (one table each, on [`stats`]) →
//! [`report`] (text, JSON, answers and dumps). [`prosody`] compares with other programs. [`inputs`] makes the audio of the
//! criterion benches, [`synthetic`] and [`degraded`] the renderings and queries of `scale`, [`curves`] its plots;
//! [`binary_codes`] makes the codes of `peers`, [`limits`] measures the machine. Nothing here looks inside the library: it
//! sees what a user sees.

pub mod binary_codes;
pub mod calibration;
pub mod calls;
pub mod curves;
pub mod degraded;
pub mod inputs;
pub mod labels;
pub mod limits;
pub mod prosody;
pub mod report;
pub mod scanning;
pub mod snippets;
pub mod stats;
pub mod synthetic;
