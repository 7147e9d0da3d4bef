//! Captures of network traffic, from files and live pipes, to UDP datagrams.
//!
//! Read are pcap (microseconds and nanoseconds, both byte orders) and pcapng (several interfaces and sections), as tcpdump,
//! dumpcap, tshark, sngrep and switchboards write them, over Ethernet with VLAN tags, Linux cooked (versions 1 and 2), raw IP
//! and BSD loopback. A live pipe is read as far as it has come; nothing waits for a buffer to fill.
//!
//! Sources: draft-ietf-opsawg-pcap and -pcapng; tcpdump.org/linktypes.html. IP fragments are passed over: no RTP packet is
//! large enough to be one.

use std::fmt;
use std::io::{Cursor, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use crate::{Error, Result};

/// Bytes buffered at first, and at most: a block that is longer is taken for damage.
const BUFFER: usize = 1 << 18;
const LARGEST: usize = 1 << 24;
/// Bytes of the header of UDP.
const UDP_HEAD: usize = 8;
/// Interfaces of a pcapng section, at most.
const INTERFACES: usize = 4096;

/// A UDP datagram found in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When it was captured, since 1970.
    pub time: Duration,
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Its contents, as far as they were captured.
    pub payload: &'a [u8],
    /// Whether the capture holds its beginning only: a snapshot length was set.
    pub cut: bool,
}

/// Reads a capture packet by packet.
pub struct CaptureReader {
    name: PathBuf,
    inner: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    nanoseconds: bool,
    packets: u64,
    capacity: usize,
}

impl fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, packets, .. } = self;
        f.debug_struct("CaptureReader").field("name", name).field("packets", packets).finish_non_exhaustive()
    }
}

/// How the packets of an interface are to be read.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Units of time a second, and seconds to add.
    resolution: u64,
    offset: i64,
}

impl CaptureReader {
    /// Begins to read; `name` is what errors call the capture (a path or `-`).
    ///
    /// # Errors
    /// [`Error::Io`] where reading fails, [`Error::UnsupportedAudio`] for what is neither pcap nor pcapng,
    /// [`Error::MalformedAudio`] for a capture that ends within its header.
    pub fn new(name: &str, mut reader: impl Read + Send + 'static) -> Result<Self> {
        let name = PathBuf::from(name);
        // The parser wants the whole header at its first read, and a pipe may bring it in pieces.
        let mut head = vec![0; 24];
        read_exactly(&name, &mut reader, &mut head)?;
        if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            let length: [u8; 4] = [head[4], head[5], head[6], head[7]];
            let length = if head[8] == 0x1a { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
            let length = (length as usize).clamp(28, BUFFER);
            head.resize(length, 0);
            read_exactly(&name, &mut reader, &mut head[24..])?;
        }
        let inner = create_reader(BUFFER, Cursor::new(head).chain(reader)).map_err(|error| match error {
            PcapError::ReadError => Error::io(&name, std::io::ErrorKind::Other.into()),
            _ => Error::UnsupportedAudio {
                path: name.clone(),
                reason: "neither a pcap nor a pcapng capture; write one with `dumpcap -w` or `tcpdump -w`".to_owned(),
            },
        })?;
        Ok(Self { name, inner, interfaces: Vec::new(), nanoseconds: false, packets: 0, capacity: BUFFER })
    }

    /// Packets read so far, of any kind.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Reads one packet and hands it to `handle` if it is a UDP datagram; `false` at the end of the capture.
    ///
    /// # Errors
    /// [`Error::Io`] where reading fails, [`Error::MalformedAudio`] where the capture is damaged or ends within a packet,
    /// after all packets before that have been handed on, [`Error::UnsupportedAudio`] for a link type that is not read.
    pub fn next_datagram(&mut self, mut handle: impl FnMut(Datagram<'_>)) -> Result<bool> {
        loop {
            let Self { inner, interfaces, nanoseconds, packets, name, .. } = self;
            let waiting = match inner.next() {
                Ok((offset, block)) => {
                    let read = take_block(block, interfaces, nanoseconds, packets, &mut handle);
                    inner.consume(offset);
                    match read {
                        Ok(true) => return Ok(true),
                        Ok(false) => continue,
                        Err(reason) => return Err(Error::UnsupportedAudio { path: name.clone(), reason }),
                    }
                }
                Err(PcapError::Eof) => return Ok(false),
                Err(PcapError::Incomplete(_)) => inner.data().len(),
                Err(PcapError::BufferTooSmall) => usize::MAX,
                Err(PcapError::UnexpectedEof) => return Err(self.malformed("it ends within a packet")),
                Err(_) => return Err(self.malformed("a block can't be read")),
            };
            if self.inner.reader_exhausted() {
                return if waiting == 0 { Ok(false) } else { Err(self.malformed("it ends within a packet")) };
            }
            if waiting >= self.capacity {
                self.capacity *= 2;
                if self.capacity > LARGEST || !self.inner.grow(self.capacity) {
                    return Err(self.malformed("a packet of many megabytes is announced"));
                }
            }
            if self.inner.refill().is_err() {
                return Err(Error::io(&self.name, std::io::ErrorKind::Other.into()));
            }
        }
    }

    fn malformed(&self, what: &str) -> Error {
        let reason = format!("the capture is broken after packet {}: {what}", self.packets);
        Error::MalformedAudio { path: self.name.clone(), reason }
    }
}

fn read_exactly(name: &PathBuf, reader: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Error::MalformedAudio {
            path: name.clone(),
            reason: "the capture ends within its header; was anything written?".to_owned(),
        }),
        Err(error) => Err(Error::io(name, error)),
    }
}

/// Takes a block of the file: `true` if it was a packet, an error text for a link type that is not read.
fn take_block(
    block: PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    nanoseconds: &mut bool,
    packets: &mut u64,
    handle: &mut impl FnMut(Datagram<'_>),
) -> Result<bool, String> {
    let (interface, time, data, captured, length) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            *nanoseconds = header.is_nanosecond_precision();
            *interfaces = vec![Interface { link: header.network, resolution: 1_000_000, offset: 0 }];
            return Ok(false);
        }
        PcapBlockOwned::Legacy(packet) => {
            let fraction = packet.ts_usec.saturating_mul(if *nanoseconds { 1 } else { 1000 }).min(999_999_999);
            (0, Some(Duration::new(packet.ts_sec.into(), fraction)), packet.data, packet.caplen, packet.origlen)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return Ok(false);
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            if interfaces.len() < INTERFACES {
                let resolution = units_a_second(description.if_tsresol).unwrap_or(1_000_000);
                interfaces.push(Interface { link: description.linktype, resolution, offset: description.ts_offset() });
            }
            return Ok(false);
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = packet.if_id as usize;
            let time = interfaces.get(interface).map(|interface| {
                let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let seconds = (units / interface.resolution).saturating_add_signed(interface.offset);
                let rest = u128::from(units % interface.resolution) * 1_000_000_000 / u128::from(interface.resolution);
                Duration::new(seconds, rest as u32)
            });
            (interface, time, packet.data, packet.caplen, packet.origlen)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => (0, None, packet.data, packet.origlen, packet.origlen),
        PcapBlockOwned::NG(_) => return Ok(false),
    };
    *packets += 1;
    let Some(interface) = interfaces.get(interface) else { return Ok(true) };
    let data = data.get(..captured as usize).unwrap_or(data);
    let cut = data.len() < length as usize;
    let packet = match interface.link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        Linktype::LINUX_SLL => cooked(data, 14, 16),
        Linktype::LINUX_SLL2 => cooked(data, 0, 20),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => LaxSlicedPacket::from_ip(data).ok(),
        Linktype::NULL | Linktype::LOOP => data.get(4..).and_then(|data| LaxSlicedPacket::from_ip(data).ok()),
        Linktype(other) => return Err(format!("a capture of link type {other}; capture on Ethernet or `any`")),
    };
    if let Some(datagram) = packet.and_then(|packet| datagram(&packet, time.unwrap_or_default(), cut)) {
        handle(datagram);
    }
    Ok(true)
}

/// Units of time a second, as an interface of pcapng tells them: a power of ten, or of two, which pcap-parser does not read.
fn units_a_second(if_tsresol: u8) -> Option<u64> {
    let exponent = u32::from(if_tsresol & 0x7f);
    if if_tsresol & 0x80 == 0 { 10u64.checked_pow(exponent) } else { 1u64.checked_shl(exponent) }
}

/// A packet of a Linux cooked capture: its protocol stands at `protocol`, its contents at `start`.
fn cooked(data: &[u8], protocol: usize, start: usize) -> Option<LaxSlicedPacket<'_>> {
    let protocol = u16::from_be_bytes([*data.get(protocol)?, *data.get(protocol + 1)?]);
    Some(LaxSlicedPacket::from_ether_type(EtherType(protocol), data.get(start..)?))
}

fn datagram<'a>(packet: &LaxSlicedPacket<'a>, time: Duration, cut: bool) -> Option<Datagram<'a>> {
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { return None };
    let (source, destination): (IpAddr, IpAddr) = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        LaxNetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        LaxNetSlice::Arp(_) => return None,
    };
    Some(Datagram {
        time,
        source: SocketAddr::new(source, udp.source_port()),
        destination: SocketAddr::new(destination, udp.destination_port()),
        payload: udp.payload(),
        // Ethernet pads short packets, which may be cut off without a loss.
        cut: cut && udp.payload().len() + UDP_HEAD < usize::from(udp.length()),
    })
}
