//! What telephone systems send while a call is up: AudioSocket messages, RTP packets, captures of them.
//!
//! Everything here turns bytes into messages, packets and samples and does no input or output of its own, so that it can
//! be used behind any socket, pipe or ring buffer, and tested with any bytes.
//!
//! | file | what |
//! |---|---|
//! | `audiosocket` | Asterisk's TCP protocol for the audio of a call |
//! | `capture` | pcap and pcapng, from files and live pipes, to UDP datagrams |
//! | `clock` | the time of a capture, whatever single packets say |
//! | `rtp` | RTP headers, and telling RTP from other UDP |
//! | `payload` | payload types and their decoders |
//! | `playout` | packets of a stream back in order, gaps filled |
//! | `streams` | datagrams to streams of samples, with the counts of each |

mod audiosocket;
mod capture;
mod clock;
mod payload;
mod playout;
mod rtp;
mod streams;

pub use audiosocket::{AudioSocketDecoder, AudioSocketFault, AudioSocketMessage, CallId, hang_up, silence};
pub use capture::{CaptureReader, Datagram};
pub use payload::{PayloadTypes, RtpCodec};
pub use rtp::RtpPacket;
pub use streams::{StreamCounts, StreamEnd, StreamEvent, StreamKey, Streams};
