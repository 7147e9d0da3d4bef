//! Where audio of an Ogg file is missing: pages, or time between them.
//!
//! A page, about a second of audio, is dropped by every reader when one bit of it is wrong. Pages tell when they end, not when
//! they begin, so symphonia lets the page after a missing one begin where the one before that ended: too early. The same
//! goes for a page before which the recorder itself left a gap. Here the pages that are sound are found in the same way as there, so that the gap can be put where it is.
//!
//! Source: RFC 3533 (Ogg), section 6.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor;

const MARK: [u8; 4] = *b"OggS";
/// Bytes of a page's header before its table of segments, and of the longest page.
const HEADER_BYTES: usize = 27;
const LONGEST_PAGE: usize = HEADER_BYTES + 255 + 255 * 255;
/// Pages with a wrong checksum after which a file is taken for hostile, and looked at no further: each costs the reading of a page.
const MOST_BROKEN: usize = 1000;

/// Pages of which the times are kept, at most: hours of the shortest packets, days of whole pages, 32 MiB.
const MOST_PAGES: usize = 1 << 20;

/// A page before which something may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// The stream that the page belongs to.
    pub(super) serial: u32,
    /// When the page before it ends, and when it ends itself, in samples of the codec's clock.
    pub(super) before: i64,
    pub(super) after: i64,
    /// Whether pages are missing between them. If not, only the length of what is in the page tells a gap.
    pub(super) pages: bool,
}

/// What is known of a stream at some page.
#[derive(Debug, Clone, Copy)]
struct At {
    sequence: u32,
    /// When the last page that says so ends.
    end: Option<i64>,
    /// Whether pages have been missing since then.
    hole: bool,
}

/// The pages of an Ogg file before which something may be missing, in their order; none of another file. Reads it from the start to the end.
///
/// # Errors
/// Where reading fails.
pub(super) fn holes(file: impl Read + Seek) -> io::Result<Vec<Hole>> {
    let mut reader = BufReader::with_capacity(2 * LONGEST_PAGE, file);
    reader.seek(SeekFrom::Start(0))?;
    match find_holes(&mut reader) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        Err(_) => Ok(Vec::new()),
        found => found,
    }
}

fn find_holes(reader: &mut BufReader<impl Read + Seek>) -> io::Result<Vec<Hole>> {
    let (mut holes, mut streams) = (Vec::new(), HashMap::<u32, At>::new());
    let mut mark = [0; MARK.len()];
    reader.read_exact(&mut mark)?;
    let (mut broken, mut page) = (0, Vec::new());
    while mark == MARK && broken <= MOST_BROKEN {
        match read_page(reader, &mut page) {
            Ok(Some((serial, sequence, end))) => {
                let at = streams.entry(serial).or_insert(At { sequence, end: None, hole: false });
                at.hole |= sequence > at.sequence.saturating_add(1);
                at.sequence = sequence;
                // A page in which no packet ends has no time.
                if end >= 0 {
                    if let Some(before) = at.end
                        && (at.hole || holes.len() < MOST_PAGES)
                    {
                        holes.push(Hole { serial, before, after: end, pages: at.hole });
                    }
                    (at.end, at.hole) = (Some(end), false);
                }
            }
            Ok(None) => broken += 1,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        if !find_mark(reader, &mut mark)? {
            break;
        }
    }
    Ok(holes)
}

/// Reads the page after its mark: serial number, sequence number and end. One with a wrong checksum is none, and what comes after
/// its mark is to be read again.
fn read_page(reader: &mut BufReader<impl Read + Seek>, page: &mut Vec<u8>) -> io::Result<Option<(u32, u32, i64)>> {
    page.clear();
    page.extend(MARK);
    let read = |reader: &mut BufReader<_>, page: &mut Vec<u8>, bytes: usize| {
        let filled = page.len();
        page.resize(filled + bytes, 0);
        reader.read_exact(&mut page[filled..])
    };
    read(reader, page, HEADER_BYTES - MARK.len())?;
    let segments = usize::from(page[HEADER_BYTES - 1]);
    read(reader, page, segments)?;
    let body = page[HEADER_BYTES..].iter().map(|&bytes| usize::from(bytes)).sum();
    read(reader, page, body)?;
    let word = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
    let (end, serial, sequence, told) = (u64::from(word(10)) << 32 | u64::from(word(6)), word(14), word(18), word(22));
    // The checksum is that of the page with zeros in its place.
    page[22..26].fill(0);
    let mut crc = Crc32::new(0);
    crc.process_buf_bytes(page);
    if crc.crc() != told {
        reader.seek_relative(-((page.len() - MARK.len()) as i64))?;
        return Ok(None);
    }
    Ok(Some((serial, sequence, end as i64)))
}

/// Goes on to behind the next mark; `false` where there is none.
fn find_mark(reader: &mut impl BufRead, mark: &mut [u8; MARK.len()]) -> io::Result<bool> {
    let mut window = [0; MARK.len()];
    for byte in reader.bytes() {
        window.rotate_left(1);
        window[MARK.len() - 1] = byte?;
        if window == MARK {
            *mark = window;
            return Ok(true);
        }
    }
    Ok(false)
}
