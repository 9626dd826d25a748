//! ARMv8.0: NEON without the dot products.
//!
//! 8-bit weights: `smull` and `smlal2` add two products of 8 bits into each 16-bit lane, `sadalp` adds neighbouring lanes to 32-bit sums.
//! That is exact although nothing is widened first: weights lie within -127..=127 and activations within -128..=127, so two products are at
//! most 2 * 127 * 128 = 32512, which 16 bits hold. Three instructions multiply 16 bytes.

use super::lanes::Neon;
use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, Shape, load};
use crate::math::{self, Function};
use core::arch::aarch64::{
    float32x4_t, int32x4_t, vdupq_n_f32, vdupq_n_s32, vfmaq_n_f32, vget_low_s8, vld1q_f32,
    vld1q_s8, vmlal_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vst1q_f32, vst1q_s32,
};

/// Vectors a pass of bytes: 4 vectors of 4 rows are 16 registers of sums.
const PASS: usize = 4;
/// Rows that stand together.
const ROWS: usize = 4;
/// Columns of a register.
const DEPTH: usize = 16;

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn map(function: Function, values: &mut [f32]) {
    // SAFETY: the processor has NEON here, by the features of this function.
    math::map_lanes(unsafe { Neon::new() }, function, values);
}

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    load(input, shape, &mut scratch.signed, &mut scratch.scales, |q| q);
}

/// Needs NEON.
#[target_feature(enable = "neon")]
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
    drive_with(lanes, matrix, &vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i8::<1>(panel, x, tile),
        2 => tile_i8::<2>(panel, x, tile),
        3 => tile_i8::<3>(panel, x, tile),
        _ => tile_i8::<4>(panel, x, tile),
    });
}

/// One panel times `B` vectors, four rows at a time.
#[target_feature(enable = "neon")]
fn tile_i8<const B: usize>(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride && stride.is_multiple_of(DEPTH) && x.len() == B * stride,
        "the pass holds B vectors of a panel's columns"
    );
    for first in (0..PANEL_ROWS).step_by(ROWS) {
        let group = &panel[first * stride..(first + ROWS) * stride];
        let mut sums: [[int32x4_t; ROWS]; B] = [[vdupq_n_s32(0); ROWS]; B];
        for k in (0..stride).step_by(DEPTH) {
            for r in 0..ROWS {
                // SAFETY: k + 16 <= stride and r < 4, so the 16 bytes lie within the group.
                let w = unsafe { vld1q_s8(group.as_ptr().add(k * ROWS + r * DEPTH)) };
                for b in 0..B {
                    // SAFETY: b < B and k + 16 <= stride, so the 16 bytes lie within x.
                    let v = unsafe { vld1q_s8(x.as_ptr().add(b * stride + k)) };
                    let products = vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(v)), w, v);
                    sums[b][r] = vpadalq_s16(sums[b][r], products);
                }
            }
        }
        for b in 0..B {
            let [s0, s1, s2, s3] = sums[b];
            let rows = vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3));
            // SAFETY: first + 4 <= 32, the integers of a vector of the tile.
            unsafe { vst1q_s32(tile.0[b].as_mut_ptr().add(first), rows) };
        }
    }
}

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    let stride = vectors.stride;
    // Of the 32 registers at most 16 accumulate: the others hold a column and hide how long a multiply-add takes.
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    drive_with(lanes, matrix, vectors, MAX_PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_f32::<1, 8>(panel, x, stride, tile),
        2 => tile_f32::<2, 8>(panel, x, stride, tile),
        3 => tile_f32::<3, 4>(panel, x, stride, tile),
        4 => tile_f32::<4, 4>(panel, x, stride, tile),
        5 => tile_f32::<5, 4>(panel, x, stride, tile),
        6 => tile_f32::<6, 2>(panel, x, stride, tile),
        7 => tile_f32::<7, 2>(panel, x, stride, tile),
        _ => tile_f32::<8, 2>(panel, x, stride, tile),
    });
}

/// One panel times `B` vectors, `R` registers of 4 rows at a time.
#[target_feature(enable = "neon")]
fn tile_f32<const B: usize, const R: usize>(
    panel: &[f32],
    x: &[f32],
    stride: usize,
    tile: &mut Tile<f32>,
) {
    let cols = panel.len() / PANEL_ROWS;
    assert!(
        cols <= stride && x.len() == B * stride,
        "the pass holds B vectors of at least a panel's columns"
    );
    const { assert!(PANEL_ROWS.is_multiple_of(R * 4)) };
    for first in (0..PANEL_ROWS).step_by(R * 4) {
        let mut sums: [[float32x4_t; R]; B] = [[vdupq_n_f32(0.0); R]; B];
        for k in 0..cols {
            let mut w = [vdupq_n_f32(0.0); R];
            for r in 0..R {
                // SAFETY: k < cols and first + r * 4 + 4 <= 32, so the 4 floats lie within column k of the panel.
                w[r] = unsafe { vld1q_f32(panel.as_ptr().add(k * PANEL_ROWS + first + r * 4)) };
            }
            for b in 0..B {
                // SAFETY: b < B and k < cols <= stride, so the index is below B * stride, the length of x.
                let value = unsafe { *x.get_unchecked(b * stride + k) };
                for r in 0..R {
                    sums[b][r] = vfmaq_n_f32(sums[b][r], w[r], value);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                // SAFETY: first + r * 4 + 4 <= 32, the floats of a vector of the tile.
                unsafe { vst1q_f32(tile.0[b].as_mut_ptr().add(first + r * 4), sums[b][r]) };
            }
        }
    }
}
