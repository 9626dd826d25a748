//! How fast a core reads: sums a buffer with the widest loads.

use super::best_seconds;
use crate::aligned::Aligned;
use crate::{Error, Isa};
use core::fmt;
use core::hint::black_box;

/// Bytes that one iteration of the loop reads: eight registers of AVX-512, each with its own sum.
const BLOCK: usize = 512;

/// A buffer, allocated like packed weights, and the loop that reads it.
pub struct Reader {
    buffer: Aligned<u8>,
    isa: Isa,
}

impl Reader {
    /// A buffer of `bytes`, rounded up to 512.
    ///
    /// # Errors
    /// [`Error::IsaUnavailable`].
    pub fn new(isa: Isa, bytes: usize) -> Result<Self, Error> {
        let isa = isa.require()?;
        let mut buffer = Aligned::zeroed(bytes.div_ceil(BLOCK).max(1) * BLOCK);
        // Pages that were never written may all map to one page of zeros.
        buffer.as_mut_slice().fill(1);
        Ok(Self { buffer, isa })
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.as_slice().len()
    }

    /// Reads the buffer once, from beginning to end; returns the wrapping sum of its 64-bit words.
    pub fn read(&self) -> u64 {
        let buffer = black_box(self.buffer.as_slice());
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Portable => sum(buffer),
            // SAFETY: `new` has checked that the processor has AVX-512F.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => unsafe { x86_64::sum_avx512(buffer) },
            // SAFETY: `new` has checked that the processor has the instruction set, and all of
            // these include AVX2.
            #[cfg(target_arch = "x86_64")]
            _ => unsafe { x86_64::sum_avx2(buffer) },
            // The compiler vectorises the sum with the only available width.
            #[cfg(not(target_arch = "x86_64"))]
            _ => sum(buffer),
        }
    }

    /// Reads the buffer repeatedly: 10^9 bytes per second, the best of several rounds.
    #[must_use]
    pub fn gbs(&self) -> f64 {
        1e-9 * self.bytes() as f64 / best_seconds(|| _ = black_box(self.read()))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("bytes", &self.bytes())
            .field("isa", &self.isa)
            .finish_non_exhaustive()
    }
}

/// Plain Rust: sixteen words are eight registers of SSE2 or NEON.
fn sum(buffer: &[u8]) -> u64 {
    let mut sums = [0u64; 16];
    let (words, _) = buffer.as_chunks::<8>();
    for words in words.chunks_exact(sums.len()) {
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::BLOCK;
    use core::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi64, _mm256_load_si256, _mm256_setzero_si256,
        _mm512_add_epi64, _mm512_load_si512, _mm512_setzero_si512,
    };

    /// Needs AVX-512F, and a buffer that starts on a cache line.
    #[target_feature(enable = "avx512f")]
    pub(super) fn sum_avx512(buffer: &[u8]) -> u64 {
        assert!(buffer.as_ptr().addr().is_multiple_of(64));
        let mut sums = [_mm512_setzero_si512(); 8];
        for block in buffer.chunks_exact(BLOCK) {
            for i in 0..8 {
                // SAFETY: i < 8, so the 64 bytes lie within the 512 of the block; it starts on a
                // cache line, as the buffer does.
                let line = unsafe { _mm512_load_si512(block.as_ptr().add(i * 64).cast()) };
                sums[i] = _mm512_add_epi64(sums[i], line);
            }
        }
        // SAFETY: eight registers are 64 words, and any bits are a word.
        let words: [u64; 64] = unsafe { core::mem::transmute::<[__m512i; 8], _>(sums) };
        words.into_iter().fold(0, u64::wrapping_add)
    }

    /// Needs AVX2, and a buffer that starts on a cache line.
    #[target_feature(enable = "avx2")]
    pub(super) fn sum_avx2(buffer: &[u8]) -> u64 {
        assert!(buffer.as_ptr().addr().is_multiple_of(64));
        let mut sums = [_mm256_setzero_si256(); 8];
        for block in buffer.chunks_exact(BLOCK / 2) {
            for i in 0..8 {
                // SAFETY: i < 8, so the 32 bytes lie within the 256 of the block; it starts on half
                // a cache line, as the buffer does.
                let half = unsafe { _mm256_load_si256(block.as_ptr().add(i * 32).cast()) };
                sums[i] = _mm256_add_epi64(sums[i], half);
            }
        }
        // SAFETY: eight registers are 32 words, and any bits are a word.
        let words: [u64; 32] = unsafe { core::mem::transmute::<[__m256i; 8], _>(sums) };
        words.into_iter().fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of 1 make words of 0x0101...; every word is read once, whatever the loop.
    #[test]
    fn every_word_is_read_once() {
        for isa in Isa::available() {
            for bytes in [0, 1, 512, 513, 5000, 1 << 16] {
                let mut reader = Reader::new(isa, bytes).unwrap();
                let words = reader.bytes() as u64 / 8;
                assert!(reader.bytes() >= bytes && reader.bytes().is_multiple_of(BLOCK));
                assert_eq!(
                    reader.read(),
                    words.wrapping_mul(0x0101_0101_0101_0101),
                    "{isa} {bytes}"
                );
                let last = reader.bytes() - 8;
                reader.buffer.as_mut_slice()[last..].fill(0);
                assert_eq!(reader.read(), (words - 1).wrapping_mul(0x0101_0101_0101_0101), "{isa}");
            }
        }
    }
}
