//! Once a session is made and a thread prepared, a call allocates nothing: feeding, polling, its end, the reset for the next.

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

/// Events of a whole call, and calls of the allocator from its first sample until the session is ready for the next.
fn hear(session: &mut Session, samples: &[f32]) -> (usize, u64) {
    let (before, mut events) = (CALLS.get(), 0);
    let mut poll = |session: &mut Session| {
        while session.poll().is_some() {
            events += 1;
        }
    };
    for piece in samples.chunks(163) {
        session.push_f32(piece);
        poll(session);
    }
    session.finish();
    poll(session);
    session.reset();
    (events, CALLS.get() - before)
}

/// The built-in index, with and without tables of keys.
fn indexes() -> [Arc<Index>; 2] {
    let builtin = Index::builtin().unwrap();
    let mut builder = IndexBuilder::from_index(&builtin);
    builder.set_tables(Tables::Always);
    [Arc::new(Index::from_bytes(builder.to_bytes().unwrap()).unwrap()), Arc::new(builtin)]
}

#[test]
fn a_call_allocates_nothing() {
    for index in indexes() {
        // A robot with a hand-over, one at another rate, a human.
        for file in ["samples/dental-handover.flac", "samples/solar-fast.mp3", "samples/human.flac"] {
            let (sample_rate, samples) = channel(file);
            let config = SessionConfig { sample_rate, ..SessionConfig::default() };
            let mut session = Session::new(index.clone(), config).unwrap();
            let (events, calls) = hear(&mut session, &samples);
            assert_eq!(calls, 0, "{file}: while {events} events came");
            assert!(events > 1, "{file}: nothing happened but its end");
            assert_eq!(hear(&mut session, &samples), (events, 0), "{file}: after a reset");
        }
    }
}

#[test]
fn a_thread_that_is_prepared_hears_sessions_of_another_without_allocating() {
    let (sample_rate, samples) = channel("samples/dental-handover.flac");
    for index in indexes() {
        let config = SessionConfig { sample_rate, ..SessionConfig::default() };
        let mut session = Session::new(index, config).unwrap();
        let mut hear_twice = |prepare: fn()| {
            let work = || {
                prepare();
                [(); 2].map(|()| hear(&mut session, &samples).1)
            };
            std::thread::scope(|scope| scope.spawn(work).join().unwrap())
        };
        let unprepared = hear_twice(|| ());
        assert!(unprepared[0] > 0 && unprepared[1] == 0, "{unprepared:?}");
        assert_eq!(hear_twice(callprint::prepare_thread), [0, 0]);
    }
}

#[test]
fn the_counter_counts() {
    let before = CALLS.get();
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(CALLS.get() - before, 2);
}
