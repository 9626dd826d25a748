//! Numbers of any width, one after another in little-endian bytes.

/// Widest number.
pub(super) const MAX_WIDTH: u32 = 56;

/// The `width` bits starting at bit `start`. Bits beyond the end read as zero, so that a damaged
/// file cannot make a query panic.
#[inline]
pub(super) fn read(bytes: &[u8], start: u64, width: u32) -> u64 {
    debug_assert!(width <= MAX_WIDTH);
    let byte = (start / 8) as usize;
    let word = match bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last(bytes, byte),
    };
    (word >> (start % 8)) & ((1 << width) - 1)
}

/// The bytes from `byte` on, if fewer than eight are left.
#[cold]
fn last(bytes: &[u8], byte: usize) -> u64 {
    let mut word = [0; 8];
    let rest = bytes.get(byte..).unwrap_or_default();
    word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}

/// Number of bits that numbers up to `largest` need.
pub(super) fn width(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// Bytes that `bits` take.
pub(super) fn bytes(bits: u64) -> usize {
    bits.div_ceil(8) as usize
}

/// Appends numbers.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl Writer {
    pub fn put(&mut self, value: u64, width: u32) {
        debug_assert!(width <= MAX_WIDTH && (width == 64 || value >> width == 0));
        self.pending |= value << self.pending_bits;
        self.pending_bits += width;
        while self.pending_bits >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// Position of the next number.
    pub fn bits(&self) -> u64 {
        8 * self.bytes.len() as u64 + u64::from(self.pending_bits)
    }

    pub fn finish(mut self) -> Vec<u8> {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec((any::<u64>(), 0u32..=56), 0..50)) {
            let mut writer = Writer::default();
            let mut starts = Vec::new();
            for &(value, width) in &numbers {
                starts.push(writer.bits());
                writer.put(value & ((1 << width) - 1), width);
            }
            let end = writer.bits();
            let bytes = writer.finish();
            prop_assert_eq!(bytes.len(), super::bytes(end));
            for (&(value, width), start) in numbers.iter().zip(starts) {
                prop_assert_eq!(read(&bytes, start, width), value & ((1 << width) - 1));
            }
            prop_assert_eq!(read(&bytes, end + 1000, 56), 0);
        }
    }

    #[test]
    fn widths() {
        for (largest, expected) in [(0, 0), (1, 1), (2, 2), (255, 8), (256, 9)] {
            assert_eq!(width(largest), expected);
        }
    }
}
