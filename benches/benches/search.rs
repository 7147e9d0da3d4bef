//! Search: one query code against all codes of an index, and whole scans (frames, codes, search, alignment, score) of speech
//! that is in the index and speech that is not. Indexes hold the corpus once and, with the renderings cut into other clips
//! and renamed, many times. For scans `1 Kelem/s` is once real time; for single codes an element is a comparison.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use benches::inputs::{corpus_files, corpus_speech, milliseconds};
use callprint::{
    audio::read_channels_8k,
    detect::{ScanOptions, Scanner},
    fingerprint::{Extractor, QueryFrame},
    index::{Index, IndexBuilder, Label, find_hits},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SECONDS: f64 = 20.0;

/// An index of `renderings` clips: the corpus, then the corpus again with each clip's first k seconds moved to its end.
fn index(renderings: usize) -> callprint::Result<Index> {
    let clips: Vec<Vec<f32>> =
        corpus_files("renderings")?.iter().flat_map(|path| read_channels_8k(path, 120.0)).flatten().collect();
    let mut builder = IndexBuilder::new();
    for n in 0..renderings {
        let mut clip = clips[n % clips.len()].clone();
        let shift = (n / clips.len() * 8000) % clip.len();
        clip.rotate_left(shift);
        builder.add(Label { id: format!("s{n:06}__v"), ..Label::default() }, &clip)?;
    }
    Index::from_bytes(builder.to_bytes()?)
}

fn query_codes(samples: &[f32]) -> Vec<QueryFrame> {
    let mut codes = Vec::new();
    Extractor::new().push(samples, |_| {}, |code| codes.push(code));
    codes.retain(|code| code.active);
    codes
}

fn search(c: &mut Criterion) {
    let speech = corpus_speech(SECONDS).expect("corpus/renderings");
    let codes = query_codes(&speech);
    for renderings in [100, 1000] {
        let index = index(renderings).expect("an index of the corpus");
        let mut group = c.benchmark_group(format!("search/{renderings} renderings"));
        group.sample_size(20);
        group.throughput(Throughput::Elements(index.stats().codes as u64));
        let (mut hits, mut next) = (Vec::new(), codes.iter().cycle());
        group.bench_function("one code", |b| {
            b.iter(|| {
                hits.clear();
                find_hits(&index, next.next().expect("a code"), &mut hits);
                black_box(hits.len())
            });
        });
        group.sample_size(10);
        group.throughput(Throughput::Elements(milliseconds(SECONDS)));
        let scanner = Scanner::new(&index, ScanOptions::default()).expect("valid options");
        for (name, samples) in [("known", &speech), ("unknown", &benches::inputs::voice(SECONDS, 8000))] {
            group.bench_function(BenchmarkId::new("scan", name), |b| {
                b.iter(|| scanner.scan_samples("bench", black_box(samples)).expect("a report").matches.len());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, search);
criterion_main!(benches);
