//! WebAssembly's vectors for 4-bit weights.
//!
//! A register has eight columns of four rows. The halves of its bytes are separated and multiplied
//! into 16-bit lanes, which hold the sums of a whole group (as in the NEON kernel). Then the sum of
//! a group is widened and multiplied by its scale.

use super::lanes::Simd128;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::QUAD;
use crate::int4::{self, STEP};
use crate::quantize::GROUP;
use core::arch::wasm32::{
    i8x16_splat, i16x8_add, i16x8_extend_low_i8x16, i16x8_extmul_high_i8x16,
    i16x8_extmul_low_i8x16, i32x4_add, i32x4_extadd_pairwise_i16x8, i32x4_extend_low_i16x8,
    i32x4_mul, i32x4_shuffle, i32x4_splat, u8x16_shr, v128, v128_and, v128_load, v128_load32_splat,
    v128_load32_zero, v128_store,
};

/// Vectors per pass.
const PASS: usize = 3;
/// Rows of a register.
const ROWS: usize = 4;

pub(in crate::arch) fn matmul_i4(
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    drive_with(Simd128, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i4::<1, 2>(panel, x, vectors.stride, tile),
        2 => tile_i4::<2, 1>(panel, x, vectors.stride, tile),
        _ => tile_i4::<3, 1>(panel, x, vectors.stride, tile),
    });
}

/// One panel times `B` vectors, `R` registers of four rows at a time.
fn tile_i4<const B: usize, const R: usize>(
    panel: &[u8],
    x: &[u8],
    stride: usize,
    tile: &mut Tile<i32>,
) {
    let groups = int4::groups::<B>(panel, x, stride);
    const { assert!(PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let columns = groups * size_of::<i32>();
    let low = i8x16_splat(0x0f);
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut totals: [[v128; R]; B] = [[i32x4_splat(0); R]; B];
        for group in 0..groups {
            // Of each four rows, the lanes of the first two and of the last two.
            let mut sums: [[[v128; 2]; R]; B] = [[[i32x4_splat(0); 2]; R]; B];
            for step in 0..GROUP / (2 * QUAD) {
                for r in 0..R {
                    let at = int4::weights_at(group) + step * STEP + (first + r * ROWS) * QUAD;
                    // SAFETY: group < groups, step < 4 and first + (r + 1) * 4 <= 32, so the 16
                    // bytes lie within the 512 of the group.
                    let both = unsafe { v128_load(panel.as_ptr().add(at).cast()) };
                    let w = [v128_and(both, low), u8x16_shr(both, 4)];
                    for b in 0..B {
                        for part in 0..2 {
                            let at =
                                b * stride + columns + group * GROUP + (step * 2 + part) * QUAD;
                            // SAFETY: b < B, group < groups and step * 2 + part < 8, so the 4 bytes
                            // lie within the group of the vector.
                            let v = unsafe { v128_load32_splat(x.as_ptr().add(at).cast()) };
                            let products = [
                                i16x8_extmul_low_i8x16(w[part], v),
                                i16x8_extmul_high_i8x16(w[part], v),
                            ];
                            for half in 0..2 {
                                sums[b][r][half] = i16x8_add(sums[b][r][half], products[half]);
                            }
                        }
                    }
                }
            }
            for r in 0..R {
                let at = int4::scales_at(group) + first + r * ROWS;
                // SAFETY: a group has 32 bytes of scales, and first + (r + 1) * 4 <= 32.
                let scale = unsafe { v128_load32_zero(panel.as_ptr().add(at).cast()) };
                let scale = i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(scale));
                for b in 0..B {
                    let at = b * stride + group * size_of::<i32>();
                    // SAFETY: b < B and group < groups, so the 4 bytes lie within the first
                    // groups * 4 of the vector.
                    let start = unsafe { v128_load32_splat(x.as_ptr().add(at).cast()) };
                    // Two lanes of a row, then two of the next.
                    let upper = i32x4_extadd_pairwise_i16x8(sums[b][r][0]);
                    let lower = i32x4_extadd_pairwise_i16x8(sums[b][r][1]);
                    let rows = i32x4_add(
                        i32x4_shuffle::<0, 2, 4, 6>(upper, lower),
                        i32x4_shuffle::<1, 3, 5, 7>(upper, lower),
                    );
                    let sum = i32x4_mul(i32x4_add(rows, start), scale);
                    totals[b][r] = i32x4_add(totals[b][r], sum);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let to = tile.0[b][first + r * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { v128_store(to.cast(), totals[b][r]) };
            }
        }
    }
}
