//! The index file, to the byte. Little-endian on every host; memory-mapped and used in place.
//!
//! ```text
//! offset  size  field
//!      0     8  magic "CPINDEX\n"
//!      8     4  format version (4, or 5 where codes are filed under cells)
//!     12     4  number of sections S (8)
//!     16     8  configuration hash: fingerprint model, judge and, in version 5, canonical variates
//!     24     8  file size in bytes
//!     32     8  number of renderings R
//!     40     8  number of codes N
//!     48    12  reserved, zero
//!     60     4  CRC-32 of bytes 0..60 and of the section table
//!     64  24*S  section table: kind u32, CRC-32 of the section u32, offset u64, length u64
//! ```
//! Sections follow in the order of their kinds, each at the next multiple of 64; the bytes between are zero.
//!
//! | kind | section | contents |
//! |---|---|---|
//! | 1 | renderings | R records of 48 bytes, ascending by name: first code u64, codes u32, samples at 8 kHz u32, then for name, category and language each: offset u32 and length u32 in the strings; first band record u64 |
//! | 2 | strings | UTF-8, no separators |
//! | 3 | codes | N codes of 128 bits: two u64 words |
//! | 4 | levels | N bytes: log level of each code in steps of 48/256 octave of power, at least 1; 0 for a code without sound |
//! | 5 | calibration | false-alarm model, 4 x f64: wrong matches of score 0 or higher an hour and their decay a nat, as they are from 1.5 nats on; of these on shared words those of 1.5 nats or higher an hour, and their decay below that (both 0: one decay for all); see `calibrate` |
//! | 6 | bands | for each rendering of n > 0 codes 2 n + 18 records of 12 bytes: the 24 log bands of 20 ms, in steps of one octave (3 dB) under the rendering's highest, 15 to 0; the even band in the low half of a byte |
//! | 7 | tables | nothing in a small index; else which codes have which key, see below |
//! | 8 | pitch | a byte for each band record: 0 for none, else 1 + F0 in cents above 75 Hz / 15 |
//!
//! Section 7 finds codes by parts of them. Its numbers are little-endian as everywhere:
//!
//! ```text
//! offset  size  field
//!      0     4  bits in a key b: 8 to 26 of bits, 14 to 26 of cells
//!      4     4  number of tables: 3 (codes are filed under bits), or 1 (under cells; from 2^22 codes with sound on)
//!      8     8  number of codes with sound M
//!     16    48  reserved, zero
//!     64        for each table t: a directory, filled up with zeros to a multiple of 64, then M entries of lists, likewise
//! ```
//!
//! The **directory** has 2^b + 1 entries u32: before which entry the list of each key begins, the last being M. The **list** of a key whose
//! entries are s to e lies at bytes E s to E e of the table's lists, E being the bytes of an entry: the
//! signatures of its codes, then their numbers u32 in section 3, ascending. Codes of level 0 are in no list. Bit d of a code is bit d % 64 of word
//! d / 64.
//!
//! - Under bits (see `keys`): the **key** of a code in table t is its bits 26 t to 26 t + b, its **signature** u16 its bits 78 + 16 t to
//!   94 + 16 t; E is 6.
//! - Under cells (see `cells`, which says how they are found): a book has cells of c bits, c being b / 2 without its fraction. The lowest c bits of the key are the
//!   code's cell in the first book, the next c that in the second, the others its bits 0 to b - 2 c. The signature u32 is its bits 64 to 96; E is 8.
//!
//! Version 4 has no cells. Version 3 has sections 1 to 7 only and is read as well; its renderings are recognised without what their pitch says.
//!
//! Opening checks magic, version, configuration, sizes, and the header's checksum, in time independent of the data.
//! `verify` checks every byte. Records are bounds-checked when they are used, so a damaged file gives errors or wrong
//! answers, never a read outside the map.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    little_endian::{F64, U32, U64},
};

use crate::{
    IndexFault,
    fingerprint::{BANDS, Code},
};

/// First eight bytes.
pub(crate) const MAGIC: [u8; 8] = *b"CPINDEX\n";
/// Newest version that this program writes and reads: of an index whose codes are filed under cells.
pub(crate) const VERSION: u32 = 5;
/// Version of any other index that it writes, so that programs that know no cells can read that.
const WITHOUT_CELLS: u32 = 4;
/// Oldest version that it reads.
pub(crate) const OLDEST: u32 = 3;
/// Alignment of sections.
pub(crate) const ALIGN: usize = 64;
/// Sections of a file.
pub(crate) const SECTIONS: usize = 8;
/// Sections of a file of version 3, which knows no pitch.
const SECTIONS_OF_3: usize = 7;

/// The fixed part of the header.
#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) version: U32,
    pub(crate) sections: U32,
    pub(crate) configuration: U64,
    pub(crate) file_size: U64,
    pub(crate) renderings: U64,
    pub(crate) codes: U64,
    pub(crate) reserved: [u8; 12],
    pub(crate) crc: U32,
}

/// One line of the section table.
#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct SectionEntry {
    pub(crate) kind: U32,
    pub(crate) crc: U32,
    pub(crate) offset: U64,
    pub(crate) length: U64,
}

/// Where a string lies in the strings section.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StringRef {
    pub(crate) offset: U32,
    pub(crate) length: U32,
}

/// One rendering.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) first_code: U64,
    pub(crate) codes: U32,
    pub(crate) samples: U32,
    pub(crate) name: StringRef,
    pub(crate) category: StringRef,
    pub(crate) language: StringRef,
    /// Number of its first band record.
    pub(crate) first_bands: U64,
}

/// A code as stored.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StoredCode(pub(crate) [U64; 2]);

impl StoredCode {
    /// The code in the host's byte order; free on little-endian hosts.
    #[inline]
    pub(crate) fn get(self) -> Code {
        Code([self.0[0].get(), self.0[1].get()])
    }
}

impl From<Code> for StoredCode {
    fn from(code: Code) -> Self {
        Self([U64::new(code.0[0]), U64::new(code.0[1])])
    }
}

/// The false-alarm model as stored.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StoredCalibration(pub(crate) [F64; 4]);

/// The bands of 20 ms as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StoredBands(pub(crate) [u8; BANDS / 2]);

/// Head of the tables section.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PostingsHeader {
    pub(crate) key_bits: U32,
    pub(crate) tables: U32,
    pub(crate) codes: U64,
    pub(crate) reserved: [u8; 48],
}

/// Version of an index whose codes are filed under cells, or are not.
pub(crate) fn version(cells: bool) -> u32 {
    if cells { VERSION } else { WITHOUT_CELLS }
}

/// Band records of a rendering of `codes` codes: two for each code's hop, and the rest of the last patch.
pub(crate) fn band_records(codes: usize) -> usize {
    if codes == 0 { 0 } else { codes.saturating_mul(2).saturating_add(18) }
}

/// Byte ranges of the sections of a file whose header holds.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) ranges: [std::ops::Range<usize>; SECTIONS],
    pub(crate) crcs: [u32; SECTIONS],
    pub(crate) version: u32,
    /// Sections that the file has; the others are empty.
    pub(crate) sections: usize,
    pub(crate) configuration: u64,
    pub(crate) renderings: usize,
    pub(crate) codes: usize,
}

/// Where the table of `sections` sections ends.
pub(crate) const fn table_end(sections: usize) -> usize {
    size_of::<Header>() + sections * size_of::<SectionEntry>()
}

/// Offset of the first section.
pub(crate) const fn data_start(sections: usize) -> usize {
    align(table_end(sections))
}

/// The next multiple of [`ALIGN`].
pub(crate) const fn align(at: usize) -> usize {
    at.div_ceil(ALIGN) * ALIGN
}

/// CRC-32 over the header without its checksum, and the section table.
pub(crate) fn header_crc(header: &[u8], table: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[..size_of::<Header>() - 4]);
    crc.update(table);
    crc.finalize()
}

/// Checks the header of a file and finds its sections; `configuration`: what files of a version have. Time does not depend on the data.
///
/// # Errors
/// Says what does not hold.
pub(crate) fn open(bytes: &[u8], configuration: impl Fn(u32) -> u64) -> Result<Layout, IndexFault> {
    let (header, rest) = Header::ref_from_prefix(bytes).map_err(|_| short(bytes))?;
    if header.magic != MAGIC {
        return Err(IndexFault::NotAnIndex);
    }
    let sections = match header.version.get() {
        OLDEST => SECTIONS_OF_3,
        WITHOUT_CELLS | VERSION => SECTIONS,
        found => return Err(IndexFault::Version { found, supported: VERSION }),
    };
    let (table, _) = <[SectionEntry]>::ref_from_prefix_with_elems(rest, sections)
        .map_err(|_| IndexFault::Truncated { found: bytes.len() as u64, expected: data_start(sections) as u64 })?;
    if header_crc(header.as_bytes(), table.as_bytes()) != header.crc.get() {
        return Err(IndexFault::Damaged("the header's checksum does not fit".into()));
    }
    let expected = configuration(header.version.get());
    if header.configuration.get() != expected {
        return Err(IndexFault::Configuration { found: header.configuration.get(), expected });
    }
    let (found, expected) = (bytes.len() as u64, header.file_size.get());
    if found < expected {
        return Err(IndexFault::Truncated { found, expected });
    }
    if found > expected {
        return Err(IndexFault::Damaged(format!("{} bytes too long", found - expected)));
    }
    layout(header, table)
}

fn short(bytes: &[u8]) -> IndexFault {
    // An empty or tiny file that could still be the start of an index is truncated; anything else is no index.
    if MAGIC.starts_with(&bytes[..bytes.len().min(8)]) && !bytes.is_empty() {
        IndexFault::Truncated { found: bytes.len() as u64, expected: data_start(SECTIONS) as u64 }
    } else {
        IndexFault::NotAnIndex
    }
}

fn layout(header: &Header, table: &[SectionEntry]) -> Result<Layout, IndexFault> {
    let damaged = |what: &str| IndexFault::Damaged(what.to_owned());
    let count = |n: U64| usize::try_from(n.get()).map_err(|_| damaged("sizes too large for this machine"));
    let (renderings, codes, size) = (count(header.renderings)?, count(header.codes)?, count(header.file_size)?);
    let lengths = [
        // A product too large for the machine fits no section.
        Some(renderings.saturating_mul(size_of::<Record>())),
        None,
        Some(codes.saturating_mul(size_of::<StoredCode>())),
        Some(codes),
        Some(size_of::<StoredCalibration>()),
        None,
        None,
        None,
    ];
    let mut ranges: [std::ops::Range<usize>; SECTIONS] = Default::default();
    let mut at = data_start(table.len());
    for (i, (entry, range)) in table.iter().zip(&mut ranges).enumerate() {
        let (offset, length) = (count(entry.offset)?, count(entry.length)?);
        let end = offset.checked_add(length).filter(|&end| end <= size);
        let fits = lengths[i].is_none_or(|l| l == length);
        let (true, true, true, Some(end)) = (entry.kind.get() as usize == i + 1, offset == at, fits, end) else {
            return Err(damaged(&format!("section {} is not where or what it should be", i + 1)));
        };
        *range = offset..end;
        at = align(end);
    }
    let end = ranges[table.len() - 1].end;
    if header.sections.get() as usize != table.len() || header.reserved != [0; 12] || end != size {
        return Err(damaged("sections and file size do not fit"));
    }
    ranges[table.len()..].fill(end..end);
    let crcs = std::array::from_fn(|i| table.get(i).map_or(0, |entry| entry.crc.get()));
    let (version, configuration) = (header.version.get(), header.configuration.get());
    Ok(Layout { ranges, crcs, version, sections: table.len(), configuration, renderings, codes })
}
