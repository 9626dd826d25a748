//! AVX-512 VNNI for block-sparse 8-bit weights: like the dense kernel, except that columns are
//! looked up.

use super::lanes::Avx512;
use crate::Scratch;
use crate::arch::Blocks;
use crate::arch::blocks::{self, Panel};
use crate::arch::prefetch::{by_cache, prefetch};
use crate::drive::{MAX_PASS, Tile};
use crate::epilogue::Store;
use crate::input::{QUAD, Shape};
use crate::tuning::Tuning;
use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_storeu_si512,
};

/// Needs AVX-512 with VNNI, and columns within the vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
pub(in crate::arch) fn matmul(
    matrix: &Blocks,
    shape: Shape,
    scratch: &Scratch,
    store: &mut impl Store<i32>,
) {
    let x = scratch.unsigned.as_slice();
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    let loops = Tuning::current().int8;
    blocks::drive(lanes, matrix, shape, x, MAX_PASS, store, |panel, x, width, tile| {
        let pace = loops.at(width);
        macro_rules! tile {
            ($vectors:literal, $stretches:literal) => {
                by_cache!(pace, TO, {
                    tile_i8::<$vectors, $stretches, TO>(panel, x, pace.ahead, tile)
                })
            };
        }
        match width {
            1 => tile!(1, 4),
            2 => tile!(2, 2),
            3 => tile!(3, 2),
            4 => tile!(4, 1),
            5 => tile!(5, 1),
            6 => tile!(6, 1),
            7 => tile!(7, 1),
            _ => tile!(8, 1),
        }
    });
}

/// The blocks of one panel times `B` vectors, `U` blocks at a time, each with its own accumulators.
/// Weights are prefetched `ahead` bytes before their use, depending on `TO`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
fn tile_i8<const B: usize, const U: usize, const TO: u8>(
    panel: Panel,
    x: &[u8],
    ahead: usize,
    tile: &mut Tile<i32>,
) {
    let count = panel.blocks.len();
    assert!(panel.columns.len() == count && x.len().is_multiple_of(B));
    let stride = x.len() / B;
    let mut sums: [[[__m512i; 2]; B]; U] = [[[_mm512_setzero_si512(); 2]; B]; U];
    // SAFETY: `offsets` holds 32 integers, two registers.
    let start = unsafe {
        [
            _mm512_loadu_si512(panel.offsets.as_ptr().cast()),
            _mm512_loadu_si512(panel.offsets.as_ptr().add(16).cast()),
        ]
    };
    sums[0] = [start; B];
    let step = |block: usize, sums: &mut [[__m512i; 2]; B]| {
        // SAFETY: both callers below pass block < count, the number of blocks, each of 128 bytes,
        // and of columns.
        let (w, column) = unsafe {
            let weights = panel.blocks.as_ptr().add(block).cast::<i8>();
            prefetch::<TO>(weights.wrapping_add(ahead).cast());
            prefetch::<TO>(weights.wrapping_add(ahead + 64).cast());
            let w: [__m512i; 2] =
                [_mm512_loadu_si512(weights.cast()), _mm512_loadu_si512(weights.add(64).cast())];
            (w, *panel.columns.get_unchecked(block) as usize * QUAD)
        };
        for b in 0..B {
            // SAFETY: b < B, and the column and the three after it lie within each vector, which
            // `BlockSparseI8` sees to.
            let values =
                unsafe { x.as_ptr().add(b * stride + column).cast::<i32>().read_unaligned() };
            let values = _mm512_set1_epi32(values);
            sums[b][0] = _mm512_dpbusd_epi32(sums[b][0], values, w[0]);
            sums[b][1] = _mm512_dpbusd_epi32(sums[b][1], values, w[1]);
        }
    };
    let whole = count - count % U;
    for first in (0..whole).step_by(U) {
        for u in 0..U {
            step(first + u, &mut sums[u]);
        }
    }
    for block in whole..count {
        step(block, &mut sums[0]);
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
