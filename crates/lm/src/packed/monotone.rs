//! A non-decreasing sequence of numbers, in about two bits per number more than the logarithm of
//! the mean step.
//!
//! After Elias 1974 and Fano 1971. With `n` numbers up to `largest`, the low `log2(largest / n)`
//! bits of each number are stored as they are. Of the high bits only the steps are stored, in
//! unary: for each number as many zeros as its high part exceeds the previous one, then a one. The
//! high part of number `i` is the position of the `i`-th one, minus `i`. The position of every 64th
//! one is stored, so that it is found without counting from the start.

use super::bits::{self, Writer};

/// Ones between two stored positions.
const SAMPLE: usize = 64;

/// The places of the parts of a sequence, all derived from `count` and `largest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Monotone {
    low_width: u32,
    sample_width: u32,
    /// First bits of the high parts and of the samples; the low parts begin at 0.
    high_start: u64,
    high_bits: u64,
    sample_start: u64,
    end: u64,
}

impl Monotone {
    /// The layout of `count` numbers up to `largest`.
    pub fn new(count: usize, largest: u64) -> Self {
        let low_width = match count {
            0 => 0,
            count => (largest / count as u64).checked_ilog2().unwrap_or(0),
        };
        let high_start = (count as u64 * u64::from(low_width)).next_multiple_of(8);
        let high_bits = count as u64 + (largest >> low_width);
        let sample_width = bits::width(high_bits);
        let sample_start = (high_start + high_bits).next_multiple_of(8);
        let samples = count.div_ceil(SAMPLE) as u64;
        let end = sample_start + samples * u64::from(sample_width);
        Self { low_width, sample_width, high_start, high_bits, sample_start, end }
    }

    pub fn bytes(&self) -> usize {
        bits::bytes(self.end)
    }

    /// The bytes of `values`, which must be those for which the layout was made.
    pub fn write(&self, values: impl Iterator<Item = u64> + Clone) -> Vec<u8> {
        let mut writer = Writer::default();
        let low = |value: u64| value & ((1 << self.low_width) - 1);
        values.clone().for_each(|value| writer.put(low(value), self.low_width));
        fill(&mut writer, self.high_start);
        let mut samples = Vec::new();
        let mut high = 0;
        for (i, value) in values.enumerate() {
            while high < value >> self.low_width {
                writer.put(0, 1);
                high += 1;
            }
            if i % SAMPLE == 0 {
                samples.push(writer.bits() - self.high_start);
            }
            writer.put(1, 1);
        }
        fill(&mut writer, self.sample_start);
        samples.into_iter().for_each(|sample| writer.put(sample, self.sample_width));
        let bytes = writer.finish();
        debug_assert_eq!(bytes.len(), self.bytes());
        bytes
    }

    /// The numbers `i` and `i + 1`; arbitrary if `bytes` are damaged.
    #[inline]
    pub fn pair(&self, bytes: &[u8], i: usize) -> (u64, u64) {
        let sample = self.sample_start + (i / SAMPLE) as u64 * u64::from(self.sample_width);
        let start = bits::read(bytes, sample, self.sample_width);
        let (first, second) = self.ones(bytes, start, i % SAMPLE);
        let value = |i: u64, position: u64| {
            let low = bits::read(bytes, i * u64::from(self.low_width), self.low_width);
            (position.saturating_sub(i) << self.low_width) | low
        };
        (value(i as u64, first), value(i as u64 + 1, second))
    }

    /// The position of the one that has `skip` ones before it, counted from `start` on, and of the
    /// next one.
    #[inline]
    fn ones(&self, bytes: &[u8], start: u64, skip: usize) -> (u64, u64) {
        let mut position = start;
        let mut skip = skip as u32;
        let mut first = None;
        while position < self.high_bits {
            let mut word = bits::read(bytes, self.high_start + position, bits::MAX_WIDTH);
            let ones = word.count_ones();
            if ones <= skip {
                skip -= ones;
            } else {
                for _ in 0..skip {
                    word &= word - 1;
                }
                let found = position + u64::from(word.trailing_zeros());
                if let Some(first) = first {
                    return (first, found);
                }
                first = Some(found);
                word &= word - 1;
                if word != 0 {
                    return (found, position + u64::from(word.trailing_zeros()));
                }
                skip = 0;
            }
            position += u64::from(bits::MAX_WIDTH);
        }
        (first.unwrap_or(self.high_bits), self.high_bits)
    }
}

fn fill(writer: &mut Writer, to: u64) {
    while writer.bits() < to {
        writer.put(0, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[u64]) {
        let layout = Monotone::new(values.len(), values.last().copied().unwrap_or(0));
        let bytes = layout.write(values.iter().copied());
        assert_eq!(bytes.len(), layout.bytes());
        for (i, pair) in values.windows(2).enumerate() {
            assert_eq!(layout.pair(&bytes, i), (pair[0], pair[1]), "pair {i} of {values:?}");
        }
    }

    #[test]
    fn small_sequences() {
        for values in [&[][..], &[0], &[5], &[0, 0], &[0, 1000], &[3, 3, 3, 4], &[0, 1, 2, 1 << 40]]
        {
            check(values);
        }
        check(&vec![7; 200]);
        check(&(0..500).map(|i| i * i).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_sequence(steps in prop::collection::vec(prop_oneof![0u64..3, 0u64..10_000], 0..300)) {
            let mut sum = 0;
            check(&steps.iter().map(|step| { sum += step; sum }).collect::<Vec<_>>());
        }

        #[test]
        fn damaged_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), count in 1usize..300, largest in 0u64..1000) {
            let layout = Monotone::new(count, largest);
            for i in 0..count {
                layout.pair(&bytes, i);
            }
        }
    }
}
