//! Ways to use callprint, one file each.
//!
//! | example | what it shows |
//! |---|---|
//! | `rust/scan_file.rs` | recordings in, matches out, with the index that is built in |
//! | `rust/build_index.rs` | an index of your own clips, written to a file and searched |
//! | `rust/stream.rs` | a live call: samples in as they come, events out while it is up |
//! | `c/listen.c` | the same from C |
//!
//! Run one with `cargo run --release -p callprint-examples --example scan_file -- call.wav`.

/// The Rust code of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
