//! AArch64. All of it is assembly, so that the compiler cannot compute one product and add it a
//! thousand times.

use super::{CHAINS, TURNS};
use core::arch::aarch64::{int16x8_t, vdupq_n_s8, vdupq_n_s32};
use core::arch::asm;
use core::hint::black_box;

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(super) fn int8_neon() -> usize {
    let (w, x) = (black_box(vdupq_n_s8(3)), black_box(vdupq_n_s8(5)));
    let mut sums = [vdupq_n_s32(0); CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            let _products: int16x8_t;
            // SAFETY: arithmetic on registers; the function needs the feature.
            unsafe {
                asm!(
                    "smull {products:v}.8h, {w:v}.8b, {x:v}.8b",
                    "smlal2 {products:v}.8h, {w:v}.16b, {x:v}.16b",
                    "sadalp {sum:v}.4s, {products:v}.8h",
                    products = out(vreg) _products,
                    sum = inout(vreg) *sum,
                    w = in(vreg) w,
                    x = in(vreg) x,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 16
}

/// Needs NEON and the dot products.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn int8_dotprod() -> usize {
    let (w, x) = (black_box(vdupq_n_s8(3)), black_box(vdupq_n_s8(5)));
    let mut sums = [vdupq_n_s32(0); CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            // SAFETY: arithmetic on registers; the function needs the feature.
            unsafe {
                asm!(
                    "sdot {sum:v}.4s, {w:v}.16b, {x:v}.16b",
                    sum = inout(vreg) *sum,
                    w = in(vreg) w,
                    x = in(vreg) x,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 16
}

/// Needs NEON and the matrix products.
#[target_feature(enable = "neon,i8mm")]
pub(super) fn int8_i8mm() -> usize {
    let (w, x) = (black_box(vdupq_n_s8(3)), black_box(vdupq_n_s8(5)));
    let mut sums = [vdupq_n_s32(0); CHAINS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            // SAFETY: arithmetic on registers; the function needs the feature.
            unsafe {
                asm!(
                    "smmla {sum:v}.4s, {w:v}.16b, {x:v}.16b",
                    sum = inout(vreg) *sum,
                    w = in(vreg) w,
                    x = in(vreg) x,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
    }
    black_box(&sums);
    2 * TURNS * CHAINS * 32
}
