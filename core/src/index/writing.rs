//! Writing an index file: section after section, then the header.

use std::{
    io::{BufWriter, Seek, SeekFrom, Write},
    sync::Arc,
};

use zerocopy::{
    IntoBytes,
    little_endian::{U32, U64},
};

use super::{
    Calibration,
    builder::Payload,
    cells::{Books, Wanted, find_cells},
    format::{self, Header, Record, SECTIONS, SectionEntry},
    keys::Keying,
    postings,
};
use crate::{
    fingerprint::{CODE_HOP, Code},
    signal::HOP_SECONDS,
};

/// An index file about to be written.
pub(super) struct Contents<'a> {
    pub(super) records: Vec<Record>,
    pub(super) strings: Vec<u8>,
    pub(super) payloads: Vec<&'a Payload>,
    pub(super) codes: u64,
    /// Codes with sound.
    pub(super) active: usize,
    /// What they are filed under; no tables if nothing.
    pub(super) keying: Option<Keying>,
}

impl Contents<'_> {
    pub(super) fn write(&self, out: &mut (impl Write + Seek)) -> std::io::Result<()> {
        let mut sections = SectionWriter::new(out)?;
        sections.section(|out| out.write_all(self.records.as_bytes()))?;
        sections.section(|out| out.write_all(&self.strings))?;
        sections.section(|out| self.payloads.iter().try_for_each(|p| out.write_all(p.codes().as_bytes())))?;
        sections.section(|out| self.payloads.iter().try_for_each(|p| out.write_all(p.levels())))?;
        let seconds = self.codes as f64 * CODE_HOP as f64 * HOP_SECONDS;
        sections.section(|out| out.write_all(Calibration::for_size(seconds).to_stored().as_bytes()))?;
        sections.section(|out| self.payloads.iter().try_for_each(|p| out.write_all(p.bands().as_bytes())))?;
        sections.section(|out| {
            let Some(keying) = self.keying else { return Ok(()) };
            let cells = self.cells();
            let each = |take: &mut dyn FnMut(Code, u8, u32)| {
                let mut cells = cells.iter().copied();
                for payload in &self.payloads {
                    let codes = payload.codes().iter().zip(payload.levels());
                    codes.for_each(|(code, &level)| take(code.get(), level, cells.next().unwrap_or(0)));
                }
            };
            postings::write(keying, self.active, &each, out)
        })?;
        sections.section(|out| self.payloads.iter().try_for_each(|p| out.write_all(&p.pitch())))?;
        let version = format::version(self.keying == Some(Keying::Cells));
        sections.finish(version, self.records.len(), self.codes)
    }

    /// The cells of all codes, where they are filed under these: as an index that they come from has them, or restored by all processors.
    fn cells(&self) -> Vec<u32> {
        let Some(keying) = self.keying.filter(|&keying| keying == Keying::Cells) else { return Vec::new() };
        let books = Books::for_key(keying.key_bits(self.active));
        let mut all = vec![0; self.codes as usize];
        let mut rest = all.as_mut_slice();
        let mut work = Vec::with_capacity(self.payloads.len());
        for payload in &self.payloads {
            let (mine, others) = rest.split_at_mut(payload.codes().len());
            rest = others;
            work.push((*payload, mine));
        }
        while let Some(index) =
            work.iter().find_map(|(payload, _)| payload.index().filter(|i| i.books() == Some(books)))
        {
            let (index, known) = (Arc::clone(index), index.filed_cells());
            work.retain_mut(|(payload, out)| {
                let theirs = payload.index().filter(|other| Arc::ptr_eq(other, &index)).and(payload.range());
                if let Some(known) = theirs.clone().and_then(|range| known.get(range)) {
                    out.copy_from_slice(known);
                }
                theirs.is_none()
            });
        }
        let wanted = work.into_iter().map(|(payload, cells)| {
            let (codes, levels, bands) = (payload.codes(), payload.levels(), payload.bands());
            Wanted { codes, levels, bands, cells }
        });
        find_cells(books, wanted.collect());
        all
    }
}

/// Bytes that go to the file at once, beginning at multiples of this: as many as a huge page of x86-64 and AArch64 holds, so that
/// Linux can keep the file in such pages. Where it does, a search of 10^5 renderings takes a sixth less.
const CHUNK: usize = 2 << 20;

/// Writes sections one after the other, and the header when their sizes and checksums are known.
struct SectionWriter<W: Write + Seek> {
    out: BufWriter<W>,
    at: u64,
    crc: crc32fast::Hasher,
    table: Vec<SectionEntry>,
}

impl<W: Write + Seek> SectionWriter<W> {
    fn new(out: W) -> std::io::Result<Self> {
        let mut writer = Self {
            out: BufWriter::with_capacity(CHUNK, out),
            at: 0,
            crc: crc32fast::Hasher::new(),
            table: Vec::with_capacity(SECTIONS),
        };
        writer.write_all(&[0; format::data_start(SECTIONS)])?;
        Ok(writer)
    }

    fn section(&mut self, write: impl FnOnce(&mut Self) -> std::io::Result<()>) -> std::io::Result<()> {
        self.write_all(
            &[0; format::ALIGN][..self.at.next_multiple_of(format::ALIGN as u64) as usize - self.at as usize],
        )?;
        let offset = self.at;
        self.crc = crc32fast::Hasher::new();
        write(self)?;
        self.table.push(SectionEntry {
            kind: U32::new(self.table.len() as u32 + 1),
            crc: U32::new(self.crc.clone().finalize()),
            offset: U64::new(offset),
            length: U64::new(self.at - offset),
        });
        Ok(())
    }

    fn finish(mut self, version: u32, renderings: usize, codes: u64) -> std::io::Result<()> {
        let mut header = Header {
            magic: format::MAGIC,
            version: U32::new(version),
            sections: U32::new(SECTIONS as u32),
            configuration: U64::new(super::configuration_of(version)),
            file_size: U64::new(self.at),
            renderings: U64::new(renderings as u64),
            codes: U64::new(codes),
            reserved: [0; 12],
            crc: U32::new(0),
        };
        header.crc = U32::new(format::header_crc(header.as_bytes(), self.table.as_bytes()));
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(self.table.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write + Seek> Write for SectionWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let chunk = &bytes[..bytes.len().min(CHUNK - self.at as usize % CHUNK)];
        let written = self.out.write(chunk)?;
        self.crc.update(&chunk[..written]);
        self.at += written as u64;
        if self.at.is_multiple_of(CHUNK as u64) {
            self.out.flush()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
