//! How fast a core multiplies: chains of the kernels' own instructions on registers.
//!
//! There are more chains than the latency of an instruction times how many start per cycle, so that
//! the multipliers never wait.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use super::best_seconds;
use crate::Isa;
#[cfg(target_arch = "x86_64")]
use crate::isa::vex_vnni;
use core::hint::black_box;

/// Steps of a chain that are timed together.
const TURNS: usize = 1000;
/// Chains in registers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const CHAINS: usize = 12;

/// Exact 8-bit multiplications and additions, 10^9 a second.
pub(super) fn int8(isa: Isa) -> f64 {
    match isa {
        // SAFETY: the instruction set has been checked against the processor, as for all of `peak`.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Vnni => rate(|| unsafe { x86_64::int8_avx512_vnni() }),
        // SAFETY: as above; the coding was just asked for.
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni if vex_vnni() => rate(|| unsafe { x86_64::int8_avx_vnni_vex() }),
        // SAFETY: as above; it lacks the other coding.
        #[cfg(target_arch = "x86_64")]
        Isa::AvxVnni => rate(|| unsafe { x86_64::int8_avx_vnni_evex() }),
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => rate(|| unsafe { x86_64::int8_avx2() }),
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => rate(|| unsafe { aarch64::int8_neon() }),
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::Dotprod => rate(|| unsafe { aarch64::int8_dotprod() }),
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::I8mm => rate(|| unsafe { aarch64::int8_i8mm() }),
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

/// `call` does some operations and returns their number.
fn rate(mut call: impl FnMut() -> usize) -> f64 {
    1e-9 * call() as f64 / best_seconds(|| _ = black_box(call()))
}

/// The compiler's code for products of bytes widened to 16 bits, from the first cache: there are no
/// chains to write by hand.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "minutes of arithmetic")]
    fn every_instruction_set_has_a_peak() {
        for isa in Isa::available() {
            assert!(int8(isa).is_normal() && float32(isa).is_normal(), "{isa}");
        }
    }
}
