//! A live call: samples in as they come, events out while it is up.
//!
//! ```sh
//! sox call.wav -t raw -e signed -b 16 -r 8000 -c 1 - | cargo run --release -p callprint-examples --example stream
//! ```
//!
//! Standard input (16-bit little-endian, 8 kHz, mono) stands for whatever has the audio: an RTP receiver, a media server's
//! socket. It is read 20 ms at a time, what a telephone packet holds; any other number of samples gives the same events.
//! For many calls at a time see `callprint::engine`.

use std::{
    io::{self, Read},
    sync::Arc,
};

use callprint::{Index, Session, SessionConfig, SessionEvent};

/// Bytes of a piece: 160 samples.
const PIECE: usize = 320;

/// Prints what became known.
fn print_events(session: &mut Session) {
    while let Some(event) = session.poll() {
        print!("{:7.2} s  {}", event.at(), event.kind());
        if let Some(found) = event.found() {
            let rendering = session.index().rendering(found.rendering);
            print!("  {} ({}), from {:.2} s", rendering.script, rendering.category, found.query_start);
        }
        println!();
        if let SessionEvent::Match { found, .. } = event {
            println!("           {:.1e} wrong matches an hour as good as this", found.false_alarms_per_hour);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut session = Session::new(Arc::new(Index::builtin()?), SessionConfig::default())?;
    let mut input = io::stdin().lock();
    let mut bytes = Vec::with_capacity(PIECE);
    loop {
        bytes.clear();
        input.by_ref().take(PIECE as u64).read_to_end(&mut bytes)?;
        if bytes.len() < 2 {
            break;
        }
        let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        session.push_i16(&samples);
        print_events(&mut session);
    }
    session.finish();
    print_events(&mut session);
    Ok(())
}
