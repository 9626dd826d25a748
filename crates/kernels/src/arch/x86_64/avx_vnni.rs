//! `vpdpbusd` on registers of 8 rows, for processors without AVX-512: the same idea as
//! [`avx512_vnni`](super::avx512_vnni).
//!
//! The instruction has two encodings: VEX (AVX-VNNI), with 16 registers, and EVEX (AVX-512 VL and
//! VNNI). The kernel is written once and compiled for both. It uses 16 registers in both, so that
//! tests on a processor with AVX-512 cover the code for processors with AVX-VNNI.

use super::lanes::Avx2;
use super::quantize::load_unsigned;
use crate::Scratch;
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, for_each_pass};
use crate::epilogue::{Place, RegisterStore};
use crate::input::{Input, QUAD, Shape};
use crate::tuning::Tuning;

/// Vectors per pass: 6 vectors of 2 registers leave room for the weights and a broadcast.
const PASS: usize = 6;
/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;

/// Needs AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    // SAFETY: the processor has AVX2 here, by the features of this function.
    load_unsigned(unsafe { Avx2::new() }, input, shape, scratch);
}

/// Checks the lengths that the loads of a kernel rely on: `B` vectors of a panel's columns. Returns
/// its quads.
#[inline(always)]
fn check<const B: usize, const R: usize>(panel: &[i8], x: &[u8]) -> usize {
    const { assert!(PANEL_ROWS.is_multiple_of(R * 8)) };
    let quads = panel.len() / STEP;
    assert!(
        panel.len() == quads * STEP && x.len() == B * quads * QUAD,
        "the pass holds B vectors of a panel's columns"
    );
    quads
}

macro_rules! coding {
    ($coding:ident, $features:literal, $dpbusd:ident) => {
        pub(in crate::arch) mod $coding {
            use super::*;
            use core::arch::x86_64::{
                __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_set1_epi32,
                _mm256_setzero_si256, $dpbusd,
            };

            /// Needs the features named below.
            #[target_feature(enable = $features)]
            pub(in crate::arch) fn matmul_i8(
                matrix: &Matrix<i8>,
                offsets: &[i32],
                batch: usize,
                scratch: &Scratch,
                store: &mut impl RegisterStore,
            ) {
                let stride = matrix.panel_len / PANEL_ROWS;
                let vectors = Vectors { x: scratch.unsigned.as_slice(), stride, batch };
                let (offsets, _) = offsets.as_chunks::<PANEL_ROWS>();
                let loops = Tuning::current().int8;
                for_each_pass(matrix, &vectors, PASS, |index, panel, x, place| {
                    let offsets = &offsets[index];
                    let pace = loops.at(place.width);
                    macro_rules! run {
                        ($b:literal, $r:literal, $u:literal) => {
                            by_cache!(pace, TO, {
                                run::<$b, $r, $u, TO>(panel, x, offsets, place, pace.ahead, store)
                            })
                        };
                    }
                    match place.width {
                        1 => run!(1, 4, 2),
                        2 => run!(2, 4, 1),
                        3 => run!(3, 4, 1),
                        4 => run!(4, 2, 1),
                        5 => run!(5, 2, 1),
                        _ => run!(6, 2, 1),
                    }
                });
            }

            /// One panel times `B` vectors, `R` registers of 8 rows and `U` quads of columns at a
            /// time.
            #[target_feature(enable = $features)]
            fn run<const B: usize, const R: usize, const U: usize, const TO: u8>(
                panel: &[i8],
                x: &[u8],
                offsets: &[i32; PANEL_ROWS],
                place: Place,
                ahead: usize,
                store: &mut impl RegisterStore,
            ) {
                if place.rows == PANEL_ROWS {
                    whole::<B, R, U, TO>(panel, x, offsets, place, ahead, store);
                } else {
                    last::<B, R, U, TO>(panel, x, offsets, place, ahead, store);
                }
            }

            /// Never inlined: in one large function for all widths the registers of the loops would
            /// be spilled.
            #[target_feature(enable = $features)]
            #[inline(never)]
            fn whole<const B: usize, const R: usize, const U: usize, const TO: u8>(
                panel: &[i8],
                x: &[u8],
                offsets: &[i32; PANEL_ROWS],
                place: Place,
                ahead: usize,
                store: &mut impl RegisterStore,
            ) {
                let quads = check::<B, R>(panel, x);
                // SAFETY: the processor has AVX2 here, by the features of this function.
                let lanes = unsafe { Avx2::new() };
                for first in (0..PANEL_ROWS).step_by(R * 8) {
                    // SAFETY: the features of this function, and the lengths by the check; R * 8
                    // divides 32.
                    let sums =
                        unsafe { sums::<B, R, U, TO>(panel, x, quads, offsets, first, ahead) };
                    store.store_registers(lanes, place, first, &sums);
                }
            }

            /// A panel whose rows do not all belong to the matrix.
            #[target_feature(enable = $features)]
            #[inline(never)]
            fn last<const B: usize, const R: usize, const U: usize, const TO: u8>(
                panel: &[i8],
                x: &[u8],
                offsets: &[i32; PANEL_ROWS],
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
                    tile.put(lanes, first, &unsafe {
                        sums::<B, R, U, TO>(panel, x, quads, offsets, first, ahead)
                    });
                }
                store.store_with(lanes, place, &tile);
            }

            /// The sums of `R` registers of rows starting at `first`. Always inlined, so that they
            /// never leave the registers.
            ///
            /// # Safety
            /// The processor must have the features; the panel must have `quads` quads, `x` must
            /// have `B` vectors of as many quads, and `first + R * 8` must be at most 32.
            #[inline(always)]
            unsafe fn sums<const B: usize, const R: usize, const U: usize, const TO: u8>(
                panel: &[i8],
                x: &[u8],
                quads: usize,
                offsets: &[i32; PANEL_ROWS],
                first: usize,
                ahead: usize,
            ) -> [[__m256i; R]; B] {
                // SAFETY: the caller's promise.
                unsafe {
                    let mut sums = [[[_mm256_setzero_si256(); R]; B]; U];
                    for r in 0..R {
                        let start = offsets.as_ptr().add(first + r * 8);
                        let start = _mm256_loadu_si256(start.cast());
                        for b in 0..B {
                            sums[0][b][r] = start;
                        }
                    }
                    let panel = panel.as_ptr().add(first * QUAD);
                    let whole = quads - quads % U;
                    let mut quad = 0;
                    while quad < whole {
                        for u in 0..U {
                            add_quad::<B, R, TO>(panel, x, quads, quad + u, ahead, &mut sums[u]);
                        }
                        quad += U;
                    }
                    while quad < quads {
                        add_quad::<B, R, TO>(panel, x, quads, quad, ahead, &mut sums[0]);
                        quad += 1;
                    }
                    let mut totals = sums[0];
                    for u in 1..U {
                        for b in 0..B {
                            for r in 0..R {
                                totals[b][r] = _mm256_add_epi32(totals[b][r], sums[u][b][r]);
                            }
                        }
                    }
                    totals
                }
            }

            /// Adds the products of four columns.
            ///
            /// # Safety
            /// Those of [`sums`]; `panel` must point to its first row, and `quad` must be below
            /// `quads`.
            #[inline(always)]
            unsafe fn add_quad<const B: usize, const R: usize, const TO: u8>(
                panel: *const i8,
                x: &[u8],
                quads: usize,
                quad: usize,
                ahead: usize,
                sums: &mut [[__m256i; R]; B],
            ) {
                // SAFETY: quad < quads, so the 4 bytes from (b * quads + quad) * 4 on lie within x,
                // and the R * 32 bytes from the first row on within the 128 of the quad.
                unsafe {
                    let mut values = [_mm256_setzero_si256(); B];
                    for b in 0..B {
                        let at = x.as_ptr().add((b * quads + quad) * QUAD);
                        values[b] = _mm256_set1_epi32(at.cast::<i32>().read_unaligned());
                    }
                    for line in (0..R * 32).step_by(64) {
                        prefetch::<TO>(panel.wrapping_add(quad * STEP + line + ahead).cast());
                    }
                    for r in 0..R {
                        let w = _mm256_loadu_si256(panel.add(quad * STEP + r * 8 * QUAD).cast());
                        for b in 0..B {
                            sums[b][r] = $dpbusd(sums[b][r], values[b], w);
                        }
                    }
                }
            }
        }
    };
}

coding!(vex, "avx2,fma,avxvnni", _mm256_dpbusd_avx_epi32);
coding!(evex, "avx2,fma,avx512f,avx512vl,avx512vnni", _mm256_dpbusd_epi32);
