//! AVX-512 VNNI for 4-bit weights.
//!
//! A register has eight columns of 16 rows. The separated halves of its bytes are the unsigned
//! operand of `vpdpbusd`; the signed operand is four inputs, broadcast to all rows. The sum of a
//! group fits 16 bits, so that one `vpdpwssd` multiplies it by the scale of its row and adds it to
//! the total. Up to four vectors are processed with all 32 rows of a panel, so that a broadcast
//! serves two registers; more vectors with 16 rows at a time.
//!
//! With one or two vectors the adders would wait for each other: then the high halves have their
//! own accumulators and stay in place, 16 times too large, until the group is summed.

use super::lanes::Avx512;
use crate::Scratch;
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape};
use crate::int4::{self, STEP};
use crate::quantize::GROUP;
use crate::tuning::Tuning;
use core::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_add_epi32, _mm512_and_si512, _mm512_cvtepi8_epi32,
    _mm512_dpbusd_epi32, _mm512_dpwssd_epi32, _mm512_loadu_si512, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_srai_epi32, _mm512_srli_epi16,
    _mm512_storeu_si512,
};

/// Rows of a register.
const ROWS: usize = 16;
/// Bytes of a register: half of a step.
const HALF: usize = STEP / 2;

/// Needs AVX-512 F and BW.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn load_i4(input: Input, shape: Shape, scratch: &mut Scratch) {
    int4::load(input, shape, scratch, int4::whole_start);
}

/// Needs AVX-512 with VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
pub(in crate::arch) fn matmul_i4(
    matrix: &Matrix<u8>,
    vectors: &Vectors<u8>,
    store: &mut impl Store<i32>,
) {
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    let loops = Tuning::current().int4;
    let stride = vectors.stride;
    drive_with(lanes, matrix, vectors, MAX_PASS, store, |_, panel, x, width, tile| {
        let pace = loops.at(width);
        macro_rules! tile {
            ($vectors:literal, $halves:literal, $parts:literal) => {
                by_cache!(pace, TO, {
                    tile_i4::<$vectors, $halves, $parts, TO>(panel, x, stride, pace.ahead, tile)
                })
            };
        }
        match width {
            1 => tile!(1, 2, 2),
            2 => tile!(2, 2, 2),
            3 => tile!(3, 2, 1),
            4 => tile!(4, 2, 1),
            5 => tile!(5, 1, 1),
            6 => tile!(6, 1, 1),
            7 => tile!(7, 1, 1),
            _ => tile!(8, 1, 1),
        }
    });
}

/// One panel times `B` vectors, `H` halves of its rows at a time; `P` is 2 if the two halves of
/// bytes have separate accumulators. Weights are prefetched `ahead` bytes before their use,
/// depending on `TO`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
fn tile_i4<const B: usize, const H: usize, const P: usize, const TO: u8>(
    panel: &[u8],
    x: &[u8],
    stride: usize,
    ahead: usize,
    tile: &mut Tile<i32>,
) {
    let groups = int4::groups::<B>(panel, x, stride);
    let columns = groups * size_of::<i32>();
    let (low, high) = (_mm512_set1_epi8(0x0f), _mm512_set1_epi8(0xf0u8 as i8));
    let word = _mm512_set1_epi32(0xffff);
    for first in (0..2).step_by(H) {
        let mut totals: [[__m512i; H]; B] = [[_mm512_setzero_si512(); H]; B];
        for group in 0..groups {
            let mut sums: [[[__m512i; P]; H]; B] = [[[_mm512_setzero_si512(); P]; H]; B];
            for b in 0..B {
                let at = b * stride + group * size_of::<i32>();
                // SAFETY: b < B and group < groups, so the 4 bytes lie within the first groups * 4
                // of the vector.
                let start = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                for h in 0..H {
                    sums[b][h][0] = _mm512_set1_epi32(start);
                }
            }
            for step in 0..GROUP / (2 * QUAD) {
                let mut w = [[_mm512_setzero_si512(); 2]; H];
                for h in 0..H {
                    let at = int4::weights_at(group) + step * STEP + (first + h) * HALF;
                    // SAFETY: group < groups, step < 4 and first + h < 2, so the 64 bytes lie
                    // within the 512 of the group.
                    prefetch::<TO>(panel.as_ptr().wrapping_add(at + ahead));
                    let both = unsafe { _mm512_loadu_si512(panel.as_ptr().add(at).cast()) };
                    w[h] = [
                        _mm512_and_si512(both, low),
                        if P == 2 {
                            _mm512_and_si512(both, high)
                        } else {
                            _mm512_and_si512(_mm512_srli_epi16::<4>(both), low)
                        },
                    ];
                }
                for b in 0..B {
                    for part in 0..2 {
                        let at = b * stride + columns + group * GROUP + (step * 2 + part) * QUAD;
                        // SAFETY: b < B, group < groups and step * 2 + part < 8, so the 4 bytes lie
                        // within the group of the vector.
                        let values = unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() };
                        let values = _mm512_set1_epi32(values);
                        for h in 0..H {
                            let sum = &mut sums[b][h][part * (P - 1)];
                            *sum = _mm512_dpbusd_epi32(*sum, w[h][part], values);
                        }
                    }
                }
            }
            for h in 0..H {
                let at = int4::scales_at(group) + (first + h) * ROWS;
                // SAFETY: a group has 32 bytes of scales, and (first + h + 1) * 16 <= 32.
                let scale =
                    _mm512_cvtepi8_epi32(unsafe { _mm_loadu_si128(panel.as_ptr().add(at).cast()) });
                // As a pair of 16-bit numbers, the second of them 0.
                let scale = _mm512_and_si512(scale, word);
                for b in 0..B {
                    let mut sum = sums[b][h][0];
                    if P == 2 {
                        sum = _mm512_add_epi32(sum, _mm512_srai_epi32::<4>(sums[b][h][1]));
                    }
                    totals[b][h] = _mm512_dpwssd_epi32(totals[b][h], sum, scale);
                }
            }
        }
        for b in 0..B {
            for h in 0..H {
                let out = tile.0[b][(first + h) * ROWS..][..ROWS].as_mut_ptr();
                // SAFETY: `out` points to 16 integers.
                unsafe { _mm512_storeu_si512(out.cast(), totals[b][h]) };
            }
        }
    }
}
