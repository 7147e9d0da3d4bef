//! Clips for an index: which files, under which names and labels, and their samples.

use std::path::{Path, PathBuf};

use callprint::{
    audio::read_channels_8k,
    index::{IndexBuilder, Label, script_of},
};

use super::labels::{ManifestRow, ScriptLabel, Scripts, read_manifest, read_scripts};
use crate::{
    args::ClipArgs,
    console::Console,
    exit::Failure,
    input::{self, Input},
    output::words,
};

/// Longest clip that an index takes, s. Scripts last a minute or two; a longer file is a whole call by mistake.
const MAX_SECONDS: f64 = 600.0;

/// Largest difference between the samples of channels that count as the same: two steps of 16-bit audio.
const SAME: f32 = 2.0 / 32768.0;

/// A file to become a rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clip {
    pub(crate) path: PathBuf,
    pub(crate) label: Label,
}

/// What the arguments stand for: clips in the order of their names, and what can't be a clip.
pub(crate) fn collect(args: &ClipArgs, console: &Console) -> Result<(Vec<Clip>, Vec<Failure>), Failure> {
    let scripts = args.scripts.as_deref().map(read_scripts).transpose()?.unwrap_or_default();
    let rows = args.manifest.as_deref().map(read_manifest).transpose()?.unwrap_or_default();
    let (mut clips, mut bad) = (Vec::new(), Vec::new());
    for row in rows {
        add(&mut clips, &mut bad, row, &scripts);
    }
    for found in args.paths.iter().flat_map(|path| input::expand(path)) {
        match found {
            Input::File(path) => {
                add(&mut clips, &mut bad, ManifestRow { path, id: None, category: None, language: None }, &scripts);
            }
            Input::Stdin => {
                return Err(Failure::new("-: a clip needs a name; give files named script__rendering.wav"));
            }
            Input::Bad(_, failure) => bad.push(failure),
        }
    }
    clips.sort_by(|a, b| (&a.label.id, &a.path).cmp(&(&b.label.id, &b.path)));
    // A folder and a file in it, or two patterns that overlap, name the same clip: that is no mistake.
    clips.dedup();
    drop_repeated(&mut clips, &mut bad);
    if args.scripts.is_some() {
        note_unlabelled(&clips, &scripts, console);
    }
    Ok((clips, bad))
}

fn add(clips: &mut Vec<Clip>, bad: &mut Vec<Failure>, row: ManifestRow, scripts: &Scripts) {
    let stem = || row.path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let Some(id) = row.id.or_else(stem) else {
        bad.push(Failure::at(&row.path, "the name is not UTF-8; rename the clip to script__rendering"));
        return;
    };
    let ScriptLabel { category, language } = scripts.get(script_of(&id)).cloned().unwrap_or_default();
    let label = Label { category: row.category.unwrap_or(category), language: row.language.unwrap_or(language), id };
    clips.push(Clip { path: row.path, label });
}

/// Takes out clips that have the name of the one before them.
fn drop_repeated(clips: &mut Vec<Clip>, bad: &mut Vec<Failure>) {
    clips.dedup_by(|clip, before| {
        let repeated = clip.label.id == before.label.id;
        if repeated {
            let id = &clip.label.id;
            bad.push(Failure::at(
                &clip.path,
                format_args!("{} is called {id:?} as well; rename one of the two", before.path.display()),
            ));
        }
        repeated
    });
}

/// Gives clips that no table labels the labels that their scripts have in the index that they are added to.
pub(crate) fn inherit(clips: &mut [Clip], index: &IndexBuilder) {
    for label in clips.iter_mut().map(|clip| &mut clip.label) {
        let (category, language) = index.labels_of(script_of(&label.id));
        for (own, known) in [(&mut label.category, category), (&mut label.language, language)] {
            if own.is_empty() {
                known.clone_into(own);
            }
        }
    }
}

/// Says which scripts the table of scripts does not know: it may be the wrong table, or a typing error in a name.
fn note_unlabelled(clips: &[Clip], scripts: &Scripts, console: &Console) {
    let mut unknown: Vec<&str> =
        clips.iter().map(|clip| script_of(&clip.label.id)).filter(|&script| !scripts.contains_key(script)).collect();
    unknown.dedup();
    if let [first, ..] = &unknown[..] {
        let count = words::counted(unknown.len(), "script");
        console.note(&format!("{count} without a line in the table of scripts, such as {first:?}: no category there"));
    }
}

/// The 8 kHz samples of a clip's one channel, or of channel `channel` (from 1).
pub(crate) fn read(path: &Path, channel: Option<u8>) -> Result<Vec<f32>, Failure> {
    let channels = read_channels_8k(path, MAX_SECONDS).map_err(|error| Failure::reading(path, &error))?;
    pick(channels, channel).map_err(|reason| Failure::at(path, reason))
}

fn pick(mut channels: Vec<Vec<f32>>, channel: Option<u8>) -> Result<Vec<f32>, String> {
    let count = channels.len();
    match channel.map(usize::from) {
        Some(number) if (1..=count).contains(&number) => Ok(channels.swap_remove(number - 1)),
        Some(number) => Err(format!("has {}, so no channel {number}", words::counted(count, "channel"))),
        None if all_same(&channels) => channels.into_iter().next().ok_or_else(|| "has no channels".to_owned()),
        None => {
            Err(format!("has {count} channels that differ; say which holds the script with --channel 1 to {count}"))
        }
    }
}

fn all_same(channels: &[Vec<f32>]) -> bool {
    channels
        .windows(2)
        .all(|pair| pair[0].len() == pair[1].len() && pair[0].iter().zip(&pair[1]).all(|(a, b)| (a - b).abs() <= SAME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        args::{Color, Common},
        index::labels,
    };
    use std::fs;

    fn args(paths: Vec<PathBuf>) -> ClipArgs {
        ClipArgs { paths, manifest: None, scripts: None, skip_bad: false, channel: None, jobs: None }
    }

    fn console() -> Console {
        Console::new(&Common { quiet: true, verbose: false, color: Color::Never })
    }

    #[test]
    fn clips_are_named_by_their_stem_and_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> =
            ["z__1.wav", "a.b__2.flac", "a.b__1.wav"].iter().map(|name| folder.path().join(name)).collect();
        for path in &paths {
            fs::write(path, "").unwrap();
        }
        let (clips, bad) = collect(&args(paths), &console()).unwrap();
        let ids: Vec<&str> = clips.iter().map(|clip| clip.label.id.as_str()).collect();
        assert_eq!(ids, ["a.b__1", "a.b__2", "z__1"]);
        assert_eq!(bad, []);
    }

    #[test]
    fn two_clips_of_one_name_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let paths = vec![folder.path().join("a__1.wav"), folder.path().join("a__1.flac")];
        for path in &paths {
            fs::write(path, "").unwrap();
        }
        let (clips, bad) = collect(&args(paths.clone()), &console()).unwrap();
        assert_eq!(clips.len(), 1);
        assert_eq!(
            bad[0].to_string(),
            format!("{}: {} is called \"a__1\" as well; rename one of the two", paths[0].display(), paths[1].display())
        );
    }

    #[test]
    fn a_clip_may_be_named_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a__1.wav");
        fs::write(&path, "").unwrap();
        let (clips, bad) = collect(&args(vec![folder.path().to_owned(), path.clone()]), &console()).unwrap();
        assert_eq!((clips.len(), &clips[0].path, bad), (1, &path, Vec::new()));
    }

    #[test]
    fn a_manifest_comes_before_the_table_of_scripts() {
        let folder = tempfile::tempdir().unwrap();
        let scripts = folder.path().join("scripts.tsv");
        let manifest = folder.path().join("clips.tsv");
        fs::write(&scripts, "id\tcategory\tlanguage\nloan-01\tbank-loan\tzh\n").unwrap();
        fs::write(&manifest, "path\tid\tlanguage\n1.wav\tloan-01__a\ten\n2.wav\tloan-01__b\t\n").unwrap();
        let args = ClipArgs { manifest: Some(manifest), scripts: Some(scripts), ..args(Vec::new()) };
        let (clips, _) = collect(&args, &console()).unwrap();
        let labels: Vec<_> = clips.iter().map(|clip| (&*clip.label.category, &*clip.label.language)).collect();
        assert_eq!(labels, [("bank-loan", "en"), ("bank-loan", "zh")]);
        assert_eq!(
            labels::read_scripts(Path::new("/nowhere/scripts.tsv")).unwrap_err().to_string(),
            "/nowhere/scripts.tsv: no such file or folder; check the spelling"
        );
    }

    #[test]
    fn one_channel_is_taken_where_that_is_clear() {
        let (a, b) = (vec![0.5, -0.5], vec![0.5, 0.25]);
        assert_eq!(pick(vec![a.clone()], None), Ok(a.clone()));
        assert_eq!(pick(vec![a.clone(), a.clone()], None), Ok(a.clone()));
        assert_eq!(pick(vec![a.clone(), b.clone()], Some(2)), Ok(b.clone()));
        assert_eq!(
            pick(vec![a.clone(), b], None),
            Err("has 2 channels that differ; say which holds the script with --channel 1 to 2".to_owned())
        );
        assert_eq!(pick(vec![a], Some(2)), Err("has 1 channel, so no channel 2".to_owned()));
    }
}
