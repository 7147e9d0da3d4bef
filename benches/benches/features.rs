//! Prosody: descriptors every 10 ms and the functionals of the whole. `1 Kelem/s` is once real time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{corpus_speech, milliseconds};
use callprint::prosody::{Extractor, F0Tracker};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 30.0;

fn features(c: &mut Criterion) {
    let samples = corpus_speech(SECONDS).expect("corpus/renderings");
    let mut group = c.benchmark_group("features");
    group.sample_size(20).throughput(Throughput::Elements(milliseconds(SECONDS)));
    group.bench_function("prosody", |b| {
        b.iter(|| {
            let mut extractor = Extractor::new();
            extractor.push(black_box(&samples), |descriptors| {
                black_box(descriptors);
            });
            extractor.finish(|_| {})
        });
    });
    group.bench_function("f0", |b| {
        b.iter(|| {
            let mut tracker = F0Tracker::new();
            tracker.push(black_box(&samples), |f0| {
                black_box(f0);
            });
            tracker.finish(|_| ());
        });
    });
    group.finish();
}

criterion_group!(benches, features);
criterion_main!(benches);
