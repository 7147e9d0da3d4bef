//! `callprint index build` and `add`: clips to renderings.

use std::path::Path;

use callprint::{Error, IndexFault, index::IndexBuilder};

use super::{
    clips::{self, Clip},
    hold::Hold,
    reopen, target, write,
};
use crate::{
    args::{AddArgs, BuildArgs, ClipArgs},
    console::Console,
    exit::{Failure, Status},
    output::words,
    pool,
};

/// Makes a new index.
pub(super) fn build(args: &BuildArgs, console: &Console) -> Result<Status, Failure> {
    target::check(&args.output)?;
    extend(IndexBuilder::new(), None, &args.output, &args.clips, false, console)
}

/// Adds to an index.
pub(super) fn add(args: &AddArgs, console: &Console) -> Result<Status, Failure> {
    let hold = Hold::take(&args.file, console)?;
    extend(reopen(&args.file)?, Some(hold), &args.file, &args.clips, args.replace, console)
}

/// Adds the clips to `builder` and writes it to `file`, which is held from when it was read, or else while it is written.
fn extend(
    mut builder: IndexBuilder,
    hold: Option<Hold>,
    file: &Path,
    args: &ClipArgs,
    replace: bool,
    console: &Console,
) -> Result<Status, Failure> {
    let (mut clips, bad) = clips::collect(args, console)?;
    clips::inherit(&mut clips, &builder);
    for failure in &bad {
        console.failure(failure);
    }
    let outcome = add_all(&mut builder, &clips, args, replace, console);
    let failed = bad.len() + outcome.failed;
    if failed > 0 && !args.skip_bad {
        let count = words::counted(failed, "bad clip");
        return Err(Failure::at(
            file,
            format_args!("{count}, so nothing was written; mend or remove them, or leave them out with --skip-bad"),
        ));
    }
    if outcome.added == 0 {
        return Err(Failure::at(file, "no clip is left to put in, so nothing was written"));
    }
    let hold = hold.map_or_else(|| Hold::take(file, console), Ok)?;
    write(&builder, file, &hold)?;
    let skipped = if failed > 0 { format!(", {} left out", words::counted(failed, "bad clip")) } else { String::new() };
    console.note(&format!(
        "{}: {} added, {} in all{skipped}",
        file.display(),
        words::counted(outcome.added, "rendering"),
        words::count(builder.len() as u64),
    ));
    Ok(if failed > 0 { Status::Failed } else { Status::Done })
}

/// Clips counted by what became of them.
struct Outcome {
    added: usize,
    failed: usize,
}

/// Decodes the clips in parallel and adds them in their order, so that the index does not depend on the timing.
fn add_all(builder: &mut IndexBuilder, clips: &[Clip], args: &ClipArgs, replace: bool, console: &Console) -> Outcome {
    let mut outcome = Outcome { added: 0, failed: 0 };
    let progress = console.progress(clips.len());
    pool::ordered(
        clips,
        pool::threads(args.jobs),
        |clip| clips::read(&clip.path, args.channel),
        |clip, samples| {
            let samples = samples.unwrap_or_else(|_| Err(pool::panicked(&clip.path)));
            match samples.and_then(|samples| add_one(builder, clip, &samples, replace)) {
                Ok(()) => {
                    outcome.added += 1;
                    console.detail(&format!("{}: added as {}", clip.path.display(), clip.label.id));
                }
                Err(failure) => {
                    outcome.failed += 1;
                    console.failure(&failure);
                }
            }
            progress.file_done();
        },
    );
    outcome
}

fn add_one(builder: &mut IndexBuilder, clip: &Clip, samples: &[f32], replace: bool) -> Result<(), Failure> {
    let added = match builder.add(clip.label.clone(), samples) {
        Err(Error::Index { reason: IndexFault::Duplicate(_), .. }) if replace => {
            builder.remove(&clip.label.id).and_then(|_| builder.add(clip.label.clone(), samples))
        }
        added => added,
    };
    added.map_err(|error| match error {
        Error::Index { reason: IndexFault::Duplicate(name), .. } => Failure::at(
            &clip.path,
            format_args!("the index holds a rendering {name:?} already; rename the clip, or use --replace"),
        ),
        error => Failure::reading(&clip.path, &error),
    })
}
