//! Headers of MPEG audio frames (ISO 11172-3, 13818-3), and of the info frame that gives the length
//! of the stream.

/// The header of an MPEG audio frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// 0 is MPEG-2.5, 2 MPEG-2, 3 MPEG-1.
    version: u8,
    /// 1 to 3.
    pub(super) layer: u8,
    pub(super) rate_hz: u32,
    pub(super) channels: usize,
    /// Bytes of the frame, including its header.
    pub(super) bytes: usize,
    /// Samples of each channel.
    pub(super) samples: u64,
    has_crc: bool,
}

/// kbit/s by index 1 to 14.
const V1: [[u32; 14]; 3] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
const V2: [[u32; 14]; 2] = [
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl Header {
    /// The header at the start of `bytes`. Frames of free format have no stated length and are not
    /// supported.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[0xff, second, third, fourth, ..] = bytes else { return None };
        let (version, layer) = (second >> 3 & 3, 4 - (second >> 1 & 3));
        let (bitrate, rate) = (usize::from(third >> 4), usize::from(third >> 2 & 3));
        if second & 0xe0 != 0xe0 || version == 1 || layer == 4 || rate == 3 {
            return None;
        }
        let (row, column) = (usize::from(layer) - 1, bitrate.checked_sub(1)?);
        let table = if version == 3 { &V1[row] } else { &V2[row.min(1)] };
        let bitrate = table.get(column)? * 1000;
        let halvings = [2, 0, 1, 0][usize::from(version)];
        let rate_hz = [44_100, 48_000, 32_000][rate] >> halvings;
        let padding = u32::from(third >> 1 & 1);
        let (bytes, samples) = match (layer, version) {
            (1, _) => ((12 * bitrate / rate_hz + padding) * 4, 384),
            (3, 0 | 2) => (72 * bitrate / rate_hz + padding, 576),
            _ => (144 * bitrate / rate_hz + padding, 1_152),
        };
        let channels = if fourth >> 6 == 3 { 1 } else { 2 };
        let has_crc = second & 1 == 0;
        Some(Header { version, layer, rate_hz, channels, bytes: bytes as usize, samples, has_crc })
    }

    /// Whether both can belong to one stream: bitrate and stereo mode may change, the rest may not.
    pub(super) fn goes_with(&self, other: &Header) -> bool {
        (self.version, self.layer, self.rate_hz) == (other.version, other.layer, other.rate_hz)
    }

    /// Bytes of the side information of layer 3.
    fn side_bytes(&self) -> usize {
        match (self.version, self.channels) {
            (3, 1) => 17,
            (3, _) => 32,
            (_, 1) => 9,
            _ => 17,
        }
    }
}

/// The info frame at the start of a stream: Xing's and LAME's, or Fraunhofer's VBRI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// Frames that follow.
    pub(super) frames: Option<u64>,
    /// Samples that encoder and decoder add at the start and at the end.
    pub(super) delay: u64,
    pub(super) padding: u64,
}

/// The delay of every decoder, in samples.
const DECODER_DELAY: u64 = 529;

impl Info {
    /// Parses a whole frame; `None` for an audio frame.
    pub(super) fn parse(header: &Header, frame: &[u8]) -> Option<Self> {
        if header.layer != 3 {
            return None;
        }
        let crc = if header.has_crc { 2 } else { 0 };
        let places = [4 + header.side_bytes(), 4 + crc + header.side_bytes()];
        let xing = places.into_iter().find_map(|at| {
            let tag = frame.get(at..)?;
            (tag.starts_with(b"Xing") || tag.starts_with(b"Info")).then_some((at, tag))
        });
        if let Some((at, tag)) = xing
            && frame[4 + crc..at].iter().all(|&byte| byte == 0)
        {
            return Some(Self::xing(tag));
        }
        let vbri = frame.get(36..).filter(|tag| tag.starts_with(b"VBRI"))?;
        let frames = u32::from_be_bytes(vbri.get(14..18)?.try_into().ok()?);
        Some(Info { frames: Some(frames.into()), ..Info::default() })
    }

    fn xing(tag: &[u8]) -> Self {
        let word = |at: usize| {
            tag.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
        };
        let flags = word(4);
        let mut at = 8;
        let mut field = |flag: u32, bytes: usize| {
            let here = at;
            at += if flags & flag != 0 { bytes } else { 0 };
            (flags & flag != 0).then_some(here)
        };
        let frames = field(1, 4).map(|here| u64::from(word(here)));
        field(2, 4);
        field(4, 100);
        field(8, 4);
        let mut info = Info { frames, ..Info::default() };
        let lame = tag.get(at..).unwrap_or(b"");
        let known =
            [&b"LAME"[..], b"Lavf", b"Lavc", b"GOGO"].iter().any(|name| lame.starts_with(name));
        if let Some(&[a, b, c]) = lame.get(21..24).filter(|_| known) {
            let (delay, padding) =
                (u64::from(a) << 4 | u64::from(b) >> 4, u64::from(b & 15) << 8 | u64::from(c));
            info.delay = delay + DECODER_DELAY;
            info.padding = padding.saturating_sub(DECODER_DELAY);
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        // (bytes, layer, rate, channels, bytes of the frame, samples)
        let cases = [
            ([0xff, 0xfb, 0x90, 0x00], 3, 44_100, 2, 417, 1_152),
            ([0xff, 0xfb, 0x92, 0xc0], 3, 44_100, 1, 418, 1_152),
            ([0xff, 0xf3, 0x48, 0xc0], 3, 16_000, 1, 144, 576),
            ([0xff, 0xe3, 0x18, 0xc0], 3, 8_000, 1, 72, 576),
            ([0xff, 0xfd, 0x84, 0x00], 2, 48_000, 2, 384, 1_152),
            ([0xff, 0xff, 0x18, 0x00], 1, 32_000, 2, 48, 384),
        ];
        for (bytes, layer, rate_hz, channels, length, samples) in cases {
            let found = Header::parse(&bytes).unwrap_or_else(|| panic!("{bytes:x?}"));
            let all = (found.layer, found.rate_hz, found.channels, found.bytes, found.samples);
            assert_eq!(all, (layer, rate_hz, channels, length, samples), "{bytes:x?}");
        }
        // No sync, the unused version, layer, bitrate 15, free format, rate 3, too short.
        let wrong: [&[u8]; 7] = [
            &[0xff, 0xdb, 0x90, 0],
            &[0xff, 0xeb, 0x90, 0],
            &[0xff, 0xf9, 0x90, 0],
            &[0xff, 0xfb, 0xf0, 0],
            &[0xff, 0xfb, 0x00, 0],
            &[0xff, 0xfb, 0x9c, 0],
            &[0xff, 0xfb, 0x90],
        ];
        for bytes in wrong {
            assert_eq!(Header::parse(bytes), None, "{bytes:x?}");
        }
    }
}
