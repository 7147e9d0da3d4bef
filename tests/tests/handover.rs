//! Who takes over from a machine: a person does; the machine that goes on in other words mostly does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::sync::Arc;

use callprint::{
    Index, Session, SessionConfig, SessionEvent,
    index::{IndexBuilder, Label},
};
use end_to_end::{clip, corpus, renderings};

/// Samples per second.
const RATE: usize = 8000;

/// Every third rendering of the corpus that lasts longer than 12 s.
fn scripts() -> Vec<Vec<f32>> {
    let long = renderings().into_iter().map(clip).filter(|samples| samples.len() > 12 * RATE);
    long.step_by(3).collect()
}

/// A script's beginning, of 6 to 9 s, which ends within a phrase: with most sound in the half a second around.
fn beginning(script: &[f32]) -> &[f32] {
    let power = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>();
    let least = |at: &usize| script[at - RATE / 4..at + RATE / 4].chunks(RATE / 20).map(power).fold(f32::MAX, f32::min);
    let cuts = (6 * RATE..9 * RATE).step_by(RATE / 20);
    &script[..cuts.max_by(|a, b| least(a).total_cmp(&least(b))).unwrap()]
}

/// When hand-overs were told, s, in a call that plays `samples`, by an index that holds `known`.
fn handovers(known: &[f32], samples: &[f32], machine_voice: bool) -> Vec<f64> {
    let mut builder = IndexBuilder::new();
    let label = Label { id: "script__voice".into(), category: String::new(), language: String::new() };
    builder.add(label, known).unwrap();
    let index = Arc::new(Index::from_bytes(builder.to_bytes().unwrap()).unwrap());
    let mut session = Session::new(index, SessionConfig { machine_voice, ..SessionConfig::default() }).unwrap();
    let mut found = Vec::new();
    let mut matched = false;
    let mut listen = |session: &mut Session| {
        while let Some(event) = session.poll() {
            matched |= matches!(event, SessionEvent::Match { .. });
            if let SessionEvent::Handover { at, .. } = event {
                found.push(at);
            }
        }
    };
    for part in samples.chunks(160) {
        session.push_f32(part);
        listen(&mut session);
    }
    session.finish();
    listen(&mut session);
    assert!(matched, "what the index holds is played");
    found
}

#[test]
fn judging_the_voice_halves_the_machines_that_are_taken_for_people_where_they_go_on_in_other_words() {
    let scripts = scripts();
    let told = |machine_voice| {
        scripts.iter().filter(|script| !handovers(beginning(script), script, machine_voice).is_empty()).count()
    };
    let (with, without) = (told(true), told(false));
    assert!(scripts.len() > 25 && 2 * with <= without, "{with}, by levels alone {without}, of {}", scripts.len());
}

#[test]
fn a_person_who_speaks_where_the_script_was_left_takes_over() {
    let person = clip(corpus("sample-sources/human-words-1.flac"));
    let scripts = scripts();
    let told = scripts.iter().filter(|script| {
        let known = beginning(script);
        let call = [known, &vec![0.0; RATE], &person].concat();
        let begins = (known.len() + RATE) as f64 / RATE as f64;
        let found = handovers(known, &call, true);
        found.len() == 1 && (found[0] - begins).abs() < 0.5
    });
    let told = told.count();
    assert!(10 * told >= 9 * scripts.len(), "{told} of {}", scripts.len());
}

#[test]
fn a_machine_that_plays_its_script_again_is_no_person() {
    for pause in [0, RATE / 2, 2 * RATE] {
        let scripts = scripts();
        let told = scripts.iter().filter(|script| {
            let call = [script, &vec![0.0; pause][..], script, &vec![0.0; pause], script].concat();
            !handovers(script, &call, true).is_empty()
        });
        let told = told.count();
        assert!(10 * told <= scripts.len(), "{told} of {} after {pause} samples", scripts.len());
    }
}
