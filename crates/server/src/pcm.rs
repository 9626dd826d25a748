//! Bytes of 16-bit samples, little endian, cut anywhere.

/// Puts the two halves of a sample together that came in different messages.
#[derive(Debug, Default)]
pub(crate) struct Pcm {
    half: Option<u8>,
}

impl Pcm {
    /// The samples that are whole by now.
    pub(crate) fn samples(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        let mut rest = bytes;
        if let (Some(low), [high, after @ ..]) = (self.half, rest) {
            samples.push(i16::from_le_bytes([low, *high]));
            self.half = None;
            rest = after;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        samples.extend(pairs.iter().copied().map(i16::from_le_bytes));
        if let [low] = odd {
            self.half = Some(*low);
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_gives_the_same_samples() {
        let values = [0i16, 1, -1, i16::MAX, i16::MIN, 258, 7];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        for piece in 1..=bytes.len() {
            let mut pcm = Pcm::default();
            let samples: Vec<i16> = bytes.chunks(piece).flat_map(|c| pcm.samples(c)).collect();
            assert_eq!(samples, values, "pieces of {piece}");
            assert!(pcm.samples(&[]).is_empty());
        }
        let mut pcm = Pcm::default();
        assert!(pcm.samples(&[2]).is_empty() && pcm.samples(&[]).is_empty());
        assert_eq!(pcm.samples(&[1, 9]), [258]);
        assert_eq!(pcm.samples(&[0]), [9]);
    }
}
