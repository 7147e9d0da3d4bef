//! Results on standard output: JSON Lines, CSV, or text for people.

mod csv;
pub(crate) mod file;
mod json;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod table;
mod text;
pub(crate) mod words;

use std::{
    io::{self, ErrorKind, Write},
    process,
};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use callprint::detect::ScanReport;
use serde::Serialize;

use crate::{
    args::{Color, Format},
    console::Console,
    exit::{Failure, Status},
};

/// Writes reports one after another; each is on its way to the reader when the call returns.
pub(crate) trait ReportWriter {
    /// Writes what comes before the first report.
    fn start(&mut self) -> io::Result<()>;
    /// Writes one report; `damage` is what was wrong with the audio, if anything.
    fn report(&mut self, report: &ScanReport, damage: Option<&str>) -> io::Result<()>;
}

/// A report as a line of JSON, with what was wrong with the audio: `null` where nothing was.
#[derive(Debug, Serialize)]
pub(crate) struct Marked<'r, R> {
    #[serde(flatten)]
    pub(crate) report: &'r R,
    pub(crate) damaged: Option<&'r str>,
}

/// A writer of reports to standard output.
pub(crate) fn report_writer(format: Format, color: Color) -> Box<dyn ReportWriter> {
    match format {
        Format::Json => Box::new(json::Json::new(io::stdout())),
        Format::Csv => Box::new(csv::Csv::new(io::stdout())),
        Format::Text => Box::new(text::Text::new(stream(io::stdout(), color))),
    }
}

/// `raw` with colours let through or taken out: on terminals only, unless `color` says otherwise.
pub(crate) fn stream<S: RawStream>(raw: S, color: Color) -> AutoStream<S> {
    let choice = match color {
        Color::Auto => AutoStream::choice(&raw),
        Color::Always => ColorChoice::AlwaysAnsi,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(raw, choice)
}

/// Writes all of `bytes` to standard output. A reader that went away is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::stdout(&error)),
        _ => Ok(()),
    }
}

/// Ends the program because standard output takes no more: quietly with `status` where the reader went away (as `head`
/// does), with an error otherwise.
///
/// It leaves at once: other threads may be in the middle of hours of audio that nobody will read about.
pub(crate) fn stdout_gone(error: &io::Error, status: Status, console: &Console) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        process::exit(status as i32);
    }
    console.failure(&Failure::stdout(error));
    process::exit(Status::Failed as i32)
}
