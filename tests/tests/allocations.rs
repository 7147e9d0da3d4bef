//! Once a session is made, feeding and polling it allocates nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
};

use callprint::{
    Index, Session, SessionConfig,
    audio::{Block, FileSource, Source},
    index::{IndexBuilder, Tables},
};
use end_to_end::corpus;

/// The system's allocator, counting what this thread asks of it.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    // A thread that ends may still free what it had; that is not counted.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one hands everything on")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note();
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The first channel of a file at its own rate.
fn channel(file: &str) -> (u32, Vec<f32>) {
    let mut source = FileSource::open(corpus(file)).unwrap();
    let (mut block, mut samples) = (Block::default(), Vec::new());
    while source.next_block(&mut block).unwrap() {
        samples.extend_from_slice(&block.channels[0]);
    }
    (source.format().sample_rate, samples)
}

/// Events of a call, and calls of the allocator meanwhile.
fn feed(session: &mut Session, samples: &[f32]) -> (usize, u64) {
    let (before, mut events) = (CALLS.get(), 0);
    for piece in samples.chunks(163) {
        session.push_f32(piece);
        while session.poll().is_some() {
            events += 1;
        }
    }
    (events, CALLS.get() - before)
}

#[test]
fn feeding_and_polling_allocate_nothing() {
    let builtin = Index::builtin().unwrap();
    let mut builder = IndexBuilder::from_index(&builtin);
    builder.set_tables(Tables::Always);
    for index in [Arc::new(Index::from_bytes(builder.to_bytes().unwrap()).unwrap()), Arc::new(builtin)] {
        feeding_allocates_nothing(&index);
    }
}

fn feeding_allocates_nothing(index: &Arc<Index>) {
    // A robot with a hand-over, one at another rate, a human.
    for file in ["samples/dental-handover.flac", "samples/solar-fast.mp3", "samples/human.flac"] {
        let (sample_rate, samples) = channel(file);
        let config = SessionConfig { sample_rate, ..SessionConfig::default() };
        let mut session = Session::new(index.clone(), config).unwrap();
        let (events, calls) = feed(&mut session, &samples);
        assert_eq!(calls, 0, "{file}: while {events} events came");
        assert!(events > 0, "{file}: nothing happened");
        session.reset();
        assert_eq!(feed(&mut session, &samples), (events, 0), "{file}: after a reset");
    }
}

#[test]
fn the_counter_counts() {
    let before = CALLS.get();
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(CALLS.get() - before, 2);
}
