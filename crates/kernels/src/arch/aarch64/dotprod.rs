//! ARMv8.2 with dot products: `sdot` adds four 8-bit products to each 32-bit lane, 16 products per
//! instruction, without saturation.
//!
//! A register has four columns of four rows; the four activations for these columns are one lane of
//! a register of 16. The instruction is written as assembly because its intrinsic is not stable
//! yet.

use super::lanes::Neon;
use crate::Scratch;
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::tuning::Tuning;
use core::arch::aarch64::{int8x16_t, int32x4_t, vdupq_n_s8, vdupq_n_s32, vld1q_s8, vst1q_s32};
use core::arch::asm;

/// Rows of a group.
const ROWS: usize = 16;
/// Columns of a register of activations.
const DEPTH: usize = 16;
/// Columns of a register of weights.
const QUAD: usize = 4;
/// Rows of a register of weights.
const REGISTER_ROWS: usize = 4;

/// Needs NEON and the dot products.
#[target_feature(enable = "neon,dotprod")]
pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.signed.as_slice(), stride, batch };
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    let loops = Tuning::current().int8;
    drive_with(lanes, matrix, &vectors, MAX_PASS, store, |_, panel, x, width, tile| {
        let pace = loops.at(width);
        macro_rules! tile {
            ($vectors:literal, $registers:literal) => {
                by_cache!(pace, TO, tile_i8::<$vectors, $registers, TO>(panel, x, pace.ahead, tile))
            };
        }
        match width {
            1 => tile!(1, 8),
            2 => tile!(2, 8),
            3 => tile!(3, 8),
            4 => tile!(4, 4),
            5 => tile!(5, 4),
            6 => tile!(6, 2),
            7 => tile!(7, 2),
            _ => tile!(8, 2),
        }
    });
}

/// One panel times `B` vectors, `R` registers of 4 rows at a time (both groups if `R` is 8).
/// Weights are prefetched `ahead` bytes before their use, depending on `TO`.
#[target_feature(enable = "neon,dotprod")]
fn tile_i8<const B: usize, const R: usize, const TO: u8>(
    panel: &[i8],
    x: &[i8],
    ahead: usize,
    tile: &mut Tile<i32>,
) {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride && stride.is_multiple_of(DEPTH) && x.len() == B * stride,
        "the pass holds B vectors of a panel's columns"
    );
    const { assert!(PANEL_ROWS.is_multiple_of(R * REGISTER_ROWS)) };
    for first in (0..PANEL_ROWS).step_by(R * REGISTER_ROWS) {
        let mut sums: [[int32x4_t; R]; B] = [[vdupq_n_s32(0); R]; B];
        for k in (0..stride).step_by(DEPTH) {
            let mut v = [vdupq_n_s8(0); B];
            for b in 0..B {
                // SAFETY: b < B and k + 16 <= stride, so the 16 bytes lie within x.
                v[b] = unsafe { vld1q_s8(x.as_ptr().add(b * stride + k)) };
            }
            // A step of 16 columns is four lines of each group of rows.
            for group in
                (first / ROWS..(first + R * REGISTER_ROWS).div_ceil(ROWS)).map(|g| g * ROWS)
            {
                for line in (0..DEPTH * ROWS).step_by(64) {
                    let at = group * stride + k * ROWS + line + ahead;
                    prefetch::<TO>(panel.as_ptr().wrapping_add(at).cast());
                }
            }
            let load = |quad: usize, r: usize| {
                let row = first + r * REGISTER_ROWS;
                let at = row / ROWS * ROWS * stride + (k + quad * QUAD) * ROWS + row % ROWS * QUAD;
                // SAFETY: k + 16 <= stride, quad < 4 and row + 4 <= 32, so the 16 bytes lie within
                // the group of the row.
                unsafe { vld1q_s8(panel.as_ptr().add(at)) }
            };
            for r in 0..R {
                let w = load(0, r);
                for b in 0..B {
                    sums[b][r] = sdot::<0>(sums[b][r], w, v[b]);
                }
            }
            for r in 0..R {
                let w = load(1, r);
                for b in 0..B {
                    sums[b][r] = sdot::<1>(sums[b][r], w, v[b]);
                }
            }
            for r in 0..R {
                let w = load(2, r);
                for b in 0..B {
                    sums[b][r] = sdot::<2>(sums[b][r], w, v[b]);
                }
            }
            for r in 0..R {
                let w = load(3, r);
                for b in 0..B {
                    sums[b][r] = sdot::<3>(sums[b][r], w, v[b]);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * REGISTER_ROWS..][..REGISTER_ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { vst1q_s32(to, sums[b][r]) };
            }
        }
    }
}

/// Adds the products of each four bytes of `w` with the four bytes of lane `LANE` of `v` to `sum`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(super) fn sdot<const LANE: i32>(mut sum: int32x4_t, w: int8x16_t, v: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction because the function needs
    // the feature.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {v:v}.4b[{lane}]",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            v = in(vreg) v,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
