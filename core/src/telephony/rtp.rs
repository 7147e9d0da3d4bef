//! RTP headers, and what of UDP can be RTP.
//!
//! Source: RFC 3550 section 5.1 (header) and appendix A.1 (validity); RFC 5761 section 4 (RTCP on the same port).

/// A packet of RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Marker: the first packet of a talk spurt.
    pub marker: bool,
    /// Number of the packet, modulo 2^16.
    pub sequence: u16,
    /// Time of the first sample in units of the payload's clock, modulo 2^32.
    pub timestamp: u32,
    /// Who speaks: the synchronisation source.
    pub ssrc: u32,
    /// Coded audio, without padding.
    pub payload: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// The packet in `bytes`; none where they can't be RTP.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [first, second, s1, s0, t3, t2, t1, t0, i3, i2, i1, i0, ..] = *bytes else { return None };
        // Version 2; types 64 to 95 with the marker are RTCP's.
        if first >> 6 != 2 || (192..224).contains(&second) {
            return None;
        }
        let mut start = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let length = bytes.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
        let mut payload = bytes.get(start..)?;
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            if padding == 0 {
                return None;
            }
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        Some(Self {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s1, s0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            ssrc: u32::from_be_bytes([i3, i2, i1, i0]),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, second: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first, second, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn all_parts_of_the_header_are_read() {
        let bytes = packet(0x80, 0x88, &[1, 2, 3]);
        let expected = RtpPacket {
            payload_type: 8,
            marker: true,
            sequence: 0x1234,
            timestamp: 160,
            ssrc: 0xdead_beef,
            payload: &[1, 2, 3],
        };
        assert_eq!(RtpPacket::parse(&bytes), Some(expected));
        // Two contributing sources, an extension of one word, three bytes of padding.
        let bytes = packet(0xb2, 0x08, &[[0; 8].as_slice(), &[0xbe, 0xde, 0, 1, 9, 9, 9, 9, 7, 7, 0, 0, 3]].concat());
        assert_eq!(RtpPacket::parse(&bytes).map(|packet| packet.payload), Some(&[7, 7][..]));
    }

    #[test]
    fn what_is_not_rtp_is_refused() {
        for bytes in [
            packet(0x40, 0, &[]),
            packet(0x80, 200, &[]),
            packet(0x8f, 0, &[0; 59]),
            packet(0x90, 0, &[0, 0, 0, 2, 0, 0, 0, 0]),
            packet(0xa0, 0, &[0]),
            packet(0xa0, 0, &[9]),
            packet(0xa0, 0, &[]),
            vec![0x80; 11],
            Vec::new(),
        ] {
            assert_eq!(RtpPacket::parse(&bytes), None, "{bytes:?}");
        }
    }
}
