//! Raw PCM on standard input, one session a channel.

use std::{
    io::{self, IsTerminal},
    path::Path,
    sync::Arc,
    thread,
};

use callprint::{
    Index, Session, SessionConfig,
    audio::{Block, Source, channel_name},
};

use super::{
    events::{End, Reporter, now},
    stop::Stop,
};
use crate::{
    args::RawArgs,
    console::Console,
    exit::{Failure, Status},
    input,
};

/// Blocks on their way from the reading thread: a reader that is ahead waits.
const AHEAD: usize = 16;

enum Arrival {
    Block(Block),
    End(Option<Failure>),
    Stop,
}

/// Listens until the input ends or a signal comes.
pub(crate) fn run(
    raw: &RawArgs,
    index: &Arc<Index>,
    config: SessionConfig,
    reporter: &Reporter<'_>,
    console: &Console,
) -> Result<Status, Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::new("--stream: standard input is a terminal; pipe raw PCM into it"));
    }
    let format = input::raw_format(raw);
    let mut calls = Vec::new();
    for channel in 0..format.channels {
        let name = if format.channels == 1 { "-".to_owned() } else { channel_name(channel, format.channels) };
        let config = SessionConfig { sample_rate: format.sample_rate, ..config };
        calls.push((name, Session::new(Arc::clone(index), config).map_err(Failure::new)?));
    }
    let (sender, arrivals) = std::sync::mpsc::sync_channel(AHEAD);
    let stopping = sender.clone();
    let stop = Stop::on_signal(move || {
        // Where the queue is full there is something to wake up for anyway.
        let _ = stopping.try_send(Arrival::Stop);
    })?;
    let raw = raw.clone();
    // A read can't be interrupted; after a signal the thread is left behind.
    thread::spawn(move || {
        let result = input::open_stdin(&raw).and_then(|mut source| {
            let mut block = Block::default();
            while source.next_block(&mut block).map_err(|error| Failure::reading(Path::new("-"), &error))? {
                if sender.send(Arrival::Block(std::mem::take(&mut block))).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let _ = sender.send(Arrival::End(result.err()));
    });
    let (mut reason, mut failure) = ("end_of_input", None);
    for arrival in arrivals {
        if stop.is_set() {
            reason = "shutdown";
            break;
        }
        match arrival {
            Arrival::Block(block) => {
                for ((call, session), samples) in calls.iter_mut().zip(&block.channels) {
                    session.push_f32(samples);
                    reporter.drain(call, session, now());
                }
            }
            Arrival::End(error) => {
                failure = error;
                break;
            }
            Arrival::Stop => {}
        }
    }
    for (call, session) in &mut calls {
        reporter.end(call, session, now(), &End { reason, rtp: None });
    }
    if let Some(failure) = failure {
        console.failure(&failure);
        return Ok(Status::Failed);
    }
    Ok(Status::Done)
}
