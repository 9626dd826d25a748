//! Uncompressed samples: bytes to mono `f32`.

use crate::sample::clean;

/// How one sample of a wav file is written (little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Encoding {
    /// Bytes of one sample.
    pub(super) fn bytes(self) -> usize {
        match self {
            Encoding::U8 | Encoding::ALaw | Encoding::MuLaw => 1,
            Encoding::I16 => 2,
            Encoding::I24 => 3,
            Encoding::I32 | Encoding::F32 => 4,
            Encoding::F64 => 8,
        }
    }

    /// Appends the mean over the channels of every whole interleaved frame in `bytes`.
    pub(super) fn mix(self, bytes: &[u8], channels: usize, mono: &mut Vec<f32>) {
        match self {
            Encoding::U8 => mix(bytes, channels, mono, |[b]| (f32::from(b) - 128.0) / 128.0),
            Encoding::I16 => {
                mix(bytes, channels, mono, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0)
            }
            Encoding::I24 => mix(bytes, channels, mono, |[a, b, c]| {
                // In the upper three bytes the sign is where it belongs.
                i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0
            }),
            Encoding::I32 => {
                mix(bytes, channels, mono, |b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0)
            }
            Encoding::F32 => mix(bytes, channels, mono, |b| clean(f32::from_le_bytes(b))),
            Encoding::F64 => mix(bytes, channels, mono, |b| clean(f64::from_le_bytes(b) as f32)),
            Encoding::ALaw => mix(bytes, channels, mono, |[b]| f32::from(a_law(b)) / 32_768.0),
            Encoding::MuLaw => mix(bytes, channels, mono, |[b]| f32::from(mu_law(b)) / 32_768.0),
        }
    }
}

fn mix<const N: usize>(
    bytes: &[u8],
    channels: usize,
    mono: &mut Vec<f32>,
    sample: impl Fn([u8; N]) -> f32,
) {
    let (samples, _) = bytes.as_chunks::<N>();
    if channels == 1 {
        mono.extend(samples.iter().map(|&bytes| sample(bytes)));
    } else {
        let share = 1.0 / channels as f32;
        let frames = samples.chunks_exact(channels.max(1));
        mono.extend(
            frames.map(|frame| frame.iter().map(|&bytes| sample(bytes)).sum::<f32>() * share),
        );
    }
}

/// ITU-T G.711 A-law: even bits inverted, then sign, 3 bits of exponent, 4 of mantissa.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (exponent, mantissa) = ((code >> 4) & 7, i16::from(code & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711 µ-law: all bits inverted, then sign, 3 bits of exponent, 4 of mantissa, over a bias of 132.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let (exponent, mantissa) = ((code >> 4) & 7, i16::from(code & 15));
    let magnitude = (((mantissa << 3) + 132) << exponent) - 132;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding() {
        let cases: [(Encoding, &[u8], f32); 12] = [
            (Encoding::U8, &[0], -1.0),
            (Encoding::U8, &[192], 0.5),
            (Encoding::I16, &[0x00, 0x80], -1.0),
            (Encoding::I16, &[0x00, 0x40], 0.5),
            (Encoding::I24, &[0x00, 0x00, 0xc0], -0.5),
            (Encoding::I24, &[0x01, 0x00, 0x00], 1.0 / 8_388_608.0),
            (Encoding::I32, &[0x00, 0x00, 0x00, 0x20], 0.25),
            (Encoding::F32, &[0x00, 0x00, 0x40, 0x3f], 0.75),
            (Encoding::F32, &[0x00, 0x00, 0xc0, 0x7f], 0.0), // NaN
            (Encoding::F64, &[0, 0, 0, 0, 0, 0, 0xe8, 0xbf], -0.75),
            (Encoding::ALaw, &[0xaa], 32_256.0 / 32_768.0),
            (Encoding::MuLaw, &[0x00], -32_124.0 / 32_768.0),
        ];
        for (encoding, bytes, expected) in cases {
            assert_eq!(bytes.len(), encoding.bytes());
            let mut mono = Vec::new();
            encoding.mix(bytes, 1, &mut mono);
            assert_eq!(mono, [expected], "{encoding:?} {bytes:?}");
        }
    }

    #[test]
    fn g711_against_the_standard() {
        // Extremes, zero and neighbours of zero from the tables of ITU-T G.711, scaled to 16 bits.
        for (byte, expected) in
            [(0x2a, -32_256), (0xaa, 32_256), (0x55, -8), (0xd5, 8), (0x80, 5_504), (0x00, -5_504)]
        {
            assert_eq!(a_law(byte), expected, "A-law {byte:#x}");
        }
        for (byte, expected) in
            [(0x00, -32_124), (0x80, 32_124), (0xff, 0), (0x7f, 0), (0xfe, 8), (0x7e, -8)]
        {
            assert_eq!(mu_law(byte), expected, "mu-law {byte:#x}");
        }
    }

    #[test]
    fn channels_are_averaged_and_half_frames_dropped() {
        let bytes = [0x00, 0x40, 0x00, 0xc0, 0x00, 0x40, 0x00, 0x40, 0x01, 0x02, 0x03];
        let mut mono = Vec::new();
        Encoding::I16.mix(&bytes, 2, &mut mono);
        assert_eq!(mono, [0.0, 0.5]);
    }
}
