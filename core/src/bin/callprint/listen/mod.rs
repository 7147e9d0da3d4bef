//! `callprint listen`: live calls in, an event a line out.

mod ahead;
mod args;
mod audiosocket;
mod calls;
mod connection;
mod events;
mod hangup;
mod hearing;
mod metrics;
mod pcap;
mod scripts;
mod stop;
mod stream;

use std::{sync::Arc, thread, time::Duration};

use callprint::{SessionConfig, engine::Metrics};

pub(crate) use args::ListenArgs;
use events::{End, Full, Reader, Reporter};
use hearing::{Hearing, isolated};
use metrics::Counts;
use scripts::Scripts;

use crate::{
    args::Color,
    console::Console,
    exit::{Failure, Status},
    output::words,
};

/// What the sources of calls share.
pub(crate) struct Listening<'a> {
    scripts: &'a Scripts,
    config: SessionConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) reporter: Reporter<'a>,
    pub(crate) console: &'a Console,
}

impl Listening<'_> {
    /// Begins to hear a call.
    ///
    /// # Errors
    /// Those of [`callprint::Session::new`].
    pub(crate) fn hear(&self, sample_rate: u32) -> callprint::Result<Hearing> {
        Hearing::new(&self.scripts.current(), SessionConfig { sample_rate, ..self.config }, &self.metrics)
    }

    /// Ends a call and prints its last events.
    pub(crate) fn end(&self, call: &str, hearing: &mut Hearing, time: Duration, end: &End) {
        if isolated(|| self.reporter.end(call, hearing, time, end)).is_none() {
            self.give_up(call, Some(hearing));
            self.reporter.end(call, hearing, time, &End { reason: INTERNAL_ERROR, ..end.clone() });
        }
    }

    /// Counts an RTP stream that was ended for another, and says so now and then.
    fn tell_made_room(&self) {
        if let Some(streams) = self.counts.made_room.add() {
            let streams = words::counted(streams as usize, "RTP stream");
            self.console.failure(&Failure::new(format_args!(
                "{streams} ended to make room for others; --max-calls allows more"
            )));
        }
    }

    /// Gives up a call in which callprint has panicked, counts that and says so.
    pub(crate) fn give_up(&self, call: &str, hearing: Option<&mut Hearing>) {
        self.metrics.count_fault();
        if let Some(hearing) = hearing {
            hearing.give_up();
        }
        self.console.failure(&Failure::new(format_args!(
            "{call}: internal error, this call is heard no further; please report it with what stands above"
        )));
    }
}

/// Why a call ends in which callprint has panicked.
pub(crate) const INTERNAL_ERROR: &str = "internal_error";

/// Runs the command.
pub(crate) fn run(args: &ListenArgs, color: Color, console: &Console) -> Result<Status, Failure> {
    args.check()?;
    let scripts = Scripts::open(args.index.as_deref())?;
    console.detail(&format!("index of {}", words::counted(scripts.current().len(), "rendering")));
    let config =
        SessionConfig { max_far: args.max_far, stop_when_decided: args.until_decided, ..SessionConfig::default() };
    // Before any file is written: where another listens already, its figures are left alone.
    let listeners = args.audiosocket.as_deref().map(audiosocket::bind).transpose()?;
    let (metrics, counts) = (Arc::default(), Arc::default());
    let export = args.metrics.as_deref().map(|path| metrics::Export::begin(path, &metrics, &counts)).transpose()?;
    let done = thread::scope(|scope| {
        let _hangups = hangup::Hangups::watch(scope, || scripts.reload(console))
            .map_err(|error| Failure::new(format_args!("SIGHUP can't be caught: {error}")))?;
        let full = if listeners.is_some() { Full::Lose } else { Full::Wait };
        let reader = if args.is_live() { Reader::Needed } else { Reader::MayGo };
        let out = events::stdout(args.format, color);
        let reporter = Reporter::begin(scope, out, args.format, (full, reader), &counts, console);
        let listening = Listening { scripts: &scripts, config, metrics, counts, reporter, console };
        if let Some(listeners) = listeners {
            audiosocket::run(listeners, args, &listening)
        } else if let Some(path) = &args.pcap {
            pcap::run(path, args, &listening)
        } else {
            stream::run(&args.raw, &listening)
        }
    });
    // Also what came last is told.
    export.map_or(Ok(()), metrics::Export::end).and(done)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Mutex, PoisonError},
    };

    use callprint::telephony::{StreamCounts, StreamEnd, StreamEvent, StreamKey};
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Common;

    /// Memory that is written to.
    #[derive(Clone, Default)]
    pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Listens as `work` does: what was printed, and what was counted.
    pub(super) fn listen(work: impl FnOnce(&Listening<'_>)) -> (Vec<Value>, Arc<Metrics>) {
        let console = Console::new(&Common { quiet: true, verbose: false, color: Color::Never });
        let scripts = Scripts::open(None).unwrap();
        let (paper, metrics, counts) = (Paper::default(), Arc::default(), Arc::default());
        thread::scope(|scope| {
            let how = (Full::Lose, Reader::Needed);
            let out = Box::new(paper.clone());
            let reporter = Reporter::begin(scope, out, args::EventFormat::Json, how, &counts, &console);
            let (metrics, counts, config) = (Arc::clone(&metrics), Arc::clone(&counts), SessionConfig::default());
            work(&Listening { scripts: &scripts, config, metrics, counts, reporter, console: &console });
        });
        let written = paper.0.lock().unwrap().clone();
        (
            written.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect(),
            metrics,
        )
    }

    #[test]
    fn a_panic_ends_one_rtp_call_and_its_thread_hears_the_others() {
        let key = |ssrc| StreamKey {
            source: ([127, 0, 0, 1], 4000).into(),
            destination: ([127, 0, 0, 1], 5000).into(),
            ssrc,
        };
        let counts = || StreamCounts { codec: "PCMU".into(), packets: 3, lost: 0, out_of_order: 0, duplicates: 0 };
        let (events, metrics) = listen(|listening| {
            thread::scope(|scope| {
                let mut calls = calls::Calls::new(scope, 1, listening);
                for samples in [160, hearing::PANICS, 160] {
                    for (ssrc, samples) in [(1, samples), (2, 160)] {
                        let samples = vec![0.0; samples];
                        calls.take(&key(ssrc), StreamEvent::Samples(&samples), Duration::ZERO, "end_of_input");
                    }
                }
                for ssrc in [1, 2] {
                    let ended = StreamEvent::Ended(StreamEnd::Idle, counts());
                    calls.take(&key(ssrc), ended, Duration::from_secs(2), "end_of_input");
                }
                let outcome = calls.finish();
                assert!(outcome.heard == 2 && outcome.trouble.is_none());
            });
        });
        let ended: Vec<_> = events.iter().map(|event| (&event["reason"], &event["at"], &event["packets"])).collect();
        assert_eq!(
            ended,
            [(&json!("internal_error"), &json!(0.04), &json!(3)), (&json!("idle"), &json!(0.06), &json!(3))]
        );
        assert_eq!((metrics.faults(), metrics.opened(), metrics.closed(), metrics.searched()), (1, 2, 2, 0));
        assert_eq!(metrics.events("ended"), 2);
    }
}
