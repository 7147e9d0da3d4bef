//! RTP streams of a capture, each a call.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use callprint::{
    Index, SessionConfig,
    telephony::{CaptureReader, Datagram, PayloadTypes, RtpCodec, StreamEvent, StreamKey, Streams},
};

use super::{
    ahead::{Ended, read_ahead},
    args::ListenArgs,
    events::{End, Reporter, now},
    hearing::Hearing,
};
use crate::{
    console::Console,
    exit::{Failure, Status},
    output::words,
};

/// Datagrams on their way from the reading thread.
const AHEAD: usize = 1024;

/// When a datagram came, from where to where, and what it holds.
type Arrival = (Duration, SocketAddr, SocketAddr, Vec<u8>);

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
    let path = path.to_owned();
    let read = move |send: &mut dyn FnMut(Arrival) -> bool| {
        read(&path, |datagram| send((datagram.time, datagram.source, datagram.destination, datagram.payload.to_vec())))
    };
    let mut streams = Streams::new(types);
    let mut calls = Calls { open: HashMap::new(), index, config, reporter, console, heard: 0, trouble: None };
    let mut time = Duration::ZERO;
    let Ended { reason, failure } = read_ahead(AHEAD, read, |(at, source, destination, payload): Arrival| {
        time = at;
        let datagram = Datagram { time: at, source, destination, payload: &payload };
        streams.push(&datagram, &mut |key, event| calls.take(key, event, at, "idle"));
    })?;
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

/// The streams that are heard.
struct Calls<'a> {
    open: HashMap<StreamKey, (String, Hearing)>,
    index: &'a Arc<Index>,
    config: SessionConfig,
    reporter: &'a Reporter<'a>,
    console: &'a Console,
    heard: usize,
    trouble: Option<Failure>,
}

impl Calls<'_> {
    fn take(&mut self, key: &StreamKey, event: StreamEvent<'_>, time: Duration, reason: &'static str) {
        if !self.open.contains_key(key) {
            match Hearing::new(self.index, self.config) {
                Ok(hearing) => {
                    self.heard += 1;
                    self.open.insert(*key, (key.to_string(), hearing));
                }
                Err(error) => {
                    self.trouble = Some(Failure::new(error));
                    return;
                }
            }
        }
        match event {
            StreamEvent::Samples(samples) => {
                if let Some((call, hearing)) = self.open.get_mut(key) {
                    hearing.push_f32(samples);
                    self.reporter.drain(call, hearing, time);
                }
            }
            StreamEvent::Ended(counts) => {
                if let Some((call, mut hearing)) = self.open.remove(key) {
                    if hearing.seconds() == 0.0 {
                        self.console.note(&format!(
                            "{call}: {} is not decoded; --payload TYPE=CODEC says what a dynamic type is",
                            counts.codec
                        ));
                    }
                    self.reporter.end(&call, &mut hearing, time, &End { reason, rtp: Some(counts) });
                }
            }
        }
    }
}
