//! Many calls on few threads: each gives what a session by itself gives; audio that does not fit is refused and counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use callprint::{
    Error, Index, Session, SessionConfig, SessionEvent,
    audio::Encoding,
    engine::{Call, CallId, PoolConfig, SessionPool},
    index::IndexBuilder,
};
use end_to_end::{corpus, g711};

static INDEX: LazyLock<Arc<Index>> = LazyLock::new(|| Arc::new(Index::builtin().unwrap()));

fn samples(file: &str) -> Vec<i16> {
    let channel = end_to_end::clip(corpus(file));
    channel.iter().map(|s| (s * 32_768.0) as i16).collect()
}

type Events = Arc<Mutex<BTreeMap<CallId, Vec<SessionEvent>>>>;

fn pool(config: PoolConfig) -> (SessionPool, Events) {
    let events = Events::default();
    let seen = events.clone();
    let on_event = move |id, _: &Index, event: &SessionEvent| seen.lock().unwrap().entry(id).or_default().push(*event);
    (SessionPool::new(INDEX.clone(), config, on_event).unwrap(), events)
}

/// Waits until something is so, which the workers make it.
fn wait_for(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "still not so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_call_gives_what_a_session_by_itself_gives() {
    let calls: Vec<Vec<i16>> =
        ["samples/dental-gsm.wav", "samples/human.flac", "samples/warranty-loss.wav"].map(samples).to_vec();
    let alone: Vec<Vec<SessionEvent>> = calls
        .iter()
        .map(|call| {
            let mut session = Session::new(INDEX.clone(), SessionConfig::default()).unwrap();
            session.push_i16(call);
            session.finish();
            std::iter::from_fn(|| session.poll()).collect()
        })
        .collect();

    let (pool, events) = pool(PoolConfig { threads: 3, backlog: 60.0 });
    let lines: Vec<_> = calls.iter().map(|_| pool.open(SessionConfig::default()).unwrap()).collect();
    let ids: Vec<CallId> = lines.iter().map(|line| line.id()).collect();
    let longest = calls.iter().map(Vec::len).max().unwrap();
    for at in (0..longest).step_by(160) {
        for (line, call) in lines.iter().zip(&calls) {
            let piece = &call[at.min(call.len())..(at + 160).min(call.len())];
            assert_eq!(line.push_i16(piece), piece.len());
        }
    }
    drop(lines);
    let total: usize = calls.iter().map(Vec::len).sum();
    assert_eq!((pool.metrics().samples(), pool.metrics().dropped()), (total as u64, 0));
    // Dropping the pool works off what waits.
    drop(pool);
    let events = events.lock().unwrap();
    for (id, alone) in ids.iter().zip(&alone) {
        assert_eq!(&events[id], alone);
    }
}

#[test]
fn a_decided_call_hands_its_session_on_and_is_only_counted() {
    // At a rate of its own: times are those of the call.
    const RATE: usize = 16_000;
    let config = SessionConfig { sample_rate: RATE as u32, stop_when_decided: true, ..SessionConfig::default() };
    let call: Vec<i16> = samples("samples/dental-gsm.wav").into_iter().flat_map(|sample| [sample; 2]).collect();
    let hour = vec![0; RATE * 3600];
    let mut alone = Session::new(INDEX.clone(), config).unwrap();
    alone.push_i16(&call);
    assert!(alone.is_decided());
    alone.push_i16(&hour);
    alone.finish();
    let alone: Vec<SessionEvent> = std::iter::from_fn(|| alone.poll()).collect();

    let (pool, events) = pool(PoolConfig { threads: 2, backlog: 60.0 });
    let line = pool.open(config).unwrap();
    assert_eq!(pool.metrics().searched(), 0, "no audio, no session");
    assert_eq!(line.push_i16(&call), call.len());
    wait_for(|| pool.metrics().events("match") > 0 && pool.metrics().searched() == 0);
    let begun = Instant::now();
    // Far more than the backlog holds: nothing of it waits.
    while line.push_i16(&hour[..RATE * 61]) < RATE * 61 {
        assert!(begun.elapsed() < Duration::from_secs(60), "still waits to be heard");
    }
    let (id, taken) = (line.id(), pool.metrics().samples());
    // The next call gets the session, which knows nothing of the one before.
    let next = pool.open(config).unwrap();
    assert_eq!(next.push_i16(&call), call.len());
    let next_id = next.id();
    drop((line, next));
    drop(pool);
    let events = events.lock().unwrap();
    let (last, before) = events[&id].split_last().unwrap();
    assert_eq!(before, &alone[..alone.len() - 1]);
    assert_eq!(last, &SessionEvent::Ended { at: taken as f64 / RATE as f64 });
    let (last, before) = events[&next_id].split_last().unwrap();
    assert_eq!(before, &alone[..alone.len() - 1]);
    assert_eq!(last, &SessionEvent::Ended { at: call.len() as f64 / RATE as f64 });
}

#[test]
fn audio_in_any_coding_is_heard_alike() {
    let heard = |push: &dyn Fn(&Call)| {
        let (pool, events) = pool(PoolConfig { threads: 1, backlog: 60.0 });
        let line = pool.open(SessionConfig::default()).unwrap();
        let id = line.id();
        push(&line);
        drop((line, pool));
        let events = events.lock().unwrap().remove(&id).unwrap();
        assert!(events.iter().any(|event| event.kind() == "match"), "{events:?}");
        events
    };
    let call = end_to_end::clip(corpus("samples/dental-gsm.wav"));
    for law in [Encoding::Ulaw, Encoding::Alaw] {
        let (bytes, values) = g711(law, &call);
        let integers: Vec<i16> = values.iter().map(|value| (value * 32_768.0) as i16).collect();
        let expected = heard(&|line| _ = line.push_i16(&integers));
        assert_eq!(heard(&|line| _ = line.push_f32(&values)), expected);
        let push = if law == Encoding::Ulaw { Call::push_ulaw } else { Call::push_alaw };
        assert_eq!(heard(&|line| _ = push(line, &bytes)), expected);
    }
}

#[test]
fn what_does_not_fit_is_refused_and_counted() {
    // The only worker is kept busy by an event until the test lets it go.
    let gate = Arc::new(Mutex::new(()));
    let hold = gate.clone();
    let on_event = move |_, _: &Index, _: &SessionEvent| drop(hold.lock());
    let pool = SessionPool::new(INDEX.clone(), PoolConfig { threads: 1, backlog: 1.0 }, on_event).unwrap();
    // Taken last, so that it is let go first: the pool waits for its worker, also where the test fails.
    let closed = gate.lock().unwrap();
    drop(pool.open(SessionConfig::default()).unwrap());
    let call = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(call.push_i16(&[0; 5000]), 5000);
    assert_eq!(call.push_ulaw(&[0xff; 5000]), 3000);
    assert_eq!(call.push_f32(&[0.0; 10]), 0);
    assert_eq!((pool.metrics().samples(), pool.metrics().dropped()), (8000, 2010));
    drop(closed);
    drop(call);
    let text = pool.metrics().to_prometheus();
    assert!(text.contains("\ncallprint_dropped_samples_total 2010\n"), "{text}");
}

#[test]
fn numbers_out_of_range_are_refused() {
    let make = |config| SessionPool::new(INDEX.clone(), config, |_, _, _| ());
    for (threads, backlog) in [(0, 2.0), (2000, 2.0), (1, 0.0), (1, f64::NAN)] {
        assert!(matches!(make(PoolConfig { threads, backlog }), Err(Error::InvalidArgument(_))), "{threads} {backlog}");
    }
    let pool = make(PoolConfig { threads: 1, backlog: 2.0 }).unwrap();
    for max_far in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = pool.open(SessionConfig { max_far, ..SessionConfig::default() });
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{max_far}");
    }
    assert_eq!(pool.metrics().opened(), 0);
}

#[test]
fn a_pool_that_is_dropped_first_ends_its_calls_and_they_say_so() {
    let call = samples("samples/dental-gsm.wav");
    let (pool, events) = pool(PoolConfig { threads: 2, backlog: 60.0 });
    let heard = pool.open(SessionConfig::default()).unwrap();
    let silent = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(heard.push_i16(&call), call.len());
    assert!(!heard.is_closed() && heard.room() > 0);
    drop(pool);
    let before = events.lock().unwrap().clone();
    let kinds: Vec<&str> = before[&heard.id()].iter().map(SessionEvent::kind).collect();
    assert!(kinds.contains(&"match") && kinds.ends_with(&["ended"]), "{kinds:?}");
    assert_eq!(before[&silent.id()], [SessionEvent::Ended { at: 0.0 }]);
    assert!(heard.is_closed() && silent.is_closed());
    assert_eq!((heard.room(), heard.push_i16(&call), silent.push_ulaw(&[0xff; 160])), (0, 0, 0));
    drop((heard, silent));
    assert_eq!(*events.lock().unwrap(), before, "told once");
}

#[test]
fn calls_opened_later_are_searched_in_another_index_and_running_ones_in_theirs() {
    let call = samples("samples/dental-gsm.wav");
    let empty = Arc::new(Index::from_bytes(IndexBuilder::new().to_bytes().unwrap()).unwrap());
    let matches: Arc<Mutex<Vec<(CallId, usize)>>> = Arc::default();
    let seen = matches.clone();
    let on_event = move |id, index: &Index, event: &SessionEvent| {
        if event.kind() == "match" {
            seen.lock().unwrap().push((id, index.len()));
        }
    };
    let pool = SessionPool::new(empty.clone(), PoolConfig { threads: 2, backlog: 60.0 }, on_event).unwrap();
    let unknown = pool.open(SessionConfig::default()).unwrap();
    let silent = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(unknown.push_i16(&call[..call.len() / 2]), call.len() / 2);
    pool.set_index(INDEX.clone());
    let known = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(known.push_i16(&call[..call.len() / 2]), call.len() / 2);
    // A session waits for calls like `known`; one that was opened before, and silent until now, gets none of those.
    wait_for(|| pool.metrics().searched() == 2);
    let idle = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(silent.push_i16(&call), call.len());
    pool.set_index(empty);
    assert!(pool.index().is_empty());
    for line in [&unknown, &known] {
        assert_eq!(line.push_i16(&call[call.len() / 2..]), call.len() - call.len() / 2);
    }
    let id = known.id();
    drop((unknown, silent, known, idle, pool));
    assert_eq!(*matches.lock().unwrap(), [(id, INDEX.len())]);
}

#[test]
fn a_panic_of_who_is_told_costs_neither_the_call_nor_the_worker() {
    let call = samples("samples/dental-gsm.wav");
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let on_event = move |_, _: &Index, event: &SessionEvent| {
        seen.lock().unwrap().push(event.kind());
        assert_ne!(event.kind(), "match", "on purpose");
    };
    let pool = SessionPool::new(INDEX.clone(), PoolConfig { threads: 1, backlog: 60.0 }, on_event).unwrap();
    for _ in 0..2 {
        assert_eq!(pool.open(SessionConfig::default()).unwrap().push_i16(&call), call.len());
    }
    wait_for(|| pool.metrics().closed() == 2);
    let metrics = pool.metrics();
    assert_eq!((metrics.handler_panics(), metrics.faults(), metrics.events("ended")), (2, 0, 2));
    // The two take turns.
    let mut told = told.lock().unwrap();
    told.sort_unstable();
    assert_eq!(*told, ["answered", "answered", "ended", "ended", "match", "match"]);
    assert!(metrics.to_prometheus().contains("\ncallprint_handler_panics_total 2\n"));
}

#[test]
fn the_time_to_a_decision_is_that_of_the_first_match() {
    let call = [samples("samples/dental-gsm.wav"), samples("samples/warranty-loss.wav")].concat();
    let (pool, events) = pool(PoolConfig { threads: 1, backlog: 60.0 });
    assert_eq!(pool.open(SessionConfig::default()).unwrap().push_i16(&call), call.len());
    wait_for(|| pool.metrics().closed() == 1);
    assert_eq!((pool.metrics().events("match"), pool.metrics().decision().count()), (2, 1));
    let events = events.lock().unwrap();
    let at = |kind: &str| events.values().flatten().find(|event| event.kind() == kind).unwrap().at();
    let (took, told) = (at("match") - at("answered"), pool.metrics().decision().quantile(0.5));
    assert!((told / took - 1.0).abs() < 0.26, "{told} s for {took} s: a histogram is right to a quarter");
}

#[test]
fn who_pushes_what_there_is_room_for_loses_nothing() {
    let call = samples("samples/dental-gsm.wav");
    let (pool, events) = pool(PoolConfig { threads: 1, backlog: 0.1 });
    let line = pool.open(SessionConfig::default()).unwrap();
    assert_eq!(line.room(), 800);
    let wide = SessionConfig { sample_rate: 48_000, ..SessionConfig::default() };
    assert_eq!(pool.open(wide).unwrap().room(), 4800, "as many seconds");
    let (mut at, begun) = (0, Instant::now());
    while at < call.len() {
        let end = call.len().min(at.saturating_add(line.room()));
        assert_eq!(line.push_i16(&call[at..end]), end - at);
        at = end;
        assert!(begun.elapsed() < Duration::from_secs(60), "no room");
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = line.id();
    drop(line);
    wait_for(|| pool.metrics().closed() == 2);
    assert_eq!((pool.metrics().samples(), pool.metrics().dropped()), (call.len() as u64, 0));
    assert!(events.lock().unwrap()[&id].iter().any(|event| event.kind() == "match"));
}
