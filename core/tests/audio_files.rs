//! Audio files of every container and codec, damaged files and hostile ones, through the public interface.
#![cfg(feature = "decode")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::f64::consts::TAU;
use std::io::Write;
use std::path::{Path, PathBuf};

use callprint::Error;
use callprint::audio::{Block, FileSource, Format, MAX_SAMPLE, Source, read_channels_8k};
use proptest::prelude::*;
use tempfile::TempDir;

/// Audio, and the error that came after it, if any.
type Heard = (Vec<Vec<f32>>, Option<Error>);

/// Reads a source to its end and checks what every source promises.
fn drain(source: &mut impl Source) -> Heard {
    let format = source.format();
    let mut heard = vec![Vec::new(); format.channels];
    let mut block = Block::default();
    let failure = loop {
        match source.next_block(&mut block) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
        assert_eq!(block.channels.len(), format.channels);
        assert!((1..=format.sample_rate as usize).contains(&block.frames()), "a block of {}", block.frames());
        for (channel, all) in block.channels.iter().zip(&mut heard) {
            assert_eq!(channel.len(), block.frames());
            assert!(channel.iter().all(|sample| sample.abs() <= MAX_SAMPLE));
            all.extend(channel);
        }
    };
    assert!(!source.next_block(&mut block).unwrap(), "after its end a source stays silent");
    (heard, failure)
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A file of these bytes in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// What a file of these bytes gives.
fn hear(name: &str, bytes: &[u8]) -> (Format, Heard) {
    let (_folder, path) = file(name, bytes);
    let mut source = FileSource::open(path).unwrap();
    (source.format(), drain(&mut source))
}

fn refusal(name: &str, bytes: &[u8]) -> Error {
    let (_folder, path) = file(name, bytes);
    FileSource::open(path).unwrap_err()
}

/// Amplitude of the sine of `hertz` in `signal` (Goertzel's sum).
fn amplitude(signal: &[f32], hertz: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in signal.iter().enumerate() {
        let angle = TAU * hertz * n as f64 / f64::from(rate);
        re += f64::from(sample) * angle.cos();
        im += f64::from(sample) * angle.sin();
    }
    2.0 * f64::hypot(re, im) / signal.len() as f64
}

/// The fields of a `fmt ` chunk.
#[derive(Clone, Copy)]
struct Fmt {
    tag: u16,
    channels: u16,
    rate: u32,
    bytes: u16,
    bits: u16,
}

const PCM16: Fmt = Fmt { tag: 1, channels: 1, rate: 8000, bytes: 2, bits: 16 };
const ULAW: Fmt = Fmt { tag: 7, channels: 1, rate: 8000, bytes: 1, bits: 8 };

fn fmt_chunk(fmt: Fmt) -> Vec<u8> {
    let align = fmt.bytes * fmt.channels;
    let mut bytes = Vec::new();
    bytes.extend(fmt.tag.to_le_bytes());
    bytes.extend(fmt.channels.to_le_bytes());
    bytes.extend(fmt.rate.to_le_bytes());
    bytes.extend((fmt.rate * u32::from(align)).to_le_bytes());
    bytes.extend(align.to_le_bytes());
    bytes.extend(fmt.bits.to_le_bytes());
    bytes
}

/// A `fmt ` chunk of WAVE_FORMAT_EXTENSIBLE.
fn extensible(fmt: Fmt) -> Vec<u8> {
    let mut bytes = fmt_chunk(Fmt { tag: 0xfffe, ..fmt });
    bytes.extend([22, 0]);
    bytes.extend(fmt.bits.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(fmt.tag.to_le_bytes());
    bytes.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    bytes
}

type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// A WAV file with these chunks.
fn wav(chunks: &[Chunk]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, content) in chunks {
        body.extend(*id);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(*content);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn simple_wav(fmt: Fmt, samples: &[u8]) -> Vec<u8> {
    wav(&[(b"fmt ", &fmt_chunk(fmt)), (b"data", samples)])
}

fn assert_malformed(error: &Option<Error>, says: &str) {
    let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(matches!(error, Some(Error::MalformedAudio { .. })) && text.contains(says), "{says:?} is not in {error:?}");
}

fn assert_unsupported(error: &Error, says: &str) {
    let text = error.to_string();
    assert!(matches!(error, Error::UnsupportedAudio { .. }) && text.contains(says), "{says:?} is not in {error:?}");
}

// ---- Containers and codecs -------------------------------------------------------------------------------------------

/// Every file has 500 Hz on the left and 1250 Hz on the right, amplitude 0.25.
fn assert_tones(name: &str, rate: u32, longest: f64) {
    let mut source = FileSource::open(data(name)).unwrap();
    assert_eq!(source.format(), Format { sample_rate: rate, channels: 2 }, "{name}");
    let (heard, failure) = drain(&mut source);
    assert!(failure.is_none(), "{name}: {failure:?}");
    let seconds = heard[0].len() as f64 / f64::from(rate);
    assert!((0.5..=longest).contains(&seconds), "{name} lasts {seconds} s");
    // Whole periods of both, away from the edges.
    let middle = rate as usize * 15 / 100..rate as usize * 39 / 100;
    for (channel, own, other) in [(0, 500.0, 1250.0), (1, 1250.0, 500.0)] {
        let signal = &heard[channel][middle.clone()];
        let (own, other) = (amplitude(signal, own, rate), amplitude(signal, other, rate));
        assert!((own - 0.25).abs() < 0.02, "{name}: amplitude {own} on channel {channel}");
        assert!(other < 0.01, "{name}: {other} of the other channel on channel {channel}");
    }
}

#[test]
fn lossless_files_have_their_exact_length() {
    for name in ["tone.flac", "tone.aiff", "tone.caf", "tone-alac.m4a"] {
        assert_tones(name, 8000, 0.5);
    }
}

#[test]
fn coded_files_are_read() {
    for name in ["tone.ogg", "tone.mka", "tone.webm", "tone-video.mkv"] {
        assert_tones(name, 8000, 0.57);
    }
    for name in ["tone.mp3", "tone-bare.mp3", "tone.m4a", "tone.aac", "tone-ima.wav", "tone-ms.wav"] {
        assert_tones(name, 8000, 0.7);
    }
    // Opus has one rate, whatever it was made from.
    assert_tones("tone-opus.ogg", 48_000, 0.7);
    assert_tones("tone.mp2", 16_000, 0.57);
}

#[test]
fn lossless_samples_are_those_of_the_sine() {
    for name in ["tone.flac", "tone.aiff", "tone-alac.m4a"] {
        let (heard, _) = drain(&mut FileSource::open(data(name)).unwrap());
        for (n, &sample) in heard[0].iter().enumerate() {
            let expected = 0.25 * (TAU * 500.0 * n as f64 / 8000.0).sin();
            // Half a step of 16 bits, and rounding.
            assert!((f64::from(sample) - expected).abs() < 0.6 / 32_768.0, "{name}, sample {n}");
        }
    }
}

#[test]
fn encoder_delay_of_mp3_vorbis_and_opus_is_dropped() {
    for name in ["tone.mp3", "tone.ogg", "tone-opus.ogg"] {
        let heard = read_channels_8k(data(name), 1.0).unwrap();
        let error: f64 = (1200..3120)
            .map(|n| {
                let expected = 0.25 * (TAU * 500.0 * f64::from(n) / 8000.0).sin();
                (f64::from(heard[0][n as usize]) - expected).powi(2)
            })
            .sum();
        let rms = (error / 1920.0).sqrt();
        // A sample of delay would give 0.07.
        assert!(rms < 0.02, "{name}: {rms}");
    }
}

#[test]
fn content_counts_more_than_the_name() {
    let flac = std::fs::read(data("tone.flac")).unwrap();
    let (format, (heard, failure)) = hear("call.wav", &flac);
    assert_eq!((format.channels, heard[0].len(), failure.is_none()), (2, 4000, true));
    let (_, (heard, _)) = hear("call.mp3", &simple_wav(PCM16, &[0, 64]));
    assert_eq!(heard, [[0.5]]);
}

#[cfg(not(feature = "amr"))]
#[test]
fn codecs_that_are_not_read_are_named() {
    let error = FileSource::open(data("tone.amr")).unwrap_err();
    assert_unsupported(&error, "AMR");
    assert_unsupported(&error, "ffmpeg");
}

// ---- WAV -------------------------------------------------------------------------------------------------------------

#[test]
fn wav_sample_layouts() {
    let layout = |tag, bytes, bits| Fmt { tag, bytes, bits, ..PCM16 };
    let quarter: [(Fmt, &[u8], f32); 8] = [
        (layout(1, 1, 8), &[160], 0.25),
        (layout(1, 2, 16), &[0, 0x20], 0.25),
        (layout(1, 3, 24), &[0, 0, 0xe0], -0.25),
        (layout(1, 4, 32), &[0, 0, 0, 0xe0], -0.25),
        // 24 bits at the top of 32.
        (layout(1, 4, 24), &[0, 0, 0, 0x20], 0.25),
        (layout(3, 4, 32), &0.25f32.to_le_bytes(), 0.25),
        (layout(3, 8, 64), &0.25f64.to_le_bytes(), 0.25),
        // The byte of the standard's value 2079 / 8192 (14 bits).
        (layout(7, 1, 8), &[0x9f], 2079.0 / 8192.0),
    ];
    for (fmt, sample, value) in quarter {
        let plain = simple_wav(fmt, sample);
        // A chunk of odd length is padded.
        let extended = wav(&[(b"fmt ", &extensible(fmt)), (b"LIST", b"INFOx"), (b"data", sample)]);
        for bytes in [plain, extended] {
            let (_, (heard, failure)) = hear("x.wav", &bytes);
            assert_eq!(heard, [[value]], "tag {}, {} bits", fmt.tag, fmt.bits);
            assert!(failure.is_none());
        }
    }
    // A-law as WAVE_FORMAT_EXTENSIBLE: 1056 / 4096 (13 bits).
    let alaw = wav(&[(b"fmt ", &extensible(layout(6, 1, 8))), (b"data", &[0xe0 ^ 0x55])]);
    assert_eq!(hear("x.wav", &alaw).1.0, [[1056.0 / 4096.0]]);
}

#[test]
fn channels_and_rates_at_the_limits() {
    let eight = Fmt { channels: 8, rate: 192_000, ..PCM16 };
    let samples: Vec<u8> = (0..8u8).flat_map(|channel| [0, channel]).collect();
    let (format, (heard, _)) = hear("x.wav", &simple_wav(eight, &samples));
    assert_eq!(format, Format { sample_rate: 192_000, channels: 8 });
    let expected: Vec<_> = (0..8).map(|channel| vec![channel as f32 / 128.0]).collect();
    assert_eq!(heard, expected);

    let refused = |fmt| refusal("x.wav", &simple_wav(fmt, &[0; 256]));
    assert_unsupported(&refused(Fmt { channels: 33, ..PCM16 }), "channel count 33 is outside 1 to 32");
    assert_unsupported(&refused(Fmt { channels: 0, ..PCM16 }), "channel count 0");
    assert_unsupported(&refused(Fmt { rate: 999, ..PCM16 }), "sample rate 999 Hz is outside 1000 to 384000 Hz");
    assert_unsupported(&refused(Fmt { rate: u32::MAX / 2, ..PCM16 }), "sample rate");
    assert_unsupported(&refused(Fmt { bits: 40, bytes: 5, ..PCM16 }), "40-bit");
    assert_unsupported(&refused(Fmt { tag: 3, ..PCM16 }), "16-bit float");
    assert_unsupported(&refused(Fmt { tag: 0x83, ..PCM16 }), "G.729");
}

#[test]
fn samples_that_are_no_numbers_are_silence() {
    let float = Fmt { tag: 3, bytes: 4, bits: 32, ..PCM16 };
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.5, 3e38, -32_768.0];
    let samples: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let (_, (heard, failure)) = hear("x.wav", &simple_wav(float, &samples));
    assert_eq!(heard, [[0.0, 0.0, 0.0, 1.5, MAX_SAMPLE, -32_768.0]]);
    assert!(failure.is_none());
}

#[test]
fn lengths_that_recorders_never_filled_in() {
    let mut killed = simple_wav(PCM16, &[0, 64, 0, 64]);
    killed[4..8].fill(0);
    killed[40..44].fill(0);
    let mut piped = simple_wav(PCM16, &[0, 64, 0, 64]);
    piped[4..8].fill(0xff);
    piped[40..44].fill(0xff);
    let mut sox = simple_wav(PCM16, &[0, 64, 0, 64]);
    sox[4..8].copy_from_slice(&0x7fff_f024_u32.to_le_bytes());
    sox[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
    for bytes in [killed, piped, sox] {
        let (_, (heard, failure)) = hear("x.wav", &bytes);
        assert_eq!(heard, [[0.5, 0.5]]);
        assert!(failure.is_none(), "{failure:?}");
    }
}

#[test]
fn rf64_has_its_length_in_64_bits() {
    let mut ds64 = [0u8; 28];
    ds64[8] = 4;
    let mut bytes =
        wav(&[(b"ds64", &ds64), (b"fmt ", &fmt_chunk(PCM16)), (b"data", &[0, 64, 0, 64]), (b"LIST", b"abcd")]);
    bytes[..4].copy_from_slice(b"RF64");
    bytes[4..8].fill(0xff);
    let data_length = 12 + 36 + 24 + 4;
    bytes[data_length..data_length + 4].fill(0xff);
    let (_, (heard, failure)) = hear("x.wav", &bytes);
    assert_eq!(heard, [[0.5, 0.5]], "what follows the samples is no audio");
    assert!(failure.is_none());
}

#[test]
fn ten_hours_are_read_in_small_blocks() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("long.wav");
    let samples = 10 * 3600 * 8000_u32;
    let mut header = simple_wav(ULAW, &[]);
    header[4..8].copy_from_slice(&(36 + samples).to_le_bytes());
    header[40..44].copy_from_slice(&samples.to_le_bytes());
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(44 + u64::from(samples)).unwrap();

    let mut source = FileSource::open(&path).unwrap();
    assert_eq!(source.seconds_hint(), Some(36_000.0));
    let (mut block, mut frames) = (Block::default(), 0);
    while source.next_block(&mut block).unwrap() {
        assert!(block.frames() <= 8000 && block.channels[0].capacity() <= 1 << 16);
        frames += block.frames();
    }
    assert_eq!(frames, samples as usize);
}

#[test]
fn clips_are_bounded() {
    let second = simple_wav(Fmt { rate: 16_000, ..PCM16 }, &vec![0; 32_000]);
    let (_folder, path) = file("x.wav", &second);
    assert_eq!(read_channels_8k(&path, 1.0).unwrap(), [vec![0.0; 8000]]);
    assert_unsupported(&read_channels_8k(&path, 0.9).unwrap_err(), "longer than 0.9 s");
    assert!(matches!(read_channels_8k(&path, f64::NAN), Err(Error::InvalidArgument(_))));
    let stereo = read_channels_8k(data("tone.flac"), 1.0).unwrap();
    assert_eq!((stereo.len(), stereo[0].len(), stereo[1].len()), (2, 4000, 4000));
    let (_folder, cut) = file("x.wav", &second[..1000]);
    assert_malformed(&read_channels_8k(&cut, 1.0).err(), "its header announces 1.000 s");
}

// ---- Damage ----------------------------------------------------------------------------------------------------------

#[test]
fn files_without_audio() {
    assert_unsupported(&refusal("x.wav", b""), "empty");
    assert_unsupported(
        &refusal("x.wav", b"Dear Sir, the recording is attached.\n".repeat(100).as_slice()),
        "not an audio file",
    );
    assert_unsupported(&refusal("x.mp3", b"Dear Sir"), "not an audio file");
    assert_unsupported(&refusal("x.wav", &[0; 100_000]), "not an audio file");
    assert!(matches!(FileSource::open("/no/such/file.wav"), Err(Error::Io { .. })));
    assert!(matches!(FileSource::open(std::env::temp_dir()), Err(Error::Io { .. })));

    let (_, (heard, failure)) = hear("x.wav", &simple_wav(PCM16, &[]));
    assert_eq!(heard, [[0.0; 0]]);
    assert_malformed(&failure, "holds no samples");
    // With other chunks behind it, an empty one is not taken for a recorder's unfinished header.
    let followed = wav(&[(b"fmt ", &fmt_chunk(PCM16)), (b"data", &[]), (b"LIST", b"INFOabcd")]);
    assert_malformed(&hear("x.wav", &followed).1.1, "holds no samples");

    let (_, (heard, failure)) = hear("x.wav", &simple_wav(PCM16, &[0, 64]));
    assert_eq!(heard, [[0.5]]);
    assert!(failure.is_none(), "one sample is a recording");
}

#[test]
fn broken_wav_headers() {
    let whole = simple_wav(PCM16, &[0, 64]);
    for length in [12, 15, 20, 30, 40] {
        assert!(matches!(refusal("x.wav", &whole[..length]), Error::MalformedAudio { .. }), "{length} bytes");
    }
    let broken: [(&[Chunk], &str); 3] = [
        (&[(b"fmt ", &[1, 0, 1, 0]), (b"data", &[0, 0])], "at least 16 are needed"),
        (&[(b"data", &[0, 0])], "before the `fmt ` chunk"),
        (&[(b"fmt ", &fmt_chunk(PCM16)), (b"LIST", b"INFO")], "no `data` chunk"),
    ];
    for (chunks, says) in broken {
        assert_malformed(&Some(refusal("x.wav", &wav(chunks))), says);
    }
    assert_malformed(&Some(refusal("x.wav", &wav(&vec![(b"junk", &[][..]); 10_000]))), "thousands of chunks");
}

#[test]
fn cut_wav_gives_its_audio_and_then_the_error() {
    let samples: Vec<u8> = (0..16_000u32).flat_map(|n| (n as i16).to_le_bytes()).collect();
    let whole = simple_wav(PCM16, &samples);
    let (_, (heard, failure)) = hear("x.wav", &whole[..44 + 9001]);
    assert_eq!(heard[0].len(), 4500);
    assert!(heard[0].iter().enumerate().all(|(n, &sample)| sample == n as f32 / 32_768.0));
    assert_malformed(&failure, "ends after 0.562 s (4500 samples), but its header announces 2.000 s (16000 samples)");
    assert_malformed(&failure, "1 byte left over");
}

/// The audio before a cut comes out, equal to that of the whole file, and then the error.
#[test]
fn cut_files_give_their_audio_and_then_the_error() {
    // Most of a short Matroska file is the codec's header, hence the later cut.
    let cuts = [
        ("tone.flac", 0.75),
        ("tone.aiff", 0.75),
        ("tone.caf", 0.75),
        ("tone.mp3", 0.75),
        ("tone.m4a", 0.75),
        ("tone.mka", 0.92),
        ("tone-ima.wav", 0.75),
        ("tone-ms.wav", 0.75),
    ];
    for (name, share) in cuts {
        let bytes = std::fs::read(data(name)).unwrap();
        let (_, (whole, _)) = hear(name, &bytes);
        let (_, (heard, failure)) = hear(name, &bytes[..(bytes.len() as f64 * share) as usize]);
        assert_malformed(&failure, "ends after");
        assert!(heard[0].len() * 2 >= whole[0].len(), "{name}: {} of {}", heard[0].len(), whole[0].len());
        for (heard, whole) in heard.iter().zip(&whole) {
            assert_eq!(heard[..], whole[..heard.len()], "{name}");
        }
    }
}

#[test]
fn broken_packets_become_silence_and_are_reported() {
    let mut bytes = std::fs::read(data("tone.flac")).unwrap();
    let (_, (whole, _)) = hear("x.flac", &bytes);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0x5a);
    let (_, (heard, failure)) = hear("x.flac", &bytes);
    assert!(matches!(failure, Some(Error::MalformedAudio { .. })), "{failure:?}");
    let equal = heard[0].iter().zip(&whole[0]).take_while(|(a, b)| a == b).count();
    assert!(equal >= 1000, "{equal} samples before the damage");
}

#[test]
fn a_packet_that_is_damaged_is_silence_and_what_comes_after_it_stays_where_it_is() {
    // AAC in a file that tells where its packets are: 1024 samples each, half of which overlap with the next.
    let whole = std::fs::read(data("tone.m4a")).unwrap();
    let (_, (sound, _)) = hear("x.m4a", &whole);
    let mut damaged = 0;
    for at in (0..whole.len() - 8).step_by(64) {
        let mut bytes = whole.clone();
        bytes[at..at + 8].fill(0xff);
        let (_folder, path) = file("x.m4a", &bytes);
        let Ok(mut source) = FileSource::open(path) else { continue };
        let (heard, failure) = drain(&mut source);
        if !failure.is_some_and(|failure| failure.to_string().contains("count as silence")) {
            continue;
        }
        damaged += 1;
        for (heard, sound) in heard.iter().zip(&sound) {
            assert_eq!(heard.len(), sound.len(), "damaged at byte {at}");
            let wrong: Vec<usize> = (0..sound.len()).filter(|&n| heard[n] != sound[n]).collect();
            assert!(wrong[wrong.len() - 1] - wrong[0] < 4 * 1024, "damaged at byte {at}");
        }
    }
    assert!(damaged > 5, "{damaged} times a packet could not be decoded");
}

/// The pages of an Ogg file: where each begins, and its length.
fn pages(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut pages, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let segments = usize::from(bytes[at + 26]);
        let body: usize = bytes[at + 27..at + 27 + segments].iter().map(|&length| usize::from(length)).sum();
        pages.push((at, 27 + segments + body));
        at += 27 + segments + body;
    }
    pages
}

/// Of Ogg, a page in which a bit is wrong is dropped: silence stands in its place, and no sample moves.
#[test]
fn a_missing_page_is_silence_and_what_comes_after_it_stays_where_it_is() {
    let whole = std::fs::read(data("tone-flac.ogg")).unwrap();
    let (_, (sound, failure)) = hear("x.ogg", &whole);
    assert!(failure.is_none(), "{failure:?}");
    let pages = pages(&whole);
    // Not the headers, nor the first and the last page with audio.
    for &(at, length) in &pages[3..pages.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at + length / 2] ^= 1;
        let (_, (heard, failure)) = hear("x.ogg", &bytes);
        assert_malformed(
            &failure,
            "0.064 s are missing or could not be decoded, and count as silence; 0.500 s were read",
        );
        for (heard, sound) in heard.iter().zip(&sound) {
            assert_eq!(heard.len(), sound.len());
            let wrong: Vec<usize> = (0..sound.len()).filter(|&n| heard[n] != sound[n]).collect();
            assert!(wrong.iter().all(|&n| heard[n] == 0.0 && n.abs_diff(wrong[0]) < 512), "page at byte {at}");
            assert!(wrong.len() > 300, "{} samples are missing", wrong.len());
        }
    }
}

#[test]
fn a_missing_page_of_opus_keeps_the_length() {
    let whole = std::fs::read(data("tone-opus-pages.ogg")).unwrap();
    let (_, (sound, failure)) = hear("x.ogg", &whole);
    assert!(failure.is_none(), "{failure:?}");
    let pages = pages(&whole);
    for count in [2, 3] {
        let mut bytes = whole.clone();
        for &(at, _) in &pages[5..5 + count] {
            bytes[at + 60] ^= 1;
        }
        let (_, (heard, failure)) = hear("x.ogg", &bytes);
        assert_malformed(&failure, &format!("{:.3} s are missing", 0.06 * count as f64));
        assert_eq!(heard[0].len(), sound[0].len());
        // The page after the gap, and all after it, are where they were: the sine goes on in its phase.
        for range in [3000..7200, 16_800..22_200] {
            let product: f32 = range.clone().map(|n| heard[0][n] * sound[0][n]).sum();
            let power: f32 = range.map(|n| sound[0][n] * sound[0][n]).sum();
            assert!(product > 0.9 * power, "{product} of {power}");
        }
    }
}

/// The checksum of a page of Ogg that has zeros in its place (RFC 3533, section 6).
fn ogg_checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 })
    })
}

#[test]
fn a_gap_that_a_recorder_of_opus_left_is_silence_in_its_place_and_no_damage() {
    let whole = std::fs::read(data("tone-opus-pages.ogg")).unwrap();
    let (_, (sound, _)) = hear("x.ogg", &whole);
    let pages = pages(&whole);
    let time = |at: usize| u64::from_le_bytes(whole[at + 6..at + 14].try_into().unwrap());
    // All pages are there, but from the sixth on they tell a time 100 ms later.
    let mut bytes = whole.clone();
    for &(at, length) in &pages[5..] {
        bytes[at + 6..at + 14].copy_from_slice(&(time(at) + 4800).to_le_bytes());
        bytes[at + 22..at + 26].fill(0);
        let checksum = ogg_checksum(&bytes[at..at + length]);
        bytes[at + 22..at + 26].copy_from_slice(&checksum.to_le_bytes());
    }
    // Where the page before them ends, without the 312 samples that prime the decoder.
    let place = time(pages[4].0) as usize - 312;
    let (_, (heard, failure)) = hear("x.ogg", &bytes);
    assert!(failure.is_none(), "{failure:?}");
    for (heard, sound) in heard.iter().zip(&sound) {
        assert_eq!(heard.len(), sound.len() + 4800);
        assert_eq!(heard[..place], sound[..place]);
        assert!(heard[place..place + 4800].iter().all(|&sample| sample == 0.0));
        assert_eq!(heard[place + 4800..], sound[place..]);
    }
}

#[test]
fn a_missing_frame_of_flac_is_told_however_short() {
    let whole = std::fs::read(data("tone.flac")).unwrap();
    let (_, (sound, _)) = hear("x.flac", &whole);
    let mut bytes = whole.clone();
    // Where a frame's mark stands, in the middle of the file.
    let at = (bytes.len() / 2..bytes.len() - 1).find(|&at| bytes[at] == 0xff && bytes[at + 1] & 0xfe == 0xf8);
    if let Some(at) = at {
        bytes[at] = 0;
        let (_, (heard, failure)) = hear("x.flac", &bytes);
        assert_malformed(&failure, "s are missing or could not be decoded");
        assert_eq!(heard[0].len(), sound[0].len());
        assert_eq!(heard[0].last(), sound[0].last());
    }
}

#[test]
fn what_is_written_to_a_pipe_is_whole_without_its_lengths() {
    // Matroska of unknown sizes.
    let webm = std::fs::read(data("tone-pipe.webm")).unwrap();
    let (_, (heard, failure)) = hear("x.webm", &webm);
    assert!(failure.is_none(), "{failure:?}");
    assert!(heard[0].len() >= 24_000, "{}", heard[0].len());
    let (_, (_, failure)) = hear("x.webm", &webm[..webm.len() - 10]);
    assert_malformed(&failure, "the file ends within a packet");

    // CAF whose samples last to the end of the file.
    let mut caf = std::fs::read(data("tone.caf")).unwrap();
    let (_, (sound, _)) = hear("x.caf", &caf);
    let size = caf.windows(4).position(|id| id == b"data").unwrap() + 4;
    caf[size..size + 8].fill(0xff);
    caf.truncate(size + 8 + 4 + 2 * 4000);
    let (format, (heard, failure)) = hear("x.caf", &caf);
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(format, Format { sample_rate: 8000, channels: 2 });
    assert_eq!(heard, sound);

    // RF64 whose lengths are all zeros.
    let mut rf64 = wav(&[(b"ds64", &[0; 28]), (b"fmt ", &fmt_chunk(PCM16)), (b"data", &[0, 64, 0, 64])]);
    rf64[..4].copy_from_slice(b"RF64");
    rf64[4..8].fill(0xff);
    let size = rf64.len() - 8;
    rf64[size..size + 4].fill(0xff);
    let (_, (heard, failure)) = hear("x.wav", &rf64);
    assert_eq!(heard, [[0.5, 0.5]]);
    assert!(failure.is_none(), "{failure:?}");
}

#[test]
fn a_length_in_whole_packets_is_no_promise() {
    let (_, (heard, failure)) = hear("x.caf", &std::fs::read(data("tone-alac.caf")).unwrap());
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(heard[0].len(), 4800);
}

#[test]
fn what_lacks_its_end_is_damaged_and_not_of_another_kind() {
    let m4a = std::fs::read(data("tone-alac.m4a")).unwrap();
    assert_malformed(&Some(refusal("x.m4a", &m4a[..m4a.len() / 2])), "cut off, or never finished");
    let caf = std::fs::read(data("tone.caf")).unwrap();
    assert_malformed(&hear("x.caf", &caf[..caf.len() / 2]).1.1, "but its header announces 0.500 s");
}

#[test]
fn a_headerless_file_that_is_cut_within_a_sample_is_not_said_to_have_a_header() {
    let (_, (heard, failure)) = hear("x.sln", &[0, 64, 0, 64, 0]);
    assert_eq!(heard, [[0.5, 0.5]]);
    assert_malformed(&failure, "1 byte left over at the end");
    assert!(!failure.unwrap().to_string().contains("header"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to the bytes of a file, it gives audio or a typed error: no panic, no endless loop.
    #[test]
    fn hostile_files_are_survived(
        file in 0..21usize, cut in 0.0..1.3f64, hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        const NAMES: [&str; 21] = [
            "tone-flac.ogg", "tone-opus-pages.ogg", "tone-pipe.webm", "tone-alac.caf",
            "tone.flac", "tone.aiff", "tone.caf", "tone.mp3", "tone-bare.mp3", "tone.mp2", "tone.m4a", "tone-alac.m4a", "tone.aac",
            "tone.mka", "tone-video.mkv", "tone.ogg", "tone-opus.ogg", "tone-ima.wav", "tone-ms.wav", "tone-gsm.wav", "x.wav",
        ];
        let mut bytes = match NAMES[file] {
            "x.wav" => simple_wav(PCM16, &[7; 4000]),
            name => std::fs::read(data(name)).unwrap(),
        };
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        for (index, value) in hits {
            // Headers are the fragile part: half of the hits go to the first 128 bytes.
            let end = if value & 1 == 0 { bytes.len().min(128) } else { bytes.len() };
            if end > 0 {
                bytes[index.index(end)] = value;
            }
        }
        let (_folder, path) = self::file(NAMES[file], &bytes);
        if let Ok(mut source) = FileSource::open(path) {
            drain(&mut source);
        }
    }
}
