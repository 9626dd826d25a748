//! Float weights on any AArch64: fused multiply-adds of a column of a panel and a value.

use super::lanes::Neon;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use core::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_n_f32, vld1q_f32, vst1q_f32};

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    let stride = vectors.stride;
    // At most 16 of the 32 registers accumulate: the others hold a column and hide the latency of
    // the multiply-adds.
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
                // SAFETY: k < cols and first + r * 4 + 4 <= 32, so the 4 floats lie within column k
                // of the panel.
                w[r] = unsafe { vld1q_f32(panel.as_ptr().add(k * PANEL_ROWS + first + r * 4)) };
            }
            for b in 0..B {
                // SAFETY: b < B and k < cols <= stride, so the index is below B * stride, the
                // length of x.
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
