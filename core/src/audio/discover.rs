//! Audio files in folders.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// File extensions, lower case, that a folder search takes for audio: those of the containers that
/// [`FileSource`](super::FileSource) reads, and those that say what a file without a header holds. `amr` is one of them
/// without the feature `amr`, too: such a recording is better refused by name than passed over.
pub const AUDIO_EXTENSIONS: &[&str] = &[
    "aac", "aif", "aifc", "aiff", "al", "alaw", "amr", "au", "bwf", "caf", "flac", "g722", "gsm", "m4a", "m4b", "mka",
    "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mulaw", "oga", "ogg", "opus", "pcma", "pcmu", "rf64", "sln", "sln12",
    "sln16", "sln192", "sln24", "sln32", "sln44", "sln48", "sln96", "snd", "ul", "ulaw", "wav", "wave", "webm",
];

/// All audio files below `folder`, sorted by path, by their extension in lower or upper case.
///
/// Links to files are followed. Links to folders are followed too, after all real folders, and no folder is entered
/// twice: a loop ends, and each file in a linked folder is named once. A link that leads nowhere is named, so that
/// opening it reports it. The companions that macOS leaves on foreign disks (`._NAME`) are left out; they hold no audio.
///
/// # Errors
/// [`Error::Io`] with the path of a folder that can't be read.
pub fn find_audio(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut search = Search::default();
    search.folders.push(folder.to_owned());
    // Real folders first: a file is named by its own place rather than through a link.
    while let Some(next) = search.folders.pop().or_else(|| search.links.pop()) {
        search.enter(&next)?;
    }
    search.found.sort();
    Ok(search.found)
}

/// The state of a search: folders still to be read, those read, and files found.
#[derive(Default)]
struct Search {
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
    entered: HashSet<PathBuf>,
    found: Vec<PathBuf>,
}

impl Search {
    fn enter(&mut self, folder: &Path) -> Result<()> {
        let io = |error| Error::io(folder, error);
        if !self.entered.insert(folder.canonicalize().map_err(io)?) {
            return Ok(());
        }
        let mut links = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(io)?);
            let linked_folder = kind.is_symlink() && path.is_dir();
            if linked_folder {
                links.push(path);
            } else if kind.is_dir() {
                self.folders.push(path);
            } else if has_audio_extension(&path) && (path.is_file() || kind.is_symlink() && !path.exists()) {
                self.found.push(path);
            }
        }
        // The system lists entries in any order; which of two links to a folder wins must not depend on it.
        links.sort_by(|a, b| b.cmp(a));
        self.links.splice(0..0, links);
        Ok(())
    }
}

/// Whether the name of `path` says that it is audio.
fn has_audio_extension(path: &Path) -> bool {
    let companion = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"));
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    !companion && extension.is_some_and(|extension| AUDIO_EXTENSIONS.contains(&extension.as_str()))
}
