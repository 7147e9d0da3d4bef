//! The learned constants: band edges, temporal functions, projection, thresholds.
//!
//! Stored as a small versioned file with a checksum, written by `corpus/training/learn.py` and embedded here; the layout
//! is in `corpus/training/MODEL.md`. Its hash is part of every index, so codes of different models never meet.

use std::sync::LazyLock;

use super::{code::BITS, extract::BANDS};

/// Magic number, version and sizes: bytes before the arrays.
const HEADER: usize = 32;
/// File version that this program reads.
const VERSION: u16 = 1;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the embedded file is a constant of the build, and a test parses it")]
    Model::from_bytes(include_bytes!("model.bin")).expect("the embedded fingerprint model is intact")
});

/// The fingerprint model of this build.
pub fn model() -> &'static Model {
    &MODEL
}

/// The constants of a fingerprint: B bands, patches of P frames, K temporal functions a band, 128 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// B + 2 edges of the triangular bands, Hz, ascending.
    pub edges: Vec<f64>,
    /// Power added to each band, in squared 16-bit units times the window's gain.
    pub floor: u32,
    /// Frames in a patch (P).
    pub patch: usize,
    /// Temporal functions, K rows of P; each row sums to 0. Widened from 8 bits.
    pub basis: Vec<i16>,
    /// Projection, 128 rows of B * K; column b * K + k.
    pub projection: Vec<i16>,
    /// Thresholds of the 128 values.
    pub threshold: Vec<i32>,
    /// Right shift after the temporal functions.
    pub shift1: u32,
    /// Right shift from values to 8-bit soft values.
    pub shift2: u32,
    /// Depth of the valleys that are kept below each band's highest value in the patch, 1/256 octave of power.
    pub span_band: i16,
    /// Depth of the valleys that are kept below the patch's highest value, 1/256 octave of power.
    pub span_patch: i16,
    /// Hash of all of the above (64 bits: two checksums of the file, by CRC-32 forward and reversed).
    pub hash: u64,
}

impl Model {
    /// Number of bands (B).
    pub fn bands(&self) -> usize {
        self.edges.len() - 2
    }

    /// Temporal functions per band (K).
    pub fn functions(&self) -> usize {
        self.basis.len() / self.patch
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = intact(bytes)?;
        let header = body.get(..HEADER).ok_or("shorter than its header")?;
        let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        if &header[..4] != b"CPFM" || word(4) != VERSION {
            return Err(format!("not a fingerprint model of version {VERSION}"));
        }
        let [bands, patch, functions, bits] = [6, 8, 10, 12].map(|at| usize::from(word(at)));
        if bits != BITS || bands != BANDS || patch == 0 || functions == 0 {
            return Err(format!("{bits} bits of {bands} bands, {patch} frames, {functions} functions: not usable"));
        }
        let mut rest = &body[HEADER..];
        let model = Self {
            edges: take(&mut rest, bands + 2, f64::from_le_bytes)?,
            threshold: take(&mut rest, bits, i32::from_le_bytes)?,
            projection: take(&mut rest, bits * bands * functions, i16::from_le_bytes)?,
            basis: take(&mut rest, functions * patch, |b: [u8; 1]| i16::from(b[0] as i8))?,
            floor: u32::from_le_bytes([header[24], header[25], header[26], header[27]]),
            patch,
            shift1: u32::from(word(14)),
            shift2: u32::from(word(16)),
            span_band: word(18).min(i16::MAX as u16) as i16,
            span_patch: word(20).min(i16::MAX as u16) as i16,
            hash: hash(body),
        };
        let overflows = model.projection.chunks(bands * functions).any(|row| magnitude(row) > 65_535);
        if overflows || model.basis.chunks(patch).any(|row| row.iter().map(|&v| i32::from(v)).sum::<i32>() != 0) {
            return Err("a row of the projection or of the temporal functions breaks its bound".into());
        }
        if !rest.is_empty() || !(1..31).contains(&model.shift1) || !(1..31).contains(&model.shift2) {
            return Err("sizes and contents do not fit".into());
        }
        Ok(model)
    }
}

fn take<T, const N: usize>(rest: &mut &[u8], count: usize, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (head, tail) = rest.split_at_checked(count * N).ok_or("shorter than its sizes say")?;
    *rest = tail;
    Ok(head.as_chunks::<N>().0.iter().map(|&b| read(b)).collect())
}

fn magnitude(row: &[i16]) -> u32 {
    row.iter().map(|&w| u32::from(w.unsigned_abs())).sum()
}

/// What a file of constants holds before its last four bytes, the CRC-32 of that.
///
/// # Errors
/// A sentence that says what is wrong with the bytes.
pub(crate) fn intact(bytes: &[u8]) -> Result<&[u8], String> {
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or("shorter than its checksum")?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err("checksum does not fit".into());
    }
    Ok(body)
}

/// Hash of a file of constants (64 bits: two checksums, by CRC-32 forward and reversed).
pub(crate) fn hash(body: &[u8]) -> u64 {
    let reversed: Vec<u8> = body.iter().rev().copied().collect();
    u64::from(crc32fast::hash(body)) << 32 | u64::from(crc32fast::hash(&reversed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_model_is_intact_and_blind_to_level() {
        let m = model();
        assert_eq!(m.projection.len(), BITS * m.bands() * m.functions());
        for row in m.basis.chunks(m.patch) {
            assert_eq!(row.iter().map(|&v| i32::from(v)).sum::<i32>(), 0);
        }
    }

    #[test]
    fn damage_is_found() {
        let bytes = include_bytes!("model.bin");
        for at in (0..bytes.len()).step_by(997) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            assert!(Model::from_bytes(&damaged).is_err(), "byte {at}");
        }
        for length in [0, 3, 4, 20, 100, bytes.len() - 1] {
            assert!(Model::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
