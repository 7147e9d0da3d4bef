//! Codes from samples: as references are coded, and as a query is (all assumed speeds, a code every 10 ms). `1 Kelem/s` is once
//! real time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{corpus_speech, milliseconds};
use callprint::fingerprint::{Extractor, SPEEDS, reference_codes};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 30.0;

fn codes(c: &mut Criterion) {
    let samples = corpus_speech(SECONDS).expect("corpus/renderings");
    let mut group = c.benchmark_group("codes");
    group.sample_size(20).throughput(Throughput::Elements(milliseconds(SECONDS)));
    group.bench_function("reference", |b| b.iter(|| reference_codes(black_box(&samples)).len()));
    group.bench_function(format!("query, {} speeds", SPEEDS.len()), |b| {
        b.iter(|| {
            let mut count = 0usize;
            Extractor::new().push(&samples, |_| {}, |code| count += usize::from(code.active));
            count
        });
    });
    group.finish();
}

criterion_group!(benches, codes);
criterion_main!(benches);
