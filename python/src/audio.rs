//! Audio from Python: NumPy arrays as sources without a copy, and files as arrays.

use std::path::PathBuf;

use callprint::{
    Error, Result,
    audio::{AudioFolder, Block, FileSource, Format, MAX_SAMPLE, Resampler, Source},
};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::{
    call::{over_source, without_lock},
    error::{ArgumentError, exception},
};

/// Full scale of 16-bit samples.
const FULL_SCALE: f32 = 32768.0;

/// One channel of samples, borrowed from Python for the length of a call.
#[derive(FromPyObject)]
pub(crate) enum Array<'py> {
    Float(PyReadonlyArray1<'py, f32>),
    Int(PyReadonlyArray1<'py, i16>),
}

impl Array<'_> {
    /// The samples as a source at `rate` Hz.
    pub(crate) fn source(&self, rate: u32) -> PyResult<ArraySource<'_>> {
        let samples = match self {
            Self::Float(array) => array.as_slice().map(Samples::Float),
            Self::Int(array) => array.as_slice().map(Samples::Int),
        };
        let samples = samples.map_err(|_| ArgumentError::new_err("the array is not contiguous and aligned"))?;
        Ok(ArraySource { samples, rate, at: 0 })
    }
}

#[derive(Debug, Clone, Copy)]
enum Samples<'a> {
    Float(&'a [f32]),
    Int(&'a [i16]),
}

/// An array as a source of one channel; converted a second at a time.
#[derive(Debug)]
pub(crate) struct ArraySource<'a> {
    samples: Samples<'a>,
    rate: u32,
    at: usize,
}

impl Source for ArraySource<'_> {
    fn format(&self) -> Format {
        Format { sample_rate: self.rate, channels: 1 }
    }

    fn seconds_hint(&self) -> Option<f64> {
        let length = match self.samples {
            Samples::Float(samples) => samples.len(),
            Samples::Int(samples) => samples.len(),
        };
        Some(length as f64 / f64::from(self.rate))
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        block.channels.resize_with(1, Vec::new);
        let Some(out) = block.channels.first_mut() else { return Ok(false) };
        out.clear();
        let count = self.rate as usize;
        match self.samples {
            Samples::Float(samples) => out.extend(next(samples, self.at, count).iter().copied().map(clean)),
            Samples::Int(samples) => {
                out.extend(next(samples, self.at, count).iter().map(|&sample| f32::from(sample) / FULL_SCALE));
            }
        }
        self.at += out.len();
        Ok(!out.is_empty())
    }
}

/// At most `count` samples from `at` on.
fn next<T>(samples: &[T], at: usize, count: usize) -> &[T] {
    let rest = samples.get(at..).unwrap_or_default();
    rest.get(..count).unwrap_or(rest)
}

/// What every source hands out: finite and bounded samples.
fn clean(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 }
}

/// Hands the first channel of `source` to `each` as 8 kHz samples, piece by piece.
pub(crate) fn for_each_8k(source: &mut dyn Source, mut each: impl FnMut(&[f32])) -> Result<()> {
    let mut resampler = Resampler::new(source.format().sample_rate)?;
    let (mut block, mut samples) = (Block::default(), Vec::new());
    while source.next_block(&mut block)? {
        samples.clear();
        resampler.push(block.channels.first().map_or(&[][..], Vec::as_slice), &mut samples);
        each(&samples);
    }
    samples.clear();
    resampler.finish(&mut samples);
    each(&samples);
    Ok(())
}

/// The 8 kHz samples of an array.
pub(crate) fn samples_of(py: Python<'_>, y: &Array<'_>, rate: u32) -> PyResult<Vec<f32>> {
    over_source(py, y.source(rate)?, None, |source| {
        let mut samples = Vec::new();
        for_each_8k(source, |part| samples.extend_from_slice(part))?;
        Ok(samples)
    })
}

/// Opens an audio file.
pub(crate) fn open(py: Python<'_>, path: &PathBuf) -> PyResult<FileSource> {
    without_lock(py, || FileSource::open(path))
}

/// How long a file may be that is read as a whole, which bounds the memory, and what to do about a longer one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) seconds: f64,
    pub(crate) instead: &'static str,
}

/// The 8 kHz samples of one channel of a file, counted from 0.
///
/// Without `channel`, all channels must hold the same, to two steps of 16 bits.
pub(crate) fn samples_of_file(
    py: Python<'_>,
    path: &PathBuf,
    channel: Option<usize>,
    limit: Limit,
) -> PyResult<Vec<f32>> {
    let source = open(py, path)?;
    let channels = source.format().channels;
    if channel.is_some_and(|channel| channel >= channels) {
        let message = format!("{}: channel {} of {channels}", path.display(), channel.unwrap_or_default());
        return Err(ArgumentError::new_err(format!("{message}; channels are counted from 0")));
    }
    over_source(py, source, None, |source| {
        let mut picked = Picked { source, path, channel, left: limit.seconds, limit };
        let mut samples = Vec::new();
        for_each_8k(&mut picked, |part| samples.extend_from_slice(part))?;
        Ok(samples)
    })
}

/// One channel of a source, of bounded length.
struct Picked<'s> {
    source: &'s mut dyn Source,
    path: &'s PathBuf,
    channel: Option<usize>,
    /// Seconds that may still come.
    left: f64,
    limit: Limit,
}

impl Picked<'_> {
    fn refuse(&self, reason: String) -> Error {
        Error::InvalidArgument(format!("{}: {reason}", self.path.display()))
    }
}

impl Source for Picked<'_> {
    fn format(&self) -> Format {
        Format { channels: 1, ..self.source.format() }
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.source.seconds_hint()
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        if !self.source.next_block(block)? {
            return Ok(false);
        }
        self.left -= block.frames() as f64 / f64::from(self.source.format().sample_rate);
        if self.left < 0.0 {
            let reason = format!("longer than {} s; {}", self.limit.seconds, self.limit.instead);
            return Err(self.refuse(reason));
        }
        match self.channel {
            Some(channel) if channel < block.channels.len() => block.channels.swap(0, channel),
            None if !same(&block.channels) => {
                let count = block.channels.len();
                return Err(
                    self.refuse(format!("{count} channels that differ; choose one with channel=0 to {}", count - 1))
                );
            }
            _ => {}
        }
        block.channels.truncate(1);
        Ok(true)
    }
}

/// Whether all channels hold the same, but for the rounding of 16-bit samples.
fn same(channels: &[Vec<f32>]) -> bool {
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 2.0 / FULL_SCALE;
    channels.windows(2).all(|pair| pair[0].iter().zip(&pair[1]).all(close))
}

/// One channel of a file as float32 samples at 8 kHz.
#[pyfunction]
#[pyo3(signature = (path, channel, max_seconds))]
pub(crate) fn load<'py>(
    py: Python<'py>,
    path: PathBuf,
    channel: Option<usize>,
    max_seconds: f64,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    // Also what functions say that load a file on their own and have no such parameter.
    let instead = "load() takes more with max_seconds, and its samples can be passed on";
    let limit = Limit { seconds: max_seconds, instead };
    Ok(PyArray1::from_vec(py, samples_of_file(py, &path, channel, limit)?))
}

/// All audio files below a folder, sorted by path. A folder below it that can't be read stands among them, so that it is
/// reported like a file that can't be read, and costs no other.
#[pyfunction]
pub(crate) fn find_audio(folder: PathBuf) -> PyResult<Vec<PathBuf>> {
    let AudioFolder { mut files, unreadable } = callprint::audio::search_audio(&folder).map_err(exception)?;
    files.extend(unreadable.into_iter().filter_map(|error| match error {
        Error::Io { path, .. } => Some(path),
        _ => None,
    }));
    files.sort();
    Ok(files)
}
