//! Prosody of a whole recording, each channel by itself.

use super::{Extractor, Functionals, Lld, turns::Turns};
use crate::{
    Result,
    audio::{Block, Resampler, Source},
};
use std::collections::VecDeque;

/// Runs an [`Extractor`] over each channel of a source of any sample rate, to its end; functionals by channel.
///
/// `each` is called for every frame with its channel, counted from 0; channels take turns about every second of audio,
/// in each the frames come in order. Of two channels the functionals hold the turn-taking, too. `progress` is told the seconds done. Memory does not grow with the length.
///
/// # Errors
/// Those of [`Source::next_block`], and [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a format that no source
/// may have.
pub fn analyse(
    source: &mut dyn Source,
    mut each: impl FnMut(usize, &Lld),
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Functionals>> {
    let format = source.format();
    format.check()?;
    let mut channels = Vec::with_capacity(format.channels);
    for _ in 0..format.channels {
        channels.push((Resampler::new(format.sample_rate)?, Extractor::new()));
    }
    let mut conversation = Conversation::default();
    let mut block = Block::default();
    let mut samples = Vec::new();
    let mut frames = 0u64;
    while source.next_block(&mut block)? {
        for (number, ((resampler, extractor), input)) in channels.iter_mut().zip(&block.channels).enumerate() {
            samples.clear();
            resampler.push(input, &mut samples);
            extractor.push(&samples, |lld| {
                conversation.push(number, lld);
                each(number, lld);
            });
        }
        frames += block.frames() as u64;
        progress(frames as f64 / f64::from(format.sample_rate));
    }
    let pair = channels.len() == 2;
    let mut functionals = Vec::with_capacity(channels.len());
    for (number, (mut resampler, mut extractor)) in channels.into_iter().enumerate() {
        samples.clear();
        resampler.finish(&mut samples);
        let mut each = |lld: &Lld| {
            conversation.push(number, lld);
            each(number, lld);
        };
        extractor.push(&samples, &mut each);
        functionals.push(extractor.finish(&mut each));
    }
    if pair {
        for (number, functionals) in functionals.iter_mut().enumerate() {
            functionals.set_turns(conversation.turns.values(number));
        }
    }
    Ok(functionals)
}

/// Brings the frames of two channels side by side.
#[derive(Debug, Default)]
struct Conversation {
    /// Speech of the channel that is ahead, oldest first, and which that is.
    ahead: VecDeque<bool>,
    leader: usize,
    turns: Turns,
}

impl Conversation {
    /// Takes the next frame of a channel; those beyond the second do not count.
    fn push(&mut self, channel: usize, lld: &Lld) {
        if channel > 1 {
            return;
        }
        if self.ahead.is_empty() || self.leader == channel {
            self.leader = channel;
            self.ahead.push_back(lld.speech);
        } else if let Some(other) = self.ahead.pop_front() {
            self.turns.push(if channel == 0 { [lld.speech, other] } else { [other, lld.speech] });
        }
    }
}
