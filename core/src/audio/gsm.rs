//! GSM 06.10 full-rate speech: frames of 20 ms to 160 samples at 8 kHz.
//!
//! Asterisk's and many recorders' smallest format. A frame of 260 bits holds eight log-area ratios of a short-term
//! predictor and, for each quarter, a lag and gain of a long-term predictor and 13 pulses of the excitation. Decoding is
//! 16-bit integer arithmetic that the standard fixes to the bit, so the output is that of every conforming decoder.
//!
//! The bits travel in two packings: 33 bytes a frame behind a nibble of 0xD (raw `.gsm` files and RTP, RFC 3551 section
//! 4.5.8), and 65 bytes for two frames, lowest bit first ("WAV49", WAV files with format tag 0x31, RFC 2361).
//!
//! Source: ETSI EN 300 961 (GSM 06.10), Digital cellular telecommunications system; Full rate speech; Transcoding, section
//! 5.3 (decoder) with the tables of section 5.4; own implementation.

/// What of an old and a new ratio holds for a while.
type Share = fn(i16, i16) -> i16;

/// Samples of a frame.
pub(crate) const FRAME_SAMPLES: usize = 160;
/// Bytes of a frame in RTP and raw files.
pub(crate) const FRAME_BYTES: usize = 33;
/// Bytes of two frames in WAV files.
pub(crate) const PAIR_BYTES: usize = 65;

/// Samples of a quarter frame, which has its own excitation.
const QUARTER: usize = 40;
/// Longest lag of the long-term predictor.
const LONGEST_LAG: usize = 120;

/// Widths of the coded log-area ratios (table 1.1).
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
/// Smallest codes, offsets, and reciprocals of the scales of the log-area ratios (tables 5.1 and 5.2).
const LAR_LEAST: [i16; 8] = [-32, -32, -16, -16, -8, -8, -4, -4];
const LAR_OFFSET: [i16; 8] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const LAR_SCALE: [i16; 8] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
/// Gains of the long-term predictor (table 5.3b).
const LAG_GAIN: [i16; 4] = [3277, 11_469, 21_299, 32_767];
/// Normalised direct mantissas of the pulses' largest value (table 5.6).
const MANTISSA: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

/// The parameters of a frame, as coded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Frame {
    ratios: [i16; 8],
    quarters: [Quarter; 4],
}

/// The excitation of a quarter frame, as coded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Quarter {
    lag: i16,
    gain: i16,
    grid: i16,
    largest: i16,
    pulses: [i16; 13],
}

impl Frame {
    /// Takes the parameters in the order of both packings; `bits(n)` gives the next n bits.
    fn read(mut bits: impl FnMut(u32) -> i16) -> Self {
        let ratios = LAR_BITS.map(&mut bits);
        let quarters = std::array::from_fn(|_| Quarter {
            lag: bits(7),
            gain: bits(2),
            grid: bits(2),
            largest: bits(6),
            pulses: std::array::from_fn(|_| bits(3)),
        });
        Self { ratios, quarters }
    }
}

/// A decoder with the memory of its predictors.
#[derive(Debug, Clone)]
pub(crate) struct GsmDecoder {
    /// Log-area ratios of the frame before.
    ratios: [i16; 8],
    /// The last excitation, oldest first.
    past: [i16; LONGEST_LAG],
    lag: usize,
    /// Memory of the lattice filter.
    lattice: [i16; 9],
    /// Memory of the de-emphasis.
    deemphasis: i16,
}

impl GsmDecoder {
    pub(crate) fn new() -> Self {
        Self { ratios: [0; 8], past: [0; LONGEST_LAG], lag: QUARTER, lattice: [0; 9], deemphasis: 0 }
    }

    /// Whether `bytes` bears the mark of a 33-byte frame.
    pub(crate) fn is_frame(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| first >> 4 == 0xd)
    }

    /// Decodes a 33-byte frame.
    pub(crate) fn frame(&mut self, bytes: &[u8; FRAME_BYTES], out: &mut impl FnMut(i16)) {
        let mut at = 4;
        let frame = Frame::read(|count| {
            let mut value = 0;
            for _ in 0..count {
                value = value << 1 | i16::from(bytes[at / 8] >> (7 - at % 8) & 1);
                at += 1;
            }
            value
        });
        self.decode(&frame, out);
    }

    /// Decodes the two frames of 65 bytes.
    pub(crate) fn pair(&mut self, bytes: &[u8; PAIR_BYTES], out: &mut impl FnMut(i16)) {
        let mut at = 0;
        for _ in 0..2 {
            let frame = Frame::read(|count| {
                let mut value = 0;
                for bit in 0..count {
                    value |= i16::from(bytes[at / 8] >> (at % 8) & 1) << bit;
                    at += 1;
                }
                value
            });
            self.decode(&frame, out);
        }
    }

    fn decode(&mut self, frame: &Frame, out: &mut impl FnMut(i16)) {
        let mut excitation = [0; FRAME_SAMPLES];
        for (quarter, out) in frame.quarters.iter().zip(excitation.as_chunks_mut::<QUARTER>().0) {
            self.excite(quarter, out);
        }
        let (old, new) = (self.ratios, decode_ratios(&frame.ratios));
        // Three steps from the old filter to the new one (section 5.3.2).
        let shares: [(usize, Share); 4] = [
            (13, |old, new| (old >> 2).saturating_add(new >> 2).saturating_add(old >> 1)),
            (27, |old, new| (old >> 1).saturating_add(new >> 1)),
            (40, |old, new| (old >> 2).saturating_add(new >> 2).saturating_add(new >> 1)),
            (FRAME_SAMPLES, |_, new| new),
        ];
        let mut begin = 0;
        for (end, share) in shares {
            let filter = std::array::from_fn(|i| reflection(share(old[i], new[i])));
            for &sample in &excitation[begin..end] {
                out(self.synthesise(&filter, sample));
            }
            begin = end;
        }
        self.ratios = new;
    }

    /// The excitation of a quarter: pulses on their grid, and what the long-term predictor adds (sections 5.3.1, 5.3.2).
    fn excite(&mut self, quarter: &Quarter, out: &mut [i16; QUARTER]) {
        *out = [0; QUARTER];
        let pulses = decode_pulses(quarter.largest, &quarter.pulses);
        for (pulse, place) in pulses.into_iter().zip(out.iter_mut().skip(quarter.grid as usize).step_by(3)) {
            *place = pulse;
        }
        // A lag that a channel has damaged gives way to the last good one.
        if (QUARTER..=LONGEST_LAG).contains(&(quarter.lag as usize)) {
            self.lag = quarter.lag as usize;
        }
        let gain = LAG_GAIN[(quarter.gain & 3) as usize];
        for (n, sample) in out.iter_mut().enumerate() {
            *sample = sample.saturating_add(multiply(gain, self.past[LONGEST_LAG + n - self.lag]));
        }
        self.past.copy_within(QUARTER.., 0);
        self.past[LONGEST_LAG - QUARTER..].copy_from_slice(out);
    }

    /// The short-term synthesis filter, a lattice, and the de-emphasis (sections 5.3.4 and 5.3.5).
    fn synthesise(&mut self, filter: &[i16; 8], excitation: i16) -> i16 {
        let mut sample = excitation;
        for (i, &coefficient) in filter.iter().enumerate().rev() {
            sample = sample.saturating_sub(multiply(coefficient, self.lattice[i]));
            self.lattice[i + 1] = self.lattice[i].saturating_add(multiply(coefficient, sample));
        }
        self.lattice[0] = sample;
        self.deemphasis = sample.saturating_add(multiply(self.deemphasis, 28_180));
        // Scaled up, and cut to the 13 bits that the codec gives.
        self.deemphasis.saturating_add(self.deemphasis) & !7
    }
}

/// Log-area ratios from their codes (section 5.2.8).
fn decode_ratios(codes: &[i16; 8]) -> [i16; 8] {
    std::array::from_fn(|i| {
        let value = ((codes[i] + LAR_LEAST[i]) << 10).saturating_sub(LAR_OFFSET[i] << 1);
        let value = multiply(LAR_SCALE[i], value);
        value.saturating_add(value)
    })
}

/// The reflection coefficient of a log-area ratio, by three straight lines (section 5.2.9.2).
fn reflection(ratio: i16) -> i16 {
    let magnitude = ratio.saturating_abs();
    let value = match magnitude {
        ..11_059 => magnitude << 1,
        11_059..20_070 => magnitude + 11_059,
        _ => (magnitude >> 2).saturating_add(26_112),
    };
    if ratio < 0 { -value } else { value }
}

/// Pulses from their codes and that of their largest value (sections 5.2.15 and 5.2.16).
fn decode_pulses(largest: i16, codes: &[i16; 13]) -> [i16; 13] {
    let mut exponent = if largest > 15 { (largest >> 3) - 1 } else { 0 };
    let mut mantissa = largest - (exponent << 3);
    if mantissa == 0 {
        (exponent, mantissa) = (-4, 15);
    }
    while mantissa <= 7 {
        mantissa = mantissa << 1 | 1;
        exponent -= 1;
    }
    let scale = MANTISSA[(mantissa & 7) as usize];
    let shift = 6 - exponent;
    let rounding = if shift > 0 { 1 << (shift - 1) } else { 0 };
    codes.map(|code| multiply(scale, ((code << 1) - 7) << 12).saturating_add(rounding) >> shift)
}

/// Product of two fractions of 15 bits, rounded.
fn multiply(a: i16, b: i16) -> i16 {
    let product = (i32::from(a) * i32::from(b) + 16_384) >> 15;
    product.min(i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bits_decode_to_samples() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let (mut decoder, mut count) = (GsmDecoder::new(), 0);
        for _ in 0..2000 {
            let frame: [u8; FRAME_BYTES] = std::array::from_fn(|_| random());
            decoder.frame(&frame, &mut |sample| count += usize::from(sample % 8 == 0));
            let pair: [u8; PAIR_BYTES] = std::array::from_fn(|_| random());
            decoder.pair(&pair, &mut |sample| count += usize::from(sample % 8 == 0));
        }
        // Every sample has 13 bits.
        assert_eq!(count, 2000 * 3 * FRAME_SAMPLES);
    }
}
