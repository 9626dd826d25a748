//! NEON for block-sparse 8-bit weights.
//!
//! A register has four columns of four rows; `smull` and `smull2` each multiply two rows by the
//! broadcast activations. Two blocks are added in 16 bits, which fit their products (see
//! `neon.rs`), before `sadalp` widens them; so each row ends as two sums.

use super::lanes::Neon;
use crate::Scratch;
use crate::arch::Blocks;
use crate::arch::blocks::{self, BLOCK, Panel};
use crate::drive::{PANEL_ROWS, Tile};
use crate::epilogue::Store;
use crate::input::{QUAD, Shape};
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vdupq_n_s8, vdupq_n_s32, vget_low_s8, vld1q_dup_s32, vld1q_s8,
    vmlal_high_s8, vmlal_s8, vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32,
    vreinterpretq_s8_s32, vst1q_s32,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const ROWS: usize = 4;

/// Needs NEON, and columns within the vectors.
#[target_feature(enable = "neon")]
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
        2 => tile_i8::<2, 4>(panel, x, tile),
        3 => tile_i8::<3, 2>(panel, x, tile),
        _ => tile_i8::<4, 2>(panel, x, tile),
    });
}

/// The blocks of one panel times `B` vectors, `R` registers of four rows at a time.
#[target_feature(enable = "neon")]
fn tile_i8<const B: usize, const R: usize>(panel: Panel, x: &[i8], tile: &mut Tile<i32>) {
    let count = panel.blocks.len();
    assert!(x.len().is_multiple_of(B) && panel.columns.len() == count);
    const { assert!(PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let stride = x.len() / B;
    let vectors = |block: usize| {
        let mut v = [vdupq_n_s8(0); B];
        for b in 0..B {
            let at = b * stride + panel.columns[block] as usize * QUAD;
            // SAFETY: b < B, and the column and the three after it lie within each vector, which
            // `BlockSparseI8` sees to; no load needs alignment.
            v[b] = vreinterpretq_s8_s32(unsafe { vld1q_dup_s32(x.as_ptr().add(at).cast()) });
        }
        v
    };
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut sums: [[[int32x4_t; 2]; R]; B] = [[[vdupq_n_s32(0); 2]; R]; B];
        let weights = |block: &[i8; BLOCK], r: usize| -> int8x16_t {
            // SAFETY: first + (r + 1) * 4 <= 32, so the 16 bytes lie within the 128 of the block.
            unsafe { vld1q_s8(block.as_ptr().add((first + r * ROWS) * QUAD)) }
        };
        let (pairs, rest) = panel.blocks.as_chunks::<2>();
        for (pair, blocks) in pairs.iter().enumerate() {
            let v = [vectors(2 * pair), vectors(2 * pair + 1)];
            for r in 0..R {
                let w = [weights(&blocks[0], r), weights(&blocks[1], r)];
                for b in 0..B {
                    let low = vmull_s8(vget_low_s8(w[0]), vget_low_s8(v[0][b]));
                    let low = vmlal_s8(low, vget_low_s8(w[1]), vget_low_s8(v[1][b]));
                    let high = vmlal_high_s8(vmull_high_s8(w[0], v[0][b]), w[1], v[1][b]);
                    sums[b][r][0] = vpadalq_s16(sums[b][r][0], low);
                    sums[b][r][1] = vpadalq_s16(sums[b][r][1], high);
                }
            }
        }
        for block in rest {
            let v = vectors(count - 1);
            for r in 0..R {
                let w = weights(block, r);
                for b in 0..B {
                    let low = vmull_s8(vget_low_s8(w), vget_low_s8(v[b]));
                    sums[b][r][0] = vpadalq_s16(sums[b][r][0], low);
                    sums[b][r][1] = vpadalq_s16(sums[b][r][1], vmull_high_s8(w, v[b]));
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { vst1q_s32(to, vpaddq_s32(sums[b][r][0], sums[b][r][1])) };
            }
        }
    }
}
