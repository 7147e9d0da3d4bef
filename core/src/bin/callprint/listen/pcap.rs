//! RTP streams of a capture, each a call.

use std::{
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::Path,
    thread,
    time::Duration,
};

use callprint::telephony::{CaptureReader, Datagram, PayloadTypes, RtpCodec, Streams};

use super::{
    Listening,
    ahead::{Ended, read_ahead},
    args::ListenArgs,
    calls::{Calls, Outcome},
    events::now,
};
use crate::{
    exit::{Failure, Status},
    output::words,
    pool,
};

/// Datagrams on their way from the reading thread.
const AHEAD: usize = 1024;

/// When a datagram came, from where to where, and what it holds.
type Arrival = (Duration, SocketAddr, SocketAddr, Vec<u8>);

/// Listens until the capture ends or a signal comes.
pub(crate) fn run(path: &Path, args: &ListenArgs, listening: &Listening<'_>) -> Result<Status, Failure> {
    let console = listening.console;
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
    let (failure, Outcome { heard, trouble }) = thread::scope(|scope| -> Result<_, Failure> {
        let mut calls = Calls::new(scope, pool::threads(args.jobs), listening);
        let mut time = Duration::ZERO;
        let Ended { reason, failure } = read_ahead(AHEAD, read, |(at, source, destination, payload): Arrival| {
            time = at;
            let datagram = Datagram { time: at, source, destination, payload: &payload };
            streams.push(&datagram, &mut |key, event| calls.take(key, event, at, "idle"));
        })?;
        let time = if time.is_zero() { now() } else { time };
        streams.finish(&mut |key, event| calls.take(key, event, time, reason));
        Ok((failure, calls.finish()))
    })?;
    if failure.is_none() || heard > 0 {
        console.note(&format!("{} heard", words::counted(heard, "RTP stream")));
    }
    if let Some(failure) = failure.or(trouble) {
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
