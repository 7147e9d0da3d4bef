//! Command line of `listen`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgGroup, Args, ValueEnum};

use crate::{
    args::{RawArgs, positive},
    exit::Failure,
};

const HELP: &str = "\
Examples:
  callprint listen --audiosocket 127.0.0.1:9092        for AudioSocket(${UUID},127.0.0.1:9092) in Asterisk
  callprint listen --audiosocket :9092 --until-decided --hang-up-far 0.0001
  dumpcap -i eth0 -w - -f udp | callprint listen --pcap -
  callprint listen --pcap calls.pcapng --payload 111=opus
  arecord -f S16_LE -r 8000 -t raw | callprint listen --stream

Each event is printed when it becomes known, those of a call in their order: one JSON object a line with the keys `call` (the UUID, or the RTP stream), \
`type` (answered, match, ambiguous, match_revoked, unmatched, machine_voice, handover, dtmf, ended), `at` (s of audio), `time` (s \
since 1970), and for matches `script`, `rendering`, `category`, `false_alarms_per_hour`, `query_start` and more, as in \
`scan --format json`. `machine_voice` and `handover` have a `probability`. `ended` has a `reason`, and for RTP `codec`, `packets`, `lost`, `out_of_order` and `duplicates`; \
tshark's losses are `lost` less `duplicates`.

Values of `reason`:
  hang_up         the peer said so
  closed          the peer closed the connection, or it was lost
  cut_off         the same, within a message
  idle            nothing came for --idle seconds; of RTP, for 30 s
  matched         callprint hung up (--hang-up-far)
  fault           the peer broke the protocol; standard error says how
  made_room       an RTP stream beyond --max-calls began; this one was silent longest
  end_of_input    the capture or the audio has ended
  shutdown        callprint was told to end
  internal_error  a fault of callprint, which cost this call and no other; please report it

Events wait for a reader that is slow. With --audiosocket up to 65,536 do, what then comes is lost, counted and told on standard error, since \
calls must go on; else the input waits. If the reader goes away, --audiosocket and --pcap - end with status 2, others with 0.

SIGHUP: the file of --index is loaded anew, for calls that begin from then on. Put a new file there with `mv`, as callprint's own commands do, never \
by writing into it (`cp`, `rsync --inplace`): large indexes are mapped, and a change under a reader ends it.

AudioSocket and RTP are not encrypted, and who connects is not asked: listen on addresses that only your switchboard reaches.

Interrupt (Ctrl-C) or SIGTERM ends all calls, prints their last events and exits with status 0.";

/// Listen to live calls and say which script plays while they are up
#[derive(Debug, Args)]
#[command(after_help = HELP, group = ArgGroup::new("source").required(true).args(["audiosocket", "pcap", "stream"]))]
pub(crate) struct ListenArgs {
    /// Serve Asterisk's AudioSocket on this address, or all that the host has; without a host, on all of IPv4 and IPv6
    #[arg(long, value_name = "[HOST]:PORT")]
    pub(crate) audiosocket: Option<String>,
    /// Find RTP streams in a capture (pcap, pcapng), or `-` for one on standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Raw PCM on standard input, heard as it comes
    #[arg(long)]
    pub(crate) stream: bool,
    /// Index of known scripts [default: the corpus built into the program]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Call it a match up to this false-alarm rate: expected wrong matches per hour of audio
    #[arg(long, value_name = "RATE", default_value = "0.01", value_parser = positive, allow_negative_numbers = true)]
    pub(crate) max_far: f64,
    /// Listen to a call until it is decided: matched without rivals for 2 s, or nothing known in 12 s of sound. Then it costs next to
    /// nothing, and no hand-over and no second script is told
    #[arg(long)]
    pub(crate) until_decided: bool,
    /// Threads that listen, of AudioSocket or RTP [default: as many as there are processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Keep figures there in Prometheus' text format, written anew each 10 s and in the end: calls, events, lateness, time to a match
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Form of the events
    #[arg(short, long, value_name = "FORMAT", default_value = "json")]
    pub(crate) format: EventFormat,
    /// Hang up on matches up to this false-alarm rate [default: never]
    #[arg(long, value_name = "RATE", value_parser = positive, allow_negative_numbers = true, help_heading = "AudioSocket")]
    pub(crate) hang_up_far: Option<f64>,
    /// Close connections that have sent nothing for so long [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = positive, allow_negative_numbers = true, help_heading = "AudioSocket")]
    pub(crate) idle: Option<f64>,
    /// Calls at the same time; each takes 1 to 2 MB while it is searched. More connections are turned away; of RTP, the stream unheard for the
    /// longest time makes room [default: 10000, of RTP 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "AudioSocket and RTP")]
    pub(crate) max_calls: Option<u32>,
    /// Codec of a dynamic payload type, 96 to 127: pcmu, pcma, gsm, g722 or opus; may be repeated
    #[arg(long, value_name = "TYPE=CODEC", value_parser = payload, help_heading = "RTP")]
    pub(crate) payload: Vec<(u8, String)>,
    #[command(flatten, next_help_heading = "Raw PCM (--stream)")]
    pub(crate) raw: RawArgs,
}

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventFormat {
    // One JSON object a line.
    Json,
    // A line for people.
    Text,
}

impl ListenArgs {
    /// Refuses options that do not belong to the source chosen.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if !self.stream && self.raw.is_given() {
            return Err(Failure::new(
                "--rate, --channels and --encoding describe raw PCM; give --stream, or leave them out",
            ));
        }
        if self.pcap.is_none() && !self.payload.is_empty() {
            return Err(Failure::new("--payload describes RTP; give --pcap, or leave it out"));
        }
        if self.stream && self.max_calls.is_some() {
            return Err(Failure::new(
                "--max-calls counts AudioSocket and RTP; give --audiosocket or --pcap, or leave it out",
            ));
        }
        if self.audiosocket.is_none() && self.idle.is_some() {
            return Err(Failure::new("--idle closes connections; give --audiosocket, or leave it out"));
        }
        if self.audiosocket.is_none() && self.hang_up_far.is_some() {
            return Err(Failure::new("--hang-up-far needs a line to hang up; give --audiosocket, or leave it out"));
        }
        if let Some(limit) = self.hang_up_far.filter(|&limit| limit > self.max_far) {
            return Err(Failure::new(format_args!(
                "--hang-up-far {limit} is above --max-far {}, beyond which nothing is called a match; lower it, or raise --max-far",
                self.max_far
            )));
        }
        Ok(())
    }

    /// Whether calls go on whoever reads of them; a file, or audio that is piped in, is heard for its reader.
    pub(crate) fn is_live(&self) -> bool {
        self.audiosocket.is_some() || self.pcap.as_deref() == Some(Path::new("-"))
    }

    /// Silence after which a connection is closed.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs_f64(self.idle.unwrap_or(60.0).min(1e9))
    }

    /// Calls at the same time. Fewer of RTP, where anybody who reaches the wire makes a call with three packets.
    pub(crate) fn max_calls(&self) -> usize {
        let default = if self.pcap.is_some() { 2000 } else { 10_000 };
        self.max_calls.map_or(default, |most| most as usize)
    }
}

/// `111=opus`.
fn payload(text: &str) -> Result<(u8, String), String> {
    let (number, codec) = text.split_once('=').ok_or("give TYPE=CODEC, such as 111=opus")?;
    match number.parse() {
        Ok(number @ 96..=127) => Ok((number, codec.to_ascii_lowercase())),
        _ => Err("dynamic payload types are 96 to 127".to_owned()),
    }
}
