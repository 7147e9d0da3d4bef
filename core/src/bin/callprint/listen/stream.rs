//! Raw PCM on standard input, each channel heard by itself.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};

use callprint::audio::{Block, Source, channel_name};

use super::{
    INTERNAL_ERROR, Listening,
    ahead::{Ended, read_ahead},
    events::{End, now},
    hearing::isolated,
};
use crate::{
    args::RawArgs,
    exit::{Failure, Status},
    input,
};

/// Blocks on their way from the reading thread: a reader that is ahead waits.
const AHEAD: usize = 16;

/// Listens until the input ends or a signal comes.
pub(crate) fn run(raw: &RawArgs, listening: &Listening<'_>) -> Result<Status, Failure> {
    let Listening { reporter, console, .. } = listening;
    if io::stdin().is_terminal() {
        return Err(Failure::new("--stream: standard input is a terminal; pipe raw PCM into it"));
    }
    let format = input::raw_format(raw);
    let mut calls = Vec::new();
    for channel in 0..format.channels {
        let name = if format.channels == 1 { "-".to_owned() } else { channel_name(channel, format.channels) };
        calls.push((name, listening.hear(format.sample_rate).map_err(Failure::new)?, false));
    }
    let raw = raw.clone();
    let read = move |send: &mut dyn FnMut(Block) -> bool| {
        let mut source = input::open_stdin(&raw)?;
        let mut block = Block::default();
        while source.next_block(&mut block).map_err(|error| Failure::reading(Path::new("-"), &error))? {
            if !send(std::mem::take(&mut block)) {
                break;
            }
        }
        Ok(())
    };
    let Ended { reason, failure } = read_ahead(AHEAD, read, |block| {
        let arrived = Instant::now();
        for ((call, hearing, failed), samples) in calls.iter_mut().zip(&block.channels) {
            let heard = isolated(|| {
                hearing.push_f32(samples);
                reporter.drain(call, hearing, now());
            });
            if heard.is_none() {
                listening.give_up(call, Some(hearing));
                *failed = true;
            }
        }
        listening.metrics.lateness().observe(arrived.elapsed().as_secs_f64());
    })?;
    for (call, hearing, failed) in &mut calls {
        let reason = if *failed { INTERNAL_ERROR } else { reason };
        listening.end(call, hearing, now(), &End { reason, rtp: None });
    }
    if let Some(failure) = failure {
        console.failure(&failure);
        return Ok(Status::Failed);
    }
    Ok(Status::Done)
}
