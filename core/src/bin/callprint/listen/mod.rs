//! `callprint listen`: live calls in, an event a line out.

mod ahead;
mod args;
mod audiosocket;
mod calls;
mod connection;
mod events;
mod hearing;
mod metrics;
mod pcap;
mod stop;
mod stream;

use std::sync::Arc;

use callprint::{Index, SessionConfig, engine::Metrics};

pub(crate) use args::ListenArgs;
use events::Reporter;
use hearing::Hearing;

use crate::{
    args::Color,
    console::Console,
    exit::{Failure, Status},
    input,
    output::words,
};

/// What the sources of calls share.
pub(crate) struct Listening<'a> {
    index: Arc<Index>,
    config: SessionConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reporter: Reporter<'a>,
    pub(crate) console: &'a Console,
}

impl Listening<'_> {
    /// Begins to hear a call.
    ///
    /// # Errors
    /// Those of [`callprint::Session::new`].
    pub(crate) fn hear(&self, sample_rate: u32) -> callprint::Result<Hearing> {
        Hearing::new(&self.index, SessionConfig { sample_rate, ..self.config }, &self.metrics)
    }
}

/// Runs the command.
pub(crate) fn run(args: &ListenArgs, color: Color, console: &Console) -> Result<Status, Failure> {
    args.check()?;
    let index = Arc::new(input::open_index(args.index.as_deref())?);
    console.detail(&format!("index of {}", words::counted(index.len(), "rendering")));
    let config =
        SessionConfig { max_far: args.max_far, stop_when_decided: args.until_decided, ..SessionConfig::default() };
    let metrics = Arc::default();
    let export = args.metrics.as_deref().map(|path| metrics::Export::begin(path, &metrics)).transpose()?;
    let reporter = Reporter::new(args.format, color, console);
    let listening = Listening { index, config, metrics, reporter, console };
    let done = if let Some(address) = &args.audiosocket {
        audiosocket::run(address, args, &listening)
    } else if let Some(path) = &args.pcap {
        pcap::run(path, args, &listening)
    } else {
        stream::run(&args.raw, &listening)
    };
    // Also what came last is told.
    export.map_or(Ok(()), metrics::Export::end).and(done)
}
