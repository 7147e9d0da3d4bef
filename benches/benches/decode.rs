//! Decoding: raw telephone PCM from memory, and each file of `corpus/samples` as it is on disk (container, codec and the
//! conversion to planar floats; no resampling). `1 Kelem/s` is once real time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{corpus_files, milliseconds, voice};
use callprint::audio::{Block, Encoding, FileSource, Format, PcmSource, Source};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 60.0;

fn drain(mut source: impl Source) -> callprint::Result<f64> {
    let mut block = Block::default();
    let mut frames = 0;
    while source.next_block(&mut block)? {
        frames += black_box(&block).frames();
    }
    Ok(frames as f64 / f64::from(source.format().sample_rate))
}

fn raw(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode/raw 8 kHz");
    group.throughput(Throughput::Elements(milliseconds(SECONDS)));
    let voice = voice(SECONDS, 8000);
    let s16le: Vec<u8> = voice.iter().flat_map(|sample| ((sample * 32767.0) as i16).to_le_bytes()).collect();
    // Any byte is a valid G.711 code word, so the low bytes of the samples will do.
    let g711: Vec<u8> = s16le.iter().copied().step_by(2).collect();
    let format = Format { sample_rate: 8000, channels: 1 };
    for (name, encoding, bytes) in
        [("s16le", Encoding::S16le, &s16le), ("mu-law", Encoding::Ulaw, &g711), ("A-law", Encoding::Alaw, &g711)]
    {
        group.bench_function(name, |b| {
            b.iter(|| drain(PcmSource::new("-", bytes.as_slice(), encoding, format).expect("a valid format")));
        });
    }
    group.finish();
}

fn files(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode/file");
    group.sample_size(20);
    for path in corpus_files("samples").expect("corpus/samples") {
        let open = || FileSource::open(&path).expect("a readable sample");
        let format = open().format();
        group.throughput(Throughput::Elements(milliseconds(drain(open()).expect("a whole sample"))));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        group.bench_function(format!("{name}, {} Hz x {}", format.sample_rate, format.channels), |b| {
            b.iter(|| drain(open()))
        });
    }
    group.finish();
}

criterion_group!(benches, raw, files);
criterion_main!(benches);
