//! Events of calls on standard output, one a line.
//!
//! A thread writes what others put into its queue, so that a reader who pauses keeps no call waiting: Asterisk gives up a line that
//! is not answered for 2 s.

use std::{
    io::{self, ErrorKind, Write},
    process,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::Scope,
    time::{Duration, SystemTime},
};

use anstyle::{AnsiColor, Style};
use callprint::{Index, SessionEvent, SessionMatch};
use serde::Serialize;

use super::{args::EventFormat, hearing::Hearing, metrics::Counts};
use crate::{
    args::Color,
    console::Console,
    exit::{Failure, Status, one_line},
    output::{
        self,
        words::{self, Clock},
    },
};

const MATCH: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Lines that may wait for the reader: some 20 MB.
const QUEUE: usize = 1 << 16;
/// Bytes that are written at once where many lines wait.
const BATCH: usize = 1 << 16;

/// What to do with an event when as many as may be wait for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Wait, and keep the input waiting.
    Wait,
    /// Lose the event, and count it: the input can't wait.
    Lose,
}

/// What it means that the reader has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A failure: nobody learns of the calls any more, and whoever keeps the program running is to know.
    Needed,
    /// It has what it wanted, as `head` has.
    MayGo,
}

/// Takes events to be written; shared by threads. When it is dropped, what waits is still written.
pub(crate) struct Reporter<'c> {
    queue: SyncSender<Vec<u8>>,
    full: Full,
    counts: Arc<Counts>,
    format: EventFormat,
    console: &'c Console,
}

/// Standard output, for [`Reporter::begin`].
pub(crate) fn stdout(format: EventFormat, color: Color) -> Box<dyn Write + Send> {
    match format {
        EventFormat::Json => Box::new(io::stdout()),
        EventFormat::Text => Box::new(output::stream(io::stdout(), color)),
    }
}

/// Writes lines until there can be no more.
fn write(lines: &Receiver<Vec<u8>>, mut out: impl Write, reader: Reader, console: &Console) {
    let mut batch = Vec::new();
    while let Ok(line) = lines.recv() {
        batch.extend(line);
        while batch.len() < BATCH
            && let Ok(line) = lines.try_recv()
        {
            batch.extend(line);
        }
        if let Err(error) = out.write_all(&batch).and_then(|()| out.flush()) {
            if error.kind() == ErrorKind::BrokenPipe && reader == Reader::Needed {
                console.failure(&Failure::new("standard output: its reader went away; calls are heard no further"));
                process::exit(Status::Failed as i32);
            }
            output::stdout_gone(&error, Status::Done, console);
        }
        batch.clear();
    }
}

/// One line: an event of one call.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    call: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    /// Seconds of audio.
    at: f64,
    /// Seconds since 1970, to the millisecond.
    time: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    found: Option<Found<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digit: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    end: Option<&'a End>,
}

/// What `match`, `ambiguous` and `match_revoked` say of the script; names as in the report of `scan`.
#[derive(Debug, Serialize)]
struct Found<'a> {
    script: &'a str,
    rendering: &'a str,
    category: &'a str,
    score: f64,
    false_alarms_per_hour: f64,
    ber: f64,
    query_start: f64,
    query_end: f64,
    script_start: f64,
    script_end: f64,
    speed: f64,
    rivals: Vec<&'a str>,
}

/// What `ended` says beside the length of the call.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct End {
    /// Why; the help of `listen` says what the values mean.
    pub(crate) reason: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) rtp: Option<callprint::telephony::StreamCounts>,
}

/// Now, for [`Reporter::event`].
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

impl<'c> Reporter<'c> {
    /// Begins to write to `out`, in a thread of `scope`.
    pub(crate) fn begin<'scope>(
        scope: &'scope Scope<'scope, '_>,
        out: Box<dyn Write + Send + 'scope>,
        format: EventFormat,
        (full, reader): (Full, Reader),
        counts: &Arc<Counts>,
        console: &'c Console,
    ) -> Self
    where
        'c: 'scope,
    {
        let (queue, lines) = sync_channel(QUEUE);
        scope.spawn(move || write(&lines, out, reader, console));
        Self { queue, full, counts: Arc::clone(counts), format, console }
    }

    /// Prints all events that wait, and lets a call rest that is decided; the least false-alarm rate of the matches among
    /// them. `time` is when the audio came, since 1970.
    pub(crate) fn drain(&self, call: &str, hearing: &mut Hearing, time: Duration) -> Option<f64> {
        let least = self.print(call, hearing, time);
        hearing.rest_if_decided();
        least
    }

    fn print(&self, call: &str, hearing: &mut Hearing, time: Duration) -> Option<f64> {
        let mut least: Option<f64> = None;
        while let Some((event, index)) = hearing.poll() {
            if let SessionEvent::Match { found, .. } = &event {
                least = Some(least.map_or(found.false_alarms_per_hour, |l| l.min(found.false_alarms_per_hour)));
            }
            // The end is told by `end`, which knows why.
            if !matches!(event, SessionEvent::Ended { .. }) {
                self.session_event(call, index, &event, time);
            }
        }
        least
    }

    /// Ends a call and prints its last events.
    pub(crate) fn end(&self, call: &str, hearing: &mut Hearing, time: Duration, end: &End) {
        hearing.finish();
        self.print(call, hearing, time);
        self.write(&Line { end: Some(end), ..Line::new(call, "ended", hearing.seconds(), time) });
    }

    /// Prints a key press.
    pub(crate) fn digit(&self, call: &str, at: f64, digit: u8, time: Duration) {
        let digit = char::from(digit).to_string();
        self.write(&Line { digit: Some(digit), ..Line::new(call, "dtmf", at, time) });
    }

    fn session_event(&self, call: &str, index: &Index, event: &SessionEvent, time: Duration) {
        let probability = match event {
            SessionEvent::MachineVoice { probability, .. } => Some(*probability),
            SessionEvent::Handover { confidence, .. } => Some(*confidence),
            _ => None,
        };
        let found = event.found().map(|found| Found::new(index, found));
        self.write(&Line { found, probability, ..Line::new(call, event.kind(), event.at(), time) });
    }

    fn write(&self, line: &Line<'_>) {
        let mut bytes = match self.format {
            EventFormat::Json => serde_json::to_vec(line).unwrap_or_default(),
            EventFormat::Text => line.text().into_bytes(),
        };
        bytes.push(b'\n');
        // Without the writer there is an end of the program under way.
        match self.full {
            Full::Wait => drop(self.queue.send(bytes)),
            Full::Lose => {
                if let Err(TrySendError::Full(_)) = self.queue.try_send(bytes)
                    && let Some(lost) = self.counts.lost_events.add()
                {
                    self.console.failure(&Failure::new(format_args!(
                        "standard output: its reader is {} behind; {} lost",
                        words::counted(QUEUE, "event"),
                        words::counted(lost as usize, "event")
                    )));
                }
            }
        }
    }

    /// Prints the end of a call that nothing was heard of.
    pub(crate) fn end_unheard(&self, call: &str, time: Duration, end: &End) {
        self.write(&Line { end: Some(end), ..Line::new(call, "ended", 0.0, time) });
    }
}

impl<'a> Line<'a> {
    fn new(call: &'a str, kind: &'a str, at: f64, time: Duration) -> Self {
        let time = time.as_millis() as f64 / 1e3;
        // A hundredth of a millisecond of audio is below a sample.
        let at = (at * 1e5).round() / 1e5;
        Self { call, kind, at, time, found: None, probability: None, digit: None, end: None }
    }

    /// The line for people.
    fn text(&self) -> String {
        let kind = self.kind.replace('_', " ");
        let call = one_line(self.call);
        let mut text = format!("{FAINT}{call}{FAINT:#}  {:>8}  ", Clock(self.at).to_string());
        match &self.found {
            Some(found) => {
                text.push_str(&format!("{MATCH}{kind} {}{MATCH:#}", found.script));
                if !found.category.is_empty() {
                    text.push_str(&format!(" ({})", found.category));
                }
                text.push_str(&format!(
                    ", false alarms {}, since {}",
                    words::false_alarms(found.false_alarms_per_hour),
                    Clock(found.query_start)
                ));
                if !found.rivals.is_empty() {
                    text.push_str(&format!(", or {}", found.rivals.join(", ")));
                }
            }
            None => text.push_str(&kind),
        }
        if let Some(digit) = &self.digit {
            text.push_str(&format!(" {}", one_line(digit)));
        }
        if let Some(end) = self.end {
            text.push_str(&format!(": {}", end.reason.replace('_', " ")));
            if let Some(rtp) = &end.rtp {
                text.push_str(&format!(
                    "; {}, {} packets, {} lost, {} out of order, {} twice",
                    rtp.codec,
                    words::count(rtp.packets),
                    rtp.lost,
                    rtp.out_of_order,
                    rtp.duplicates
                ));
            }
        }
        text
    }
}

impl<'a> Found<'a> {
    fn new(index: &'a Index, found: &SessionMatch) -> Self {
        let rendering = index.rendering(found.rendering);
        Self {
            script: rendering.script,
            rendering: rendering.id,
            category: rendering.category,
            score: found.score,
            false_alarms_per_hour: found.false_alarms_per_hour,
            ber: found.ber,
            query_start: found.query_start,
            query_end: found.query_end,
            script_start: found.script_start,
            script_end: found.script_end,
            speed: found.speed,
            rivals: found.rivals().iter().map(|&rival| index.rendering(rival).script).collect(),
        }
    }
}
