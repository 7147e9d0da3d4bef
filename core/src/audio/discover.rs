//! Audio files in folders.

use std::path::{Path, PathBuf};

use crate::Result;

/// File extensions, lower case, that a folder search takes for audio.
pub const AUDIO_EXTENSIONS: &[&str] = &["wav"];

/// All audio files below `folder`, sorted by path. Links are followed at most once a folder.
pub fn find_audio(folder: &Path) -> Result<Vec<PathBuf>> {
    let _ = folder;
    unimplemented!()
}
