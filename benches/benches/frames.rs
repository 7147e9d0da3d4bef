//! Frames: windowed power spectra every 10 ms, what the activity gate makes of them, and mel bands. `1 Kelem/s` is once real
//! time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{corpus_speech, milliseconds};
use callprint::{
    fingerprint::model,
    signal::{ActivityGate, Framer, MelBank, Spectrum},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 30.0;

fn frames(c: &mut Criterion) {
    let samples = corpus_speech(SECONDS).expect("corpus/renderings");
    let mut spectra: Vec<Spectrum> = Vec::new();
    Framer::new().push(&samples, |spectrum| spectra.push(*spectrum));

    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Elements(milliseconds(SECONDS)));
    group.bench_function("power spectra", |b| {
        b.iter(|| {
            Framer::new().push(&samples, |spectrum| {
                black_box(spectrum[0]);
            })
        });
    });
    group.bench_function("activity", |b| {
        b.iter(|| {
            let mut gate = ActivityGate::new();
            spectra.iter().filter(|spectrum| gate.push(spectrum).is_sound()).count()
        });
    });
    let bank = MelBank::new(&model().edges, model().floor as f32, 1.0);
    let mut bands = vec![0; bank.bands()];
    group.bench_function(format!("{} log-mel bands", bank.bands()), |b| {
        b.iter(|| spectra.iter().for_each(|spectrum| bank.apply(black_box(spectrum), &mut bands)));
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
