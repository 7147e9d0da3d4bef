//! Makes an index of one's own clips and scans a recording with it.
//!
//! ```sh
//! cargo run --release -p callprint-examples --example build_index -- call.wav mine.cpi clips/*.wav
//! ```
//!
//! A clip holds the robot's speech only and is called `script__rendering.wav`, as in `loan-03__voice2.wav`.

use std::{env, path::Path};

use callprint::{
    audio::{FileSource, read_channels_8k},
    detect::{ScanOptions, Scanner},
    index::{Index, IndexBuilder, Label},
};

/// Longest clip taken, s: openings are what robots share, and they are short.
const LONGEST: f64 = 300.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let (Some(call), Some(output)) = (args.next(), args.next()) else {
        return Err("want CALL INDEX CLIP...".into());
    };

    let mut builder = IndexBuilder::new();
    for clip in args {
        let channels = read_channels_8k(&clip, LONGEST)?;
        let [samples] = channels.as_slice() else {
            return Err(format!("{clip}: has {} channels; cut out the robot's", channels.len()).into());
        };
        let id = Path::new(&clip).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        builder.add(Label { id, category: "mine".into(), language: String::new() }, samples)?;
    }
    // Written beside its place, then renamed: who has the old index open keeps it.
    builder.write(&output)?;

    let index = Index::open(&output)?;
    let stats = index.stats();
    println!("{output}: {} scripts, {} renderings, {} bytes", stats.scripts, stats.renderings, stats.bytes);

    let scanner = Scanner::new(&index, ScanOptions::default())?;
    let report = scanner.scan(&call, &mut FileSource::open(&call)?, &mut |_seconds| ())?;
    for found in &report.matches {
        println!("{call}: {} at {:.2} s", found.rendering, found.query_start);
    }
    Ok(())
}
