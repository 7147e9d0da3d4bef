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
        mpsc::{self, Receiver, SendError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    Listening,
    args::ListenArgs,
    connection::{Connection, Next, Shared},
    stop::Stop,
};
use crate::{
    exit::{Failure, Status, binding_advice, without_number},
    output::words,
    pool,
};

/// How often connections are looked after that are silent.
const TICK: Duration = Duration::from_millis(250);
/// The token of a waker.
const WAKE: Token = Token(usize::MAX);
/// Bytes read at once.
const BUFFER: usize = 1 << 16;
/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;

/// Serves until a signal comes.
pub(crate) fn run(
    mut listeners: Vec<TcpListener>,
    args: &ListenArgs,
    listening: &Listening<'_>,
) -> Result<Status, Failure> {
    let console = listening.console;
    let failed = |error: io::Error| Failure::new(format_args!("--audiosocket: {}", without_number(&error)));
    // As far as the system lets us; what is missing in the end is told when a connection can't be accepted.
    let _ = rlimit::increase_nofile_limit(args.max_calls() as u64 + OTHER_FILES);
    let poll = Poll::new().map_err(failed)?;
    for (number, listener) in listeners.iter_mut().enumerate() {
        poll.registry().register(listener, Token(number), Interest::READABLE).map_err(failed)?;
    }
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
    let addresses: Vec<String> =
        listeners.iter().filter_map(|listener| listener.local_addr().ok()).map(|address| address.to_string()).collect();
    console.note(&format!("listening on {}; Ctrl-C ends it", addresses.join(" and ")));
    let mut door =
        Door { poll, listeners, shards: handles, most: args.max_calls(), listening, accepted: 0, troubled: false };
    let (served, total) = thread::scope(|scope| {
        let threads: Vec<_> = shards.into_iter().map(|shard| scope.spawn(|| shard.run(&shared, &stop))).collect();
        let served = door.serve(&stop);
        let total = door.accepted;
        drop(door);
        for thread in threads {
            if thread.join().is_err() {
                console.failure(&Failure::new("a listening thread failed; please report it"));
            }
        }
        (served, total)
    });
    let turned_away = match listening.counts.turned_away.total() {
        0 => String::new(),
        some => format!(", {} turned away", words::count(some)),
    };
    console.note(&format!("{} served{turned_away}", words::counted(total, "connection")));
    served.map(|()| Status::Done)
}

/// Listening sockets on all addresses that `address` stands for; `:PORT` is every address of the machine.
pub(crate) fn bind(address: &str) -> Result<Vec<TcpListener>, Failure> {
    let failed = |error: io::Error| Failure::new(format_args!("--audiosocket {address}: {}", binding_advice(&error)));
    if address.starts_with(':') {
        // One socket for both families; IPv4 alone where the system has no IPv6.
        let all = |host| format!("{host}{address}").to_socket_addrs()?.next().map_or_else(|| Err(nowhere()), listen);
        return match all("[::]") {
            Err(error) if !is_final(&error) => all("0.0.0.0"),
            bound => bound,
        }
        .map(|listener| vec![listener])
        .map_err(failed);
    }
    let mut listeners: Vec<TcpListener> = Vec::new();
    let (mut port, mut last) = (0, nowhere());
    for mut address in address.to_socket_addrs().map_err(failed)? {
        // Where the system chooses a port, it is the same for all.
        if address.port() == 0 {
            address.set_port(port);
        }
        match listen(address) {
            Ok(listener) => {
                port = listener.local_addr().map_or(0, |address| address.port());
                listeners.push(listener);
            }
            // A name has addresses of both families on machines that lack one of them.
            Err(error) if is_final(&error) => return Err(failed(error)),
            Err(error) => last = error,
        }
    }
    if listeners.is_empty() { Err(failed(last)) } else { Ok(listeners) }
}

fn nowhere() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "no such address")
}

/// Whether another address is no way out: half of the calls would go elsewhere.
fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied | ErrorKind::InvalidInput)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // Connections of a program that has just ended may linger; elsewhere this would let two programs listen.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Where connections come in.
struct Door<'a> {
    poll: Poll,
    listeners: Vec<TcpListener>,
    /// Those that work.
    shards: Vec<Handle>,
    most: usize,
    listening: &'a Listening<'a>,
    accepted: usize,
    /// Whether the last connection could not be accepted.
    troubled: bool,
}

impl Door<'_> {
    /// Accepts connections and deals them to the shard with the fewest until a signal comes.
    fn serve(&mut self, stop: &Stop) -> Result<(), Failure> {
        let mut events = Events::with_capacity(16);
        while !stop.is_set() {
            // After an error (no descriptors left) there may be no further event: look again at the next tick.
            if self.poll.poll(&mut events, self.troubled.then_some(TICK)).is_err() {
                continue;
            }
            for number in 0..self.listeners.len() {
                while let Some((stream, peer)) = self.accept(number) {
                    self.deal(stream, peer)?;
                }
            }
        }
        Ok(())
    }

    /// The next connection that waits.
    fn accept(&mut self, number: usize) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.listeners[number].accept() {
                Ok((stream, peer)) => {
                    self.troubled = false;
                    // IPv4 on a socket of both families is told as what it is.
                    return Some((stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.troubled, true) {
                        self.listening.console.failure(&Failure::new(format_args!(
                            "no connection can be accepted: {}; raise the limit of open files (ulimit -n)",
                            without_number(&error)
                        )));
                    }
                    return None;
                }
            }
        }
    }

    /// Gives a connection to a shard, or turns it away.
    fn deal(&mut self, stream: TcpStream, peer: SocketAddr) -> Result<(), Failure> {
        let up: usize = self.shards.iter().map(Handle::load).sum();
        if up >= self.most {
            if let Some(turned_away) = self.listening.counts.turned_away.add() {
                self.listening.console.failure(&Failure::new(format_args!(
                    "{} turned away, the last from {peer}: {} are up; --max-calls allows more",
                    words::counted(turned_away as usize, "connection"),
                    words::counted(up, "call")
                )));
            }
            return Ok(());
        }
        let mut arrival = (stream, peer);
        while let Some(idlest) = (0..self.shards.len()).min_by_key(|&number| self.shards[number].load()) {
            let shard = &self.shards[idlest];
            shard.connections.fetch_add(1, Ordering::Relaxed);
            match shard.arrivals.send(arrival) {
                Ok(()) => {
                    let _ = shard.waker.wake();
                    self.accepted += 1;
                    return Ok(());
                }
                Err(SendError(back)) => {
                    arrival = back;
                    self.shards.swap_remove(idlest);
                    let left = words::counted(self.shards.len(), "thread");
                    self.listening.console.failure(&Failure::new(format_args!(
                        "a listening thread failed, its calls are lost, {left} of them left; please report it"
                    )));
                }
            }
        }
        Err(Failure::new("no listening thread is left; please report it"))
    }
}

/// What the accepting thread knows of a shard.
#[derive(Clone)]
struct Handle {
    arrivals: Sender<(TcpStream, SocketAddr)>,
    waker: Arc<Waker>,
    connections: Arc<AtomicUsize>,
}

impl Handle {
    /// Connections that it has.
    fn load(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net,
    };

    use serde_json::json;

    use super::*;
    use crate::listen::{hearing::PANICS, tests::listen as listen_to};

    /// The UUID of a call and a message of silence.
    fn call(last: u8, samples: usize) -> Vec<u8> {
        let mut bytes = vec![1, 0, 16];
        bytes.extend([0; 15]);
        bytes.push(last);
        callprint::telephony::silence(8000, samples, &mut bytes);
        bytes
    }

    #[test]
    fn a_panic_ends_one_call_and_its_thread_serves_the_others() {
        let (events, metrics) = listen_to(|listening| {
            let shared = Shared { listening, hang_up_far: None, idle: Duration::from_secs(60) };
            let (shard, stop) = (Shard::new().unwrap(), Stop::default());
            let handle = shard.handle.clone();
            let server = net::TcpListener::bind("127.0.0.1:0").unwrap();
            let connect = || {
                let ours = net::TcpStream::connect(server.local_addr().unwrap()).unwrap();
                ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let (theirs, peer) = server.accept().unwrap();
                theirs.set_nonblocking(true).unwrap();
                handle.connections.fetch_add(1, Ordering::Relaxed);
                handle.arrivals.send((TcpStream::from_std(theirs), peer)).unwrap();
                handle.waker.wake().unwrap();
                ours
            };
            thread::scope(|scope| {
                scope.spawn(|| shard.run(&shared, &stop));
                let (mut good, mut bad) = (connect(), connect());
                good.write_all(&call(1, 160)).unwrap();
                good.read_exact(&mut [0; 323]).unwrap();
                bad.write_all(&call(2, PANICS)).unwrap();
                assert_eq!(bad.read(&mut [0; 1]).unwrap(), 0, "the line is closed");
                good.write_all(&call(1, 160)[19..]).unwrap();
                good.read_exact(&mut [0; 323]).unwrap();
                while handle.load() > 1 {
                    thread::sleep(Duration::from_millis(1));
                }
                good.write_all(&[0, 0, 0]).unwrap();
                assert_eq!(good.read(&mut [0; 1]).unwrap(), 0);
                stop.set();
                handle.waker.wake().unwrap();
            });
        });
        let ended: Vec<_> = events.iter().map(|event| (&event["reason"], &event["at"])).collect();
        assert_eq!(ended, [(&json!("internal_error"), &json!(0.0)), (&json!("hang_up"), &json!(0.04))]);
        assert_eq!((metrics.faults(), metrics.opened(), metrics.closed(), metrics.searched()), (1, 2, 2, 0));
    }
}
