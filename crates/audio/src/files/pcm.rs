//! Uncompressed samples: bytes to `f32`.

/// How one sample of a wav file is written (little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    U8,
    I16,
    I24,
    I32,
    /// In the lower bits of 32; the upper bits are unused.
    I32Low {
        unused: u8,
    },
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
            Encoding::I32 | Encoding::I32Low { .. } | Encoding::F32 => 4,
            Encoding::F64 => 8,
        }
    }

    /// Appends every whole sample in `bytes`.
    pub(super) fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Encoding::U8 => each(bytes, out, |[b]| (f32::from(b) - 128.0) / 128.0),
            Encoding::I16 => each(bytes, out, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
            // In the upper three bytes the sign is at the right place.
            Encoding::I24 => {
                each(bytes, out, |[a, b, c]| full_scale(i32::from_le_bytes([0, a, b, c])))
            }
            Encoding::I32 => each(bytes, out, |b| full_scale(i32::from_le_bytes(b))),
            Encoding::I32Low { unused } => {
                each(bytes, out, |b| full_scale(i32::from_le_bytes(b) << unused.min(31)));
            }
            Encoding::F32 => each(bytes, out, f32::from_le_bytes),
            Encoding::F64 => each(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Encoding::ALaw => each(bytes, out, |[b]| f32::from(a_law(b)) / 32_768.0),
            Encoding::MuLaw => each(bytes, out, |[b]| f32::from(mu_law(b)) / 32_768.0),
        }
    }
}

/// How samples of `bits` bits lie in `container` bytes, judged by a part of the audio: in the upper
/// bits, as the format requires; in the lower bits, as sound cards write them; or without the
/// container that the header states.
pub(super) fn integers(bits: u16, container: u64, audio: &[u8]) -> Encoding {
    let packed = match bits {
        ..=8 => Encoding::U8,
        9..=16 => Encoding::I16,
        17..=24 => Encoding::I24,
        _ => Encoding::I32,
    };
    if container != 4 || bits > 24 {
        return packed;
    }
    let unused = 32 - bits.max(1);
    let (words, _) = audio.as_chunks::<4>();
    let words = || words.iter().map(|&word| i32::from_le_bytes(word));
    // In sound, some bits are zero in all samples only if they are unused.
    if words().all(|word| word.trailing_zeros() >= 8) {
        Encoding::I32
    } else if words().all(|word| word << unused >> unused == word || word >> (32 - unused) == 0) {
        Encoding::I32Low { unused: unused as u8 }
    } else {
        packed
    }
}

fn full_scale(sample: i32) -> f32 {
    sample as f32 / 2_147_483_648.0
}

fn each<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, sample: impl Fn([u8; N]) -> f32) {
    let (samples, _) = bytes.as_chunks::<N>();
    out.extend(samples.iter().map(|&bytes| sample(bytes)));
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

/// ITU-T G.711 µ-law: all bits inverted, then sign, 3 bits of exponent, 4 of mantissa, over a bias
/// of 132.
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
            (Encoding::I32Low { unused: 8 }, &[0x00, 0x00, 0xc0, 0xff], -0.5),
            (Encoding::F64, &[0, 0, 0, 0, 0, 0, 0xe8, 0xbf], -0.75),
            (Encoding::ALaw, &[0xaa], 32_256.0 / 32_768.0),
            (Encoding::MuLaw, &[0x00], -32_124.0 / 32_768.0),
        ];
        for (encoding, bytes, expected) in cases {
            assert_eq!(bytes.len(), encoding.bytes());
            let mut out = Vec::new();
            encoding.decode(&[bytes, &[1][..bytes.len().min(2) / 2]].concat(), &mut out);
            assert_eq!(out, [expected], "{encoding:?} {bytes:?}");
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
    fn containers_are_told_by_the_audio() {
        let samples: Vec<i32> = (0..500).map(|n| (n * 7919 % 3001 - 1500) * 1000).collect();
        let words = |word: &dyn Fn(i32) -> i32| -> Vec<u8> {
            samples.iter().flat_map(|&x| word(x).to_le_bytes()).collect()
        };
        let three: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()[..3].to_vec()).collect();
        // (bits, container, audio, expected encoding)
        let cases = [
            (24, 4, words(&|x| x << 8), Encoding::I32),
            (24, 4, words(&|x| x), Encoding::I32Low { unused: 8 }),
            (24, 4, words(&|x| x & 0xff_ffff), Encoding::I32Low { unused: 8 }),
            (20, 4, words(&|x| x >> 4), Encoding::I32Low { unused: 12 }),
            (24, 4, three.clone(), Encoding::I24), // the header is wrong about the container
            (24, 3, three, Encoding::I24),
            (16, 2, vec![1, 2, 3, 4], Encoding::I16),
            (32, 4, words(&|x| x << 8), Encoding::I32),
        ];
        for (bits, container, audio, expected) in cases {
            assert_eq!(integers(bits, container, &audio), expected, "{bits} bits in {container}");
        }
    }
}
