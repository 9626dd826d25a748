//! FLAC's stream information and frame headers (RFC 9639).

/// The contents of the `STREAMINFO` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamInfo {
    /// The block itself, for the decoder.
    pub(super) bytes: [u8; 34],
    pub(super) rate_hz: u32,
    pub(super) channels: u8,
    bits: u8,
    /// Samples of each channel in the largest block.
    pub(super) block: u16,
    /// All blocks but the last have this size; frame headers then count frames, not samples.
    fixed: bool,
    /// Samples of each channel in the stream; 0 if the writer did not know.
    pub(super) samples: u64,
}

impl StreamInfo {
    /// `None` for values that no stream can have.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 34] = bytes.get(..34)?.try_into().ok()?;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let packed = u64::from_be_bytes(bytes[10..18].try_into().ok()?);
        let info = StreamInfo {
            bytes,
            rate_hz: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            block: word(2),
            fixed: word(0) == word(2),
            samples: packed & ((1 << 36) - 1),
        };
        (info.rate_hz > 0 && info.block >= 16 && info.bits >= 4).then_some(info)
    }

    /// No frame is longer than uncompressed samples, one bit wider for channel differences, plus
    /// headers.
    pub(super) fn most_frame_bytes(&self) -> usize {
        let samples = usize::from(self.block) * usize::from(self.channels);
        samples * (usize::from(self.bits) + 8) / 8 + 1_024
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Its first sample, of each channel.
    pub(super) start: u64,
    pub(super) samples: u64,
    /// Bytes of the header.
    pub(super) bytes: usize,
}

/// The longest header.
pub(super) const HEADER_BYTES: usize = 16;

impl FrameHeader {
    /// The header at the start of `bytes`, if its checksum is right and it fits the stream.
    pub(super) fn parse(bytes: &[u8], info: &StreamInfo) -> Option<Self> {
        let &[0xff, second, third, fourth, ..] = bytes else { return None };
        if second & 0xfe != 0xf8 || fourth & 1 != 0 {
            return None;
        }
        let by_sample = second & 1 == 1;
        let (block_code, rate_code) = (third >> 4, third & 15);
        let (channel_code, bits_code) = (fourth >> 4, fourth >> 1 & 7);
        let channels = if channel_code < 8 { channel_code + 1 } else { 2 };
        let bits = [info.bits, 8, 12, 0, 16, 20, 24, 32][usize::from(bits_code)];
        if channel_code > 10 || rate_code == 15 || block_code == 0 {
            return None;
        }
        if channels != info.channels || bits != info.bits {
            return None;
        }
        let (number, mut at) = coded_number(&bytes[4..])?;
        at += 4;
        let mut field = |count: usize| {
            let field = bytes.get(at..at + count)?;
            at += count;
            Some(field.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)))
        };
        let samples = match block_code {
            1 => 192,
            2..=5 => 576 << (block_code - 2),
            6 => field(1)? + 1,
            7 => field(2)? + 1,
            _ => 256 << (block_code - 8),
        };
        let rate_hz = match rate_code {
            0 => u64::from(info.rate_hz),
            12 => field(1)? * 1000,
            13 => field(2)?,
            14 => field(2)? * 10,
            code => {
                const RATES: [u64; 11] = [
                    88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100,
                    48_000, 96_000,
                ];
                RATES[usize::from(code) - 1]
            }
        };
        let right = crc8(bytes.get(..at)?) == *bytes.get(at)?;
        let block = u64::from(info.block);
        if !right || rate_hz != u64::from(info.rate_hz) || samples > block {
            return None;
        }
        let start = match (by_sample, info.fixed) {
            (true, _) => number,
            (false, true) => number * block,
            (false, false) => number * samples,
        };
        Some(FrameHeader { start, samples, bytes: at + 1 })
    }
}

/// A number of up to 36 bits in an extended UTF-8 coding, and its length.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = match first.leading_ones() {
        0 => return Some((u64::from(first), 1)),
        count @ 2..=7 => count as usize,
        _ => return None,
    };
    let mut value = u64::from(first) & ((1u64 << (7 - length)) - 1).min(0x3f);
    for &byte in bytes.get(1..length)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        value = value << 6 | u64::from(byte & 0x3f);
    }
    Some((value, length))
}

/// x^8 + x^2 + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc, _| crc << 1 ^ if crc & 0x80 != 0 { 0x07 } else { 0 })
    })
}

/// x^16 + x^15 + x^2 + 1, by byte.
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut crc, mut bit) = ((n as u16) << 8, 0);
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// Adds one byte to the checksum of a frame. Over a whole frame, including its own checksum, it
/// is 0.
pub(super) fn crc16(crc: u16, byte: u8) -> u16 {
    crc << 8 ^ CRC16[usize::from(crc >> 8 ^ u16::from(byte))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_numbers_by_hand() {
        // The check values of both checksums.
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(b"123456789".iter().fold(0, |crc, &byte| crc16(crc, byte)), 0xfee8);
        type Case<'a> = (&'a [u8], Option<(u64, usize)>);
        let cases: [Case<'_>; 6] = [
            (&[0x7f], Some((127, 1))),
            (&[0xc2, 0x80], Some((128, 2))),
            (&[0xe2, 0x82, 0xac], Some((0x20ac, 3))),
            (&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf], Some(((1 << 36) - 1, 7))),
            (&[0xc2, 0x00], None),
            (&[0x80], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(coded_number(bytes), expected, "{bytes:x?}");
        }
    }
}
