//! Recordings of any length: each channel in overlapping windows.

use super::{LEAST_RATE, SameWords, Wording};
use crate::{
    Error, Result,
    audio::{Block, Format, Resampler, SAMPLE_RATE, Source},
};

/// Samples of a window: 12 s, what a script's opening takes.
const WINDOW: usize = 12 * SAMPLE_RATE as usize;
/// Samples from one window to the next.
const HOP: usize = WINDOW / 2;
/// Samples under which a last window is not worth searching (1 s).
const LEAST: usize = SAMPLE_RATE as usize;

/// What was found in a recording. The serialised field names are the contract of `callprint words --format json`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct WordingReport {
    /// Name of the recording, as given.
    pub file: String,
    /// Length, s.
    pub seconds: f64,
    /// The scripts that it says, best first; of each channel and script the place where it says most of it.
    pub same_words: Vec<SameWords>,
}

impl Wording {
    /// Listens to a recording of any length, each channel by itself, and tells what has a rate of at most `max_far` wrong answers
    /// per hour.
    ///
    /// `name` becomes [`WordingReport::file`]; `progress` is told the seconds heard so far. Memory does not grow with the length.
    ///
    /// # Errors
    /// Those of [`Source::next_block`], and [`Error::InvalidArgument`] for a format that no source may have or a `max_far` under
    /// [`LEAST_RATE`], with which nothing would ever be found.
    pub fn scan(
        &self,
        name: &str,
        source: &mut dyn Source,
        max_far: f64,
        progress: &mut dyn FnMut(f64),
    ) -> Result<WordingReport> {
        if max_far.is_nan() || max_far < LEAST_RATE {
            let message = format!("max_far is {max_far}; no rate under {LEAST_RATE} per hour is stated for words");
            return Err(Error::InvalidArgument(message));
        }
        let format = source.format();
        let mut stream = WordingStream::new(self, format)?;
        let (mut block, mut frames) = (Block::default(), 0u64);
        let seconds = |frames: u64| frames as f64 / f64::from(format.sample_rate);
        while source.next_block(&mut block)? {
            stream.push(&block);
            frames += block.frames() as u64;
            progress(seconds(frames));
        }
        let mut same_words = stream.finish();
        same_words.retain(|found| found.false_alarms_per_hour <= max_far);
        Ok(WordingReport { file: name.to_owned(), seconds: seconds(frames), same_words })
    }
}

/// Listens to a recording block by block and finds the scripts whose words are said in it.
#[derive(Debug)]
pub struct WordingStream<'w> {
    wording: &'w Wording,
    channels: Vec<Channel>,
    found: Vec<SameWords>,
}

#[derive(Debug)]
struct Channel {
    resampler: Resampler,
    /// Samples from number `begin` on that no window has taken in as its first half.
    samples: Vec<f32>,
    begin: usize,
}

impl<'w> WordingStream<'w> {
    /// A listener at the start of a recording of this `format`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where no source may have this format.
    pub fn new(wording: &'w Wording, format: Format) -> Result<Self> {
        format.check()?;
        let channel = |_| Ok(Channel { resampler: Resampler::new(format.sample_rate)?, samples: Vec::new(), begin: 0 });
        Ok(Self { wording, channels: (0..format.channels).map(channel).collect::<Result<_>>()?, found: Vec::new() })
    }

    /// Takes in the next block.
    pub fn push(&mut self, block: &Block) {
        for (number, (input, channel)) in block.channels.iter().zip(&mut self.channels).enumerate() {
            channel.resampler.push(input, &mut channel.samples);
            while channel.samples.len() >= WINDOW {
                keep(&mut self.found, number, channel, self.wording.search(&channel.samples[..WINDOW]));
                channel.samples.drain(..HOP);
                channel.begin += HOP;
            }
        }
    }

    /// Ends the recording; gives the scripts that it says, best first, each where it says most of it.
    pub fn finish(mut self) -> Vec<SameWords> {
        for (number, channel) in self.channels.iter_mut().enumerate() {
            channel.resampler.finish(&mut channel.samples);
            // What the window before has heard already needs no other.
            let fresh = channel.samples.len().saturating_sub(if channel.begin > 0 { HOP } else { 0 });
            if fresh >= LEAST || channel.begin == 0 {
                keep(&mut self.found, number, channel, self.wording.search(&channel.samples));
            }
        }
        self.found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.rendering.cmp(&b.rendering)));
        self.found
    }
}

/// Adds what a window has, where no window before had more of the script on this channel.
fn keep(found: &mut Vec<SameWords>, number: usize, channel: &Channel, window: Option<SameWords>) {
    let offset = channel.begin as f64 / f64::from(SAMPLE_RATE);
    if let Some(mut new) = window {
        new.channel = number;
        new.query_start += offset;
        new.query_end += offset;
        match found.iter_mut().find(|old| old.channel == number && old.script == new.script) {
            Some(old) if old.score < new.score => *old = new,
            Some(_) => {}
            None => found.push(new),
        }
    }
}
