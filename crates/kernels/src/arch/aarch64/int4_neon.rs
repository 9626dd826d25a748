//! 4-bit weights on ARMv8.0.
//!
//! A register has eight columns of four rows, four of them in the low halves of its bytes and four
//! in the high halves. Weights plus 8 are in 0..=15, so that a 16-bit lane can hold the sum of the
//! products of one column in each eight of a group: `smlal` and `smlal2` only multiply and add. The
//! two lanes of a row are also added in 16 bits; only the sum of a group is widened and multiplied
//! by its scale.

use super::lanes::Neon;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::QUAD;
use crate::int4::{self, STEP};
use crate::quantize::GROUP;
use core::arch::aarch64::{
    int8x16_t, int16x8_t, int32x4_t, vaddq_s32, vandq_u8, vdupq_n_s8, vdupq_n_s16, vdupq_n_s32,
    vdupq_n_u8, vget_low_s8, vget_low_s16, vld1_s8, vld1q_dup_s32, vld1q_u8, vmlal_high_s8,
    vmlal_s8, vmlaq_s32, vmovl_s8, vmovl_s16, vpaddlq_s16, vpaddq_s16, vreinterpretq_s8_s32,
    vreinterpretq_s8_u8, vshrq_n_u8, vst1q_s32,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const ROWS: usize = 4;

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn matmul_i4(
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    drive_with(lanes, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i4::<1, 4>(panel, x, vectors.stride, tile),
        2 => tile_i4::<2, 2>(panel, x, vectors.stride, tile),
        3 => tile_i4::<3, 2>(panel, x, vectors.stride, tile),
        _ => tile_i4::<4, 2>(panel, x, vectors.stride, tile),
    });
}

/// One panel times `B` vectors, `R` registers of four rows at a time.
#[target_feature(enable = "neon")]
fn tile_i4<const B: usize, const R: usize>(
    panel: &[u8],
    x: &[u8],
    stride: usize,
    tile: &mut Tile<i32>,
) {
    let groups = int4::groups::<B>(panel, x, stride);
    const { assert!(PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let columns = groups * size_of::<i32>();
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut totals: [[int32x4_t; R]; B] = [[vdupq_n_s32(0); R]; B];
        for group in 0..groups {
            // Of each four rows, the lanes of the first two and of the last two.
            let mut sums: [[[int16x8_t; 2]; R]; B] = [[[vdupq_n_s16(0); 2]; R]; B];
            for step in 0..GROUP / (2 * QUAD) {
                let mut v: [[int8x16_t; 2]; B] = [[vdupq_n_s8(0); 2]; B];
                for b in 0..B {
                    for part in 0..2 {
                        let at = b * stride + columns + group * GROUP + (step * 2 + part) * QUAD;
                        // SAFETY: b < B, group < groups and step * 2 + part < 8, so the 4 bytes lie
                        // within the group of the vector; no load needs alignment.
                        let four = unsafe { vld1q_dup_s32(x.as_ptr().add(at).cast()) };
                        v[b][part] = vreinterpretq_s8_s32(four);
                    }
                }
                for r in 0..R {
                    let at = int4::weights_at(group) + step * STEP + (first + r * ROWS) * QUAD;
                    // SAFETY: group < groups, step < 4 and first + (r + 1) * 4 <= 32, so the 16
                    // bytes lie within the 512 of the group.
                    let both = unsafe { vld1q_u8(panel.as_ptr().add(at)) };
                    let w = [
                        vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(0x0f))),
                        vreinterpretq_s8_u8(vshrq_n_u8::<4>(both)),
                    ];
                    for b in 0..B {
                        for part in 0..2 {
                            let (w, v) = (w[part], v[b][part]);
                            let [low, high] = sums[b][r];
                            sums[b][r] = [
                                vmlal_s8(low, vget_low_s8(w), vget_low_s8(v)),
                                vmlal_high_s8(high, w, v),
                            ];
                        }
                    }
                }
            }
            for r in 0..R {
                let at = int4::scales_at(group) + first + r * ROWS;
                // SAFETY: a group has 32 bytes of scales; at most the last four of them and the
                // first four bytes after them are read, which are weights of the group.
                let scale = unsafe { vld1_s8(panel.as_ptr().add(at).cast()) };
                let scale = vmovl_s16(vget_low_s16(vmovl_s8(scale)));
                for b in 0..B {
                    let at = b * stride + group * size_of::<i32>();
                    // SAFETY: b < B and group < groups, so the 4 bytes lie within the first
                    // groups * 4 of the vector.
                    let start = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                    // At most 2 x 8 x 15 x 127 = 30480, because no input is -128.
                    let rows = vpaddlq_s16(vpaddq_s16(sums[b][r][0], sums[b][r][1]));
                    let sum = vaddq_s32(rows, vdupq_n_s32(start));
                    totals[b][r] = vmlaq_s32(totals[b][r], sum, scale);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { vst1q_s32(to, totals[b][r]) };
            }
        }
    }
}
