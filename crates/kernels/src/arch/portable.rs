//! Plain Rust, shaped so that the compiler vectorises it: constant lengths, no branches in the
//! inner loops.
//!
//! A float panel is processed in strips of rows whose accumulators fit the 16 registers of SSE2.

use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, Shape, load};
use crate::lanes::{Lanes, Scalar};

/// Vectors per pass of floats; 8 rows of 4 vectors are 8 accumulators of 4 floats.
const PASS: usize = 4;
/// Rows per strip of floats.
const STRIP: usize = 8;

/// Fused if the target has the instruction; otherwise a fused multiply-add would be a slow library
/// call. (`core` has none.)
#[inline(always)]
pub(crate) fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    #[cfg(all(feature = "std", any(target_arch = "aarch64", target_feature = "fma")))]
    let sum = a.mul_add(b, c);
    #[cfg(not(all(feature = "std", any(target_arch = "aarch64", target_feature = "fma"))))]
    let sum = a * b + c;
    sum
}

pub(super) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    matmul_f32_with(Scalar, matrix, vectors, store);
}

/// [`matmul_f32`] with an epilogue in the registers of `lanes`.
pub(super) fn matmul_f32_with(
    lanes: impl Lanes,
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    drive_with(lanes, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_f32::<1>(panel, x, vectors.stride, tile),
        2 => tile_f32::<2>(panel, x, vectors.stride, tile),
        3 => tile_f32::<3>(panel, x, vectors.stride, tile),
        _ => tile_f32::<4>(panel, x, vectors.stride, tile),
    });
}

fn tile_f32<const B: usize>(panel: &[f32], x: &[f32], stride: usize, tile: &mut Tile<f32>) {
    let x: [&[f32]; B] = core::array::from_fn(|b| &x[b * stride..(b + 1) * stride]);
    for first in (0..PANEL_ROWS).step_by(STRIP) {
        let mut sums = [[0f32; STRIP]; B];
        for (k, column) in panel.chunks_exact(PANEL_ROWS).enumerate() {
            let w = &column[first..first + STRIP];
            for b in 0..B {
                let value = x[b][k];
                for r in 0..STRIP {
                    sums[b][r] = multiply_add(w[r], value, sums[b][r]);
                }
            }
        }
        for b in 0..B {
            tile.0[b][first..first + STRIP].copy_from_slice(&sums[b]);
        }
    }
}

/// The inputs are widened beforehand: the compiler then sees 16-bit products and uses `pmaddwd` or
/// `smlal`.
pub(super) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    load(input, shape, &mut scratch.wide, &mut scratch.scales, i16::from);
}

pub(super) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.wide.as_slice(), stride, batch };
    drive(matrix, &vectors, MAX_PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i8::<1>(panel, x, stride, tile),
        2 => tile_i8::<2>(panel, x, stride, tile),
        3 => tile_i8::<3>(panel, x, stride, tile),
        4 => tile_i8::<4>(panel, x, stride, tile),
        5 => tile_i8::<5>(panel, x, stride, tile),
        6 => tile_i8::<6>(panel, x, stride, tile),
        7 => tile_i8::<7>(panel, x, stride, tile),
        _ => tile_i8::<8>(panel, x, stride, tile),
    });
}

/// Rows follow one another here ([`Layout::Rows`](super::Layout)): a row times a vector is a plain
/// sum, which vectorises well.
fn tile_i8<const B: usize>(panel: &[i8], x: &[i16], stride: usize, tile: &mut Tile<i32>) {
    let x: [&[i16]; B] = core::array::from_fn(|b| &x[b * stride..(b + 1) * stride]);
    for (r, row) in panel.chunks_exact(stride).enumerate() {
        let mut sums = [0i32; B];
        for k in 0..stride {
            for b in 0..B {
                sums[b] += i32::from(row[k]) * i32::from(x[b][k]);
            }
        }
        for b in 0..B {
            tile.0[b][r] = sums[b];
        }
    }
}
