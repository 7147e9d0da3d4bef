//! RTP streams of a capture, each a call.

use std::{
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
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

/// What the reading thread has seen of the capture.
#[derive(Debug, Default)]
struct ReadSoFar {
    packets: AtomicU64,
    datagrams: AtomicU64,
}

/// A datagram of its own memory.
struct Arrival {
    time: Duration,
    source: SocketAddr,
    destination: SocketAddr,
    payload: Vec<u8>,
    cut: bool,
}

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
    let read_so_far = Arc::new(ReadSoFar::default());
    let (path, counted) = (path.to_owned(), Arc::clone(&read_so_far));
    let read = move |send: &mut dyn FnMut(Arrival) -> bool| {
        read(&path, &counted, |datagram| {
            let Datagram { time, source, destination, payload, cut } = datagram;
            send(Arrival { time, source, destination, payload: payload.to_vec(), cut })
        })
    };
    let mut streams = Streams::with_limit(types, args.max_calls());
    let mut told_of_cut = false;
    let (failure, Outcome { heard, trouble }) = thread::scope(|scope| -> Result<_, Failure> {
        let mut calls = Calls::new(scope, pool::threads(args.jobs), listening);
        let mut last = Duration::ZERO;
        let Ended { reason, failure } = read_ahead(AHEAD, read, |arrival| {
            let Arrival { time, source, destination, payload, cut } = &arrival;
            last = *time;
            if *cut && !std::mem::replace(&mut told_of_cut, true) {
                console.note(
                    "packets are cut short in the capture, and little of their audio is heard; capture whole ones (`-s 0`)",
                );
            }
            let datagram = Datagram { time: *time, source: *source, destination: *destination, payload, cut: *cut };
            streams.push(&datagram, &mut |key, event| calls.take(key, event, *time, "end_of_input"));
        })?;
        let time = if last.is_zero() { now() } else { last };
        streams.finish(&mut |key, event| calls.take(key, event, time, reason));
        Ok((failure, calls.finish()))
    })?;
    if failure.is_none() || heard > 0 {
        console.note(&summary(heard, listening.counts.made_room.total(), &read_so_far));
    }
    if let Some(failure) = failure.or(trouble) {
        console.failure(&failure);
        return Ok(Status::Failed);
    }
    Ok(Status::Done)
}

/// What was heard in how much; where it is nothing, what is looked for.
fn summary(heard: usize, made_room: u64, read_so_far: &ReadSoFar) -> String {
    let packets = read_so_far.packets.load(Ordering::Relaxed);
    let datagrams = read_so_far.datagrams.load(Ordering::Relaxed);
    let hint = match (heard, packets, datagrams) {
        (1.., ..) | (_, 0, _) => "",
        (.., 0) => {
            "; RTP is looked for in UDP on Ethernet, with VLAN tags or without, Linux cooked and raw IP, not within MPLS, PPPoE, tunnels or fragments"
        }
        _ => {
            "; a stream is three packets numbered one after the other, of a static or dynamic payload type, between ports from 1024 on"
        }
    };
    let packets = words::counted(packets as usize, "packet");
    let made_room = match made_room {
        0 => String::new(),
        some => format!(" ({} of them not to their end, see --max-calls)", words::count(some)),
    };
    format!(
        "{} heard{made_room} in {packets}, {} of them UDP{hint}",
        words::counted(heard, "RTP stream"),
        words::count(datagrams)
    )
}

/// Reads a capture to its end, or until `take` returns `false`.
fn read(path: &Path, so_far: &ReadSoFar, mut take: impl FnMut(Datagram<'_>) -> bool) -> Result<(), Failure> {
    let failed = |error: &callprint::Error| Failure::reading(path, error);
    let name = path.to_string_lossy();
    let reader: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| failed(&callprint::Error::io(path, error)))?)
    };
    let mut capture = CaptureReader::new(&name, reader).map_err(|error| failed(&error))?;
    let mut wanted = true;
    while wanted {
        let more = capture.next_datagram(|datagram| {
            so_far.datagrams.fetch_add(1, Ordering::Relaxed);
            wanted = take(datagram);
        });
        if !more.map_err(|error| failed(&error))? {
            break;
        }
        so_far.packets.store(capture.packets(), Ordering::Relaxed);
    }
    Ok(())
}
