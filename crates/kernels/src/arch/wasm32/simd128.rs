//! WebAssembly's vectors of 128 bits: 8-bit weights, and what the other forms share.
//!
//! `i32x4.dot_i16x8` adds two exact 16-bit products into each 32-bit lane; weights are widened as
//! they are loaded, activations beforehand. A register has eight columns of one row, so a row ends
//! as four partial sums. Engines map it to 16 registers on x86-64, which limits the sums kept at
//! once.

use super::lanes::Simd128;
use crate::Scratch;
use crate::arch::portable;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::lanes::Twice;
use crate::math::{self, Function};
use crate::recurrent::Job;
use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shuffle,
    i32x4_splat, v128, v128_load,
};

/// Vectors per pass: 6 vectors of 2 rows are 12 registers of sums.
const PASS: usize = 6;
/// Rows of a group.
const ROWS: usize = 4;
/// Columns of a register.
const DEPTH: usize = 8;

pub(in crate::arch) fn run(job: impl Job) {
    job.run(Twice(Simd128));
}

pub(in crate::arch) fn map(function: Function, values: &mut [f32]) {
    math::map_lanes(Twice(Simd128), function, values);
}

/// The portable loops, which the compiler turns into vectors, with an epilogue in registers.
pub(in crate::arch) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    portable::matmul_f32_with(Simd128, matrix, vectors, store);
}

pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.wide.as_slice(), stride, batch };
    drive_with(Simd128, matrix, &vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i8::<1, 4>(panel, x, tile),
        2 => tile_i8::<2, 4>(panel, x, tile),
        3 => tile_i8::<3, 2>(panel, x, tile),
        4 => tile_i8::<4, 2>(panel, x, tile),
        5 => tile_i8::<5, 2>(panel, x, tile),
        _ => tile_i8::<6, 2>(panel, x, tile),
    });
}

/// One panel times `B` vectors, `R` rows at a time.
fn tile_i8<const B: usize, const R: usize>(panel: &[i8], x: &[i16], tile: &mut Tile<i32>) {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride && stride.is_multiple_of(DEPTH) && x.len() == B * stride,
        "the pass holds B vectors of a panel's columns"
    );
    const { assert!(R == 2 || R == 4) };
    for first in (0..PANEL_ROWS).step_by(R) {
        let group = &panel[first / ROWS * ROWS * stride..][..ROWS * stride];
        let mut sums: [[v128; R]; B] = [[i32x4_splat(0); R]; B];
        for k in (0..stride).step_by(DEPTH) {
            let mut w = [i32x4_splat(0); R];
            for r in 0..R {
                let at = k * ROWS + (first % ROWS + r) * DEPTH;
                // SAFETY: k + 8 <= stride and first % 4 + r < 4, so the 8 bytes lie within the
                // group.
                w[r] = unsafe { i16x8_load_extend_i8x8(group.as_ptr().add(at)) };
            }
            for b in 0..B {
                // SAFETY: b < B and k + 8 <= stride, so the 8 integers lie within x.
                let v = unsafe { v128_load(x.as_ptr().add(b * stride + k).cast()) };
                for r in 0..R {
                    sums[b][r] = i32x4_add(sums[b][r], i32x4_dot_i16x8(w[r], v));
                }
            }
        }
        for b in 0..B {
            for r in (0..R).step_by(2) {
                // Of two rows: the sums of lanes 0 and 2, and of lanes 1 and 3, side by side.
                let (upper, lower) = (sums[b][r], sums[b][r + 1]);
                let halves = i32x4_add(
                    i32x4_shuffle::<0, 1, 4, 5>(upper, lower),
                    i32x4_shuffle::<2, 3, 6, 7>(upper, lower),
                );
                let rows = i32x4_add(halves, i32x4_shuffle::<1, 0, 3, 2>(halves, halves));
                tile.0[b][first + r] = i32x4_extract_lane::<0>(rows);
                tile.0[b][first + r + 1] = i32x4_extract_lane::<2>(rows);
            }
        }
    }
}
