//! ARMv8.6 with the 8-bit matrix products: `smmla` multiplies two rows with two vectors, eight columns of each, and adds to four 32-bit
//! sums, 32 products in one instruction, without saturation.
//!
//! So vectors are stored two by two, eight columns of one beside eight columns of the other; the last of an odd batch stands beside itself.
//! A single vector would waste half of a matrix product: it takes `sdot`, which reads the same weights, and a register ends as two partial
//! sums of either row. The instructions are written as assembly because their intrinsics are not stable yet.

use super::{lanes::Neon, neon};
use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::{Place, Store};
use crate::input::{Input, Shape};
use crate::lanes::Lanes;
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vdupq_n_s8, vdupq_n_s32, vld1q_s8, vpaddq_s32, vst1q_s32,
    vuzp1q_s32, vuzp2q_s32,
};
use core::arch::asm;

/// Rows that stand together: four registers.
const ROWS: usize = 8;
/// Registers of a group, two rows each.
const REGISTERS: usize = ROWS / 2;
/// Columns of a register.
const DEPTH: usize = 8;
/// Bytes of eight columns of a group, and twice the columns that a padded row has at least.
const STEP: usize = ROWS * DEPTH;

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

/// Gives the sums of pairs of vectors on as those of vectors.
struct Pairs<'a, S> {
    store: &'a mut S,
    /// Vectors; of the last pair only the first counts where it is odd.
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

/// Needs NEON, the dot products and the matrix products.
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
            1 => pairs::<1, 2>(panel, x, tile),
            2 => pairs::<2, 1>(panel, x, tile),
            3 => pairs::<3, 1>(panel, x, tile),
            _ => pairs::<4, 1>(panel, x, tile),
        }
    });
}

/// One panel times one vector that stands beside itself, eight rows at a time.
#[target_feature(enable = "neon,dotprod,i8mm")]
fn single(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = panel.len() / PANEL_ROWS;
    check::<1>(panel, x);
    for (group, first) in panel.chunks_exact(ROWS * stride).zip((0..PANEL_ROWS).step_by(ROWS)) {
        let mut sums = [[vdupq_n_s32(0); REGISTERS]; 2];
        for k in (0..stride).step_by(2 * DEPTH) {
            for (u, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found two vectors of `stride` bytes in x, and 2 * (k + 16) <= 2 * stride.
                let v = unsafe { vld1q_s8(x.as_ptr().add(2 * k + u * 2 * DEPTH)) };
                for (r, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: k + 16 <= stride, so two steps of 64 bytes follow at k * 8 in the group.
                    let w = unsafe { vld1q_s8(group.as_ptr().add(k * ROWS + u * STEP + r * 16)) };
                    *sum = sdot(*sum, w, v);
                }
            }
        }
        let total = |r: usize| vaddq_s32(sums[0][r], sums[1][r]);
        for half in 0..2 {
            let rows = vpaddq_s32(total(2 * half), total(2 * half + 1));
            // SAFETY: first + 8 <= 32, the integers of a vector of the tile.
            unsafe { vst1q_s32(tile.0[0].as_mut_ptr().add(first + half * 4), rows) };
        }
    }
}

/// One panel times `P` pairs of vectors, eight rows at a time; neighbouring steps of columns go to `U` sets of sums.
#[target_feature(enable = "neon,dotprod,i8mm")]
fn pairs<const P: usize, const U: usize>(panel: &[i8], x: &[i8], tile: &mut Tile<i32>) {
    let stride = panel.len() / PANEL_ROWS;
    check::<P>(panel, x);
    const { assert!(U == 1 || U == 2) };
    for (group, first) in panel.chunks_exact(ROWS * stride).zip((0..PANEL_ROWS).step_by(ROWS)) {
        let mut sums = [[[vdupq_n_s32(0); REGISTERS]; P]; U];
        for k in (0..stride).step_by(2 * DEPTH) {
            for u in 0..2 {
                let mut w = [vdupq_n_s8(0); REGISTERS];
                for r in 0..REGISTERS {
                    // SAFETY: k + 16 <= stride, so two steps of 64 bytes follow at k * 8 in the group.
                    w[r] = unsafe { vld1q_s8(group.as_ptr().add(k * ROWS + u * STEP + r * 16)) };
                }
                for p in 0..P {
                    // SAFETY: `check` found P pairs of 2 * stride bytes in x, and 2 * (k + 16) <= 2 * stride.
                    let v =
                        unsafe { vld1q_s8(x.as_ptr().add(2 * (p * stride + k) + u * 2 * DEPTH)) };
                    for r in 0..REGISTERS {
                        sums[u % U][p][r] = smmla(sums[u % U][p][r], w[r], v);
                    }
                }
            }
        }
        for p in 0..P {
            let mut total = sums[0][p];
            for u in 1..U {
                for r in 0..REGISTERS {
                    total[r] = vaddq_s32(total[r], sums[u][p][r]);
                }
            }
            for half in 0..2 {
                // Each register is row 0 of the first and the second vector, then row 1.
                let (upper, lower) = (total[2 * half], total[2 * half + 1]);
                // SAFETY: first + 8 <= 32, the integers of a vector of the tile.
                unsafe {
                    let at = first + half * 4;
                    vst1q_s32(tile.0[2 * p].as_mut_ptr().add(at), vuzp1q_s32(upper, lower));
                    vst1q_s32(tile.0[2 * p + 1].as_mut_ptr().add(at), vuzp2q_s32(upper, lower));
                }
            }
        }
    }
}

/// The lengths that the loads of a tile of `P` pairs rest on.
#[inline(always)]
fn check<const P: usize>(panel: &[i8], x: &[i8]) {
    let stride = panel.len() / PANEL_ROWS;
    assert!(
        panel.len() == PANEL_ROWS * stride
            && stride.is_multiple_of(2 * DEPTH)
            && x.len() == P * 2 * stride,
        "the pass holds P pairs of vectors of a panel's columns"
    );
}

/// Adds the products of each four bytes of `w` and `v` to `sum`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sum: int32x4_t, w: int8x16_t, v: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction because the function needs the feature.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {v:v}.16b",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            v = in(vreg) v,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Adds `w v^T` to `sum`, all row-major: `w` and `v` are 2 x 8, `sum` is 2 x 2.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(mut sum: int32x4_t, w: int8x16_t, v: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; the processor has the instruction because the function needs the feature.
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
