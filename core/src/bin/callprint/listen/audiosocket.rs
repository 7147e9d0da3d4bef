//! The AudioSocket server.
//!
//! The main thread accepts; each of a few others looks after its share of the connections, reading, searching and answering
//! without locks between them. A thread that can't keep up reads less, and TCP tells the peers: nothing is dropped and
//! nothing grows.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};

use super::{
    Listening,
    args::ListenArgs,
    connection::{Connection, Next, Shared},
    stop::Stop,
};
use crate::{
    console::Console,
    exit::{Failure, Status},
    output::words,
    pool,
};

/// How often connections are looked after that are silent.
const TICK: Duration = Duration::from_millis(250);
/// The token of a waker, and of the listening socket.
const WAKE: Token = Token(usize::MAX);
const LISTEN: Token = Token(0);
/// Bytes read at once.
const BUFFER: usize = 1 << 16;
/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;

/// Serves until a signal comes.
pub(crate) fn run(address: &str, args: &ListenArgs, listening: &Listening<'_>) -> Result<Status, Failure> {
    let console = listening.console;
    let failed = |error: io::Error| Failure::new(format_args!("--audiosocket {address}: {error}"));
    // As far as the system lets us; what is missing in the end is told when a connection can't be accepted.
    let _ = rlimit::increase_nofile_limit(args.max_calls() as u64 + OTHER_FILES);
    let mut listener = bind(address).map_err(failed)?;
    let mut poll = Poll::new().map_err(failed)?;
    poll.registry().register(&mut listener, LISTEN, Interest::READABLE).map_err(failed)?;
    let shared = Shared { listening, hang_up_far: args.hang_up_far, idle: args.idle() };
    let mut shards = Vec::new();
    for _ in 0..pool::threads(args.jobs) {
        shards.push(Shard::new().map_err(failed)?);
    }
    let handles: Vec<Handle> = shards.iter().map(|shard| shard.handle.clone()).collect();
    let wakers: Vec<Arc<Waker>> = handles.iter().map(|handle| Arc::clone(&handle.waker)).collect();
    let main = Waker::new(poll.registry(), WAKE).map_err(failed)?;
    let stop = Stop::on_signal(move || {
        // A thread that can't be woken sees the flag at its next tick.
        for waker in wakers.iter().map(Arc::as_ref).chain([&main]) {
            let _ = waker.wake();
        }
    })?;
    if let Ok(local) = listener.local_addr() {
        console.note(&format!("listening on {local}; Ctrl-C ends it"));
    }
    let total = thread::scope(|scope| {
        let threads: Vec<_> = shards.into_iter().map(|shard| scope.spawn(|| shard.run(&shared, &stop))).collect();
        let accepted = accept(&mut poll, &listener, &handles, args.max_calls(), console, &stop);
        drop(handles);
        for thread in threads {
            if thread.join().is_err() {
                console.failure(&Failure::new("a listening thread failed; please report it"));
            }
        }
        accepted
    });
    console.note(&format!("{} served", words::counted(total, "connection")));
    Ok(Status::Done)
}

/// A listening socket; `:PORT` listens on every address.
fn bind(address: &str) -> io::Result<TcpListener> {
    let full = if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() };
    let mut last = io::Error::new(ErrorKind::InvalidInput, "no such address; give HOST:PORT");
    for address in full.to_socket_addrs()? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Accepts connections and deals them to the shard with the fewest until a signal comes; how many there were.
fn accept(
    poll: &mut Poll,
    listener: &TcpListener,
    shards: &[Handle],
    most: usize,
    console: &Console,
    stop: &Stop,
) -> usize {
    let mut events = Events::with_capacity(16);
    let (mut accepted, mut troubled) = (0, false);
    while !stop.is_set() {
        // After an error (no descriptors left) there may be no further event: look again at the next tick.
        if poll.poll(&mut events, troubled.then_some(TICK)).is_err() {
            continue;
        }
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    troubled = false;
                    let up: usize = shards.iter().map(|shard| shard.connections.load(Ordering::Relaxed)).sum();
                    let Some(shard) = shards.iter().min_by_key(|shard| shard.connections.load(Ordering::Relaxed))
                    else {
                        break;
                    };
                    if up >= most {
                        console.failure(&Failure::new(format_args!(
                            "{peer}: turned away, {} are up; --max-calls allows more",
                            words::counted(up, "call")
                        )));
                        continue;
                    }
                    accepted += 1;
                    shard.connections.fetch_add(1, Ordering::Relaxed);
                    if shard.arrivals.send((stream, peer)).is_ok() {
                        let _ = shard.waker.wake();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    if !std::mem::replace(&mut troubled, true) {
                        console.failure(&Failure::new(format_args!(
                            "no connection can be accepted: {error}; raise the limit of open files (ulimit -n)"
                        )));
                    }
                    break;
                }
            }
        }
    }
    accepted
}

/// What the accepting thread knows of a shard.
#[derive(Clone)]
struct Handle {
    arrivals: Sender<(TcpStream, SocketAddr)>,
    waker: Arc<Waker>,
    connections: Arc<AtomicUsize>,
}

/// A thread's share of the connections.
struct Shard {
    poll: Poll,
    handle: Handle,
    arrivals: Receiver<(TcpStream, SocketAddr)>,
}

impl Shard {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, arrivals) = mpsc::channel();
        Ok(Self { poll, handle: Handle { arrivals: sender, waker, connections: Arc::default() }, arrivals })
    }

    fn run(mut self, shared: &Shared<'_>, stop: &Stop) {
        let mut events = Events::with_capacity(1024);
        let mut connections: HashMap<Token, Connection> = HashMap::new();
        let mut buffer = vec![0; BUFFER];
        let (mut next, mut ticked) = (0, Instant::now());
        // Connections to be read, and those that were not read to their end.
        let (mut due, mut again) = (Vec::new(), Vec::new());
        while !stop.is_set() {
            let wait = if again.is_empty() { TICK } else { Duration::ZERO };
            if self.poll.poll(&mut events, Some(wait)).is_err() {
                continue;
            }
            let woke = Instant::now();
            due.append(&mut again);
            due.extend(events.iter().map(|event| event.token()));
            while let Ok((stream, peer)) = self.arrivals.try_recv() {
                let (token, mut connection) = (Token(next), Connection::new(stream, peer));
                next += 1;
                let interest = Interest::READABLE | Interest::WRITABLE;
                match self.poll.registry().register(&mut connection.stream, token, interest) {
                    Ok(()) => drop(connections.insert(token, connection)),
                    Err(error) => {
                        shared.listening.console.failure(&Failure::new(format_args!("{peer}: {error}")));
                        self.handle.connections.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            }
            for token in due.drain(..) {
                let Some(connection) = connections.get_mut(&token) else { continue };
                let next = connection.ready(shared, &mut buffer);
                shared.listening.metrics.lateness().observe(woke.elapsed().as_secs_f64());
                match next {
                    Next::Wait => {}
                    Next::Again => again.push(token),
                    Next::Close => self.close(token, &mut connections, shared),
                }
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let silent: Vec<Token> = connections
                    .iter_mut()
                    .filter_map(|(&token, connection)| (connection.tick(shared) == Next::Close).then_some(token))
                    .collect();
                silent.into_iter().for_each(|token| self.close(token, &mut connections, shared));
            }
        }
        for (_, connection) in connections.drain() {
            connection.finish(shared, "shutdown");
        }
    }

    fn close(&self, token: Token, connections: &mut HashMap<Token, Connection>, shared: &Shared<'_>) {
        if let Some(connection) = connections.remove(&token) {
            connection.finish(shared, "closed");
            self.handle.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
