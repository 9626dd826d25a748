//! `vpdpbusd` on registers of 8 rows, for processors without AVX-512: the same idea as [`avx512_vnni`](super::avx512_vnni).
//!
//! The instruction has two codings: VEX (AVX-VNNI), whose registers are 16, and EVEX (AVX-512 VL and VNNI). The kernel is written once and
//! compiled for both, and keeps to 16 registers in both, so that what a processor with AVX-512 tests is what one with AVX-VNNI runs.

use super::lanes::Avx2;
use super::quantize::quantize;
use crate::Scratch;
use crate::drive::{Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape, load_by};

/// Vectors a pass: 6 vectors of 2 registers leave room for the weights and a broadcast.
const PASS: usize = 6;
/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;

/// Needs AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    let lanes = unsafe { Avx2::new() };
    load_by(
        input,
        shape,
        &mut scratch.unsigned,
        &mut scratch.scales,
        |q| (q as u8) ^ 0x80,
        #[inline(always)]
        |x, out| quantize(lanes, x, out),
    );
}

macro_rules! coding {
    ($coding:ident, $features:literal, $dpbusd:ident) => {
        pub(in crate::arch) mod $coding {
            use super::*;
            use core::arch::x86_64::{
                __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
                _mm256_setzero_si256, _mm256_storeu_si256, $dpbusd,
            };

            /// Needs the features named below.
            #[target_feature(enable = $features)]
            pub(in crate::arch) fn matmul_i8(
                matrix: &Matrix<i8>,
                offsets: &[i32],
                batch: usize,
                scratch: &Scratch,
                store: &mut impl Store<i32>,
            ) {
                let stride = matrix.panel_len / PANEL_ROWS;
                let vectors = Vectors { x: scratch.unsigned.as_slice(), stride, batch };
                let (offsets, _) = offsets.as_chunks::<PANEL_ROWS>();
                // SAFETY: the processor has AVX2 here, by the features of this function.
                let lanes = unsafe { Avx2::new() };
                drive_with(lanes, matrix, &vectors, PASS, store, |index, panel, x, width, tile| {
                    let offsets = &offsets[index];
                    match width {
                        1 => tile_i8::<1, 4, 2>(panel, x, offsets, tile),
                        2 => tile_i8::<2, 4, 1>(panel, x, offsets, tile),
                        3 => tile_i8::<3, 4, 1>(panel, x, offsets, tile),
                        4 => tile_i8::<4, 2, 1>(panel, x, offsets, tile),
                        5 => tile_i8::<5, 2, 1>(panel, x, offsets, tile),
                        _ => tile_i8::<6, 2, 1>(panel, x, offsets, tile),
                    }
                });
            }

            /// One panel times `B` vectors, `R` registers of 8 rows and `U` quads of columns at a time.
            #[target_feature(enable = $features)]
            fn tile_i8<const B: usize, const R: usize, const U: usize>(
                panel: &[i8],
                x: &[u8],
                offsets: &[i32; PANEL_ROWS],
                tile: &mut Tile<i32>,
            ) {
                let quads = panel.len() / STEP;
                let stride = quads * QUAD;
                assert!(x.len() == B * stride, "the pass holds B vectors of a panel's columns");
                const { assert!(PANEL_ROWS.is_multiple_of(R * 8)) };
                for first in (0..PANEL_ROWS).step_by(R * 8) {
                    let mut sums: [[[__m256i; R]; B]; U] = [[[_mm256_setzero_si256(); R]; B]; U];
                    for r in 0..R {
                        let start = offsets[first + r * 8..][..8].as_ptr();
                        // SAFETY: `start` points to 8 integers.
                        let start = unsafe { _mm256_loadu_si256(start.cast()) };
                        for b in 0..B {
                            sums[0][b][r] = start;
                        }
                    }
                    let step = |quad: usize, sums: &mut [[__m256i; R]; B]| {
                        let mut values = [_mm256_setzero_si256(); B];
                        for b in 0..B {
                            // SAFETY: b < B and both callers below pass quad < quads, so these 4 bytes lie within x.
                            values[b] = _mm256_set1_epi32(unsafe {
                                x.as_ptr()
                                    .add(b * stride + quad * QUAD)
                                    .cast::<i32>()
                                    .read_unaligned()
                            });
                        }
                        for r in 0..R {
                            let at = quad * STEP + (first + r * 8) * QUAD;
                            // SAFETY: quad < quads and first + (r + 1) * 8 <= 32, so the 32 bytes lie within the 128 of the quad.
                            let w = unsafe { _mm256_loadu_si256(panel.as_ptr().add(at).cast()) };
                            for b in 0..B {
                                sums[b][r] = $dpbusd(sums[b][r], values[b], w);
                            }
                        }
                    };
                    let whole = quads - quads % U;
                    for quad in (0..whole).step_by(U) {
                        for u in 0..U {
                            step(quad + u, &mut sums[u]);
                        }
                    }
                    for quad in whole..quads {
                        step(quad, &mut sums[0]);
                    }
                    for b in 0..B {
                        for r in 0..R {
                            let mut total = sums[0][b][r];
                            for u in 1..U {
                                total = _mm256_add_epi32(total, sums[u][b][r]);
                            }
                            let out = tile.0[b][first + r * 8..][..8].as_mut_ptr();
                            // SAFETY: `out` points to 8 integers.
                            unsafe { _mm256_storeu_si256(out.cast(), total) };
                        }
                    }
                }
            }
        }
    };
}

coding!(vex, "avx2,fma,avxvnni", _mm256_dpbusd_avx_epi32);
coding!(evex, "avx2,fma,avx512f,avx512vl,avx512vnni", _mm256_dpbusd_epi32);
