//! Audio files by symphonia.

use std::path::Path;

use super::{Block, Format, Source};
use crate::Result;

/// An audio file being decoded block by block.
#[derive(Debug)]
pub struct FileSource {}

impl FileSource {
    /// Opens a file and reads its header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let _ = path;
        unimplemented!()
    }
}

impl Source for FileSource {
    fn format(&self) -> Format {
        unimplemented!()
    }
    fn seconds_hint(&self) -> Option<f64> {
        unimplemented!()
    }
    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        let _ = block;
        unimplemented!()
    }
}
