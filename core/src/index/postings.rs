//! The tables of an index: which codes have which key. Section 7 of the file, laid out in `format`.
//!
//! A table is a directory (where each key's list begins) and the lists, one after the other. A list holds the signatures
//! of its codes first, then their positions, ascending: a look into a list reads the signatures, mostly one cache line, and
//! of the positions only those whose signature fits.
//!
//! Tables are made by counting sort, in time linear in the codes, table after table, so that no more than one is in memory.
//! Codes without sound are in no table.

use std::io::{self, Write};

use zerocopy::{
    FromBytes, IntoBytes,
    little_endian::{U16, U32, U64},
};

use super::{
    StoredCode,
    cells::Books,
    format::{ALIGN, PostingsHeader},
    keys::{Keying, TABLES},
};
use crate::fingerprint::Code;

/// Codes from which an index gets tables by itself (14 renderings of 12 s): fewer are compared with in the time that looking up takes.
pub(crate) const WORTHWHILE: usize = 1 << 12;

/// A list of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a> {
    pub(crate) signatures: Signatures<'a>,
    pub(crate) positions: &'a [U32],
}

/// The signatures of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signatures<'a> {
    /// In a table of bits.
    Narrow(&'a [U16]),
    /// In a table of cells.
    Wide(&'a [U32]),
}

impl Signatures<'_> {
    fn iter(self) -> impl Iterator<Item = u32> {
        let (narrow, wide) = match self {
            Self::Narrow(narrow) => (narrow, [].as_slice()),
            Self::Wide(wide) => ([].as_slice(), wide),
        };
        narrow.iter().map(|s| u32::from(s.get())).chain(wide.iter().map(|s| s.get()))
    }
}

/// One table.
#[derive(Debug, Clone, Copy, Default)]
struct Table<'a> {
    directory: &'a [U32],
    /// What fills the directory up to the lists.
    gap: &'a [u8],
    lists: &'a [u8],
}

/// The tables of an open index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postings<'a> {
    pub(crate) keying: Keying,
    pub(crate) key_bits: u32,
    pub(crate) codes: usize,
    tables: [Table<'a>; TABLES],
}

/// Bytes of an entry: signature and position.
fn entry_bytes(keying: Keying) -> usize {
    keying.signature_bytes() + size_of::<U32>()
}

/// Where the parts of the section lie.
struct Parts {
    directory: usize,
    lists: usize,
}

impl Parts {
    fn of(keying: Keying, key_bits: u32, codes: usize) -> Option<Self> {
        let directory = (((1usize << key_bits) + 1) * 4).next_multiple_of(ALIGN);
        Some(Self { directory, lists: codes.checked_mul(entry_bytes(keying))?.checked_next_multiple_of(ALIGN)? })
    }

    fn section(&self, keying: Keying) -> Option<usize> {
        let tables = self.directory.checked_add(self.lists)?.checked_mul(keying.tables())?;
        tables.checked_add(size_of::<PostingsHeader>())
    }
}

impl<'a> Postings<'a> {
    /// The tables in a section; `None` in an empty one.
    ///
    /// # Errors
    /// Says what does not hold. Time does not depend on the data.
    pub(crate) fn open(section: &'a [u8]) -> Result<Option<Self>, String> {
        if section.is_empty() {
            return Ok(None);
        }
        let wrong = || "the tables of keys are not what they should be".to_owned();
        let (header, mut rest) = PostingsHeader::ref_from_prefix(section).map_err(|_| wrong())?;
        let (key_bits, tables) = (header.key_bits.get(), header.tables.get());
        let codes = usize::try_from(header.codes.get()).ok().filter(|&n| u32::try_from(n).is_ok()).ok_or_else(wrong)?;
        let keying = [Keying::Bits, Keying::Cells].into_iter().find(|keying| keying.tables() == tables as usize);
        let keying = keying.filter(|keying| keying.all_key_bits().contains(&key_bits)).ok_or_else(wrong)?;
        if header.reserved != [0; 48] {
            return Err(wrong());
        }
        let parts = Parts::of(keying, key_bits, codes).ok_or_else(wrong)?;
        if parts.section(keying) != Some(section.len()) {
            return Err(wrong());
        }
        let mut found = [Table::default(); TABLES];
        for table in found.iter_mut().take(keying.tables()) {
            let (directory, after) = rest.split_at_checked(parts.directory).ok_or_else(wrong)?;
            let (lists, after) = after.split_at_checked(parts.lists).ok_or_else(wrong)?;
            let (directory, gap) =
                <[U32]>::ref_from_prefix_with_elems(directory, (1 << key_bits) + 1).map_err(|_| wrong())?;
            *table = Table { directory, gap, lists };
            rest = after;
        }
        Ok(Some(Self { keying, key_bits, codes, tables: found }))
    }

    /// The books of which codes are filed under a pair of cells each, if they are.
    pub(super) fn books(&self) -> Option<Books> {
        (self.keying == Keying::Cells).then(|| Books::for_key(self.key_bits))
    }

    /// Asks the memory for the directory's entry of a key.
    #[inline]
    pub(crate) fn prefetch_directory(&self, table: usize, key: u32) {
        super::prefetch::prefetch(self.tables[table].directory, key as usize);
    }

    /// Where a key's list begins and ends; an empty range where a damaged file says something impossible.
    #[inline]
    pub(crate) fn range(&self, table: usize, key: u32) -> (u32, u32) {
        let directory = self.tables[table].directory;
        match (directory.get(key as usize), directory.get(key as usize + 1)) {
            (Some(start), Some(end)) if start.get() <= end.get() && end.get() as usize <= self.codes => {
                (start.get(), end.get())
            }
            _ => (0, 0),
        }
    }

    /// Asks the memory for the signatures of a list that is not empty, or for the first of a long one; reading on, the processor
    /// asks for the rest by itself.
    #[inline]
    pub(crate) fn prefetch_signatures(&self, table: usize, (start, end): (u32, u32)) {
        let first = start as usize * entry_bytes(self.keying);
        let bytes = self.keying.signature_bytes() * (end - start) as usize;
        // The last byte may lie in a line of its own.
        for at in (first..first + bytes.min(64 * 6)).step_by(64).chain([first + bytes - 1]) {
            super::prefetch::prefetch(self.tables[table].lists, at);
        }
    }

    /// The list in a range.
    #[inline]
    pub(crate) fn list(&self, table: usize, (start, end): (u32, u32)) -> List<'a> {
        let entry = entry_bytes(self.keying);
        let bytes = self.tables[table].lists.get(start as usize * entry..end as usize * entry).unwrap_or_default();
        let (signatures, rest) = bytes.split_at(bytes.len() / entry * self.keying.signature_bytes());
        let signatures = match self.keying {
            Keying::Bits => Signatures::Narrow(<[U16]>::ref_from_bytes(signatures).unwrap_or_default()),
            Keying::Cells => Signatures::Wide(<[U32]>::ref_from_bytes(signatures).unwrap_or_default()),
        };
        List { signatures, positions: <[U32]>::ref_from_bytes(rest).unwrap_or_default() }
    }

    /// All entries of a table: key and position.
    pub(crate) fn entries(&self, table: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..1u32 << self.key_bits).flat_map(move |key| {
            let list = self.list(table, self.range(table, key));
            list.positions.iter().map(move |position| (key, position.get()))
        })
    }

    /// Checks every entry against the codes; `cells`: theirs, where they are filed under these.
    pub(crate) fn check(&self, codes: &[StoredCode], levels: &[u8], cells: &[u32]) -> Result<(), String> {
        let active = levels.iter().filter(|&&level| level > 0).count();
        if active != self.codes {
            return Err(format!("{} codes are in tables, {active} have sound", self.codes));
        }
        for (t, table) in self.tables.iter().enumerate().take(self.keying.tables()) {
            // Entries of one key ascend and every entry has its code's key, so no code comes twice; and there are as many
            // entries as codes with sound, so none is missing.
            let mut expected = 0;
            for key in 0..1u32 << self.key_bits {
                let range = self.range(t, key);
                let list = self.list(t, range);
                let mut before = None;
                let right = range.0 == expected
                    && list.signatures.iter().zip(list.positions).all(|(signature, position)| {
                        let at = position.get() as usize;
                        let ascends = before.replace(at).is_none_or(|before| before < at);
                        let (Some(code), Some(1..)) = (codes.get(at), levels.get(at)) else { return false };
                        let code = code.get();
                        ascends
                            && self.keying.key(code, cells.get(at).copied().unwrap_or(0), t, self.key_bits) == key
                            && self.keying.signature(code, t) == signature
                    });
                if !right {
                    return Err(format!("list {key} of table {t} and the codes do not fit"));
                }
                expected = range.1;
            }
            if expected as usize != self.codes {
                return Err(format!("table {t} is not complete"));
            }
            let rest = table.lists.get(self.codes * entry_bytes(self.keying)..).unwrap_or_default();
            if rest.iter().chain(table.gap).any(|&b| b != 0) {
                return Err(format!("bytes that fill up table {t} are not zero"));
            }
        }
        Ok(())
    }
}

/// Hands all codes, their levels and, where they are filed under these, their cells over, in the order of their positions.
type Each<'a> = dyn Fn(&mut dyn FnMut(Code, u8, u32)) + 'a;

/// Writes the section for the codes that `each` hands over, in the order of their positions. `active`: how
/// many of them have sound; there are fewer than 2^32 in all.
///
/// # Errors
/// Those of the output.
pub(crate) fn write(keying: Keying, active: usize, each: &Each<'_>, out: &mut impl Write) -> io::Result<()> {
    let key_bits = keying.key_bits(active);
    let header = PostingsHeader {
        key_bits: U32::new(key_bits),
        tables: U32::new(keying.tables() as u32),
        codes: U64::new(active as u64),
        reserved: [0; 48],
    };
    out.write_all(header.as_bytes())?;
    let parts = Parts::of(keying, key_bits, active).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
    for table in 0..keying.tables() {
        let (directory, lists) = sort(keying, table, key_bits, &parts, each);
        out.write_all(&directory)?;
        out.write_all(&lists)?;
    }
    Ok(())
}

/// Directory and lists of one table.
fn sort(keying: Keying, table: usize, key_bits: u32, parts: &Parts, each: &Each<'_>) -> (Vec<u8>, Vec<u8>) {
    let keys = 1usize << key_bits;
    let mut starts = vec![0u32; keys + 1];
    let key_of = |code, cells| keying.key(code, cells, table, key_bits) as usize;
    each(&mut |code, level, cells| starts[key_of(code, cells) + 1] += u32::from(level > 0));
    for key in 0..keys {
        starts[key + 1] += starts[key];
    }
    let mut next = starts[..keys].to_vec();
    let mut lists = vec![0u8; parts.lists];
    let mut position = 0u32;
    let (width, entry) = (keying.signature_bytes(), entry_bytes(keying));
    each(&mut |code, level, cells| {
        if level > 0 {
            let key = key_of(code, cells);
            let (start, end, at) = (starts[key] as usize, starts[key + 1] as usize, next[key] as usize);
            next[key] += 1;
            let signature = start * entry + width * (at - start);
            let bytes = keying.signature(code, table).to_le_bytes();
            lists[signature..signature + width].copy_from_slice(&bytes[..width]);
            let place = start * entry + width * (end - start) + 4 * (at - start);
            lists[place..place + 4].copy_from_slice(&position.to_le_bytes());
        }
        position += 1;
    });
    let mut directory = Vec::with_capacity(parts.directory);
    directory.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
    directory.resize(parts.directory, 0);
    (directory, lists)
}
