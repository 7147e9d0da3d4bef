//! Audio files in folders.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// File extensions, lower case, that a folder search takes for audio: those of the containers that
/// [`FileSource`](super::FileSource) reads, those that say what a file without a header holds, and those of recordings that
/// are not read (`3gp`, `amr` without the feature `amr`, `awb`, `g723`, `g729`, `spx`, `wma`): such a recording is better
/// refused by name than passed over.
pub const AUDIO_EXTENSIONS: &[&str] = &[
    "3gp", "aac", "aif", "aifc", "aiff", "al", "alaw", "amr", "au", "awb", "bwf", "caf", "flac", "g722", "g723",
    "g729", "gsm", "m4a", "m4b", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mulaw", "oga", "ogg", "opus",
    "pcma", "pcmu", "rf64", "sln", "sln12", "sln16", "sln192", "sln24", "sln32", "sln44", "sln48", "sln96", "snd",
    "spx", "ul", "ulaw", "wav", "wave", "webm", "wma",
];

/// What a search of a folder found.
#[derive(Debug, Default)]
pub struct AudioFolder {
    /// All audio files below it, sorted by path.
    pub files: Vec<PathBuf>,
    /// The folders below it that can't be read, sorted by path: each an [`Error::Io`] with the path.
    pub unreadable: Vec<Error>,
}

/// All audio files below `folder`, sorted by path, by their extension in lower or upper case; a folder that can't be read
/// is an error. [`search_audio`] goes on in the others.
///
/// Links to files are followed. Links to folders are followed too, after all real folders, and no folder is entered
/// twice: a loop ends, and each file in a linked folder is named once. A link that leads nowhere is named, so that
/// opening it reports it. The companions that macOS leaves on foreign disks (`._NAME`) are left out; they hold no audio.
///
/// # Errors
/// [`Error::Io`] with the path of a folder that can't be read.
pub fn find_audio(folder: &Path) -> Result<Vec<PathBuf>> {
    let AudioFolder { files, unreadable } = search_audio(folder)?;
    unreadable.into_iter().next().map_or(Ok(files), Err)
}

/// What [`find_audio`] finds, without stopping at a folder below that can't be read: one such folder (`lost+found`, a
/// colleague's own) must not cost the recordings in the others.
///
/// # Errors
/// [`Error::Io`] where `folder` itself can't be read.
pub fn search_audio(folder: &Path) -> Result<AudioFolder> {
    let mut search = Search::default();
    search.enter(folder)?;
    // Real folders first: a file is named by its own place rather than through a link.
    while let Some(next) = search.folders.pop().or_else(|| search.links.pop()) {
        if let Err(error) = search.enter(&next) {
            search.unreadable.push((next, error));
        }
    }
    search.found.sort();
    search.unreadable.sort_by(|(a, _), (b, _)| a.cmp(b));
    let unreadable = search.unreadable.into_iter().map(|(_, error)| error).collect();
    Ok(AudioFolder { files: search.found, unreadable })
}

/// The state of a search: folders still to be read, those read, files found, and folders that could not be read.
#[derive(Default)]
struct Search {
    folders: Vec<PathBuf>,
    links: Vec<PathBuf>,
    entered: HashSet<PathBuf>,
    found: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, Error)>,
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
            } else if has_audio_extension(&path) && (kind.is_file() || kind.is_symlink() && names_a_file(&path)) {
                self.found.push(path);
            }
        }
        // The system lists entries in any order; which of two links to a folder wins must not depend on it.
        links.sort_by(|a, b| b.cmp(a));
        self.links.splice(0..0, links);
        Ok(())
    }
}

/// Whether a link leads to a file, or to nothing that can be looked at: opening it says why.
fn names_a_file(link: &Path) -> bool {
    link.metadata().map_or(true, |target| target.is_file())
}

/// Whether the name of `path` says that it is audio.
fn has_audio_extension(path: &Path) -> bool {
    let companion = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"));
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    !companion && extension.is_some_and(|extension| AUDIO_EXTENSIONS.contains(&extension.as_str()))
}
