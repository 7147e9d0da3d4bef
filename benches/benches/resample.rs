//! Conversion of one channel to 8 kHz, pushed in blocks of 20 ms as a live stream comes. `1 Kelem/s` is once real time.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{milliseconds, voice};
use callprint::audio::Resampler;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 10.0;

fn to_8k(c: &mut Criterion) {
    let mut group = c.benchmark_group("resample");
    group.throughput(Throughput::Elements(milliseconds(SECONDS)));
    for rate in [8000, 11_025, 16_000, 44_100, 48_000] {
        let input = voice(SECONDS, rate);
        let mut output = Vec::with_capacity(90_000);
        group.bench_function(BenchmarkId::from_parameter(format!("{rate} Hz")), |b| {
            b.iter(|| {
                output.clear();
                let mut resampler = Resampler::new(rate).expect("an accepted rate");
                for block in input.chunks(rate as usize / 50) {
                    resampler.push(block, &mut output);
                }
                resampler.finish(&mut output);
                black_box(&output).len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, to_8k);
criterion_main!(benches);
