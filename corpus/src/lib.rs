//! The built index of known robot-call scripts and the table of their texts, as bytes to embed in a program.
//!
//! The index is made from `corpus/renderings` by `callprint index build`; a test of the workspace checks that building
//! it again gives the same bytes. This crate holds data only, so that the library can be used without it.

/// Bytes aligned to a cache line, as the memory-mapped index wants them.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static INDEX_BYTES: &Aligned<[u8]> = &Aligned(*include_bytes!("../callprint.cpi"));

/// The index of the corpus in callprint's index file format, aligned to 64 bytes.
pub fn index_bytes() -> &'static [u8] {
    &INDEX_BYTES.0
}

/// The table of scripts: tab-separated `id, category, language, text, source` with a header line, UTF-8.
pub const SCRIPTS_TSV: &str = include_str!("../scripts.tsv");
