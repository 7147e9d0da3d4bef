//! Drives many live calls in real time through the engine and says how late its answers are.
//!
//! ```sh
//! cargo run --release -p benches --bin streams -- --calls 100 --seconds 60
//! ```
//!
//! Every call gets 160 samples each 20 ms, as from a telephone line, from a recording of `--audio`; calls begin at different
//! places within a second, and one whose recording ends hangs up and is followed by another. With `--call-seconds` a call goes on for so
//! long, its recording again and again, as a person's would after the opening that is recognised: with `--stop-when-decided` that
//! costs next to nothing. Calls then begin one after the other over that time, and only what follows is measured.
//!
//! Lateness runs from the arrival of a call's oldest waiting sample to the moment when all that follows from it is known. What does
//! not fit into a call's backlog is dropped and counted: a load is held if lateness stays low and nothing is dropped.
//!
//! With `--json` the last line is one object: calls, seconds, lateness_p50_ms, lateness_p99_ms, cpu_cores, bytes_per_call
//! (resident memory without pages of files; absent where the system does not tell), decisions (matches and calls declared
//! unmatched), matches, decision_p50_s, dropped_share, connections, lost (those of them that were not heard to their end), growth_bytes (resident
//! memory from the middle to the end), faults.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use callprint::{
    Index, SessionConfig,
    audio::{SAMPLE_RATE, find_audio, read_channels_8k},
    engine::{Call, Histogram, Metrics, PoolConfig, SessionPool},
};
use clap::Parser;
use cpu_time::ProcessTime;

/// Samples in a packet, and its length.
const PACKET: usize = 160;
const PACKET_TIME: Duration = Duration::from_millis(20);
/// Over how long the first calls begin, s: calls do not begin together, and what is done five times a second would be done for all
/// at once if they did.
const SPREAD: f64 = 1.0;
/// How long calls that have hung up may take to be heard to their end.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Drives many live calls in real time through the engine
#[derive(Parser)]
struct Arguments {
    /// Calls at the same time
    #[arg(long, default_value_t = 20)]
    calls: usize,
    /// Seconds that it runs
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Index file [default: the one built in]
    #[arg(long)]
    index: Option<PathBuf>,
    /// Folder of recordings to play
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/samples"))]
    audio: PathBuf,
    /// Worker threads [default: as many as there are processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Seconds that a call lasts, its recording played again and again [default: the recording once]
    #[arg(long)]
    call_seconds: Option<f64>,
    /// Stop searching in a call once it is decided
    #[arg(long)]
    stop_when_decided: bool,
    /// Also judge whether the voices are machines'
    #[arg(long)]
    machine_voice: bool,
    /// Print the engine's metrics in Prometheus' text format on standard error at the end
    #[arg(long)]
    metrics: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is printed.
#[derive(serde::Serialize)]
struct Outcome {
    calls: usize,
    seconds: f64,
    lateness_p50_ms: f64,
    lateness_p99_ms: f64,
    cpu_cores: f64,
    bytes_per_call: Option<u64>,
    decisions: u64,
    matches: u64,
    decision_p50_s: f64,
    dropped_share: f64,
    connections: u64,
    lost: u64,
    growth_bytes: Option<i64>,
    faults: u64,
}

/// One line, where its recording is, and how many samples it goes on for.
struct Line {
    call: Call,
    recording: usize,
    at: usize,
    left: usize,
}

/// What has been counted up to a moment.
struct Counted {
    lateness: Histogram,
    decision: Histogram,
    decisions: u64,
    matches: u64,
    samples: u64,
    dropped: u64,
}

impl Counted {
    fn of(metrics: &Metrics) -> Self {
        let matches = metrics.events("match");
        Self {
            lateness: metrics.lateness().clone(),
            decision: metrics.decision().clone(),
            decisions: matches + metrics.events("unmatched"),
            matches,
            samples: metrics.samples(),
            dropped: metrics.dropped(),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            lateness: self.lateness.since(&earlier.lateness),
            decision: self.decision.since(&earlier.decision),
            decisions: self.decisions - earlier.decisions,
            matches: self.matches - earlier.matches,
            samples: self.samples - earlier.samples,
            dropped: self.dropped - earlier.dropped,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let outcome = run(&arguments)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        print(&outcome);
    }
    Ok(())
}

fn run(arguments: &Arguments) -> Result<Outcome> {
    ensure!(arguments.calls > 0 && arguments.seconds > 0.0, "want at least one call and more than 0 seconds");
    ensure!(arguments.call_seconds.is_none_or(|seconds| seconds >= 1.0), "want calls of at least 1 second");
    let recordings = read_recordings(&arguments.audio)?;
    ensure!(!recordings.is_empty(), "{}: no recordings", arguments.audio.display());
    let index = Arc::new(arguments.index.as_ref().map_or_else(Index::builtin, Index::open)?);
    index.preload();
    let mut pool_config = PoolConfig::default();
    pool_config.threads = arguments.threads.unwrap_or(pool_config.threads);
    let pool = SessionPool::new(index, pool_config, |_, _, _| ())?;
    let session = SessionConfig {
        stop_when_decided: arguments.stop_when_decided,
        machine_voice: arguments.machine_voice,
        ..SessionConfig::default()
    };

    let before = resident_bytes();
    // How long a call lasts, in samples, and over how many packets the calls begin.
    let whole = |recording: usize| match arguments.call_seconds {
        Some(seconds) => (seconds * f64::from(SAMPLE_RATE)) as usize,
        None => recordings[recording].len(),
    };
    let ramp = packets_in(arguments.call_seconds.unwrap_or(SPREAD));
    let mut lines = Vec::with_capacity(arguments.calls);
    let mut started = (Instant::now(), ProcessTime::now(), Counted::of(pool.metrics()));
    let begun = started.0;
    let packets = packets_in(arguments.seconds);
    let mut middle = None;
    for packet in 1..=ramp + packets {
        for number in lines.len()..arguments.calls * packet.min(ramp) as usize / ramp as usize {
            let recording = number % recordings.len();
            // Without a length of calls they are spread over the recordings, so that not all begin, match and end together.
            let spread = number.wrapping_mul(2_654_435_761) % recordings[recording].len();
            let at = if arguments.call_seconds.is_none() { spread } else { 0 };
            lines.push(Line { call: pool.open(session)?, recording, at, left: whole(recording) - at });
        }
        for line in &mut lines {
            let recording = &recordings[line.recording];
            let end = (line.at + PACKET).min(recording.len()).min(line.at + line.left);
            // What is refused is lost, as on a live line.
            line.call.push_i16(&recording[line.at..end]);
            line.left -= end - line.at;
            line.at = end % recording.len();
            if line.left == 0 {
                let recording = (line.recording + 1) % recordings.len();
                *line = Line { call: pool.open(session)?, recording, at: 0, left: whole(recording) };
            }
        }
        if packet == ramp && arguments.call_seconds.is_some() {
            started = (Instant::now(), ProcessTime::now(), Counted::of(pool.metrics()));
        }
        if packet == ramp + packets.div_ceil(2) {
            middle = resident_bytes();
        }
        std::thread::sleep((PACKET_TIME * packet).saturating_sub(begun.elapsed()));
    }
    let (cpu, wall) = (started.1.elapsed(), started.0.elapsed());
    let end = resident_bytes();
    let metrics = pool.metrics();
    let counted = Counted::of(metrics).since(&started.2);
    drop(lines);
    let hung_up = Instant::now();
    while metrics.closed() < metrics.opened() && hung_up.elapsed() < LAST_WORDS {
        std::thread::sleep(PACKET_TIME);
    }
    if arguments.metrics {
        eprint!("{}", metrics.to_prometheus());
    }
    let per_call = |(before, end): (u64, u64)| end.saturating_sub(before) / arguments.calls as u64;
    Ok(Outcome {
        calls: arguments.calls,
        seconds: wall.as_secs_f64(),
        lateness_p50_ms: 1e3 * counted.lateness.quantile(0.5),
        lateness_p99_ms: 1e3 * counted.lateness.quantile(0.99),
        cpu_cores: cpu.as_secs_f64() / wall.as_secs_f64(),
        bytes_per_call: before.zip(end).map(per_call),
        decisions: counted.decisions,
        matches: counted.matches,
        decision_p50_s: counted.decision.quantile(0.5),
        dropped_share: counted.dropped as f64 / (counted.samples + counted.dropped).max(1) as f64,
        connections: metrics.opened(),
        lost: metrics.opened() - metrics.closed(),
        growth_bytes: middle.zip(end).map(|(middle, end)| end as i64 - middle as i64),
        faults: metrics.faults(),
    })
}

/// Packets in so many seconds.
fn packets_in(seconds: f64) -> u32 {
    (seconds / PACKET_TIME.as_secs_f64()).ceil() as u32
}

/// The first channel of each recording in a folder.
fn read_recordings(folder: &Path) -> Result<Vec<Vec<i16>>> {
    let mut recordings = Vec::new();
    for file in find_audio(folder)? {
        let samples = read_channels_8k(&file, 120.0)?.into_iter().next().unwrap_or_default();
        recordings.push(samples.iter().map(|s| (s * 32_768.0).round() as i16).collect());
    }
    recordings.retain(|r: &Vec<i16>| !r.is_empty());
    Ok(recordings)
}

/// Resident memory of this process but for what it maps of files, which processes share.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| 1024 * kib)
}

fn print(o: &Outcome) {
    println!("{} calls for {:.1} s ({} connections)", o.calls, o.seconds, o.connections);
    println!("lateness     p50 {:.1} ms   p99 {:.1} ms", o.lateness_p50_ms, o.lateness_p99_ms);
    println!("processors   {:.2} in use", o.cpu_cores);
    if let Some(bytes) = o.bytes_per_call {
        println!("memory       {} KiB a call", bytes / 1024);
    }
    println!(
        "decisions    {}, of them matches {}, these {:.1} s after the answer (median)",
        o.decisions, o.matches, o.decision_p50_s
    );
    println!("dropped      {:.3} % of the audio", 100.0 * o.dropped_share);
    if let Some(bytes) = o.growth_bytes {
        println!("growth       {} KiB in the second half", bytes / 1024);
    }
    if o.faults + o.lost > 0 {
        println!("faults       {}, connections lost {}", o.faults, o.lost);
    }
}
