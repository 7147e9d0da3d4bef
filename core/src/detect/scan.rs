//! Scanning a whole recording: every channel through the same stream analysis that a live call gets.

use super::ScanReport;
use crate::{Result, audio::Source, index::Index};

/// What a scan reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanOptions {
    /// Largest false-alarm rate, per hour of audio, at which something is called a match. Default 0.01.
    pub max_far: f64,
    /// Also report the best candidates above `max_far`. Default false.
    pub all: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { max_far: 0.01, all: false }
    }
}

/// Scans recordings against one index; cheap to make, usable from many threads.
#[derive(Debug, Clone, Copy)]
pub struct Scanner<'i> {
    index: &'i Index,
    options: ScanOptions,
}

impl<'i> Scanner<'i> {
    /// A scanner over `index`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where `max_far` is not a positive number.
    pub fn new(index: &'i Index, options: ScanOptions) -> Result<Self> {
        Ok(Self { index, options })
    }

    /// Scans a source to its end, all channels. `name` becomes the report's `file`; `progress` is told the seconds done.
    ///
    /// # Errors
    /// Those of [`Source::next_block`].
    pub fn scan(&self, name: &str, source: &mut dyn Source, progress: &mut dyn FnMut(f64)) -> Result<ScanReport> {
        let _ = (self.index, self.options, name, source, progress);
        unimplemented!()
    }

    /// Scans one channel of samples that are 8 kHz already, values in [-1, 1].
    ///
    /// # Errors
    /// None at present; the result leaves room for resource limits.
    pub fn scan_samples(&self, name: &str, samples: &[f32]) -> Result<ScanReport> {
        let _ = (name, samples);
        unimplemented!()
    }
}
