//! AVX2 for block-sparse 8-bit weights: like the dense kernel (see `avx2.rs` for the arithmetic),
//! except that columns are looked up.

use super::lanes::Avx2;
use crate::Scratch;
use crate::arch::Blocks;
use crate::arch::blocks::{self, BLOCK, Panel};
use crate::drive::{PANEL_ROWS, Tile};
use crate::epilogue::Store;
use crate::input::{QUAD, Shape};
use core::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_hadd_epi32,
    _mm256_madd_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi64x, _mm256_setzero_si256,
    _mm256_storeu_si256,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows whose four columns fill a register when widened.
const GROUP: usize = 4;

/// Needs AVX2, and columns within the vectors.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn matmul(
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let x = scratch.wide.as_slice();
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    blocks::drive(lanes, matrix, shape, x, PASS, store, |panel, x, width, tile| match width {
        1 => tile_i8::<1, 8>(panel, x, tile),
        2 => tile_i8::<2, 4>(panel, x, tile),
        3 => tile_i8::<3, 2>(panel, x, tile),
        _ => tile_i8::<4, 2>(panel, x, tile),
    });
}

/// The blocks of one panel times `B` vectors, `G` groups of 4 rows at a time.
#[target_feature(enable = "avx2,fma")]
fn tile_i8<const B: usize, const G: usize>(panel: Panel, x: &[i16], tile: &mut Tile<i32>) {
    assert!(x.len().is_multiple_of(B));
    const { assert!(G.is_multiple_of(2) && PANEL_ROWS.is_multiple_of(G * GROUP)) };
    let stride = x.len() / B;
    for first in (0..PANEL_ROWS).step_by(G * GROUP) {
        let mut sums: [[__m256i; G]; B] = [[_mm256_setzero_si256(); G]; B];
        for (block, &column) in panel.blocks.iter().zip(panel.columns) {
            let mut w = [_mm256_setzero_si256(); G];
            for g in 0..G {
                const { assert!(BLOCK == PANEL_ROWS * QUAD) };
                // SAFETY: first + (g + 1) * 4 <= 32, so the 16 bytes lie within the 128 of the
                // block.
                w[g] = _mm256_cvtepi8_epi16(unsafe {
                    _mm_loadu_si128(block.as_ptr().add((first + g * GROUP) * QUAD).cast())
                });
            }
            for b in 0..B {
                let at = b * stride + column as usize * QUAD;
                // SAFETY: b < B, and the column and the three after it lie within each vector,
                // which `BlockSparseI8` sees to.
                let values = unsafe { x.as_ptr().add(at).cast::<i64>().read_unaligned() };
                let values = _mm256_set1_epi64x(values);
                for g in 0..G {
                    sums[b][g] = _mm256_add_epi32(sums[b][g], _mm256_madd_epi16(w[g], values));
                }
            }
        }
        for b in 0..B {
            for pair in 0..G / 2 {
                // Adding neighbours gives rows 0 1 4 5 | 2 3 6 7 of the two groups; the permutation
                // puts them in order.
                let rows = _mm256_hadd_epi32(sums[b][2 * pair], sums[b][2 * pair + 1]);
                let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(rows);
                let out = tile.0[b][first + pair * 8..][..8].as_mut_ptr();
                // SAFETY: `out` points to 8 integers.
                unsafe { _mm256_storeu_si256(out.cast(), rows) };
            }
        }
    }
}
