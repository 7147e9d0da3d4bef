//! G.711 expansion: one byte of mu-law or A-law to a linear sample.
//!
//! Both laws keep a sign, a 3-bit segment and a 4-bit step, and send inverted bits so that silence has many transitions:
//! mu-law inverts all of them, A-law every second one. The formulas below give the decoder output values of tables 1a/1b
//! (A-law, 13 bits) and 2a/2b (mu-law, 14 bits), scaled to 16 bits.
//!
//! Source: ITU-T Recommendation G.711, Pulse code modulation (PCM) of voice frequencies, 11/1988.

/// Linear value of a mu-law byte, -32124 to 32124 on the scale of 16-bit samples.
pub(crate) const fn expand_ulaw(byte: u8) -> i16 {
    let bits = !byte;
    let (segment, step) = ((bits >> 4) & 7, (bits & 15) as i16);
    // 33 is the bias of the 14-bit scale; the factor 4 goes from 14 to 16 bits.
    let magnitude = (((2 * step + 33) << segment) - 33) * 4;
    if bits & 0x80 != 0 { -magnitude } else { magnitude }
}

/// Linear value of an A-law byte, -32256 to 32256 on the scale of 16-bit samples.
pub(crate) const fn expand_alaw(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let (segment, step) = ((bits >> 4) & 7, (bits & 15) as i16);
    // The first two segments share a slope; the factor 8 goes from 13 to 16 bits.
    let magnitude = if segment == 0 { (2 * step + 1) * 8 } else { ((2 * step + 33) << (segment - 1)) * 8 };
    if bits & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 256 bytes expanded by ffmpeg (`-f mulaw` and `-f alaw` to `-f s16le`).
    const FFMPEG_ULAW: &[u8] = include_bytes!("../../tests/data/g711-ulaw.s16le");
    const FFMPEG_ALAW: &[u8] = include_bytes!("../../tests/data/g711-alaw.s16le");

    fn assert_table(expand: fn(u8) -> i16, table: &[u8]) {
        assert_eq!(table.len(), 512);
        for (byte, value) in (0..=255).zip(table.chunks_exact(2)) {
            assert_eq!(expand(byte), i16::from_le_bytes([value[0], value[1]]), "byte {byte:#04x}");
        }
    }

    #[test]
    fn all_bytes_agree_with_ffmpeg() {
        assert_table(expand_ulaw, FFMPEG_ULAW);
        assert_table(expand_alaw, FFMPEG_ALAW);
    }

    #[test]
    fn ends_of_segments_are_those_of_the_standard() {
        // Table 2a: decoder outputs 8031, 4191, 2079, 1023, 495, 231, 99, 33, 0 (14 bits) for these character signals.
        let ulaw = [(0x80, 8031), (0x8f, 4191), (0x9f, 2079), (0xaf, 1023), (0xbf, 495), (0xcf, 231), (0xdf, 99)];
        for (byte, value) in ulaw.into_iter().chain([(0xef, 33), (0xff, 0)]) {
            assert_eq!(expand_ulaw(byte), value * 4);
            assert_eq!(expand_ulaw(byte & 0x7f), -value * 4);
        }
        // Table 1a: 4032, 2112, 1056, 528, 264, 132, 66 and 1 (13 bits); even bits inverted for transmission.
        let alaw =
            [(0xff, 4032), (0xf0, 2112), (0xe0, 1056), (0xd0, 528), (0xc0, 264), (0xb0, 132), (0xa0, 66), (0x80, 1)];
        for (byte, value) in alaw {
            assert_eq!(expand_alaw(byte ^ 0x55), value * 8);
            assert_eq!(expand_alaw(byte ^ 0x55 ^ 0x80), -value * 8);
        }
    }
}
