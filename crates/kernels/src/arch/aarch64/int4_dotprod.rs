//! 4-bit weights on ARMv8.2 with the dot products.
//!
//! A register has eight columns of four rows: its low halves are the operand of `sdot` for four of
//! the columns, its high halves for the other four. Weights plus 8 are in 0..=15, so signed and
//! unsigned are the same. A group is summed in separate registers and added to the total multiplied
//! by its scale.

use super::dotprod::sdot;
use super::lanes::Neon;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::QUAD;
use crate::int4::{self, STEP};
use crate::quantize::GROUP;
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vandq_u8, vdupq_n_s8, vdupq_n_s32, vdupq_n_u8, vget_low_s16, vld1_s8,
    vld1q_s8, vld1q_u8, vmlaq_s32, vmovl_high_s16, vmovl_s8, vmovl_s16, vreinterpretq_s8_u8,
    vshrq_n_u8, vst1q_s32,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const REGISTER_ROWS: usize = 4;
/// Registers at a time: 2 of totals and 2 of sums for each of 4 vectors.
const R: usize = 2;
/// Columns of a register of activations.
const DEPTH: usize = 16;

/// Needs NEON and the dot products.
#[target_feature(enable = "neon,dotprod")]
pub(in crate::arch) fn matmul_i4(
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    drive_with(lanes, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i4::<1>(panel, x, vectors.stride, tile),
        2 => tile_i4::<2>(panel, x, vectors.stride, tile),
        3 => tile_i4::<3>(panel, x, vectors.stride, tile),
        _ => tile_i4::<4>(panel, x, vectors.stride, tile),
    });
}

/// One panel times `B` vectors, eight rows at a time.
#[target_feature(enable = "neon,dotprod")]
fn tile_i4<const B: usize>(panel: &[u8], x: &[u8], stride: usize, tile: &mut Tile<i32>) {
    let groups = int4::groups::<B>(panel, x, stride);
    let columns = groups * size_of::<i32>();
    for first in (0..PANEL_ROWS).step_by(R * REGISTER_ROWS) {
        let mut totals: [[int32x4_t; R]; B] = [[vdupq_n_s32(0); R]; B];
        for group in 0..groups {
            let mut sums: [[int32x4_t; R]; B] = [[vdupq_n_s32(0); R]; B];
            let mut v: [[int8x16_t; 2]; B] = [[vdupq_n_s8(0); 2]; B];
            for b in 0..B {
                let at = b * stride + group * size_of::<i32>();
                // SAFETY: b < B and group < groups, so the 4 bytes lie within the first groups * 4
                // of the vector.
                let start = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                sums[b] = [vdupq_n_s32(start); R];
                for half in 0..2 {
                    let at = b * stride + columns + group * GROUP + half * DEPTH;
                    // SAFETY: b < B and group < groups, so the 16 bytes lie within the 32 of the
                    // group of the vector.
                    v[b][half] = unsafe { vld1q_s8(x.as_ptr().add(at).cast()) };
                }
            }
            let load = |step: usize, r: usize| {
                let at = int4::weights_at(group) + step * STEP + (first + r * REGISTER_ROWS) * QUAD;
                // SAFETY: group < groups, step < 4 and first + (r + 1) * 4 <= 32, so the 16 bytes
                // lie within the 512 of the group.
                let both = unsafe { vld1q_u8(panel.as_ptr().add(at)) };
                let low = vandq_u8(both, vdupq_n_u8(0x0f));
                (vreinterpretq_s8_u8(low), vreinterpretq_s8_u8(vshrq_n_u8::<4>(both)))
            };
            for half in 0..2 {
                for r in 0..R {
                    let (low, high) = load(2 * half, r);
                    for b in 0..B {
                        sums[b][r] = sdot::<0>(sums[b][r], low, v[b][half]);
                        sums[b][r] = sdot::<1>(sums[b][r], high, v[b][half]);
                    }
                    let (low, high) = load(2 * half + 1, r);
                    for b in 0..B {
                        sums[b][r] = sdot::<2>(sums[b][r], low, v[b][half]);
                        sums[b][r] = sdot::<3>(sums[b][r], high, v[b][half]);
                    }
                }
            }
            let at = int4::scales_at(group) + first;
            // SAFETY: a group has 32 bytes of scales, and first + 8 <= 32.
            let scale = unsafe { vld1_s8(panel.as_ptr().add(at).cast()) };
            let scale = vmovl_s8(scale);
            let scale = [vmovl_s16(vget_low_s16(scale)), vmovl_high_s16(scale)];
            for b in 0..B {
                for r in 0..R {
                    totals[b][r] = vmlaq_s32(totals[b][r], sums[b][r], scale[r]);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * REGISTER_ROWS..][..REGISTER_ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { vst1q_s32(to, totals[b][r]) };
            }
        }
    }
}
