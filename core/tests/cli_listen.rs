//! `callprint listen`: the AudioSocket server with well and badly behaved peers, and raw PCM.
#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod cli_support;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Nothing here may take longer; a server that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
struct Server {
    child: Child,
    /// Where it listens: mostly in one place.
    addresses: Vec<String>,
    events: BufReader<ChildStdout>,
    /// What it has said since.
    said: Arc<Mutex<String>>,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", cli_support::index(), options)
    }

    fn start_at(address: &str, index: &Path, options: &[&str]) -> Self {
        let mut command = cli_support::command(["listen", "--audiosocket", address, "--index"]);
        command.arg(index).args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let addresses = line.strip_prefix("callprint: listening on ").and_then(|rest| rest.split(';').next());
        let addresses = addresses.unwrap_or_else(|| panic!("no address in {line:?}"));
        let addresses = addresses.split(" and ").map(str::to_owned).collect();
        // Faults of peers are told there; a full pipe would stop the server.
        let said = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&said);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *all.lock().unwrap() += &(line + "\n");
            }
        });
        let events = BufReader::new(child.stdout.take().unwrap());
        Self { child, addresses, events, said }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addresses[0]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until these words are on standard error.
    fn says(&self, words: &str) {
        wait_for(&self.said, words);
    }

    /// A call that plays a clip: what is told of it.
    fn play(&mut self, last: u8, clip: usize) -> Vec<Value> {
        self.connect().write_all(&[id(last), audio(clip, 6), message(0x00, &[])].concat()).unwrap();
        self.until("ended")
    }

    /// The next event.
    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }

    /// Events up to the next of this type, which is the last of them.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.push(self.event());
            if events.last().unwrap()["type"] == kind {
                return events;
            }
        }
    }

    /// Sends SIGTERM and waits; the events that were still to come.
    fn stop(mut self) -> Vec<Value> {
        self.signal("-TERM");
        let mut rest = String::new();
        self.events.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Waits until these words are in `said`.
fn wait_for(said: &Mutex<String>, words: &str) {
    let begun = Instant::now();
    while !said.lock().unwrap().contains(words) {
        assert!(begun.elapsed() < PATIENCE, "{words:?} is not in {}", said.lock().unwrap());
        thread::sleep(Duration::from_millis(5));
    }
}

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn id(last: u8) -> Vec<u8> {
    let mut uuid = [0; 16];
    uuid[15] = last;
    message(0x01, &uuid)
}

fn name(last: u8) -> String {
    format!("00000000-0000-0000-0000-0000000000{last:02x}")
}

/// A clip of the corpus after half a second of silence, as messages of 20 ms.
fn audio(clip: usize, seconds: usize) -> Vec<u8> {
    let mut samples = vec![0; 4000];
    samples.extend(cli_support::to_i16(&cli_support::samples(cli_support::CLIPS[clip])));
    samples.truncate(seconds * 8000);
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    bytes.chunks(320).flat_map(|chunk| message(0x10, chunk)).collect()
}

#[test]
fn a_call_is_heard_answered_with_silence_and_told_of_while_it_is_up() {
    let mut server = Server::start(&[]);
    let mut call = server.connect();
    let mut bytes = id(1);
    bytes.extend(message(0x03, b"7"));
    let sent = audio(0, 6);
    bytes.extend(&sent);
    // In pieces that have nothing to do with the messages.
    for piece in bytes.chunks(777) {
        call.write_all(piece).unwrap();
    }
    let events = server.until("match");
    let found = events.last().unwrap();
    assert_eq!((&found["call"], &found["script"]), (&json!(name(1)), &json!("dental-01")));
    assert!(found["false_alarms_per_hour"].as_f64().unwrap() <= 0.01);
    assert!((found["query_start"].as_f64().unwrap() - 0.5).abs() < 0.1, "{found}");
    assert_eq!((&events[0]["type"], &events[0]["digit"]), (&json!("dtmf"), &json!("7")));
    // As much silence as there was audio.
    let mut answer = vec![0; sent.len()];
    call.read_exact(&mut answer).unwrap();
    let mut at = 0;
    while at < answer.len() {
        assert_eq!(answer[at], 0x10);
        let length = usize::from(u16::from_be_bytes([answer[at + 1], answer[at + 2]]));
        assert!(answer[at + 3..].iter().take(length).all(|&byte| byte == 0));
        at += 3 + length;
    }
    call.write_all(&message(0x00, &[])).unwrap();
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["reason"], &ended["at"]), (&json!("hang_up"), &json!(6.0)));
    assert_eq!(server.stop(), Vec::<Value>::new());
}

#[test]
fn a_line_is_hung_up_on_a_sure_match() {
    let mut server = Server::start(&["--hang-up-far", "0.01"]);
    let mut call = server.connect();
    call.write_all(&id(2)).unwrap();
    // A message, its answer, the next message, as on a line in real time: until the answer is to hang up.
    let hung_up_after = audio(0, 9).chunks(323).position(|sent| {
        call.write_all(sent).unwrap();
        let mut head = [0; 3];
        call.read_exact(&mut head).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        call.read_exact(&mut answer).unwrap();
        head == [0, 0, 0]
    });
    assert_eq!(call.read(&mut [0; 1]).unwrap(), 0);
    assert!(hung_up_after.is_some_and(|message| message < 6 * 50), "{hung_up_after:?}");
    let ended = server.until("ended").pop().unwrap();
    assert_eq!(ended["reason"], "matched");
    assert!(ended["at"].as_f64().unwrap() < 6.0, "{ended}");
    server.stop();
}

#[test]
fn with_until_decided_a_call_is_heard_no_further_than_its_first_script() {
    for (options, scripts) in [(&[][..], &["dental-01", "warranty-01"][..]), (&["--until-decided"], &["dental-01"])] {
        let mut server = Server::start(options);
        let mut call = server.connect();
        let sent = [id(12), audio(0, 8), audio(5, 8), message(0x00, &[])].concat();
        call.write_all(&sent).unwrap();
        let events = server.until("ended");
        let named: BTreeSet<&str> = events
            .iter()
            .filter(|event| event["type"] == "match")
            .filter_map(|event| event["script"].as_str())
            .collect();
        assert_eq!(named, scripts.iter().copied().collect(), "{options:?}");
        // Counted to the end all the same.
        assert_eq!(events.last().unwrap()["at"], json!(16.0));
        server.stop();
    }
}

#[test]
fn figures_are_kept_for_monitoring() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("callprint.prom");
    let mut server = Server::start(&["--until-decided", "--metrics", path.to_str().unwrap()]);
    let figure = |name: &str| -> f64 {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    };
    assert_eq!(figure("callprint_calls_total"), 0.0, "the file is there before the first call");
    let (mut robot, mut idle) = (server.connect(), server.connect());
    robot.write_all(&[id(20), audio(0, 8), message(0x00, &[])].concat()).unwrap();
    server.until("ended");
    idle.write_all(&[id(21), audio(1, 2)].concat()).unwrap();
    server.until("answered");
    server.stop();
    for (name, value) in [
        ("callprint_calls_total", 2.0),
        ("callprint_calls_open", 0.0),
        ("callprint_calls_searched", 0.0),
        ("callprint_samples_total", 80_000.0),
        ("callprint_events_total{type=\"match\"}", 1.0),
        ("callprint_events_total{type=\"ended\"}", 2.0),
        ("callprint_decision_seconds_count", 1.0),
    ] {
        assert_eq!(figure(name), value, "{name}");
    }
    assert!((1.0..6.0).contains(&figure("callprint_decision_seconds_sum")));
    assert!(figure("callprint_lateness_seconds_count") > 0.0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_peer_that_sends_byte_by_byte_is_waited_for() {
    let mut server = Server::start(&["--idle", "1"]);
    let mut slow = server.connect();
    // More than a second for all of it, and never one without a byte.
    for byte in [id(11), message(0x10, &[0; 320]), message(0x00, &[])].concat() {
        slow.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(3));
    }
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["call"], &ended["reason"], &ended["at"]), (&json!(name(11)), &json!("hang_up"), &json!(0.02)));
    server.stop();
}

#[test]
fn peers_that_break_the_protocol_lose_their_line_and_nobody_else() {
    let mut server = Server::start(&[]);
    let mut good = server.connect();
    good.write_all(&[id(3), audio(0, 1)].concat()).unwrap();
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        message(0x10, &[0; 320]),
        message(0x01, &[1; 15]),
        [id(4), id(4)].concat(),
        [id(4), message(0x10, &[0; 3])].concat(),
    ] {
        let mut bad = server.connect();
        bad.write_all(&bytes).unwrap();
        // Closed by the server: end of file, or a reset where bytes were left unread.
        let mut answer = Vec::new();
        let _ = bad.read_to_end(&mut answer);
    }
    // Those that had said which call they are.
    for _ in 0..2 {
        let ended = server.until("ended").pop().unwrap();
        assert_eq!((&ended["call"], &ended["reason"], &ended["at"]), (&json!(name(4)), &json!("fault"), &json!(0.0)));
    }
    let unknown = [id(5), message(0x55, &[9; 1000]), audio(0, 1), message(0x55, &[]), message(0x00, &[])].concat();
    server.connect().write_all(&unknown).unwrap();
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["call"], &ended["reason"], &ended["at"]), (&json!(name(5)), &json!("hang_up"), &json!(1.0)));
    drop(good);
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["call"], &ended["reason"], &ended["at"]), (&json!(name(3)), &json!("closed"), &json!(1.0)));
    server.stop();
}

#[test]
fn early_ends_and_idle_peers_are_told_apart() {
    let mut server = Server::start(&["--idle", "1"]);
    drop(server.connect());
    let mut cut = server.connect();
    cut.write_all(&[id(6), message(0x10, &[0; 320]), vec![0x10, 1, 64, 0]].concat()).unwrap();
    cut.shutdown(Shutdown::Write).unwrap();
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["call"], &ended["reason"], &ended["at"]), (&json!(name(6)), &json!("cut_off"), &json!(0.02)));

    let mut idle = server.connect();
    idle.write_all(&[id(7), message(0x10, &[0; 320])].concat()).unwrap();
    let ended = server.until("ended").pop().unwrap();
    assert_eq!((&ended["call"], &ended["reason"]), (&json!(name(7)), &json!("idle")));
    // The line was kept alive by more silence than the 20 ms that were answered.
    let mut answer = Vec::new();
    let _ = idle.read_to_end(&mut answer);
    assert!(answer.len() >= 2 * 323, "{} bytes", answer.len());
    server.stop();
}

#[test]
fn many_lines_are_held_and_ended_by_a_signal() {
    const LINES: usize = 300;
    let mut server = Server::start(&["--jobs", "2"]);
    let mut lines: Vec<TcpStream> = (0..LINES).map(|_| server.connect()).collect();
    for (number, line) in lines.iter_mut().enumerate() {
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&number.to_be_bytes());
        line.write_all(&[message(0x01, &uuid), message(0x10, &[0; 320])].concat()).unwrap();
    }
    // A peer that sends and never reads: its answers are dropped, and its audio is heard.
    let deaf = [id(8), audio(0, 6)].concat();
    lines[0] = server.connect();
    lines[0].write_all(&deaf).unwrap();
    let found = server.until("match").pop().unwrap();
    assert_eq!((&found["call"], &found["script"]), (&json!(name(8)), &json!("dental-01")));
    for line in &mut lines {
        line.read_exact(&mut [0; 323]).unwrap();
    }
    let ended = server.stop().into_iter().filter(|event| event["reason"] == "shutdown").count();
    assert_eq!(ended, LINES);
}

#[test]
fn thousands_of_lines_come_and_go() {
    const LINES: usize = 2000;
    // For our ends of the lines; the server sees to its own.
    assert!(rlimit::increase_nofile_limit(2 * LINES as u64).unwrap() >= LINES as u64 + 200);
    let uuid = |number: usize| {
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&number.to_be_bytes());
        message(0x01, &uuid)
    };
    let mut server = Server::start(&["--jobs", "2"]);
    let open = |server: &Server, number: usize| {
        let mut line = server.connect();
        line.write_all(&[uuid(number), message(0x10, &[0; 320])].concat()).unwrap();
        line
    };
    let mut lines: Vec<TcpStream> = (0..LINES).map(|number| open(&server, number)).collect();
    for line in &mut lines {
        line.read_exact(&mut [0; 323]).unwrap();
    }
    // Every second one hangs up and another calls, while one of them plays a script.
    let mut robot = server.connect();
    robot.write_all(&[id(10), audio(0, 6)].concat()).unwrap();
    let mut events = Vec::new();
    for number in (0..LINES).step_by(2) {
        lines[number].write_all(&message(0x00, &[])).unwrap();
        events.extend(server.until("ended"));
        lines[number] = open(&server, LINES + number);
        lines[number].read_exact(&mut [0; 323]).unwrap();
    }
    while !events.iter().any(|event| event["type"] == "match") {
        events.push(server.event());
    }
    let found: Vec<_> = events.iter().filter(|event| event["type"] == "match").collect();
    assert_eq!((found.len(), &found[0]["call"], &found[0]["script"]), (1, &json!(name(10)), &json!("dental-01")));
    assert_eq!(events.iter().filter(|event| event["reason"] == "hang_up").count(), LINES / 2);
    // All lines that are up are heard to their end.
    for line in &mut lines {
        line.write_all(&[message(0x10, &[0; 320]), message(0x00, &[])].concat()).unwrap();
    }
    for _ in 0..LINES {
        let ended = server.until("ended").pop().unwrap();
        assert_eq!((&ended["reason"], &ended["at"]), (&json!("hang_up"), &json!(0.04)));
    }
    drop(robot);
    assert_eq!(server.until("ended").pop().unwrap()["call"], json!(name(10)));
    server.stop();
}

/// The value of a figure in the file of --metrics.
fn figure(file: &Path, name: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[test]
fn more_calls_than_allowed_are_turned_away_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("callprint.prom");
    let server = Server::start(&["--max-calls", "1", "--jobs", "1", "--metrics", figures.to_str().unwrap()]);
    let mut first = server.connect();
    first.write_all(&[id(9), message(0x10, &[0; 320])].concat()).unwrap();
    first.read_exact(&mut [0; 323]).unwrap();
    for _ in 0..20 {
        assert_eq!(server.connect().read(&mut [0; 1]).unwrap(), 0);
    }
    first.write_all(&message(0x10, &[0; 320])).unwrap();
    first.read_exact(&mut [0; 323]).unwrap();
    let said = Arc::clone(&server.said);
    assert_eq!(server.stop().len(), 1);
    assert_eq!(figure(&figures, "callprint_turned_away_total"), 20.0);
    // A flood is not told of line by line.
    assert_eq!(said.lock().unwrap().matches("--max-calls allows more").count(), 1);
}

#[test]
fn a_call_without_audio_ends_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("callprint.prom");
    let mut server = Server::start(&["--metrics", figures.to_str().unwrap()]);
    for (bytes, reason) in [([id(30), message(0x00, &[])].concat(), "hang_up"), (id(30), "closed")] {
        server.connect().write_all(&bytes).unwrap();
        let ended = server.event();
        assert_eq!((&ended["type"], &ended["call"]), (&json!("ended"), &json!(name(30))));
        assert_eq!((&ended["reason"], &ended["at"]), (&json!(reason), &json!(0.0)));
    }
    // Nobody's call: nothing is told.
    drop(server.connect());
    assert_eq!(server.stop(), Vec::<Value>::new());
    assert_eq!(figure(&figures, "callprint_calls_total"), 2.0);
    assert_eq!(figure(&figures, "callprint_calls_open"), 0.0);
    assert_eq!(figure(&figures, "callprint_events_total{type=\"ended\"}"), 2.0);
}

#[test]
fn a_connection_reset_within_a_message_was_cut_off() {
    let mut server = Server::start(&[]);
    for (rest, reason) in [(&[0x10, 1, 64, 0][..], "cut_off"), (&[], "closed")] {
        let mut peer = server.connect();
        peer.write_all(&[&id(31), &message(0x10, &[0; 320])[..], rest].concat()).unwrap();
        assert!(peer.peek(&mut [0; 323]).unwrap() > 0);
        // Closed with the answer unread, the system resets the connection.
        drop(peer);
        assert_eq!(server.until("ended").pop().unwrap()["reason"], reason);
    }
    server.stop();
}

#[test]
fn a_second_server_leaves_the_first_one_its_port_and_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("callprint.prom");
    let mut server = Server::start(&["--metrics", figures.to_str().unwrap()]);
    server.play(32, 0);
    let before = "# HELP callprint_calls_total Of the first.\n";
    fs::write(&figures, before).unwrap();
    for address in [server.addresses[0].clone(), server.addresses[0].replace("127.0.0.1", "")] {
        let ran = cli_support::run(["listen", "--audiosocket", &address, "--metrics", figures.to_str().unwrap()]);
        assert_eq!((ran.status, fs::read_to_string(&figures).unwrap().as_str()), (Some(2), before));
        assert!(ran.stderr.contains("another program listens there"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("os error"), "{}", ran.stderr);
    }
    server.stop();
}

#[test]
fn all_addresses_of_a_host_are_served_and_without_a_host_all_of_the_machine() {
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    for address in [":0", "localhost:0"] {
        let mut server = Server::start_at(address, cli_support::index(), &[]);
        let port = server.addresses[0].rsplit_once(':').unwrap().1.to_owned();
        let named: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs("localhost:0").unwrap().collect();
        for (host, is_there) in [
            ("127.0.0.1", address == ":0" || named.iter().any(std::net::SocketAddr::is_ipv4)),
            ("[::1]", has_ipv6 && (address == ":0" || named.iter().any(std::net::SocketAddr::is_ipv6))),
        ] {
            if !is_there {
                continue;
            }
            let mut peer =
                TcpStream::connect(format!("{host}:{port}")).unwrap_or_else(|e| panic!("{address}, {host}: {e}"));
            peer.write_all(&[id(33), message(0x00, &[])].concat()).unwrap();
            assert_eq!(server.event()["reason"], "hang_up");
        }
        server.stop();
    }
}

#[test]
fn on_sighup_new_calls_are_heard_with_the_new_index() {
    let folder = tempfile::tempdir().unwrap();
    let (path, next) = (folder.path().join("scripts.cpi"), folder.path().join("next.cpi"));
    fs::copy(cli_support::index(), &path).unwrap();
    let build = |clips: &[usize]| {
        let mut args = vec!["index".into(), "build".into(), "-o".into(), next.clone()];
        args.extend(clips.iter().map(|&clip| cli_support::clips()[clip].clone()));
        cli_support::run(args).assert_done();
    };
    let scripts = |events: &[Value]| -> Vec<String> {
        events.iter().filter_map(|event| event["script"].as_str()).map(str::to_owned).collect()
    };
    let mut server = Server::start_at("127.0.0.1:0", &path, &[]);
    assert_eq!(scripts(&server.play(40, 0)), ["dental-01"]);
    // A call that is up keeps its index.
    let mut old = server.connect();
    let robot = audio(0, 6);
    old.write_all(&[&id(41), &robot[..32_300]].concat()).unwrap();
    old.read_exact(&mut [0; 323]).unwrap();

    build(&[5]);
    fs::rename(&next, &path).unwrap();
    server.signal("-HUP");
    server.says("loaded, 1 rendering; calls that begin now are heard with it");
    old.write_all(&[&robot[32_300..], &message(0x00, &[])].concat()).unwrap();
    assert_eq!(scripts(&server.until("ended")), ["dental-01"]);
    assert_eq!(scripts(&server.play(42, 0)), Vec::<String>::new());
    assert_eq!(scripts(&server.play(43, 5)), ["warranty-01"]);

    // What can't be used is not, and what happens to the file meanwhile is no matter.
    for bytes in [&b"no index"[..], &fs::read(&path).unwrap()[..5000], &[]] {
        fs::write(&path, bytes).unwrap();
        server.said.lock().unwrap().clear();
        server.signal("-HUP");
        server.says("calls are heard with the index loaded before");
        assert_eq!(scripts(&server.play(44, 5)), ["warranty-01"]);
    }
    server.stop();
}

#[test]
fn a_server_whose_reader_has_gone_says_so_and_fails() {
    let Server { mut child, addresses, events, said } = Server::start(&[]);
    drop(events);
    let mut call = TcpStream::connect(&addresses[0]).unwrap();
    call.write_all(&[id(45), message(0x00, &[])].concat()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    wait_for(&said, "standard output: its reader went away");
}

#[test]
fn a_stream_of_which_enough_was_read_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let call: Vec<u8> = cli_support::to_i16(&cli_support::samples(cli_support::CLIPS[0]))
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let path = folder.path().join("call.raw");
    fs::write(&path, call.repeat(3)).unwrap();
    let line = "{ \"$0\" listen --stream --index \"$1\" <\"$2\"; echo \"status $?\" >&2; } | head -n 1";
    let ran = cli_support::run_in_shell(line, [cli_support::index(), &path]);
    assert_eq!((ran.json().len(), ran.stderr.trim()), (1, "status 0"));
}

#[test]
fn a_reader_that_pauses_keeps_no_call_waiting() {
    const KEYS: usize = 80_000;
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("callprint.prom");
    let mut server = Server::start(&["--jobs", "1", "--metrics", figures.to_str().unwrap()]);
    let mut call = server.connect();
    // Nobody reads, and many times what a pipe takes is to be told.
    let keys: Vec<u8> = (0..KEYS).flat_map(|n| message(0x03, &[b'0' + (n % 10) as u8])).collect();
    call.write_all(&[id(46), keys].concat()).unwrap();
    server.says("its reader is 65,536 events behind");
    // Still this call and others are answered.
    let mut other = server.connect();
    other.write_all(&id(47)).unwrap();
    for line in [&mut call, &mut other] {
        line.write_all(&message(0x10, &[0; 320])).unwrap();
        line.read_exact(&mut [0; 323]).unwrap();
    }
    // What was not lost comes in order.
    let keys = (0..60_000).map(|_| server.event()["digit"].as_str().unwrap().parse::<usize>().unwrap());
    assert!(keys.enumerate().all(|(n, digit)| digit == n % 10));
    let rest = server.stop();
    let told = 60_000 + rest.iter().filter(|event| event["type"] == "dtmf").count();
    assert_eq!(rest.iter().filter(|event| event["reason"] == "shutdown").count(), 2);
    let lost = figure(&figures, "callprint_lost_events_total") as usize;
    assert!(lost > 0 && told + lost == KEYS, "{told} told, {lost} lost");
}

#[test]
fn raw_pcm_is_heard_as_it_comes() {
    let mut command = cli_support::command(["listen", "--stream", "--channels", "2", "--index"]);
    command.arg(cli_support::index()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let call = cli_support::to_i16(&cli_support::samples(cli_support::CLIPS[5]));
    let frames: Vec<u8> = call.iter().take(48_000).flat_map(|&right| [0, 0, right as u8, (right >> 8) as u8]).collect();
    stdin.write_all(&frames).unwrap();
    // The pipe is still open.
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&events.next().unwrap().unwrap()).unwrap();
    let found = loop {
        let event = next();
        if event["type"] == "match" {
            break event;
        }
    };
    assert_eq!((&found["call"], &found["script"]), (&json!("right"), &json!("warranty-01")));
    drop(stdin);
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let event = next();
        if event["type"] == "ended" {
            ends.push((event["call"].clone(), event["at"].clone(), event["reason"].clone()));
        }
    }
    let end = |call: &str| (json!(call), json!(6.0), json!("end_of_input"));
    assert_eq!(ends, [end("left"), end("right")]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A slip in the name of the figures must not cost the index, or the recording of the same command.
#[test]
fn figures_replace_no_other_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let index = folder.path().join("mine.cpi");
    std::fs::copy(cli_support::index(), &index).unwrap();
    let before = std::fs::read(&index).unwrap();
    let listen = |figures: &Path| {
        let args = ["listen", "--stream", "-i", index.to_str().unwrap(), "--metrics", figures.to_str().unwrap()];
        cli_support::run_with_input(args, &[0; 16_000])
    };
    listen(&index).assert_refused(&index, "holds no figures");
    assert!(std::fs::read(&index).unwrap() == before, "the index was replaced");
    if cfg!(target_os = "linux") {
        listen(Path::new("/dev/full")).assert_refused(Path::new("/dev/full"), "regular file");
    }
    let figures = folder.path().join("callprint.prom");
    for _ in 0..2 {
        listen(&figures).assert_done();
        assert!(std::fs::read_to_string(&figures).unwrap().starts_with("# HELP callprint_"));
    }
}

#[test]
fn options_that_do_not_belong_together_are_refused() {
    for (args, says) in [
        (&["--audiosocket", "127.0.0.1:0", "--rate", "8000"][..], "give --stream"),
        (&["--stream", "--payload", "111=opus"], "give --pcap"),
        (&["--pcap", "x.pcap", "--hang-up-far", "0.1"], "give --audiosocket"),
        (&["--stream", "--max-calls", "5"], "give --audiosocket or --pcap"),
        (&["--pcap", "x.pcap", "--idle", "5"], "give --audiosocket"),
        (&["--audiosocket", "127.0.0.1:0", "--hang-up-far", "0.1"], "is above --max-far 0.01"),
        (&["--pcap", "x.pcap", "--payload", "111=g729"], "give one of pcmu, pcma, gsm, g722, opus"),
        (&["--pcap", "x.pcap", "--payload", "8=opus"], "96 to 127"),
        (&["--audiosocket", "nowhere"], "--audiosocket nowhere: invalid socket address; give HOST:PORT"),
        (&["--audiosocket", ":x"], "give HOST:PORT"),
        (&["--audiosocket", "192.0.2.1:9092"], "not an address of this machine"),
        (&["--pcap", "/nonexistent.pcap"], "no such file"),
        (&["--stream", "--metrics", "/nonexistent/callprint.prom"], "/nonexistent/callprint.prom"),
    ] {
        let ran = cli_support::run([&["listen"], args].concat());
        assert_eq!(ran.status, Some(2), "{args:?}");
        assert!(ran.stderr.contains(says), "{says:?} is not in {}", ran.stderr);
        assert!(!ran.stderr.contains("os error"), "{}", ran.stderr);
    }
}
