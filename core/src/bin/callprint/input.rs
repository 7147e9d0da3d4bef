//! Inputs: arguments to files, files to audio, the index to search.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
};

use callprint::{
    Error,
    audio::{AUDIO_EXTENSIONS, AudioFolder, FileSource, Format, PcmSource, Source, container_name, search_audio},
    index::Index,
};

use crate::{
    args::{ListedArgs, RawArgs, RawEncoding},
    console::Console,
    exit::{Failure, file_name},
};

/// One thing to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// An audio file.
    File(PathBuf),
    /// Raw PCM on standard input.
    Stdin,
    /// An argument that leads to no audio, and why.
    Bad(PathBuf, Failure),
}

impl Input {
    /// Path as given or found; `-` for standard input.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Bad(path, _) => path,
            Self::Stdin => Path::new("-"),
        }
    }
}

/// What the arguments `paths` and a list stand for, in their order; a folder stands for all audio files below it, by path.
///
/// # Errors
/// Says what can't be meant about standard input, or that the list can't be read.
pub(crate) fn find(paths: &[PathBuf], listed: &ListedArgs, raw: &RawArgs) -> Result<Vec<Input>, Failure> {
    let list = listed.files_from.as_deref();
    check_stdin(paths, list, raw)?;
    let listed = list.map(read_list).transpose()?.unwrap_or_default();
    Ok(paths.iter().chain(&listed).flat_map(|path| expand(path)).collect())
}

/// Refuses what can't be meant about standard input.
fn check_stdin(paths: &[PathBuf], list: Option<&Path>, raw: &RawArgs) -> Result<(), Failure> {
    let dashes = paths.iter().filter(|path| path.as_os_str() == "-").count();
    if dashes + usize::from(list == Some(Path::new("-"))) > 1 {
        return Err(Failure::new("`-` is given more than once; standard input can be read only once"));
    }
    if dashes == 0 && raw.is_given() {
        return Err(Failure::new(
            "--rate, --channels and --encoding describe raw PCM on standard input; give `-` as a path, or leave them out",
        ));
    }
    if dashes == 1 && io::stdin().is_terminal() {
        return Err(Failure::new(
            "-: standard input is a terminal; pipe raw PCM into it, as in `sox call.wav -t s16 -r 8000 - | callprint …`",
        ));
    }
    Ok(())
}

/// The paths that a list names.
fn read_list(list: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = if list == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(list)
    };
    let bytes = read.map_err(|error| Failure::reading(list, &Error::io(list, error)))?;
    // No path holds NUL: where there is one it ends them all.
    let end = if bytes.contains(&0) { 0 } else { b'\n' };
    let names = bytes.split(|&byte| byte == end).map(|name| match name {
        [name @ .., b'\r'] if end == b'\n' => name,
        name => name,
    });
    names.filter(|name| !name.is_empty()).map(|name| listed_path(list, name)).collect()
}

/// A path as a list has it. There `-` is the name of a file.
fn listed_path(list: &Path, name: &[u8]) -> Result<PathBuf, Failure> {
    if name == b"-" {
        return Ok(Path::new(".").join("-"));
    }
    #[cfg(unix)]
    let path = Some(std::os::unix::ffi::OsStrExt::from_bytes(name)).map(|name: &std::ffi::OsStr| name.into());
    #[cfg(not(unix))]
    let path = std::str::from_utf8(name).ok().map(PathBuf::from);
    path.ok_or_else(|| Failure::at(list, "holds a name that is no UTF-8; write the list in UTF-8"))
}

/// What the argument `path` stands for: a folder stands for all audio files below it, by path.
pub(crate) fn expand(path: &Path) -> Vec<Input> {
    if path == Path::new("-") {
        return vec![Input::Stdin];
    }
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => expand_folder(path),
        Ok(_) => vec![Input::File(path.to_owned())],
        Err(error) => vec![bad(path, &Error::io(path, error))],
    }
}

fn expand_folder(folder: &Path) -> Vec<Input> {
    match search_audio(folder) {
        Ok(AudioFolder { files, unreadable }) if files.is_empty() && unreadable.is_empty() => {
            let reason = format!(
                "no audio files in this folder or below; looked for .{}; name a file to try it whatever it is called",
                AUDIO_EXTENSIONS.join(" .")
            );
            vec![Input::Bad(folder.to_owned(), Failure::at(folder, reason))]
        }
        Ok(AudioFolder { files, unreadable }) => {
            let mut found: Vec<Input> = files.into_iter().map(Input::File).collect();
            found.extend(unreadable.iter().map(|error| bad_folder(folder, error)));
            found.sort_by(|a, b| a.path().cmp(b.path()));
            found
        }
        Err(error) => vec![bad_folder(folder, &error)],
    }
}

/// A folder that can't be read; the error may concern one further down, and keeps its own path then.
fn bad_folder(folder: &Path, error: &Error) -> Input {
    match error {
        Error::Io { path, .. } => bad(path, error),
        _ => bad(folder, error),
    }
}

fn bad(path: &Path, error: &Error) -> Input {
    Input::Bad(path.to_owned(), Failure::reading(path, error))
}

/// Opens a file for decoding.
pub(crate) fn open_file(path: &Path) -> Result<FileSource, Failure> {
    FileSource::open(path).map_err(|error| Failure::reading(path, &error))
}

/// Rate and channels of raw PCM, with the defaults of those not given.
pub(crate) fn raw_format(raw: &RawArgs) -> Format {
    Format { sample_rate: raw.rate.unwrap_or(8000), channels: usize::from(raw.channels.unwrap_or(1)) }
}

/// Raw PCM on standard input in the layout of `raw`.
pub(crate) fn open_stdin(raw: &RawArgs) -> Result<impl Source + use<>, Failure> {
    let encoding = raw.encoding.unwrap_or(RawEncoding::S16le);
    PcmSource::new("-", io::stdin().lock(), encoding.into(), raw_format(raw))
        .map_err(|error| Failure::reading(Path::new("-"), &error))
}

/// Says so where standard input begins as a file with a header does: taken for raw PCM, it would be heard as noise.
pub(crate) fn warn_of_container(console: &Console) {
    let mut stdin = io::stdin().lock();
    // What is looked at stays in the buffer. An error comes again when it is read.
    let Ok(head) = stdin.fill_buf() else { return };
    if let Some(name) = container_name(head) {
        console.note(&format!(
            "-: looks like {name}, but raw PCM is expected on standard input, and its header is heard as noise; give the \
             path of the file, or raw PCM, as `ffmpeg -i FILE -f s16le -ar 8000 -` writes it"
        ));
    }
}

/// Says that nothing can be found in an index that holds nothing.
pub(crate) fn note_empty(index: &Index, path: Option<&Path>, console: &Console) {
    if let (true, Some(path)) = (index.is_empty(), path) {
        console.note(&format!(
            "{}: the index is empty, so nothing can match; add clips with `callprint index add`",
            file_name(path)
        ));
    }
}

/// The index at `path`, or the one built into the program.
pub(crate) fn open_index(path: Option<&Path>) -> Result<Index, Failure> {
    match path {
        Some(path) if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) => {
            Err(Failure::at(path, "is a pipe or a device; an index is mapped into memory: give a regular file"))
        }
        Some(path) => Index::open(path).map_err(|error| Failure::reading(path, &error)),
        None => Index::builtin().map_err(|error| Failure::reading(Path::new(BUILTIN), &error)),
    }
}

/// What the index built into the program is called in messages.
pub(crate) const BUILTIN: &str = "<built-in>";
