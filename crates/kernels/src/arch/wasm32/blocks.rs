//! WebAssembly's vectors for block-sparse 8-bit weights: a register has two rows of a block,
//! widened; see `simd128.rs` for the arithmetic.

use super::lanes::Simd128;
use crate::Scratch;
use crate::arch::Blocks;
use crate::arch::blocks::{self, Panel};
use crate::drive::{PANEL_ROWS, Tile};
use crate::epilogue::Store;
use crate::input::{QUAD, Shape};
use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_shuffle, i32x4_splat, v128,
    v128_load64_splat, v128_store,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const ROWS: usize = 2;

pub(in crate::arch) fn matmul(
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let x = scratch.wide.as_slice();
    blocks::drive(Simd128, matrix, shape, x, PASS, store, |panel, x, width, tile| match width {
        1 => tile_i8::<1, 8>(panel, x, tile),
        2 => tile_i8::<2, 4>(panel, x, tile),
        3 => tile_i8::<3, 4>(panel, x, tile),
        _ => tile_i8::<4, 2>(panel, x, tile),
    });
}

/// The blocks of one panel times `B` vectors, `R` registers of two rows at a time.
fn tile_i8<const B: usize, const R: usize>(panel: Panel, x: &[i16], tile: &mut Tile<i32>) {
    assert!(x.len().is_multiple_of(B));
    const { assert!(R.is_multiple_of(2) && PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let stride = x.len() / B;
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut sums: [[v128; R]; B] = [[i32x4_splat(0); R]; B];
        for (block, &column) in panel.blocks.iter().zip(panel.columns) {
            let mut w = [i32x4_splat(0); R];
            for r in 0..R {
                let at = (first + r * ROWS) * QUAD;
                // SAFETY: first + (r + 1) * 2 <= 32, so the 8 bytes lie within the 128 of the
                // block.
                w[r] = unsafe { i16x8_load_extend_i8x8(block.as_ptr().add(at)) };
            }
            for b in 0..B {
                let at = b * stride + column as usize * QUAD;
                // SAFETY: b < B, and the column and the three after it lie within each vector,
                // which `BlockSparseI8` sees to.
                let v = unsafe { v128_load64_splat(x.as_ptr().add(at).cast()) };
                for r in 0..R {
                    sums[b][r] = i32x4_add(sums[b][r], i32x4_dot_i16x8(w[r], v));
                }
            }
        }
        for b in 0..B {
            for r in (0..R).step_by(2) {
                // Each register has two lanes of a row, then two of the next.
                let (upper, lower) = (sums[b][r], sums[b][r + 1]);
                let rows = i32x4_add(
                    i32x4_shuffle::<0, 2, 4, 6>(upper, lower),
                    i32x4_shuffle::<1, 3, 5, 7>(upper, lower),
                );
                let to = tile.0[b][first + r * ROWS..][..4].as_mut_ptr();
                // SAFETY: `to` points to four integers.
                unsafe { v128_store(to.cast(), rows) };
            }
        }
    }
}
