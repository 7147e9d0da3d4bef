//! `extract FILE SECONDS`: the time that the codes of a recording take in Rust, for `benches/python_speed.py`.
//!
//! The recording is repeated to the length wanted and pushed a second at a time, as the Python package does; what is read and
//! repeated before is not counted. Prints seconds and the number of codes.

use std::{env, time::Instant};

use anyhow::{Context, ensure};
use callprint::{
    audio::{Resampler, SAMPLE_RATE, read_channels_8k},
    fingerprint::{CODE_HOP, Extractor},
};

fn main() -> anyhow::Result<()> {
    let mut args = env::args().skip(1);
    let (file, seconds) = (args.next().context("FILE")?, args.next().context("SECONDS")?.parse::<usize>()?);
    let clip = read_channels_8k(&file, 600.0)?.into_iter().next().context("no channel")?;
    ensure!(!clip.is_empty(), "{file}: is empty");
    let samples: Vec<f32> = clip.iter().copied().cycle().take(seconds * SAMPLE_RATE as usize).collect();

    let begun = Instant::now();
    let (mut resampler, mut extractor) = (Resampler::new(SAMPLE_RATE)?, Extractor::reference());
    let (mut block, mut codes) = (Vec::new(), Vec::new());
    let mut take = |samples: &[f32]| {
        extractor.push(
            samples,
            |_| (),
            |frame| {
                if (frame.frame as usize).is_multiple_of(CODE_HOP) {
                    codes.push((frame.soft.code(), frame.time(), frame.active));
                }
            },
        );
    };
    for second in samples.chunks(SAMPLE_RATE as usize) {
        block.clear();
        resampler.push(second, &mut block);
        take(&block);
    }
    block.clear();
    resampler.finish(&mut block);
    take(&block);
    println!("{} {}", begun.elapsed().as_secs_f64(), codes.len());
    Ok(())
}
