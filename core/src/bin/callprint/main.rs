//! The `callprint` program.

fn main() {}
