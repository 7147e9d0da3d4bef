//! AMR files, decoded by libopencore-amrnb.
#![cfg(feature = "amr")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::f64::consts::TAU;

use callprint::Error;
use callprint::audio::{Block, FileSource, Format, Source, find_audio};
use tempfile::TempDir;

const SPEECH: &[u8] = include_bytes!("data/speech.amr");
const MAGIC: usize = 6;
/// Bytes of a frame at 4.75 kbit/s.
const FRAME: usize = 13;

/// What a file of these bytes holds, on the scale of 16 bits, and the error behind it.
fn hear(bytes: &[u8]) -> (Vec<f64>, Option<Error>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("in.amr");
    std::fs::write(&path, bytes).unwrap();
    let mut source = FileSource::open(path).unwrap();
    assert_eq!(source.format(), Format { sample_rate: 8000, channels: 1 });
    let (mut heard, mut block) = (Vec::new(), Block::default());
    loop {
        match source.next_block(&mut block) {
            Ok(false) => return (heard, None),
            Err(error) => {
                // Once, then the end.
                assert!(!source.next_block(&mut block).unwrap());
                return (heard, Some(error));
            }
            Ok(true) => {
                assert!((1..=8000).contains(&block.frames()));
                heard.extend(block.channels[0].iter().map(|&sample| f64::from(sample) * 32_768.0));
            }
        }
    }
}

/// The message of an error without the path.
fn reason(error: Option<Error>) -> String {
    error.unwrap().to_string().split_once(": ").unwrap().1.to_owned()
}

#[test]
fn all_bit_rates_decode_as_another_decoder_does() {
    let (ours, failure) = hear(SPEECH);
    assert!(failure.is_none(), "{failure:?}");
    let theirs: Vec<f64> = include_bytes!("data/speech-amr.s16le")
        .as_chunks()
        .0
        .iter()
        .map(|&sample| f64::from(i16::from_le_bytes(sample)))
        .collect();
    assert_eq!((ours.len(), theirs.len()), (8 * 12 * 160, 8 * 12 * 160));
    // Twelve frames of each rate. The other decoder counts in floating point, so that the two drift apart a little.
    for (rate, (ours, theirs)) in ours.chunks(1920).zip(theirs.chunks(1920)).enumerate() {
        let difference: f64 = ours.iter().zip(theirs).map(|(a, b)| (a - b).powi(2)).sum();
        let energy: f64 = theirs.iter().map(|b| b * b).sum();
        let distance = 10.0 * (difference / energy).log10();
        assert!(distance < -20.0, "rate {rate} differs by {distance:.1} dB");
    }
}

#[test]
fn tones_stay_tones() {
    let (heard, failure) = hear(include_bytes!("data/tone.amr"));
    assert!(failure.is_none());
    // 500 and 1250 Hz at the same level: their shares of the power where the coder has settled.
    let settled = &heard[1600..3200];
    let power: f64 = settled.iter().map(|sample| sample * sample).sum();
    for hertz in [500.0, 1250.0] {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in settled.iter().enumerate() {
            let (sin, cos) = (TAU * hertz * n as f64 / 8000.0).sin_cos();
            (re, im) = (re + sample * cos, im + sample * sin);
        }
        let share = 2.0 * (re * re + im * im) / (settled.len() as f64 * power);
        assert!((0.4..0.6).contains(&share), "{hertz} Hz: {share}");
    }
}

#[test]
fn cut_and_damaged_files_give_what_is_whole_and_an_error() {
    let (heard, error) = hear(&SPEECH[..MAGIC + 5 * FRAME + 4]);
    assert_eq!(heard.len(), 5 * 160);
    assert_eq!(reason(error), "damaged audio: ends after 0.100 s within a frame: 4 of 13 bytes are left");
    let mut foreign = SPEECH.to_vec();
    foreign[MAGIC + 2 * FRAME] = 9 << 3;
    let (heard, error) = hear(&foreign);
    assert_eq!(heard.len(), 2 * 160);
    assert_eq!(reason(error), "damaged audio: after 0.040 s: frames of type 9 are none of AMR's");
    let (heard, error) = hear(&SPEECH[..MAGIC]);
    assert_eq!((heard.len(), reason(error)), (0, "damaged audio: holds no samples".to_owned()));
}

#[test]
fn lost_frames_take_their_time() {
    // Nothing for a second, as when the network has lost a mobile: the last sound fades.
    let mut bytes = SPEECH[..MAGIC + 12 * FRAME].to_vec();
    bytes.extend([15 << 3 | 4; 50]);
    let (heard, failure) = hear(&bytes);
    assert!(failure.is_none());
    assert_eq!(heard.len(), 62 * 160);
    assert!(heard[61 * 160..].iter().all(|sample| sample.abs() < 64.0));
    // A frame that the network marks as damaged is not believed.
    let mut marked = SPEECH[..MAGIC + 12 * FRAME].to_vec();
    let sound = hear(&marked).0;
    marked[MAGIC + 6 * FRAME] &= !4;
    let filled = hear(&marked).0;
    assert_eq!(filled.len(), sound.len());
    assert_eq!(filled[..6 * 160], sound[..6 * 160]);
    assert_ne!(filled[6 * 160..7 * 160], sound[6 * 160..7 * 160]);
}

#[test]
fn other_kinds_are_named_and_folders_searched() {
    let folder = TempDir::new().unwrap();
    for (magic, says) in [("#!AMR-WB\n", "a wide-band AMR file"), ("#!AMR_MC1.0\n", "of several channels")] {
        let path = folder.path().join("in.amr");
        std::fs::write(&path, magic).unwrap();
        let error = FileSource::open(&path).unwrap_err();
        assert!(matches!(error, Error::UnsupportedAudio { .. }) && error.to_string().contains(says), "{error}");
    }
    assert_eq!(find_audio(folder.path()).unwrap().len(), 1);
}

/// Any bytes end in samples or an error; a generator of the linear congruential kind makes them.
#[test]
fn any_bytes_are_survived() {
    let mut state = 1u32;
    for _ in 0..200 {
        let mut bytes = SPEECH[..MAGIC].to_vec();
        for n in 0..600 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let byte = (state >> 24) as u8;
            // Mostly known types, so that there is more than one frame.
            bytes.push(if n % 13 == 0 { byte & 0x3c } else { byte });
        }
        let (heard, failure) = hear(&bytes);
        assert!(heard.len() % 160 == 0 && (failure.is_some() || heard.len() >= 160));
    }
}
