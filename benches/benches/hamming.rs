//! The Hamming kernels at every level that the CPU has, in codes compared a second.
//!
//! `one` and `distances` run in the first-level cache and in memory, `batch` over codes of 8 MB, `place` lays a block of 64
//! codes (2.5 s) over a sequence in which it is hidden with a fifth of its bits turned over, `block` is one such sum to its end.

use std::{hint::black_box, num::NonZeroUsize};

use benches::binary_codes::Random;
use callprint::{
    SimdLevel,
    index::hamming::{BinaryCode, Kernels},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn codes<const W: usize>(bytes: usize) -> Vec<BinaryCode<W>> {
    let mut random = Random::new(1);
    (0..bytes / 8 / W).map(|_| BinaryCode::new(std::array::from_fn(|_| random.word()))).collect()
}

fn width<const W: usize>(c: &mut Criterion) {
    let queries = codes::<W>(64 * 8 * W);
    let few = codes::<W>(16 << 10);
    let many = codes::<W>(64 << 20);
    let some = &many[..(8 << 20) / 8 / W];
    let mut random = Random::new(2);
    let block: Vec<_> = few[few.len() / 2..][..64].iter().map(|code| random.with_errors(code, 0.2)).collect();
    for kernels in SimdLevel::ALL.into_iter().filter_map(Kernels::at) {
        let mut group = c.benchmark_group(format!("hamming/{} bits/{}", 64 * W, kernels.level()));
        group.sample_size(10);
        for (place, codes) in [("cache", &few), ("memory", &many)] {
            group.throughput(Throughput::Elements(codes.len() as u64));
            group.bench_function(BenchmarkId::new("one", place), |b| {
                b.iter(|| kernels.nearest(black_box(&queries[0]), codes));
            });
            group.bench_function(BenchmarkId::new("within", place), |b| {
                b.iter(|| {
                    let mut found = 0;
                    kernels.within(black_box(&queries[0]), codes, 20 * W as u32, |_, _| found += 1);
                    found
                });
            });
        }
        let mut distances = vec![0; few.len()];
        group.throughput(Throughput::Elements(few.len() as u64));
        group.bench_function("distances/cache", |b| {
            b.iter(|| kernels.distances(black_box(&queries[0]), &few, black_box(&mut distances)));
        });
        for count in [8, 16, 64] {
            group.throughput(Throughput::Elements((count * some.len()) as u64));
            group.bench_function(BenchmarkId::new("batch", count), |b| {
                b.iter(|| kernels.nearest_of_each(black_box(&queries[..count]), some, NonZeroUsize::MIN));
            });
        }
        group.throughput(Throughput::Elements(64));
        group.bench_function("block", |b| b.iter(|| kernels.block_distance(black_box(&block), &few, u64::MAX)));
        group.throughput(Throughput::Elements((few.len() - 63) as u64));
        group.bench_function("place", |b| b.iter(|| kernels.place(black_box(&block), &few, u64::MAX)));
        group.finish();
    }
}

fn hamming(c: &mut Criterion) {
    width::<1>(c);
    width::<2>(c);
    width::<4>(c);
}

criterion_group!(benches, hamming);
criterion_main!(benches);
