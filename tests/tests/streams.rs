//! A file is a stream fed fast: however the audio is cut into blocks, the answer is the same, bit for bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use callprint::{
    Error, Result,
    audio::{Block, FileSource, Format, Source},
    detect::{ScanOptions, ScanReport, Scanner},
    index::{Index, IndexBuilder},
    prosody,
    wording::Wording,
};
use end_to_end::corpus;

/// Sizes of blocks, in samples; used over and over. Around the hop of 80, and a second.
const CUTS: [&[usize]; 4] = [&[1], &[37], &[79, 80, 81, 3, 517, 160, 7999], &[8000]];

/// A source that hands out what another holds in blocks of other sizes.
struct Recut {
    format: Format,
    channels: Vec<Vec<f32>>,
    sizes: &'static [usize],
    blocks: usize,
    at: usize,
}

impl Recut {
    fn of(file: &str, sizes: &'static [usize]) -> Self {
        let mut source = FileSource::open(corpus(file)).unwrap();
        let mut channels = vec![Vec::new(); source.format().channels];
        let mut block = Block::default();
        while source.next_block(&mut block).unwrap() {
            for (all, part) in channels.iter_mut().zip(&block.channels) {
                all.extend_from_slice(part);
            }
        }
        Self { format: source.format(), channels, sizes, blocks: 0, at: 0 }
    }
}

impl Source for Recut {
    fn format(&self) -> Format {
        self.format
    }

    fn seconds_hint(&self) -> Option<f64> {
        None
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        let end = (self.at + self.sizes[self.blocks % self.sizes.len()]).min(self.channels[0].len());
        block.channels = self.channels.iter().map(|samples| samples[self.at..end].to_vec()).collect();
        let any = end > self.at;
        (self.at, self.blocks) = (end, self.blocks + 1);
        Ok(any)
    }
}

fn scan(source: &mut dyn Source) -> ScanReport {
    let index = Index::builtin().unwrap();
    // Candidates too: more numbers to compare.
    let scanner = Scanner::new(&index, ScanOptions { all: true, ..ScanOptions::default() }).unwrap();
    scanner.scan("call", source, &mut |_| ()).unwrap()
}

/// A mono call, one of two channels, and one at another rate than 8 kHz.
const CALLS: [&str; 3] = ["samples/dental-gsm.wav", "samples/insure-stereo.wav", "samples/solar-fast.mp3"];

#[test]
fn a_scan_does_not_depend_on_the_blocks() {
    for call in CALLS {
        let whole = scan(&mut FileSource::open(corpus(call)).unwrap());
        assert!(!whole.matches.is_empty(), "{call}");
        for sizes in CUTS {
            let cut = scan(&mut Recut::of(call, sizes));
            assert_eq!(cut, whole, "{call} in blocks of {sizes:?}");
        }
    }
}

#[test]
fn samples_in_memory_give_what_the_file_gives() {
    let file = corpus("samples/dental-gsm.wav");
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions::default()).unwrap();
    let samples = end_to_end::clip(&file);
    let from_memory = scanner.scan_samples("call", &samples).unwrap();
    let from_file = scanner.scan("call", &mut FileSource::open(&file).unwrap(), &mut |_| ()).unwrap();
    assert_eq!(from_memory, from_file);
}

#[test]
fn features_do_not_depend_on_the_blocks() {
    let analyse = |source: &mut dyn Source| {
        let mut frames = Vec::new();
        let functionals = prosody::analyse(source, |channel, lld| frames.push((channel, *lld)), &mut |_| ()).unwrap();
        // Channels take turns block by block; what counts is the order within each.
        frames.sort_by_key(|(channel, _)| *channel);
        // Bits, because "unvoiced" is NaN, which equals nothing.
        let frames: Vec<_> = frames.iter().map(|(c, lld)| (*c, lld.values().map(f32::to_bits))).collect();
        let functionals: Vec<Vec<u64>> =
            functionals.iter().map(|f| f.values().iter().map(|value| value.to_bits()).collect()).collect();
        (frames, functionals)
    };
    for call in CALLS {
        let whole = analyse(&mut FileSource::open(corpus(call)).unwrap());
        for sizes in CUTS {
            assert!(analyse(&mut Recut::of(call, sizes)) == whole, "{call} in blocks of {sizes:?}");
        }
    }
}

#[test]
fn a_source_whose_format_cannot_be_is_refused() {
    let index = Index::builtin().unwrap();
    let scanner = Scanner::new(&index, ScanOptions::default()).unwrap();
    let no_scripts = Index::from_bytes(IndexBuilder::new().to_bytes().unwrap()).unwrap();
    let wording = Wording::new(&no_scripts);
    for (sample_rate, channels) in [(8000, usize::MAX), (8000, 33), (8000, 0), (0, 1), (u32::MAX, 1)] {
        let format = Format { sample_rate, channels };
        let source = || Recut { format, channels: vec![vec![0.0; 80]], sizes: &[80], blocks: 0, at: 0 };
        let failures = [
            scanner.scan("call", &mut source(), &mut |_| ()).unwrap_err(),
            prosody::analyse(&mut source(), |_, _| (), &mut |_| ()).unwrap_err(),
            wording.scan("call", &mut source(), 1.0, &mut |_| ()).unwrap_err(),
        ];
        for failure in failures {
            assert!(matches!(failure, Error::InvalidArgument(_)), "{format:?}: {failure:?}");
        }
    }
}
