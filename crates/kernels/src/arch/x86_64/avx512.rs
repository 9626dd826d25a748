//! AVX-512F for floats: a panel is two registers wide, and a pass has up to 8 vectors, so that 16
//! of the 32 registers accumulate.
//!
//! A column of the panel takes 2 loads, 8 broadcasts and 16 multiply-adds: from 4 vectors on, the
//! multiply-adds are the bottleneck.

use super::lanes::Avx512;
use super::quantize;
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, Vectors, drive_with};
use crate::epilogue::Store;
use crate::lanes::Twice;
use crate::math::{self, Function};
use crate::recurrent::Job;
use crate::tuning::Tuning;
use core::arch::x86_64::{
    __m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

/// Needs AVX-512F.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn run(job: impl Job) {
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    job.run(Twice(unsafe { Avx512::new() }));
}

/// Needs AVX-512F.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn map(function: Function, values: &mut [f32]) {
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    math::map_lanes(Twice(unsafe { Avx512::new() }), function, values);
}

/// Needs AVX-512 F and BW.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn quantize(x: &[f32], out: &mut [i8]) -> f32 {
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    quantize::quantize(unsafe { Avx512::new() }, x, out)
}

/// Needs AVX-512F.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn matmul_f32(
    matrix: &Matrix<f32>,
    vectors: &Vectors<f32>,
    store: &mut impl Store<f32>,
) {
    let stride = vectors.stride;
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    let loops = Tuning::current().float;
    drive_with(lanes, matrix, vectors, MAX_PASS, store, |_, panel, x, width, tile| {
        let pace = loops.at(width);
        macro_rules! tile {
            ($vectors:literal) => {
                by_cache!(pace, TO, tile_f32::<$vectors, TO>(panel, x, stride, pace.ahead, tile))
            };
        }
        match width {
            1 => tile!(1),
            2 => tile!(2),
            3 => tile!(3),
            4 => tile!(4),
            5 => tile!(5),
            6 => tile!(6),
            7 => tile!(7),
            _ => tile!(8),
        }
    });
}

/// One panel times `B` vectors. Weights are prefetched `ahead` bytes before their use, depending on
/// `TO`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
fn tile_f32<const B: usize, const TO: u8>(
    panel: &[f32],
    x: &[f32],
    stride: usize,
    ahead: usize,
    tile: &mut Tile<f32>,
) {
    let cols = panel.len() / PANEL_ROWS;
    assert!(
        cols <= stride && x.len() == B * stride,
        "the pass holds B vectors of at least a panel's columns"
    );
    let mut sums: [[__m512; 2]; B] = [[_mm512_setzero_ps(); 2]; B];
    for k in 0..cols {
        // SAFETY: k < cols, so the 32 floats from k * 32 on lie within the panel.
        let w: [__m512; 2] = unsafe {
            let column = panel.as_ptr().add(k * PANEL_ROWS);
            let line = column.cast::<u8>().wrapping_add(ahead);
            prefetch::<TO>(line);
            prefetch::<TO>(line.wrapping_add(64));
            [_mm512_loadu_ps(column), _mm512_loadu_ps(column.add(16))]
        };
        for b in 0..B {
            // SAFETY: b < B and k < cols <= stride, so the index is below B * stride, the length of
            // x.
            let value = _mm512_set1_ps(unsafe { *x.get_unchecked(b * stride + k) });
            sums[b][0] = _mm512_fmadd_ps(w[0], value, sums[b][0]);
            sums[b][1] = _mm512_fmadd_ps(w[1], value, sums[b][1]);
        }
    }
    for b in 0..B {
        for half in 0..2 {
            // SAFETY: a vector of the tile holds 32 floats.
            unsafe { _mm512_storeu_ps(tile.0[b].as_mut_ptr().add(half * 16), sums[b][half]) };
        }
    }
}
