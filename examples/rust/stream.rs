//! Audio that arrives in small pieces: a source over a channel that another thread feeds.
//!
//! ```sh
//! sox call.wav -t raw -e signed -b 16 -r 8000 -c 1 - | cargo run --release -p callprint-examples --example stream
//! ```
//!
//! The feeding thread stands for whatever has the audio: an RTP receiver, a media server's socket. It reads 20 ms at a time from
//! standard input (16-bit little-endian, 8 kHz, mono). The channel between the two holds ten seconds, so memory stays bounded.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use callprint::{
    audio::{Block, Format, SAMPLE_RATE, Source},
    detect::{ScanOptions, Scanner},
    index::Index,
};

/// Samples of a piece: 20 ms, what a telephone packet holds.
const PIECE: usize = 160;
/// Pieces that may wait, 10 s.
const WAITING: usize = 500;

/// Mono audio at 8 kHz from a channel of pieces; ends when the sender is dropped.
struct Pieces {
    receiver: Receiver<Vec<f32>>,
}

impl Source for Pieces {
    fn format(&self) -> Format {
        Format { sample_rate: SAMPLE_RATE, channels: 1 }
    }

    fn seconds_hint(&self) -> Option<f64> {
        None
    }

    fn next_block(&mut self, block: &mut Block) -> callprint::Result<bool> {
        let piece = self.receiver.recv().ok();
        let more = piece.is_some();
        block.channels = vec![piece.unwrap_or_default()];
        Ok(more)
    }
}

/// Sends standard input on, piece by piece.
fn feed(pieces: &SyncSender<Vec<f32>>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut bytes = Vec::with_capacity(2 * PIECE);
    loop {
        bytes.clear();
        input.by_ref().take(2 * PIECE as u64).read_to_end(&mut bytes)?;
        if bytes.len() < 2 {
            return Ok(());
        }
        let samples = bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0);
        // `send` waits for room, since standard input can wait; a live source would `try_send` and count what it drops.
        if pieces.send(samples.collect()).is_err() {
            return Ok(());
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = sync_channel(WAITING);
    let feeder = thread::spawn(move || feed(&sender));

    let index = Index::builtin()?;
    let scanner = Scanner::new(&index, ScanOptions::default())?;
    let report = scanner.scan("stream", &mut Pieces { receiver }, &mut |_seconds| ())?;
    for event in &report.events {
        println!("{:7.2} s  {:?}", event.at, event.kind);
    }
    match report.matches.first() {
        Some(best) => println!("{} ({})", best.script, best.category),
        None => println!("no known script"),
    }
    feeder.join().map_err(|_| "the feeding thread panicked")??;
    Ok(())
}
