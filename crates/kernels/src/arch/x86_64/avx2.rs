//! AVX2 and FMA.
//!
//! 8-bit weights: `vpmaddubsw` would fit, but it saturates and gives wrong sums. Instead bytes are
//! widened to 16 bits, and `vpmaddwd` adds two exact products into each 32-bit lane. A register
//! then has four rows of four columns, and each row ends as two lanes to be added. The 16 registers
//! hold accumulators for 8, 4 or 2 such groups of rows: the more vectors, the fewer groups.

use super::lanes::Avx2;
use super::quantize;
use crate::Scratch;
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with, for_each_pass};
use crate::epilogue::{Place, RegisterStore, Store};
use crate::input::{Input, QUAD, Shape, load_by};
use crate::lanes::Twice;
use crate::math::{self, Function};
use crate::recurrent::Job;
use crate::tuning::Tuning;
use core::arch::x86_64::{
    __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_fmadd_ps,
    _mm256_hadd_epi32, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_permute4x64_epi64,
    _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps,
};

/// Vectors per pass: 6 vectors of 2 registers leave room for the weights and a broadcast.
const PASS: usize = 6;
/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;
/// Rows whose four columns fill a register when widened.
const GROUP: usize = 4;

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn run(job: impl Job) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    job.run(Twice(unsafe { Avx2::new() }));
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn map(function: Function, values: &mut [f32]) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    math::map_lanes(Twice(unsafe { Avx2::new() }), function, values);
}

/// Needs AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    let stride = vectors.stride;
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    drive_with(lanes, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_f32::<1, 4>(panel, x, stride, tile),
        2 => tile_f32::<2, 4>(panel, x, stride, tile),
        3 => tile_f32::<3, 2>(panel, x, stride, tile),
        4 => tile_f32::<4, 2>(panel, x, stride, tile),
        5 => tile_f32::<5, 2>(panel, x, stride, tile),
        _ => tile_f32::<6, 2>(panel, x, stride, tile),
    });
}

/// One panel times `B` vectors, `R` registers of 8 rows at a time.
#[target_feature(enable = "avx2,fma")]
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
    const { assert!(PANEL_ROWS.is_multiple_of(R * 8)) };
    for first in (0..PANEL_ROWS).step_by(R * 8) {
        let mut sums: [[__m256; R]; B] = [[_mm256_setzero_ps(); R]; B];
        for k in 0..cols {
            let mut w = [_mm256_setzero_ps(); R];
            for r in 0..R {
                // SAFETY: k < cols and first + r * 8 + 8 <= 32, so the 8 floats lie within column k
                // of the panel.
                w[r] =
                    unsafe { _mm256_loadu_ps(panel.as_ptr().add(k * PANEL_ROWS + first + r * 8)) };
            }
            for b in 0..B {
                // SAFETY: b < B and k < cols <= stride, so the index is below B * stride, the
                // length of x.
                let value = _mm256_set1_ps(unsafe { *x.get_unchecked(b * stride + k) });
                for r in 0..R {
                    sums[b][r] = _mm256_fmadd_ps(w[r], value, sums[b][r]);
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                // SAFETY: first + r * 8 + 8 <= 32, the floats of a vector of the tile.
                unsafe { _mm256_storeu_ps(tile.0[b].as_mut_ptr().add(first + r * 8), sums[b][r]) };
            }
        }
    }
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    load_by(
        input,
        shape,
        &mut scratch.wide,
        &mut scratch.scales,
        i16::from,
        #[inline(always)]
        |x, out| quantize::quantize(lanes, x, out),
    );
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    batch: usize,
    scratch: &Scratch,
    store: &mut impl RegisterStore,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.wide.as_slice(), stride, batch };
    let loops = Tuning::current().int8;
    for_each_pass(matrix, &vectors, PASS, |_, panel, x, place| {
        let pace = loops.at(place.width);
        macro_rules! pass {
            ($vectors:literal, $registers:literal) => {
                by_cache!(pace, TO, {
                    pass::<$vectors, $registers, TO>(panel, x, place, pace.ahead, store)
                })
            };
        }
        match place.width {
            1 => pass!(1, 4),
            2 => pass!(2, 2),
            3 => pass!(3, 1),
            4 => pass!(4, 1),
            5 => pass!(5, 1),
            _ => pass!(6, 1),
        }
    });
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn quantize(x: &[f32], out: &mut [i8]) -> f32 {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    quantize::quantize(unsafe { Avx2::new() }, x, out)
}

/// One panel times `B` vectors, `R` registers of 8 rows at a time.
#[target_feature(enable = "avx2,fma")]
fn pass<const B: usize, const R: usize, const TO: u8>(
    panel: &[i8],
    x: &[i16],
    place: Place,
    ahead: usize,
    store: &mut impl RegisterStore,
) {
    if place.rows == PANEL_ROWS {
        whole::<B, R, TO>(panel, x, place, ahead, store);
    } else {
        last::<B, R, TO>(panel, x, place, ahead, store);
    }
}

/// Never inlined: in one large function for all widths the registers of the loops would be spilled.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn whole<const B: usize, const R: usize, const TO: u8>(
    panel: &[i8],
    x: &[i16],
    place: Place,
    ahead: usize,
    store: &mut impl RegisterStore,
) {
    let quads = check::<B, R>(panel, x);
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    for first in (0..PANEL_ROWS).step_by(R * 8) {
        // SAFETY: the features of this function, and the lengths by the check; R * 8 divides 32.
        let sums = unsafe { sums::<B, R, TO>(panel, x, quads, first, ahead) };
        store.store_registers(lanes, place, first, &sums);
    }
}

/// A panel whose rows do not all belong to the matrix.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn last<const B: usize, const R: usize, const TO: u8>(
    panel: &[i8],
    x: &[i16],
    place: Place,
    ahead: usize,
    store: &mut impl RegisterStore,
) {
    let quads = check::<B, R>(panel, x);
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    let mut tile = Tile([[0; PANEL_ROWS]; MAX_PASS]);
    for first in (0..PANEL_ROWS).step_by(R * 8) {
        // SAFETY: as in `whole`.
        tile.put(lanes, first, &unsafe { sums::<B, R, TO>(panel, x, quads, first, ahead) });
    }
    store.store_with(lanes, place, &tile);
}

/// Checks the lengths that the loads of a kernel rely on: `B` vectors of a panel's columns. Returns
/// its quads.
#[inline(always)]
fn check<const B: usize, const R: usize>(panel: &[i8], x: &[i16]) -> usize {
    const { assert!(PANEL_ROWS.is_multiple_of(R * 8)) };
    let quads = panel.len() / STEP;
    assert!(
        panel.len() == quads * STEP && x.len() == B * quads * QUAD,
        "the pass holds B vectors of a panel's columns"
    );
    quads
}

/// The sums of `R` registers of rows starting at `first`. Always inlined, so that they never leave
/// the registers.
///
/// # Safety
/// The processor must have AVX2; the panel must have `quads` quads, `x` must have `B` vectors of as
/// many quads, and `first + R * 8` must be at most 32.
#[inline(always)]
unsafe fn sums<const B: usize, const R: usize, const TO: u8>(
    panel: &[i8],
    x: &[i16],
    quads: usize,
    first: usize,
    ahead: usize,
) -> [[__m256i; R]; B] {
    // SAFETY: the caller's promise: the 16 bytes of each group of 4 rows lie within the 128 of a
    // quad, and the 4 integers from (b * quads + quad) * 4 on within x.
    unsafe {
        // Two groups of rows per register of results.
        let mut sums = [[[_mm256_setzero_si256(); 2]; R]; B];
        for quad in 0..quads {
            for line in (0..R * 8 * QUAD).step_by(64) {
                let at = quad * STEP + first * QUAD + line + ahead;
                prefetch::<TO>(panel.as_ptr().wrapping_add(at).cast());
            }
            let mut w = [[_mm256_setzero_si256(); 2]; R];
            for r in 0..R {
                for g in 0..2 {
                    let row = first + r * 8 + g * GROUP;
                    let bytes = panel.as_ptr().add(quad * STEP + row * QUAD);
                    w[r][g] = _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes.cast()));
                }
            }
            for b in 0..B {
                let values = x.as_ptr().add((b * quads + quad) * QUAD);
                let values = _mm256_set1_epi64x(values.cast::<i64>().read_unaligned());
                for r in 0..R {
                    for g in 0..2 {
                        let products = _mm256_madd_epi16(w[r][g], values);
                        sums[b][r][g] = _mm256_add_epi32(sums[b][r][g], products);
                    }
                }
            }
        }
        let mut rows = [[_mm256_setzero_si256(); R]; B];
        for b in 0..B {
            for r in 0..R {
                // Adding neighbours gives rows 0 1 4 5 | 2 3 6 7 of the two groups; the permutation
                // puts them in order.
                let sum = _mm256_hadd_epi32(sums[b][r][0], sums[b][r][1]);
                rows[b][r] = _mm256_permute4x64_epi64::<0b11_01_10_00>(sum);
            }
        }
        rows
    }
}
