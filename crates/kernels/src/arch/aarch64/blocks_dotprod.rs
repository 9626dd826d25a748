//! ARMv8.2 with dot products, for block-sparse 8-bit weights: a register has four columns of four
//! rows, and the four activations for these columns are broadcast. (`smmla` needs eight consecutive
//! columns, which blocks of four do not have.)

use super::lanes::Neon;
use crate::Scratch;
use crate::arch::Blocks;
use crate::arch::blocks::{self, Panel};
use crate::drive::{PANEL_ROWS, Tile};
use crate::epilogue::Store;
use crate::input::{QUAD, Shape};
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vdupq_n_s32, vld1q_dup_s32, vld1q_s8, vreinterpretq_s8_s32, vst1q_s32,
};
use core::arch::asm;

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const ROWS: usize = 4;

/// Needs NEON and the dot products, and columns within the vectors.
#[target_feature(enable = "neon,dotprod")]
pub(in crate::arch) fn matmul(
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let x = scratch.signed.as_slice();
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    blocks::drive(lanes, matrix, shape, x, PASS, store, |panel, x, width, tile| match width {
        1 => tile_i8::<1, 8>(panel, x, tile),
        2 => tile_i8::<2, 8>(panel, x, tile),
        3 => tile_i8::<3, 4>(panel, x, tile),
        _ => tile_i8::<4, 4>(panel, x, tile),
    });
}

/// The blocks of one panel times `B` vectors, `R` registers of four rows at a time.
#[target_feature(enable = "neon,dotprod")]
fn tile_i8<const B: usize, const R: usize>(panel: Panel, x: &[i8], tile: &mut Tile<i32>) {
    assert!(x.len().is_multiple_of(B));
    const { assert!(PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let stride = x.len() / B;
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut sums: [[int32x4_t; R]; B] = [[vdupq_n_s32(0); R]; B];
        for (block, &column) in panel.blocks.iter().zip(panel.columns) {
            let mut v = [vdupq_n_s32(0); B];
            for b in 0..B {
                let at = b * stride + column as usize * QUAD;
                // SAFETY: b < B, and the column and the three after it lie within each vector,
                // which `BlockSparseI8` sees to; no load needs alignment.
                v[b] = unsafe { vld1q_dup_s32(x.as_ptr().add(at).cast()) };
            }
            for r in 0..R {
                // SAFETY: first + (r + 1) * 4 <= 32, so the 16 bytes lie within the 128 of the
                // block.
                let w = unsafe { vld1q_s8(block.as_ptr().add((first + r * ROWS) * QUAD)) };
                for b in 0..B {
                    sums[b][r] = sdot(sums[b][r], w, vreinterpretq_s8_s32(v[b]));
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { vst1q_s32(to, sums[b][r]) };
            }
        }
    }
}

/// Adds the products of each four bytes of `w` and `v` to `sum`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
pub(super) fn sdot(mut sum: int32x4_t, w: int8x16_t, v: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction because the function needs
    // the feature.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {v:v}.16b",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            v = in(vreg) v,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
