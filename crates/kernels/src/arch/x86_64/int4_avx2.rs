//! AVX2 for 4-bit weights.
//!
//! `vpmaddubsw` saturates with 8-bit weights, but not here: two products of at most 15 x 128 fit
//! easily into 16 bits, and so does the sum of a group once the 8 added to each weight is
//! subtracted again. So 16-bit lanes sum a whole group (intermediate overflows cancel because the
//! lanes wrap), and `vpmaddwd` multiplies both lanes of a row by the group's scale, adds them and
//! widens, in one instruction.

use super::lanes::Avx2;
use crate::Scratch;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape};
use crate::int4::{self, STEP};
use crate::quantize::GROUP;
use core::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_srai_epi16, _mm256_srli_epi16, _mm256_storeu_si256,
};

/// Vectors per pass.
const PASS: usize = 4;
/// Rows of a register.
const ROWS: usize = 8;

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn load_i4(input: Input, shape: Shape, scratch: &mut Scratch) {
    int4::load(input, shape, scratch, start);
}

/// -8 times the sum, separately for the two 16-bit lanes of a row: columns 0 and 1 of each four,
/// and columns 2 and 3.
#[inline(always)]
fn start(x: &[i8; GROUP]) -> i32 {
    let mut sums = [0i16; 2];
    for quad in x.as_chunks::<QUAD>().0 {
        sums[0] += i16::from(quad[0]) + i16::from(quad[1]);
        sums[1] += i16::from(quad[2]) + i16::from(quad[3]);
    }
    // At most 16 x 128 x 8 = 16384.
    i32::from(sums[0] * -8) & 0xffff | i32::from(sums[1] * -8) << 16
}

/// Needs AVX2.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn matmul_i4(
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    drive_with(lanes, matrix, vectors, PASS, store, |_, panel, x, width, tile| match width {
        1 => tile_i4::<1, 2>(panel, x, vectors.stride, tile),
        2 => tile_i4::<2, 2>(panel, x, vectors.stride, tile),
        3 => tile_i4::<3, 1>(panel, x, vectors.stride, tile),
        _ => tile_i4::<4, 1>(panel, x, vectors.stride, tile),
    });
}

/// One panel times `B` vectors, `R` registers of 8 rows at a time.
#[target_feature(enable = "avx2,fma")]
fn tile_i4<const B: usize, const R: usize>(
    panel: &[u8],
    x: &[u8],
    stride: usize,
    tile: &mut Tile<i32>,
) {
    let groups = int4::groups::<B>(panel, x, stride);
    const { assert!(PANEL_ROWS.is_multiple_of(R * ROWS)) };
    let columns = groups * size_of::<i32>();
    let low = _mm256_set1_epi8(0x0f);
    // Puts each of eight bytes into the high halves of the two 16-bit lanes of its row.
    let spread = _mm256_setr_epi8(
        -1, 0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, //
        -1, 4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7,
    );
    for first in (0..PANEL_ROWS).step_by(R * ROWS) {
        let mut totals: [[__m256i; R]; B] = [[_mm256_setzero_si256(); R]; B];
        for group in 0..groups {
            let mut sums: [[__m256i; R]; B] = [[_mm256_setzero_si256(); R]; B];
            for b in 0..B {
                let at = b * stride + group * size_of::<i32>();
                // SAFETY: b < B and group < groups, so the 4 bytes lie within the first groups * 4
                // of the vector.
                let start = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                sums[b] = [_mm256_set1_epi32(start); R];
            }
            for step in 0..GROUP / (2 * QUAD) {
                let mut w = [[_mm256_setzero_si256(); 2]; R];
                for r in 0..R {
                    let at = int4::weights_at(group) + step * STEP + (first + r * ROWS) * QUAD;
                    // SAFETY: group < groups, step < 4 and first + (r + 1) * 8 <= 32, so the 32
                    // bytes lie within the 512 of the group.
                    let both = unsafe { _mm256_loadu_si256(panel.as_ptr().add(at).cast()) };
                    w[r] = [
                        _mm256_and_si256(both, low),
                        _mm256_and_si256(_mm256_srli_epi16::<4>(both), low),
                    ];
                }
                for b in 0..B {
                    for part in 0..2 {
                        let at = b * stride + columns + group * GROUP + (step * 2 + part) * QUAD;
                        // SAFETY: b < B, group < groups and step * 2 + part < 8, so the 4 bytes lie
                        // within the group of the vector.
                        let values = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                        let values = _mm256_set1_epi32(values);
                        for r in 0..R {
                            let products = _mm256_maddubs_epi16(w[r][part], values);
                            sums[b][r] = _mm256_add_epi16(sums[b][r], products);
                        }
                    }
                }
            }
            for r in 0..R {
                let at = int4::scales_at(group) + first + r * ROWS;
                // SAFETY: a group has 32 bytes of scales, and first + (r + 1) * 8 <= 32.
                let scale = unsafe { panel.as_ptr().add(at).cast::<i64>().read_unaligned() };
                let scale = _mm256_shuffle_epi8(_mm256_set1_epi64x(scale), spread);
                let scale = _mm256_srai_epi16::<8>(scale);
                for b in 0..B {
                    totals[b][r] =
                        _mm256_add_epi32(totals[b][r], _mm256_madd_epi16(sums[b][r], scale));
                }
            }
        }
        for b in 0..B {
            for r in 0..R {
                let out = tile.0[b][first + r * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `out` points to 8 integers.
                unsafe { _mm256_storeu_si256(out.cast(), totals[b][r]) };
            }
        }
    }
}
