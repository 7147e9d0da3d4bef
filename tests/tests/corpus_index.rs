//! The index that is checked in and built into the program is what `callprint index build` makes of the renderings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{fs, path::Path};

use callprint::{
    audio::read_channels_8k,
    index::{Index, IndexBuilder, Label},
};
use end_to_end::{corpus, renderings, run};
use tempfile::TempDir;

/// Builds an index of the corpus with the program, from `paths` in this order.
fn build(output: &Path, paths: &[impl AsRef<Path>]) -> Vec<u8> {
    let mut args = ["index", "build", "--quiet", "--scripts", "corpus/scripts.tsv", "-o"].map(Into::into).to_vec();
    args.push(output.to_owned());
    args.extend(paths.iter().map(|path| path.as_ref().to_owned()));
    run(args);
    fs::read(output).unwrap()
}

/// Compares without printing a megabyte.
fn assert_same(found: &[u8], wanted: &[u8], what: &str) {
    let differs = found.iter().zip(wanted).position(|(a, b)| a != b);
    assert!(found == wanted, "{what}: {} and {} bytes, first difference {differs:?}", found.len(), wanted.len());
}

#[test]
fn building_again_gives_the_same_bytes_in_any_order() {
    let folder = TempDir::new().unwrap();
    let checked_in = fs::read(corpus("callprint.cpi")).unwrap();
    let from_folder = build(&folder.path().join("folder.cpi"), &[corpus("renderings")]);
    assert_same(&from_folder, &checked_in, "the index of corpus/renderings");

    let mut files = renderings();
    files.reverse();
    let half = files.len() / 2;
    files.rotate_left(half);
    let from_files = build(&folder.path().join("files.cpi"), &files);
    assert_same(&from_files, &checked_in, "the index of the same files in another order");
}

/// Renderings added one by one through the library, last name first, with the labels that the index tells.
#[test]
fn the_library_builds_what_the_program_builds() {
    let checked_in = Index::open(corpus("callprint.cpi")).unwrap();
    let mut builder = IndexBuilder::new();
    for path in renderings().iter().rev() {
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let known = checked_in.renderings().find(|rendering| rendering.id == id);
        let known = known.unwrap_or_else(|| panic!("{id} is not in the index"));
        let label = Label { id: id.clone(), category: known.category.into(), language: known.language.into() };
        let clip = read_channels_8k(path, 120.0).unwrap();
        builder.add(label, &clip[0]).unwrap();
    }
    assert_same(&builder.to_bytes().unwrap(), &fs::read(corpus("callprint.cpi")).unwrap(), "an index of the library");
}

#[test]
fn the_program_carries_the_checked_in_index() {
    let builtin = IndexBuilder::from_index(&Index::builtin().unwrap()).to_bytes().unwrap();
    assert_same(&builtin, &fs::read(corpus("callprint.cpi")).unwrap(), "the built-in index");
    run(["index", "verify", "corpus/callprint.cpi"]);
}
