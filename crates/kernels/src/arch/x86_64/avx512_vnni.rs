//! AVX-512 VNNI for 8-bit weights.
//!
//! `vpdpbusd` multiplies unsigned with signed bytes and adds four products into each 32-bit lane, without saturation. So activations are
//! stored plus 128, and the sums start from -128 times the sum of the row. A panel is two registers wide, a pass has up to 8 vectors;
//! narrow passes run over several stretches of columns at once, for a single chain of `vpdpbusd` would wait on itself.

use super::lanes::Avx512;
use crate::Scratch;
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::input::{Input, QUAD, Shape, load};
use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_storeu_si512,
};

/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;

/// Needs AVX-512 F and BW.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    load(input, shape, &mut scratch.unsigned, &mut scratch.scales, |q| (q as u8) ^ 0x80);
}

/// Needs AVX-512 with VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
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
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    drive_with(lanes, matrix, &vectors, MAX_PASS, store, |index, panel, x, width, tile| {
        let offsets = &offsets[index];
        match width {
            1 => tile_i8::<1, 4>(panel, x, offsets, tile),
            2 => tile_i8::<2, 2>(panel, x, offsets, tile),
            3 => tile_i8::<3, 2>(panel, x, offsets, tile),
            4 => tile_i8::<4, 1>(panel, x, offsets, tile),
            5 => tile_i8::<5, 1>(panel, x, offsets, tile),
            6 => tile_i8::<6, 1>(panel, x, offsets, tile),
            7 => tile_i8::<7, 1>(panel, x, offsets, tile),
            _ => tile_i8::<8, 1>(panel, x, offsets, tile),
        }
    });
}

/// One panel times `B` vectors, `U` quads of columns at a time, each with accumulators of its own.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
fn tile_i8<const B: usize, const U: usize>(
    panel: &[i8],
    x: &[u8],
    offsets: &[i32; PANEL_ROWS],
    tile: &mut Tile<i32>,
) {
    let quads = panel.len() / STEP;
    let stride = quads * QUAD;
    assert!(x.len() == B * stride, "the pass holds B vectors of a panel's columns");
    let mut sums: [[[__m512i; 2]; B]; U] = [[[_mm512_setzero_si512(); 2]; B]; U];
    // SAFETY: `offsets` holds 32 integers, two registers.
    let start = unsafe {
        [
            _mm512_loadu_si512(offsets.as_ptr().cast()),
            _mm512_loadu_si512(offsets.as_ptr().add(16).cast()),
        ]
    };
    sums[0] = [start; B];
    let step = |quad: usize, sums: &mut [[__m512i; 2]; B]| {
        // SAFETY: both callers below pass quad < quads, so the 128 bytes from quad * 128 on lie within the panel.
        let w: [__m512i; 2] = unsafe {
            let columns = panel.as_ptr().add(quad * STEP);
            [_mm512_loadu_si512(columns.cast()), _mm512_loadu_si512(columns.add(64).cast())]
        };
        for b in 0..B {
            // SAFETY: b < B and quad < quads, so the 4 bytes from b * stride + quad * 4 on lie within x.
            let values =
                unsafe { x.as_ptr().add(b * stride + quad * QUAD).cast::<i32>().read_unaligned() };
            let values = _mm512_set1_epi32(values);
            sums[b][0] = _mm512_dpbusd_epi32(sums[b][0], values, w[0]);
            sums[b][1] = _mm512_dpbusd_epi32(sums[b][1], values, w[1]);
        }
    };
    let whole = quads - quads % U;
    for first in (0..whole).step_by(U) {
        for u in 0..U {
            step(first + u, &mut sums[u]);
        }
    }
    for quad in whole..quads {
        step(quad, &mut sums[0]);
    }
    for b in 0..B {
        for half in 0..2 {
            let mut total = sums[0][b][half];
            for u in 1..U {
                total = _mm512_add_epi32(total, sums[u][b][half]);
            }
            // SAFETY: a vector of the tile holds 32 integers.
            unsafe { _mm512_storeu_si512(tile.0[b].as_mut_ptr().add(half * 16).cast(), total) };
        }
    }
}
