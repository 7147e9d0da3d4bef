//! `callprint listen`: live calls in, an event a line out.

mod ahead;
mod args;
mod audiosocket;
mod calls;
mod connection;
mod events;
mod hearing;
mod pcap;
mod stop;
mod stream;

use std::sync::Arc;

use callprint::SessionConfig;

pub(crate) use args::ListenArgs;
use events::Reporter;

use crate::{
    args::Color,
    console::Console,
    exit::{Failure, Status},
    input,
    output::words,
};

/// Runs the command.
pub(crate) fn run(args: &ListenArgs, color: Color, console: &Console) -> Result<Status, Failure> {
    args.check()?;
    let index = Arc::new(input::open_index(args.index.as_deref())?);
    console.detail(&format!("index of {}", words::counted(index.len(), "rendering")));
    let config =
        SessionConfig { max_far: args.max_far, stop_when_decided: args.until_decided, ..SessionConfig::default() };
    let reporter = Reporter::new(args.format, color, console);
    if let Some(address) = &args.audiosocket {
        audiosocket::run(address, args, &index, config, &reporter, console)
    } else if let Some(path) = &args.pcap {
        pcap::run(path, args, &index, config, &reporter, console)
    } else {
        stream::run(&args.raw, &index, config, &reporter, console)
    }
}
