//! Whether a Matroska or WebM file is whole.
//!
//! A program that writes to a pipe, as a browser's MediaRecorder does, leaves the sizes of segment and clusters unknown: such a
//! file ends with the file. The demultiplexer then asks for one more element and reports the end of the file as damage.
//! So the elements are walked here without reading what they hold: the file is whole if the last one ends where it does.
//!
//! Source: RFC 8794 (EBML), sections 4 to 6; RFC 9559 (Matroska), section 5.1.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

/// Elements that may be of unknown size, whose children are walked then.
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
/// Bytes read at once: the heads of elements, of which the short ones lie close together.
const BUFFER: usize = 1 << 12;

/// Whether the last element of `file`, which has `length` bytes, is there to its end.
///
/// # Errors
/// Where reading fails.
pub(super) fn is_whole(file: impl Read + Seek, length: u64) -> io::Result<bool> {
    let mut reader = BufReader::with_capacity(BUFFER, file);
    reader.seek(SeekFrom::Start(0))?;
    let mut position = 0;
    while position < length {
        let Some((id, size, head)) = head(&mut reader)? else { return Ok(false) };
        position += head;
        match size {
            Some(size) => {
                let Some(end) = position.checked_add(size).filter(|&end| end <= length) else { return Ok(false) };
                // Within the buffer this reads nothing anew.
                reader.seek_relative(size as i64)?;
                position = end;
            }
            // Its children come next, and after them whatever comes after it.
            None if [SEGMENT, CLUSTER].contains(&id) => {}
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Identifier and size of the next element, the size `None` where it is unknown, and the bytes that the two take; `None` where
/// there is no element or no end to it.
fn head(reader: &mut impl Read) -> io::Result<Option<(u32, Option<u64>, u64)>> {
    let read = |reader: &mut _| Ok(number(reader)?.zip(number(reader)?));
    match read(reader) {
        Ok(Some(((id, id_bytes), (size, size_bytes)))) => {
            // The identifier is written with its mark of length; of the size, the mark is no part, and all ones mean unknown.
            let value_bits = 7 * size_bytes;
            let size = size & ((1 << value_bits) - 1);
            let known = size != (1 << value_bits) - 1;
            Ok(u32::try_from(id).ok().map(|id| (id, known.then_some(size), id_bytes + size_bytes)))
        }
        Ok(None) => Ok(None),
        Err(error) if ErrorKind::UnexpectedEof == io::Error::kind(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A number whose leading zero bits tell its length, with its mark, and its bytes; `None` for one of more than eight.
fn number(reader: &mut impl Read) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes[..1])?;
    let more = bytes[0].leading_zeros() as usize;
    if more > 7 {
        return Ok(None);
    }
    reader.read_exact(&mut bytes[1..=more])?;
    let value = bytes[..=more].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
    Ok(Some((value, more as u64 + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn whole(bytes: &[u8]) -> bool {
        is_whole(Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    #[test]
    fn a_file_of_unknown_sizes_is_whole_where_its_last_element_is() {
        // An EBML header of two bytes; a segment of unknown size; in it a cluster of unknown size with two blocks of three.
        let bytes = [
            &[0x1a, 0x45, 0xdf, 0xa3, 0x82, 1, 2][..],
            &[0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x43, 0xb6, 0x75, 0xff],
            &[0xa3, 0x83, 7, 7, 7],
            &[0xa3, 0x40, 0x03, 7, 7, 7],
        ]
        .concat();
        assert!(whole(&bytes));
        for cut in [1, 2, 3, 4, 5, 7, 10] {
            assert!(!whole(&bytes[..bytes.len() - cut]), "{cut} bytes fewer");
        }
        assert!(whole(&bytes[..bytes.len() - 6]), "a block fewer");
    }

    #[test]
    fn a_segment_of_known_size_is_whole_at_its_end_only() {
        let bytes = [0x18, 0x53, 0x80, 0x67, 0x83, 0xa3, 0x81, 7];
        assert!(whole(&bytes));
        assert!(!whole(&bytes[..5]));
    }
}
