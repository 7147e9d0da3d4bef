//! Scans recordings for the scripts of the built-in corpus.
//!
//! ```sh
//! cargo run --release -p callprint-examples --example scan_file -- corpus/samples/dental-gsm.wav
//! ```

use std::env;

use callprint::{
    audio::FileSource,
    detect::{ScanOptions, Scanner},
    index::Index,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let index = Index::builtin()?;
    // One wrong match in a hundred hours of audio is fine here; a hang-up wants less.
    let scanner = Scanner::new(&index, ScanOptions { max_far: 0.01, ..ScanOptions::default() })?;
    for path in env::args().skip(1) {
        let mut source = FileSource::open(&path)?;
        let report = scanner.scan(&path, &mut source, &mut |_seconds| ())?;
        let Some(best) = report.matches.first() else {
            println!("{path}: no known script in {:.1} s", report.seconds);
            continue;
        };
        println!(
            "{path}: {} ({}) from {:.2} to {:.2} s, {:.1} nats, {:.0e} false alarms an hour",
            best.script, best.category, best.query_start, best.query_end, best.score, best.false_alarms_per_hour
        );
        if !best.rivals.is_empty() {
            println!("  or one of: {}", best.rivals.join(", "));
        }
    }
    Ok(())
}
