//! Prosody of a whole recording, each channel by itself.

use super::{Extractor, Functionals, Lld};
use crate::{
    Result,
    audio::{Block, Resampler, Source},
};

/// Runs an [`Extractor`] over each channel of a source of any sample rate, to its end; functionals by channel.
///
/// `each` is called for every frame with its channel, counted from 0; channels take turns about every second of audio,
/// in each the frames come in order. `progress` is told the seconds done. Memory does not grow with the length.
///
/// # Errors
/// Those of [`Source::next_block`], and [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a sample rate that
/// can't be resampled.
pub fn analyse(
    source: &mut dyn Source,
    mut each: impl FnMut(usize, &Lld),
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Functionals>> {
    let format = source.format();
    let mut channels = Vec::with_capacity(format.channels);
    for _ in 0..format.channels {
        channels.push((Resampler::new(format.sample_rate)?, Extractor::new()));
    }
    let mut block = Block::default();
    let mut samples = Vec::new();
    let mut frames = 0u64;
    while source.next_block(&mut block)? {
        for (number, ((resampler, extractor), input)) in channels.iter_mut().zip(&block.channels).enumerate() {
            samples.clear();
            resampler.push(input, &mut samples);
            extractor.push(&samples, |lld| each(number, lld));
        }
        frames += block.frames() as u64;
        progress(frames as f64 / f64::from(format.sample_rate));
    }
    let finish = |(number, (mut resampler, mut extractor)): (usize, (Resampler, Extractor))| {
        samples.clear();
        resampler.finish(&mut samples);
        extractor.push(&samples, |lld| each(number, lld));
        extractor.finish(|lld| each(number, lld))
    };
    Ok(channels.into_iter().enumerate().map(finish).collect())
}
