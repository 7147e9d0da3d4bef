//! Reports made by hand for the tests of the formats.

use callprint::detect::{ChannelReport, Event, EventKind, MachineVoice, Match, ScanReport};

/// A recording in which a script was found.
pub(crate) fn matched() -> ScanReport {
    let voice = MachineVoice { probability: Some(0.93), abstained: false, seconds: 5.2 };
    ScanReport {
        file: "calls/a.wav".to_owned(),
        seconds: 14.2,
        matches: vec![Match {
            script: "dental-01".to_owned(),
            rendering: "dental-01__zh-f1".to_owned(),
            category: "dental-implant".to_owned(),
            channel: 0,
            score: 54.1,
            false_alarms_per_hour: 2.5e-5,
            ber: 0.12,
            query_start: 2.3,
            query_end: 9.8,
            script_start: 0.0,
            script_end: 7.5,
            speed: 1.01,
            decided_at: Some(4.2),
            rivals: vec!["dental-02".to_owned(), "dental-03".to_owned()],
            evidence: Default::default(),
            alignment: Default::default(),
            heard: None,
        }],
        machine_voice: voice,
        events: vec![
            Event { kind: EventKind::Answered, at: 1.9, channel: 0, probability: None },
            Event { kind: EventKind::Match, at: 4.2, channel: 0, probability: None },
            Event { kind: EventKind::Ended, at: 14.2, channel: 0, probability: None },
        ],
        decided_at: Some(4.2),
        channels: vec![ChannelReport { name: "mono".to_owned(), active_seconds: 11.0, machine_voice: voice }],
    }
}

/// A recording in which nothing was found and too little spoken to judge the voice.
pub(crate) fn unmatched() -> ScanReport {
    let voice = MachineVoice { probability: None, abstained: true, seconds: 0.4 };
    ScanReport {
        file: "calls/human.wav".to_owned(),
        seconds: 10.0,
        matches: Vec::new(),
        machine_voice: voice,
        events: vec![Event { kind: EventKind::Ended, at: 10.0, channel: 0, probability: None }],
        decided_at: None,
        channels: vec![ChannelReport { name: "mono".to_owned(), active_seconds: 0.4, machine_voice: voice }],
    }
}

/// A stereo recording with a match on the right and a candidate, which is no match, on the left.
pub(crate) fn stereo() -> ScanReport {
    let mut report = matched();
    let quiet = MachineVoice { probability: None, abstained: true, seconds: 0.0 };
    report.file = "calls/stereo.wav".to_owned();
    report.matches[0].channel = 1;
    report.matches[0].rivals.clear();
    let mut candidate = report.matches[0].clone();
    candidate.script = "loan-03".to_owned();
    candidate.rendering = "loan-03__en-m1".to_owned();
    candidate.category.clear();
    candidate.channel = 0;
    candidate.score = 6.2;
    candidate.false_alarms_per_hour = 1.5;
    candidate.decided_at = None;
    report.matches.push(candidate);
    for event in &mut report.events {
        event.channel = 1;
    }
    report.channels = vec![
        ChannelReport { name: "left".to_owned(), active_seconds: 0.0, machine_voice: quiet },
        ChannelReport { name: "right".to_owned(), active_seconds: 11.0, machine_voice: report.machine_voice },
    ];
    report
}
