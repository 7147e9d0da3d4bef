//! Recordings as switchboards write them: .au, GSM, G.722, Opus, files without a header.
#![cfg(feature = "decode")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use callprint::Error;
#[cfg(feature = "opus")]
use callprint::audio::read_channels_8k;
use callprint::audio::{Block, Encoding, FileSource, Format, Resampler, Source, find_audio};
use tempfile::TempDir;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// A file of these bytes in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// All samples of a source, and the error that came after them, if any.
fn drain(source: &mut FileSource) -> (Vec<Vec<f32>>, Option<Error>) {
    let mut heard = vec![Vec::new(); source.format().channels];
    let mut block = Block::default();
    loop {
        match source.next_block(&mut block) {
            Ok(false) => return (heard, None),
            Err(error) => return (heard, Some(error)),
            Ok(true) => {
                assert!((1..=source.format().sample_rate as usize).contains(&block.frames()));
                heard.iter_mut().zip(&block.channels).for_each(|(all, new)| all.extend(new));
            }
        }
    }
}

/// A mono file's samples on the scale of 16 bits; it must be whole.
fn mono(path: &Path) -> Vec<i32> {
    let mut source = FileSource::open(path).unwrap();
    assert_eq!(source.format(), Format { sample_rate: 8000, channels: 1 });
    let (heard, failure) = drain(&mut source);
    assert!(failure.is_none(), "{failure:?}");
    heard[0].iter().map(|&sample| (sample * 32_768.0) as i32).collect()
}

/// Samples that another decoder gave.
fn golden(name: &str) -> Vec<i32> {
    bytes(name).as_chunks().0.iter().map(|&sample| i32::from(i16::from_le_bytes(sample))).collect()
}

#[test]
fn gsm_decodes_to_the_bits_of_libgsm() {
    let expected = golden("speech-gsm.s16le");
    assert_eq!(expected.len(), 8000);
    assert_eq!(mono(&data("speech.gsm")), expected);
    assert_eq!(mono(&data("speech-gsm.wav")), expected);
}

#[cfg(feature = "opus")]
#[test]
fn opus_gives_the_speech_that_was_coded_in_every_mode() {
    let speech: Vec<f64> = golden("speech-gsm.s16le").iter().map(|&sample| f64::from(sample)).collect();
    for name in ["speech-wideband.opus", "speech-hybrid.opus", "speech-celt.opus", "speech-hybrid.mp4"] {
        let heard = read_channels_8k(data(name), 2.0).unwrap();
        // MP4 keeps what fills the last packet, 13.5 ms.
        let filling = if name.ends_with("mp4") { 108 } else { 0 };
        assert_eq!((heard.len(), heard[0].len()), (1, speech.len() + filling), "{name}");
        let (mut product, mut power, mut coded) = (0.0, 0.0, 0.0);
        for (&heard, speech) in heard[0].iter().zip(&speech) {
            let heard = f64::from(heard);
            (product, power, coded) = (product + heard * speech, power + speech * speech, coded + heard * heard);
        }
        // The same form at the same time, but for the noise of coding; a sample of delay would give 0.88.
        let likeness = product / (power * coded).sqrt();
        assert!(likeness > 0.9, "{name}: {likeness}");
    }
}

#[test]
fn raw_gsm_is_known_by_its_content_and_short_pieces_by_their_name() {
    let speech = bytes("speech.gsm");
    assert_eq!(mono(&file("in.bin", &speech).1), golden("speech-gsm.s16le"));
    assert_eq!(mono(&file("in.gsm", &speech[..66]).1), golden("speech-gsm.s16le")[..320]);
    assert!(FileSource::open(file("in.bin", &speech[..66]).1).is_err());
}

#[test]
fn cut_gsm_gives_its_whole_frames_and_an_error() {
    let (_folder, path) = file("in.gsm", &bytes("speech.gsm")[..1000]);
    let (heard, failure) = drain(&mut FileSource::open(path).unwrap());
    assert_eq!(heard[0].len(), 30 * 160);
    assert_eq!(
        failure.unwrap().to_string().split_once(": ").unwrap().1,
        "damaged audio: ends after 0.600 s within a frame: 10 of 33 bytes are left"
    );
    // A single frame of fewer than the header announces is missing, too.
    let whole = bytes("speech-gsm.wav");
    let (_folder, path) = file("in.wav", &whole[..whole.len() - 65]);
    let (heard, failure) = drain(&mut FileSource::open(path).unwrap());
    assert_eq!(heard[0].len() + 320, golden("speech-gsm.s16le").len());
    assert!(failure.unwrap().to_string().contains("but its header announces"));
}

#[test]
fn g722_gives_the_band_below_4_khz() {
    let ours = mono(&data("speech.g722"));
    // The filters of a whole decoder delay by 11.5 samples of 16 kHz: drop 10, and look between the next ones.
    let theirs: Vec<f32> = golden("speech-g722.s16le")[10..]
        .windows(4)
        .map(|w| (9.0 * (w[1] + w[2]) as f32 - (w[0] + w[3]) as f32) / 16.0)
        .collect();
    let mut resampled = Vec::new();
    let mut resampler = Resampler::new(16_000).unwrap();
    resampler.push(&theirs, &mut resampled);
    resampler.finish(&mut resampled);
    assert_eq!((ours.len(), resampled.len()), (4000, 3994));
    let (mut difference, mut energy) = (0.0, 0.0);
    for (&ours, theirs) in ours.iter().zip(resampled) {
        difference += (f64::from(ours) - f64::from(theirs)).powi(2);
        energy += f64::from(theirs).powi(2);
    }
    let distance = 10.0 * (difference / energy).log10();
    // What is left lies towards 4 kHz, where the bands meet.
    assert!(distance < -25.0, "differs by {distance:.1} dB");
}

#[test]
fn au_files_of_all_layouts_hold_their_tones() {
    for (name, step) in [("tone-ulaw.au", 0.01), ("tone-pipe.au", 0.01), ("tone-s24.au", 1e-4), ("tone-f32.au", 1e-4)] {
        let mut source = FileSource::open(data(name)).unwrap();
        assert_eq!(source.format(), Format { sample_rate: 8000, channels: 2 }, "{name}");
        let (heard, failure) = drain(&mut source);
        assert!(failure.is_none(), "{name}: {failure:?}");
        for (channel, hertz) in heard.iter().zip([500.0, 1250.0]) {
            assert_eq!(channel.len(), 4000, "{name}");
            for (n, &sample) in channel.iter().enumerate() {
                let expected = 0.25 * (TAU * hertz * n as f64 / 8000.0).sin();
                assert!((f64::from(sample) - expected).abs() < step, "{name}, {hertz} Hz, sample {n}");
            }
        }
    }
}

/// An .au file with this header and four samples.
fn au(start: u32, length: u32, encoding: u32, rate: u32, channels: u32) -> Vec<u8> {
    let words = [start, length, encoding, rate, channels];
    let mut bytes = b".snd".to_vec();
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend([0x40, 0, 0xc0, 0, 0x20, 0, 0xe0, 0]);
    bytes
}

#[test]
fn broken_au_headers_are_named() {
    for (header, says) in [
        (au(8, 8, 3, 8000, 1), "places its samples at byte 8"),
        (au(24, 8, 23, 8000, 1), "ADPCM (encoding 23)"),
        (au(24, 8, 99, 8000, 1), "encoding 99"),
        (au(24, 8, 3, 0, 1), "sample rate 0 Hz"),
        (au(24, 8, 3, 8000, 0), "channel count 0"),
        (b".snd\0\0\0\x18".to_vec(), "ends within its header"),
    ] {
        let error = FileSource::open(file("x.au", &header).1).unwrap_err().to_string();
        assert!(error.contains(says), "{says:?} is not in {error:?}");
    }
    // A length of 0 or all ones is not known; a wrong one is damage after the samples that are there.
    for length in [8, 0, u32::MAX] {
        let (heard, failure) = drain(&mut FileSource::open(file("x.au", &au(24, length, 3, 8000, 1)).1).unwrap());
        assert_eq!(heard[0], [0.5, -0.5, 0.25, -0.25]);
        assert!(failure.is_none());
    }
    let (heard, failure) = drain(&mut FileSource::open(file("x.au", &au(24, 80, 3, 8000, 1)).1).unwrap());
    assert_eq!(heard[0].len(), 4);
    assert!(failure.unwrap().to_string().contains("announces 0.005 s (40 samples)"));
}

#[test]
fn files_without_a_header_are_what_their_name_says() {
    for (name, bytes, expected) in [
        ("a.ulaw", &[0x80, 0x00][..], vec![32_124, -32_124]),
        ("A.UL", &[0xff, 0xef], vec![0, 132]),
        ("a.alaw", &[0xaa, 0x2a], vec![32_256, -32_256]),
        ("a.sln", &[1, 0, 0xff, 0xff], vec![1, -1]),
    ] {
        assert_eq!(mono(&file(name, bytes).1), expected, "{name}");
    }
    assert_eq!(FileSource::open(file("a.sln16", &[0; 64]).1).unwrap().format().sample_rate, 16_000);
    // The content goes before the name.
    assert_eq!(FileSource::open(file("tone.ulaw", &bytes("tone.flac")).1).unwrap().format().channels, 2);
    let error = FileSource::open(file("a.raw", &[0; 64]).1).unwrap_err().to_string();
    assert!(error.contains("--encoding"), "{error}");
}

/// A-law's zero has the mark of a GSM frame.
#[test]
fn a_law_that_begins_with_silence_is_not_taken_for_gsm() {
    // The sound begins beyond what is looked at, and within it, where every frame would still begin with a mark.
    for rest in [4000, 1050] {
        let recording = [vec![0xd5; rest], vec![0xaa; 100]].concat();
        let expected = [vec![8; rest], vec![32_256; 100]].concat();
        for name in ["a.alaw", "a.al", "a.pcma"] {
            assert_eq!(mono(&file(name, &recording).1), expected, "{name}, {rest}");
        }
    }
    let error = FileSource::open(file("a.raw", &[0xd5; 4000]).1).unwrap_err().to_string();
    assert!(error.contains("--encoding"), "{error}");
}

#[test]
fn speex_is_refused_by_name() {
    let mut page = vec![0; 27 + 1 + 80];
    page[..4].copy_from_slice(b"OggS");
    (page[26], page[27]) = (1, 80);
    page[28..36].copy_from_slice(b"Speex   ");
    for name in ["a.spx", "a.ogg"] {
        let error = FileSource::open(file(name, &page).1).unwrap_err().to_string();
        assert!(error.contains("Speex audio is not read") && error.contains("ffmpeg"), "{error}");
    }
}

#[test]
fn a_layout_can_be_given() {
    let (_folder, path) = file("a.raw", &[0x40, 0, 0x80, 0]);
    let format = Format { sample_rate: 16_000, channels: 2 };
    let mut source = FileSource::open_raw(&path, Encoding::S16le, format).unwrap();
    assert_eq!(source.format(), format);
    assert_eq!(drain(&mut source).0, [[64.0 / 32_768.0], [128.0 / 32_768.0]]);
    let error = FileSource::open_raw(&path, Encoding::Ulaw, Format { sample_rate: 8, channels: 1 }).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    assert!(FileSource::has_header(data("tone.flac")).unwrap() && !FileSource::has_header(&path).unwrap());
}

#[test]
fn folders_are_searched_for_them() {
    let folder = TempDir::new().unwrap();
    for name in ["a.au", "b.gsm", "c.ulaw", "d.SLN16", "e.opus", "f.txt"] {
        std::fs::write(folder.path().join(name), b"x").unwrap();
    }
    assert_eq!(find_audio(folder.path()).unwrap().len(), 5);
}
