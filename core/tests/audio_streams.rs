//! Raw PCM, folders and the resampler, through the public interface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::f64::consts::TAU;
use std::io::{self, Read};

use callprint::Error;
use callprint::audio::{Block, Encoding, Format, PcmSource, Resampler, Source};
use proptest::prelude::*;

// ---- Raw PCM ---------------------------------------------------------------------------------------------------------

const MONO: Format = Format { sample_rate: 8000, channels: 1 };

/// A reader that gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].clamp(1, buffer.len());
        self.turn += 1;
        (&mut self.bytes).take(size as u64).read(buffer)
    }
}

fn listen(reader: impl Read, encoding: Encoding, format: Format) -> (Vec<Vec<f32>>, Option<Error>) {
    let mut source = PcmSource::new("-", reader, encoding, format).unwrap();
    let (mut heard, mut block) = (vec![Vec::new(); format.channels], Block::default());
    loop {
        match source.next_block(&mut block) {
            Ok(true) => {}
            Ok(false) => return (heard, None),
            Err(error) => return (heard, Some(error)),
        }
        assert!((1..=format.sample_rate as usize).contains(&block.frames()));
        for (channel, all) in block.channels.iter().zip(&mut heard) {
            all.extend(channel);
        }
    }
}

#[test]
fn encodings_of_raw_pcm() {
    assert_eq!(listen(&[0, 0x40, 0, 0x80][..], Encoding::S16le, MONO).0, [[0.5, -1.0]]);
    // Decoder outputs of G.711 for these bytes: 8031, -8031 and 0 of 8192; 4032 and -4032 of 4096.
    assert_eq!(listen(&[0x80, 0, 0xff][..], Encoding::Ulaw, MONO).0, [[8031.0 / 8192.0, -8031.0 / 8192.0, 0.0]]);
    assert_eq!(listen(&[0xaa, 0x2a][..], Encoding::Alaw, MONO).0, [[4032.0 / 4096.0, -4032.0 / 4096.0]]);
    let floats: Vec<u8> = [0.1f32, f32::NAN, f32::INFINITY].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(listen(&floats[..], Encoding::F32le, MONO).0, [[0.1, 0.0, 0.0]]);
}

#[test]
fn channels_stay_apart() {
    let bytes: Vec<u8> = (0..30i16).flat_map(|n| (n * 1024).to_le_bytes()).collect();
    let (heard, failure) = listen(&bytes[..], Encoding::S16le, Format { sample_rate: 48_000, channels: 3 });
    assert!(failure.is_none());
    for (channel, samples) in heard.iter().enumerate() {
        let expected: Vec<f32> = (0..10).map(|n| (3 * n + channel) as f32 / 32.0).collect();
        assert_eq!(*samples, expected);
    }
}

#[test]
fn what_is_left_over_is_reported_after_the_audio() {
    let stereo = Format { sample_rate: 8000, channels: 2 };
    let (heard, failure) = listen(&[0, 64, 0, 32, 0, 64, 1][..], Encoding::S16le, stereo);
    assert_eq!(heard, [[0.5], [0.25]]);
    let text = failure.unwrap().to_string();
    assert_eq!(text, "-: damaged audio: 3 bytes left over at the end: a frame of 2 x s16le takes 4");
    let (_, failure) = listen(io::empty(), Encoding::Ulaw, MONO);
    assert!(matches!(failure, Some(Error::MalformedAudio { .. })), "an empty stream is no recording: {failure:?}");
}

#[test]
fn a_failing_reader_is_reported_after_the_audio() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line is dead"))
        }
    }
    let (heard, failure) = listen([0x80; 10].chain(Failing), Encoding::Ulaw, MONO);
    assert_eq!(heard[0].len(), 10);
    assert!(matches!(failure, Some(Error::Io { .. })));
}

#[test]
fn formats_outside_the_limits_are_refused() {
    for (sample_rate, channels) in [(999, 1), (384_001, 1), (0, 1), (8000, 0), (8000, 33)] {
        let refused = PcmSource::new("-", io::empty(), Encoding::Ulaw, Format { sample_rate, channels });
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{sample_rate} Hz, {channels} channels");
    }
}

proptest! {
    #[test]
    fn raw_pcm_does_not_depend_on_how_it_arrives(
        bytes in prop::collection::vec(any::<u8>(), 1..5000), sizes in prop::collection::vec(1..700usize, 1..8), channels in 1..5usize,
    ) {
        let format = Format { sample_rate: 1000, channels };
        let whole = listen(&bytes[..], Encoding::S16le, format);
        let pieces = listen(Pieces { bytes: &bytes, sizes, turn: 0 }, Encoding::S16le, format);
        prop_assert_eq!(whole.0, pieces.0);
        prop_assert_eq!(whole.1.map(|error| error.to_string()), pieces.1.map(|error| error.to_string()));
    }
}

// ---- Resampler -------------------------------------------------------------------------------------------------------

const RATES: [u32; 14] =
    [1000, 4000, 7999, 8000, 8001, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000, 383_999];

fn sine(hertz: f64, phase: f64, rate: u32, length: usize) -> Vec<f32> {
    (0..length).map(|n| (0.5 * (TAU * hertz * n as f64 / f64::from(rate) + phase).sin()) as f32).collect()
}

fn to_8k(input: &[f32], rate: u32) -> Vec<f32> {
    let (mut resampler, mut output) = (Resampler::new(rate).unwrap(), Vec::new());
    resampler.push(input, &mut output);
    resampler.finish(&mut output);
    output
}

#[test]
fn a_sine_keeps_frequency_phase_and_amplitude() {
    for rate in RATES {
        let highest = 3500.0 * f64::from(rate.min(8000)) / 8000.0;
        for hertz in [0.03, 0.2, 0.57, 0.9, 1.0].map(|share| share * highest) {
            let output = to_8k(&sine(hertz, 0.7, rate, rate as usize / 2), rate);
            let expected = sine(hertz, 0.7, 8000, 4000);
            // Away from the ends, where the filter sees silence.
            let edge = 8000 * 100 / rate.min(8000) as usize;
            let worst = (edge..4000 - edge).map(|n| (output[n] - expected[n]).abs()).fold(0.0, f32::max);
            // -66 dB of the sine.
            assert!(worst < 0.5 * 5e-4, "{hertz} Hz at {rate} Hz: off by {worst}");
        }
    }
}

#[test]
fn nothing_above_4_khz_folds_back() {
    for rate in RATES.into_iter().filter(|&rate| rate > 8001) {
        for hertz in [4000.0, 4100.0, 4700.0, 5000.0, 7300.0, 11_000.0, 23_000.0] {
            if hertz < f64::from(rate) / 2.0 {
                let output = to_8k(&sine(hertz, 0.3, rate, rate as usize / 2), rate);
                let worst = output[100..3900].iter().fold(0.0f32, |worst, &sample| worst.max(sample.abs()));
                // -74 dB of the sine.
                assert!(worst < 0.5 * 2e-4, "{hertz} Hz at {rate} Hz leaves {worst}");
            }
        }
    }
}

#[test]
fn images_of_lower_rates_are_gone() {
    // 900 Hz at 4 kHz has an image at 3100 Hz.
    let output = to_8k(&sine(900.0, 0.0, 4000, 4000), 4000);
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in output[400..7600].iter().enumerate() {
        let angle = TAU * 3100.0 * n as f64 / 8000.0;
        re += f64::from(sample) * angle.cos();
        im += f64::from(sample) * angle.sin();
    }
    assert!(2.0 * f64::hypot(re, im) / 7200.0 < 0.5e-4);
}

#[test]
fn a_click_stays_in_its_place() {
    for rate in [16_000, 44_100, 48_000] {
        let mut input = vec![0.0; rate as usize];
        input[rate as usize / 4] = 1.0;
        let output = to_8k(&input, rate);
        let peak = (0..output.len()).max_by(|&a, &b| output[a].total_cmp(&output[b])).unwrap();
        assert_eq!(peak, 2000, "{rate} Hz");
        for k in 1..40 {
            assert!((output[2000 - k] - output[2000 + k]).abs() < 1e-6, "the filter is symmetric");
        }
    }
}

#[test]
fn copy_at_8_khz() {
    let input = [0.1, -0.7, f32::NAN, 1.0];
    assert_eq!(to_8k(&input, 8000), [0.1, -0.7, 0.0, 1.0]);
}

#[test]
fn a_finished_converter_is_as_new() {
    let input = sine(440.0, 0.1, 44_100, 5000);
    let (mut resampler, mut first, mut second) = (Resampler::new(44_100).unwrap(), Vec::new(), Vec::new());
    for output in [&mut first, &mut second] {
        resampler.push(&input, output);
        resampler.finish(output);
    }
    assert_eq!(first, second);
    assert_eq!(first, to_8k(&input, 44_100));
}

#[test]
fn rates_outside_the_limits_are_refused() {
    for rate in [0, 999, 384_001, u32::MAX] {
        assert!(matches!(Resampler::new(rate), Err(Error::InvalidArgument(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn length_is_exact_at_any_rate(rate in 1000..=384_000u32, length in 0..20_000usize) {
        let expected = (length as f64 * 8000.0 / f64::from(rate)).round() as usize;
        prop_assert_eq!(to_8k(&vec![0.5; length], rate).len(), expected);
    }

    #[test]
    fn output_does_not_depend_on_chunking(
        rate in prop::sample::select(&RATES[..]), seed in any::<u32>(), cuts in prop::collection::vec(0..9000usize, 0..12),
    ) {
        let mut state = seed;
        let input: Vec<f32> = (0..9000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        }).collect();
        let mut cuts = cuts;
        cuts.extend([0, 9000]);
        cuts.sort_unstable();
        let (mut resampler, mut pieces) = (Resampler::new(rate).unwrap(), Vec::new());
        for pair in cuts.windows(2) {
            resampler.push(&input[pair[0]..pair[1]], &mut pieces);
        }
        resampler.finish(&mut pieces);
        let whole = to_8k(&input, rate);
        prop_assert!(whole.iter().map(|sample| sample.to_bits()).eq(pieces.iter().map(|sample| sample.to_bits())));
    }
}

// ---- Folders ---------------------------------------------------------------------------------------------------------

#[cfg(all(feature = "decode", unix))]
mod folders {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use callprint::Error;
    use callprint::audio::{AUDIO_EXTENSIONS, find_audio, search_audio};

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    #[test]
    fn audio_is_found_below_a_folder_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b/2.WAV", "b/1.mp3", "a.flac", "b/c/d/e.Ogg", "b/notes.txt", "wav", "b/._1.mp3", "x.wav.bak"] {
            touch(&root.join(name));
        }
        fs::create_dir(root.join("folder.wav")).unwrap();
        let expected: Vec<_> =
            ["a.flac", "b/1.mp3", "b/2.WAV", "b/c/d/e.Ogg"].iter().map(|name| root.join(name)).collect();
        assert_eq!(find_audio(root).unwrap(), expected);
    }

    #[test]
    fn recordings_that_are_not_read_are_found_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.3gp", "b.amr", "c.awb", "d.g723", "e.G729", "f.spx", "g.wma"];
        names.iter().for_each(|name| touch(&folder.path().join(name)));
        assert_eq!(find_audio(folder.path()).unwrap(), names.map(|name| folder.path().join(name)));
    }

    #[test]
    fn links_are_followed_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let outside = folder.path().join("outside");
        touch(&root.join("z/1.wav"));
        touch(&outside.join("2.wav"));
        symlink(&root, root.join("z/loop")).unwrap();
        symlink(root.join("z"), root.join("a")).unwrap();
        symlink(&outside, root.join("m")).unwrap();
        symlink(&outside, root.join("n")).unwrap();
        symlink(outside.join("2.wav"), root.join("same.wav")).unwrap();
        symlink("nowhere", root.join("broken.wav")).unwrap();
        let expected: Vec<_> =
            ["broken.wav", "m/2.wav", "same.wav", "z/1.wav"].iter().map(|name| root.join(name)).collect();
        assert_eq!(find_audio(&root).unwrap(), expected);
    }

    #[test]
    fn a_link_that_leads_in_a_circle_is_named_and_costs_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        touch(&folder.path().join("1.wav"));
        symlink("2.wav", folder.path().join("2.wav")).unwrap();
        let found = search_audio(folder.path()).unwrap();
        assert_eq!(found.files, ["1.wav", "2.wav"].map(|name| folder.path().join(name)));
        assert!(found.unreadable.is_empty(), "{found:?}");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(matches!(search_audio(Path::new("/no/such/folder")), Err(Error::Io { .. })));
        assert!(matches!(find_audio(Path::new("/no/such/folder")), Err(Error::Io { .. })));
    }

    #[test]
    fn extensions_are_lower_case_and_sorted() {
        assert!(AUDIO_EXTENSIONS.is_sorted());
        assert!(AUDIO_EXTENSIONS.iter().all(|extension| extension.chars().all(|c| !c.is_ascii_uppercase())));
    }
}
