//! ARMv8.6 with 8-bit matrix products: `smmla` multiplies two rows by two vectors, eight columns of
//! each, and adds to four 32-bit sums, 32 products per instruction, without saturation.
//!
//! So vectors are stored in pairs, eight columns of one next to eight columns of the other; the
//! last vector of an odd batch is paired with itself. For a single vector, half of a matrix product
//! would be wasted: it uses `sdot`, which reads the same weights, and a register ends as two
//! partial sums of each row. The instructions are written as assembly because their intrinsics are
//! not stable yet.

use super::{blocks_dotprod::sdot, lanes::Neon, neon};
use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::{Place, Store};
use crate::input::{Input, Shape};
use crate::lanes::Lanes;
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vdupq_n_s8, vdupq_n_s32, vld1q_s8, vpaddq_s32, vst1q_s32, vuzp1q_s32,
    vuzp2q_s32,
};
use core::arch::asm;

/// Rows of a group: four registers.
const ROWS: usize = 8;
/// Columns of a register.
const DEPTH: usize = 8;

/// Needs NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    neon::load_i8(input, shape, scratch);
    let Shape { batch, stride, .. } = shape;
    scratch.pairs.grow(batch.next_multiple_of(2) * stride);
    let vectors = scratch.signed.as_slice()[..batch * stride].chunks(2 * stride);
    for (two, pair) in vectors.zip(scratch.pairs.as_mut_slice().chunks_exact_mut(2 * stride)) {
        let (first, second) = two.split_at(stride);
        let second = if second.is_empty() { first } else { second };
        let (first, second) = (first.as_chunks::<DEPTH>().0, second.as_chunks::<DEPTH>().0);
        for (out, (a, b)) in
            pair.as_chunks_mut::<{ 2 * DEPTH }>().0.iter_mut().zip(first.iter().zip(second))
        {
            out[..DEPTH].copy_from_slice(a);
            out[DEPTH..].copy_from_slice(b);
        }
    }
}

/// Passes on the sums of pairs of vectors as those of vectors.
struct Pairs<'a, S> {
    store: &'a mut S,
    /// Number of vectors; if it is odd, only the first of the last pair counts.
    batch: usize,
}

impl<S: Store<i32>> Store<i32> for Pairs<'_, S> {
    #[inline(always)]
    fn store_with<L: Lanes>(&mut self, lanes: L, place: Place, tile: &Tile<i32>) {
        let vector = 2 * place.vector;
        let width = (2 * place.width).min(self.batch - vector);
        self.store.store_with(lanes, Place { vector, width, ..place }, tile);
    }
}

/// Needs NEON, dot products and matrix products.
#[target_feature(enable = "neon,dotprod,i8mm")]
pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let stride = 2 * (matrix.panel_len / PANEL_ROWS);
    let vectors = Vectors { x: scratch.pairs.as_slice(), stride, batch: batch.div_ceil(2) };
    let mut store = Pairs { store, batch };
    // SAFETY: the processor has NEON here, by the features of this function.
    let lanes = unsafe { Neon::new() };
    if batch == 1 {
        drive_with(lanes, matrix, &vectors, 1, &mut store, |_, panel, x, _, tile| {
            single(panel, x, tile)
        });
        return;
    }
    drive_with(lanes, matrix, &vectors, MAX_PASS / 2, &mut store, |_, panel, x, width, tile| {
        match width {
            1 => pairs::<1, 8>(panel, x, tile),
            2 => pairs::<2, 8>(panel, x, tile),
            3 => pairs::<3, 4>(panel, x, tile),
            _ => pairs::<4, 4>(panel, x, tile),
        }
    });
}

/// One panel times one vector that is paired with itself.
#[target_feature(enable = "neon,dotprod,i8mm")]
fn single(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    const REGISTERS: usize = PANEL_ROWS / 2;
    let stride = check::<1>(panel, x);
    let mut sums = [vdupq_n_s32(0); REGISTERS];
    for k in (0..stride).step_by(DEPTH) {
        // SAFETY: `check` found two vectors of `stride` bytes in x, and 2 * (k + 8) <= 2 * stride.
        let v = unsafe { vld1q_s8(x.as_ptr().add(2 * k)) };
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: k + 8 <= stride and 2 * r + 2 <= 32.
            let w = unsafe { load(panel, stride, k, 2 * r) };
            *sum = sdot(*sum, w, v);
        }
    }
    for (two, to) in sums.chunks_exact(2).zip(tile.0[0].chunks_exact_mut(4)) {
        let rows = vpaddq_s32(two[0], two[1]);
        // SAFETY: `to` has room for four integers.
        unsafe { vst1q_s32(to.as_mut_ptr(), rows) };
    }
}

/// One panel times `P` pairs of vectors, `R` registers of two rows at a time.
#[target_feature(enable = "neon,dotprod,i8mm")]
fn pairs<const P: usize, const R: usize>(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = check::<P>(panel, x);
    const { assert!(R.is_multiple_of(2) && PANEL_ROWS.is_multiple_of(2 * R)) };
    for first in (0..PANEL_ROWS).step_by(2 * R) {
        let mut sums = [[vdupq_n_s32(0); R]; P];
        for start in (0..stride).step_by(2 * DEPTH) {
            for k in [start, start + DEPTH] {
                let mut v = [vdupq_n_s8(0); P];
                for p in 0..P {
                    // SAFETY: `check` found P pairs of 2 * stride bytes in x, and 2 * (k + 8) <=
                    // 2 * stride.
                    v[p] = unsafe { vld1q_s8(x.as_ptr().add(2 * (p * stride + k))) };
                }
                for r in 0..R {
                    // SAFETY: k + 8 <= stride and first + 2 * r + 2 <= 32.
                    let w = unsafe { load(panel, stride, k, first + 2 * r) };
                    for p in 0..P {
                        sums[p][r] = smmla(sums[p][r], w, v[p]);
                    }
                }
            }
        }
        for p in 0..P {
            for r in (0..R).step_by(2) {
                // Each register is row 0 of the first and the second vector, then row 1.
                let (upper, lower) = (sums[p][r], sums[p][r + 1]);
                let at = first + 2 * r;
                let a = tile.0[2 * p][at..][..4].as_mut_ptr();
                let b = tile.0[2 * p + 1][at..][..4].as_mut_ptr();
                // SAFETY: both have room for four integers.
                unsafe {
                    vst1q_s32(a, vuzp1q_s32(upper, lower));
                    vst1q_s32(b, vuzp2q_s32(upper, lower));
                }
            }
        }
    }
}

/// Eight columns starting at `k` of the rows `row` and `row + 1` of a panel of `stride` columns.
///
/// # Safety
/// Rows and columns must be inside the panel; `row` is even, `k` a multiple of eight.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load(panel: &[i8], stride: usize, k: usize, row: usize) -> int8x16_t {
    let at = row / ROWS * ROWS * stride + k * ROWS + row % ROWS * DEPTH;
    // SAFETY: groups hold 8 * stride bytes and steps of them 64, by the caller's promise all within
    // the panel.
    unsafe { vld1q_s8(panel.as_ptr().add(at)) }
}

/// Checks the lengths that the loads of a tile of `P` pairs rely on. Returns the columns.
#[inline(always)]
fn check<const P: usize>(panel: &[i8], x: &[i8]) -> usize {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride
            && stride.is_multiple_of(2 * DEPTH)
            && x.len() == P * 2 * stride,
        "the pass holds P pairs of vectors of a panel's columns"
    );
    stride
}

/// Adds `w v^T` to `sum`, all row-major: `w` and `v` are 2 x 8, `sum` is 2 x 2.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(mut sum: int32x4_t, w: int8x16_t, v: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction because the function needs
    // the feature.
    unsafe {
        asm!(
            "smmla {sum:v}.4s, {w:v}.16b, {v:v}.16b",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            v = in(vreg) v,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
