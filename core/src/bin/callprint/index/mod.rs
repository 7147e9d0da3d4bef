//! `callprint index`: make and look after indexes of known scripts.

mod build;
mod clips;
mod hold;
mod labels;
mod target;
mod view;

use std::path::Path;

use callprint::{
    Error, IndexFault,
    index::{Index, IndexBuilder},
};

use crate::{
    args::{IndexCommand, MergeArgs, RemoveArgs},
    console::Console,
    exit::{Failure, Status},
    input::{self, BUILTIN},
    output::words,
};
use hold::Hold;

/// Runs one of the index commands.
pub(crate) fn run(command: &IndexCommand, console: &Console) -> Result<Status, Failure> {
    match command {
        IndexCommand::Build(args) => build::build(args, console),
        IndexCommand::Add(args) => build::add(args, console),
        IndexCommand::Remove(args) => remove(args, console),
        IndexCommand::List(args) => view::list(args),
        IndexCommand::Stats(args) => view::stats(args),
        IndexCommand::Verify(args) => view::verify(args),
        IndexCommand::Merge(args) => merge(args, console),
    }
}

fn remove(args: &RemoveArgs, console: &Console) -> Result<Status, Failure> {
    let hold = Hold::take(&args.file, console)?;
    let mut builder = reopen(&args.file)?;
    let removed = remove_all(&mut builder, &args.file, &args.names)?;
    write(&builder, &args.file, &hold)?;
    let file = args.file.display();
    console.note(&format!("{file}: removed {}, {} left", words::counted(removed, "rendering"), builder.len()));
    Ok(Status::Done)
}

/// Removes all that the names stand for; each is looked up before anything goes, so that a name given twice, or a rendering
/// beside its script, is no error.
fn remove_all(builder: &mut IndexBuilder, file: &Path, names: &[String]) -> Result<usize, Failure> {
    if let Some(unknown) = names.iter().find(|name| !builder.contains(name)) {
        let fault = IndexFault::NoSuchRendering(unknown.clone());
        return Err(Failure::at(file, format_args!("{fault}; nothing was changed")));
    }
    let before = builder.len();
    for name in names {
        // What is gone already went with a name before.
        let _ = builder.remove(name);
    }
    Ok(before - builder.len())
}

fn merge(args: &MergeArgs, console: &Console) -> Result<Status, Failure> {
    target::check(&args.output)?;
    // The file that is written may be one of those that are read.
    let hold = Hold::take(&args.output, console)?;
    let mut builder = IndexBuilder::new();
    let builtin = args.builtin.then_some(None);
    for path in builtin.into_iter().chain(args.files.iter().map(|file| Some(file.as_path()))) {
        let index = input::open_index(path)?;
        let path = path.unwrap_or(Path::new(BUILTIN));
        index.verify().map_err(|error| Failure::reading(path, &error))?;
        builder.merge(&index).map_err(|error| match error {
            Error::Index { reason: IndexFault::Duplicate(name), .. } => Failure::at(
                path,
                format_args!(
                    "holds a rendering {name:?}, and so does an index before it; remove it from one of them with \
                     `callprint index remove`"
                ),
            ),
            error => Failure::reading(path, &error),
        })?;
    }
    write(&builder, &args.output, &hold)?;
    console.note(&format!("{}: {}", args.output.display(), words::counted(builder.len(), "rendering")));
    Ok(Status::Done)
}

/// A builder with everything that the index at `path` holds. It refers to the file's map, which stays as it is when another
/// file takes its place. Every byte is checked first: damage must not be written again with checksums that fit it.
fn reopen(path: &Path) -> Result<IndexBuilder, Failure> {
    let index = Index::open(path).map_err(|error| match &error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::at(path, "no such index; make one with `callprint index build -o FILE PATH…`")
        }
        _ => Failure::reading(path, &error),
    })?;
    index.verify().map_err(|error| Failure::reading(path, &error))?;
    Ok(IndexBuilder::from_index(&index))
}

fn write(builder: &IndexBuilder, path: &Path, hold: &Hold) -> Result<(), Failure> {
    hold.check(path)?;
    builder.write(path).map_err(|error| Failure::writing(path, &error))
}
