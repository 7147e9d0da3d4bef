//! Ways to use callprint, one file each.
//!
//! | example | what it shows |
//! |---|---|
//! | `rust/scan_file.rs` | recordings in, matches out, with the index that is built in |
//! | `rust/build_index.rs` | an index of your own clips, written to a file and searched |
//! | `rust/stream.rs` | audio that arrives in small pieces from somewhere else |
//! | `c/sketch.c` | how the planned C interface is meant to look; it can't be compiled yet |
//!
//! Run one with `cargo run --release -p callprint-examples --example scan_file -- call.wav`.

/// The Rust code of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
