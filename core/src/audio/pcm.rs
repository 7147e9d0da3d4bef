//! Raw PCM from any reader.

use std::io::Read;

use super::{Block, Format, Source};
use crate::Result;

/// Sample encoding of raw PCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Signed 16-bit little-endian.
    S16le,
    /// 32-bit IEEE float little-endian, nominally in [-1, 1].
    F32le,
    /// G.711 mu-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

/// Raw interleaved PCM read block by block.
#[derive(Debug)]
pub struct PcmSource<R> {
    reader: R,
}

impl<R: Read> PcmSource<R> {
    /// A source over `reader`; `name` is what errors call it (a path or `-`).
    pub fn new(name: &str, reader: R, encoding: Encoding, format: Format) -> Result<Self> {
        let _ = (name, encoding, format);
        Ok(Self { reader })
    }
}

impl<R: Read> Source for PcmSource<R> {
    fn format(&self) -> Format {
        unimplemented!()
    }
    fn seconds_hint(&self) -> Option<f64> {
        unimplemented!()
    }
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        let _ = (&self.reader, block);
        unimplemented!()
    }
}
