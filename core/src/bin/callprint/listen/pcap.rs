//! RTP streams of a capture, one session a stream.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use callprint::{
    Index, Session, SessionConfig,
    telephony::{CaptureReader, Datagram, PayloadTypes, RtpCodec, StreamEvent, StreamKey, Streams},
};

use super::{
    args::ListenArgs,
    events::{End, Reporter, now},
    stop::Stop,
};
use crate::{
    console::Console,
    exit::{Failure, Status},
    output::words,
};

/// Datagrams on their way from the reading thread.
const AHEAD: usize = 1024;

enum Arrival {
    Datagram(Duration, StreamAddresses, Vec<u8>),
    End(Option<Failure>),
    Stop,
}

type StreamAddresses = (std::net::SocketAddr, std::net::SocketAddr);

/// Listens until the capture ends or a signal comes.
pub(crate) fn run(
    path: &Path,
    args: &ListenArgs,
    index: &Arc<Index>,
    config: SessionConfig,
    reporter: &Reporter<'_>,
    console: &Console,
) -> Result<Status, Failure> {
    let mut types = PayloadTypes::default();
    for (number, name) in &args.payload {
        let codec = RtpCodec::from_name(name).ok_or_else(|| {
            Failure::new(format_args!("--payload {number}={name}: give one of pcmu, pcma, gsm, g722, opus"))
        })?;
        types.set(*number, codec).map_err(Failure::new)?;
    }
    let (sender, arrivals) = std::sync::mpsc::sync_channel(AHEAD);
    let stopping = sender.clone();
    let stop = Stop::on_signal(move || {
        let _ = stopping.try_send(Arrival::Stop);
    })?;
    let reading = path.to_owned();
    // A read can't be interrupted; after a signal the thread is left behind.
    thread::spawn(move || {
        let result = read(&reading, |datagram| {
            let addresses = (datagram.source, datagram.destination);
            sender.send(Arrival::Datagram(datagram.time, addresses, datagram.payload.to_vec())).is_ok()
        });
        let _ = sender.send(Arrival::End(result.err()));
    });
    let mut streams = Streams::new(types);
    let mut calls = Calls { sessions: HashMap::new(), index, config, reporter, console, heard: 0, trouble: None };
    let (mut reason, mut failure, mut time) = ("end_of_input", None, Duration::ZERO);
    for arrival in arrivals {
        if stop.is_set() {
            reason = "shutdown";
            break;
        }
        match arrival {
            Arrival::Datagram(at, (source, destination), payload) => {
                time = at;
                let datagram = Datagram { time: at, source, destination, payload: &payload };
                streams.push(&datagram, &mut |key, event| calls.take(key, event, at, "idle"));
            }
            Arrival::End(error) => {
                failure = error;
                break;
            }
            Arrival::Stop => {}
        }
    }
    let time = if time.is_zero() { now() } else { time };
    streams.finish(&mut |key, event| calls.take(key, event, time, reason));
    if failure.is_none() || calls.heard > 0 {
        console.note(&format!("{} heard", words::counted(calls.heard, "RTP stream")));
    }
    if let Some(failure) = failure.or(calls.trouble) {
        console.failure(&failure);
        return Ok(Status::Failed);
    }
    Ok(Status::Done)
}

/// Reads a capture to its end, or until `take` returns `false`.
fn read(path: &Path, mut take: impl FnMut(Datagram<'_>) -> bool) -> Result<(), Failure> {
    let failed = |error: &callprint::Error| Failure::reading(path, error);
    let name = path.to_string_lossy();
    let reader: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| failed(&callprint::Error::io(path, error)))?)
    };
    let mut capture = CaptureReader::new(&name, reader).map_err(|error| failed(&error))?;
    let mut wanted = true;
    while wanted && capture.next_datagram(|datagram| wanted = take(datagram)).map_err(|error| failed(&error))? {}
    Ok(())
}

/// The sessions of the streams.
struct Calls<'a> {
    sessions: HashMap<StreamKey, (String, Session)>,
    index: &'a Arc<Index>,
    config: SessionConfig,
    reporter: &'a Reporter<'a>,
    console: &'a Console,
    heard: usize,
    trouble: Option<Failure>,
}

impl Calls<'_> {
    fn take(&mut self, key: &StreamKey, event: StreamEvent<'_>, time: Duration, reason: &'static str) {
        if !self.sessions.contains_key(key) {
            match Session::new(Arc::clone(self.index), self.config) {
                Ok(session) => {
                    self.heard += 1;
                    self.sessions.insert(*key, (key.to_string(), session));
                }
                Err(error) => {
                    self.trouble = Some(Failure::new(error));
                    return;
                }
            }
        }
        match event {
            StreamEvent::Samples(samples) => {
                if let Some((call, session)) = self.sessions.get_mut(key) {
                    session.push_f32(samples);
                    self.reporter.drain(call, session, time);
                }
            }
            StreamEvent::Ended(counts) => {
                if let Some((call, mut session)) = self.sessions.remove(key) {
                    if session.seconds() == 0.0 {
                        self.console.note(&format!(
                            "{call}: {} is not decoded; --payload TYPE=CODEC says what a dynamic type is",
                            counts.codec
                        ));
                    }
                    self.reporter.end(&call, &mut session, time, &End { reason, rtp: Some(counts) });
                }
            }
        }
    }
}
