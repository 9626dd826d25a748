//! AVX2 and FMA.
//!
//! 8-bit weights: `vpmaddubsw` would be the instruction, but it saturates and gives wrong sums; instead bytes are widened to 16 bits and
//! `vpmaddwd` adds two exact products into each 32-bit lane. A register then holds four rows of four columns, and each row ends as two
//! lanes to be added. The 16 registers hold accumulators for 8, 4 or 2 such groups of rows, the fewer the more vectors there are.

use super::lanes::Avx2;
use super::quantize;
use crate::Scratch;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape, load_by};
use crate::lanes::Twice;
use crate::math::{self, Function};
use crate::recurrent::Job;
use core::arch::x86_64::{
    __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_fmadd_ps,
    _mm256_hadd_epi32, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_permute4x64_epi64,
    _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps,
    _mm256_storeu_si256,
};

/// Vectors a pass: 6 vectors of 2 registers leave room for the weights and a broadcast.
const PASS: usize = 6;
/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;
/// Rows of which four columns fill a register, widened.
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
                // SAFETY: k < cols and first + r * 8 + 8 <= 32, so the 8 floats lie within column k of the panel.
                w[r] =
                    unsafe { _mm256_loadu_ps(panel.as_ptr().add(k * PANEL_ROWS + first + r * 8)) };
            }
            for b in 0..B {
                // SAFETY: b < B and k < cols <= stride, so the index is below B * stride, the length of x.
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
    store: &mut impl Store<i32>,
) {
    let stride = matrix.panel_len / PANEL_ROWS;
    let vectors = Vectors { x: scratch.wide.as_slice(), stride, batch };
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    drive_with(lanes, matrix, &vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i8::<1, 8>(panel, x, tile),
        2 => tile_i8::<2, 4>(panel, x, tile),
        3 => tile_i8::<3, 2>(panel, x, tile),
        4 => tile_i8::<4, 2>(panel, x, tile),
        5 => tile_i8::<5, 2>(panel, x, tile),
        _ => tile_i8::<6, 2>(panel, x, tile),
    });
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn quantize(x: &[f32], out: &mut [i8]) -> f32 {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    quantize::quantize(unsafe { Avx2::new() }, x, out)
}

/// One panel times `B` vectors, `G` groups of 4 rows at a time.
#[target_feature(enable = "avx2,fma")]
fn tile_i8<const B: usize, const G: usize>(panel: &[i8], x: &[i16], tile: &mut Tile<i32>) {
    let quads = panel.len() / STEP;
    let stride = quads * QUAD;
    assert!(x.len() == B * stride, "the pass holds B vectors of a panel's columns");
    const { assert!(G.is_multiple_of(2) && PANEL_ROWS.is_multiple_of(G * GROUP)) };
    for first in (0..PANEL_ROWS).step_by(G * GROUP) {
        let mut sums: [[__m256i; G]; B] = [[_mm256_setzero_si256(); G]; B];
        for quad in 0..quads {
            let mut w = [_mm256_setzero_si256(); G];
            for g in 0..G {
                // SAFETY: quad < quads and first + (g + 1) * 4 <= 32, so the 16 bytes lie within the 128 of this quad.
                w[g] = _mm256_cvtepi8_epi16(unsafe {
                    _mm_loadu_si128(
                        panel.as_ptr().add(quad * STEP + (first + g * GROUP) * QUAD).cast(),
                    )
                });
            }
            for b in 0..B {
                // SAFETY: b < B and quad < quads, so the 4 integers from b * stride + quad * 4 on lie within x.
                let values = unsafe {
                    x.as_ptr().add(b * stride + quad * QUAD).cast::<i64>().read_unaligned()
                };
                let values = _mm256_set1_epi64x(values);
                for g in 0..G {
                    sums[b][g] = _mm256_add_epi32(sums[b][g], _mm256_madd_epi16(w[g], values));
                }
            }
        }
        for b in 0..B {
            for pair in 0..G / 2 {
                // Adding neighbours takes rows 0 1 4 5 | 2 3 6 7 out of the two groups; the permutation puts them in order.
                let rows = _mm256_hadd_epi32(sums[b][2 * pair], sums[b][2 * pair + 1]);
                let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(rows);
                // SAFETY: first + (pair + 1) * 8 <= 32, the integers of a vector of the tile.
                unsafe {
                    _mm256_storeu_si256(tile.0[b].as_mut_ptr().add(first + pair * 8).cast(), rows)
                };
            }
        }
    }
}
