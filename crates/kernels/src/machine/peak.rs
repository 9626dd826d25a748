//! How fast a core multiplies: chains of the kernels' own instructions out of registers.
//!
//! There are more chains than an instruction takes cycles times how many start in one, so that the multipliers never wait.

use super::best_seconds;
use crate::Isa;
use core::hint::black_box;

/// Turns of a chain that are timed together.
const TURNS: usize = 1000;

/// Exact 8-bit multiplications and additions, 10^9 a second.
pub(super) fn int8(isa: Isa) -> f64 {
    match isa {
        // SAFETY: the instruction set has been checked against the processor, as for all of `peak`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => rate(|| unsafe { x86_64::int8_avx512_vnni() }),
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => rate(|| unsafe { x86_64::int8_avx2() }),
        _ => rate(int8_portable),
    }
}

/// Float multiplications and additions, 10^9 a second.
pub(super) fn float32(isa: Isa) -> f64 {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Portable => rate(float32_portable),
        // SAFETY: as in `int8`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => rate(|| unsafe { x86_64::float32_avx512() }),
        // SAFETY: as in `int8`; all others of x86-64 include AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        _ => rate(|| unsafe { x86_64::float32_avx2() }),
        #[cfg(not(target_arch = "x86_64"))]
        _ => rate(float32_portable),
    }
}

/// `call` does some operations and says how many.
fn rate(mut call: impl FnMut() -> usize) -> f64 {
    1e-9 * call() as f64 / best_seconds(|| _ = black_box(call()))
}

/// What the compiler makes of products of bytes widened to 16 bits, out of the first cache: there are no chains to write by hand.
fn int8_portable() -> usize {
    const COLS: usize = 256;
    const BATCH: usize = 8;
    let (w, x) = (black_box([3i8; COLS]), black_box([[5i16; COLS]; BATCH]));
    for _ in 0..TURNS / 10 {
        let w = black_box(&w);
        let mut sums = [0i32; BATCH];
        for k in 0..COLS {
            for b in 0..BATCH {
                sums[b] += i32::from(w[k]) * i32::from(x[b][k]);
            }
        }
        black_box(&sums);
    }
    2 * TURNS / 10 * COLS * BATCH
}

/// Twelve registers of four floats on most processors.
fn float32_portable() -> usize {
    const CHAINS: usize = 48;
    let (mut sums, x) = (black_box([1f32; CHAINS]), black_box(0.5f32));
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = crate::arch::multiply_add(*sum, x, x);
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::TURNS;
    use core::arch::x86_64::{
        _mm256_add_epi32, _mm256_fmadd_ps, _mm256_madd_epi16, _mm256_set1_epi16, _mm256_set1_epi32,
        _mm256_set1_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_set1_epi8, _mm512_set1_ps,
        _mm512_setzero_si512,
    };
    use core::hint::black_box;

    const CHAINS: usize = 12;

    /// Needs AVX-512 VNNI.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn int8_avx512_vnni() -> usize {
        let (w, x) = (black_box(_mm512_set1_epi8(3)), black_box(_mm512_set1_epi8(5)));
        let mut sums = [_mm512_setzero_si512(); CHAINS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, x, w);
            }
        }
        black_box(&sums);
        2 * TURNS * CHAINS * 64
    }

    /// Needs AVX2. The product of a chain is a factor of the next, or the compiler would compute one product and add it a thousand times.
    #[target_feature(enable = "avx2")]
    pub(super) fn int8_avx2() -> usize {
        let (x, one) = (black_box(_mm256_set1_epi16(3)), black_box(_mm256_set1_epi32(1)));
        let mut sums = [one; CHAINS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = _mm256_add_epi32(one, _mm256_madd_epi16(*sum, x));
            }
        }
        black_box(&sums);
        2 * TURNS * CHAINS * 16
    }

    /// Needs AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) fn float32_avx512() -> usize {
        let x = black_box(_mm512_set1_ps(0.5));
        let mut sums = [x; CHAINS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, x, x);
            }
        }
        black_box(&sums);
        2 * TURNS * CHAINS * 16
    }

    /// Needs AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn float32_avx2() -> usize {
        let x = black_box(_mm256_set1_ps(0.5));
        let mut sums = [x; CHAINS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, x, x);
            }
        }
        black_box(&sums);
        2 * TURNS * CHAINS * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_peak() {
        for isa in Isa::available() {
            assert!(int8(isa).is_normal() && float32(isa).is_normal(), "{isa}");
        }
    }
}
