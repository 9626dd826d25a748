//! AVX-512 VNNI for 8-bit weights.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes and adds four products into each 32-bit lane,
//! without saturation. So activations are stored plus 128, and the sums start at -128 times the sum
//! of the row. A panel is two registers wide, and a pass has up to 8 vectors. Narrow passes process
//! several stretches of columns at once, because a single chain of `vpdpbusd` would wait for
//! itself.

use super::lanes::Avx512;
use super::quantize::load_unsigned;
use crate::Scratch;
use crate::arch::prefetch::{self, by_cache, prefetch};
use crate::drive::{MAX_PASS, Matrix, PANEL_ROWS, Tile, for_each_width};
use crate::epilogue::{Place, RegisterStore};
use crate::input::{Input, QUAD, Shape};
use crate::tuning::{Pace, Tuning};
use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_si512,
};

/// Bytes of four columns of a panel.
const STEP: usize = PANEL_ROWS * QUAD;

/// Needs AVX-512 F and BW.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
pub(in crate::arch) fn load_i8(input: Input, shape: Shape, scratch: &mut Scratch) {
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    load_unsigned(unsafe { Avx512::new() }, input, shape, scratch);
}

/// Needs AVX-512 with VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
pub(in crate::arch) fn matmul_i8(
    matrix: &Matrix<i8>,
    offsets: &[i32],
    batch: usize,
    scratch: &Scratch,
    store: &mut impl RegisterStore,
) {
    let tuning = Tuning::current();
    let stride = matrix.panel_len / PANEL_ROWS;
    let x = scratch.unsigned.as_slice();
    let (offsets, _) = offsets.as_chunks::<PANEL_ROWS>();
    // In blocks of panels that fit the second cache, so that the weights come from memory only
    // once.
    let block = (tuning.block_bytes / matrix.panel_len).max(1);
    let blocks = matrix.panels.chunks(block * matrix.panel_len).zip(offsets.chunks(block));
    for (index, (panels, offsets)) in blocks.enumerate() {
        let row = index * block * PANEL_ROWS;
        let rows = (block * PANEL_ROWS).min(matrix.rows - row);
        for_each_width(batch, MAX_PASS, |vector, width| {
            let x = &x[vector * stride..];
            let place = Place { vector, width, row, rows };
            pass(tuning.int8.at(width), panels, x, stride, offsets, place, store);
        });
    }
}

/// Some panels, starting at the row of `place` and with its number of rows, times the vectors of a
/// pass.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
fn pass(
    pace: Pace,
    panels: &[i8],
    x: &[u8],
    stride: usize,
    offsets: &[[i32; PANEL_ROWS]],
    place: Place,
    store: &mut impl RegisterStore,
) {
    macro_rules! run {
        ($vectors:literal, $stretches:literal) => {
            by_cache!(pace, TO, {
                run::<$vectors, $stretches, TO>(
                    panels, x, stride, offsets, place, pace.ahead, store,
                )
            })
        };
    }
    match (place.width, pace.stretches) {
        (0, _) => {}
        (1, _) => run!(1, 4),
        (2, ..=2) => run!(2, 2),
        (2, _) => run!(2, 4),
        (3, ..=2) => run!(3, 2),
        (3, _) => run!(3, 3),
        (4, ..=1) => run!(4, 1),
        (4, _) => run!(4, 2),
        (5, ..=1) => run!(5, 1),
        (5, _) => run!(5, 2),
        (6, _) => run!(6, 1),
        (7, _) => run!(7, 1),
        _ => run!(8, 1),
    }
}

/// [`pass`] for `B` vectors, `U` quads of columns at a time, each with its own accumulators.
/// Weights are prefetched `ahead` bytes before their use, depending on `TO`.
///
/// Never inlined: in one large function for all widths the registers of the loops would be spilled.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
#[inline(never)]
fn run<const B: usize, const U: usize, const TO: u8>(
    panels: &[i8],
    x: &[u8],
    stride: usize,
    offsets: &[[i32; PANEL_ROWS]],
    place: Place,
    ahead: usize,
    store: &mut impl RegisterStore,
) {
    let quads = stride / QUAD;
    let panel_len = quads * STEP;
    let x = &x[..B * stride];
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    // A last panel that is not whole is processed elsewhere: storing it here would cost registers
    // in all others.
    let whole = place.rows / PANEL_ROWS;
    assert!(panels.len() >= whole * panel_len && offsets.len() >= whole, "all panels are there");
    store.store_panels::<_, B, 2>(
        lanes,
        Place { rows: whole * PANEL_ROWS, ..place },
        #[inline(always)]
        |index| {
            let panel = &panels[index * panel_len..][..quads * STEP];
            // SAFETY: the features of this function; a panel of `quads` quads and `B` vectors of
            // them.
            unsafe { sums::<B, U, TO>(panel, x, quads, &offsets[index], ahead) }
        },
    );
    if let Some(offsets) = offsets.get(whole) {
        let done = whole * PANEL_ROWS;
        let place = Place { row: place.row + done, rows: place.rows - done, ..place };
        last::<B, U>(&panels[whole * panel_len..][..panel_len], x, offsets, place, store);
    }
}

/// A panel whose rows do not all belong to the matrix.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
#[inline(never)]
fn last<const B: usize, const U: usize>(
    panel: &[i8],
    x: &[u8],
    offsets: &[i32; PANEL_ROWS],
    place: Place,
    store: &mut impl RegisterStore,
) {
    let quads = panel.len() / STEP;
    assert!(x.len() == B * quads * QUAD, "the pass holds B vectors of a panel's columns");
    // SAFETY: the features of this function; a panel of `quads` quads and `B` vectors of them.
    let sums = unsafe { sums::<B, U, { prefetch::NOT }>(panel, x, quads, offsets, 0) };
    // SAFETY: the processor has AVX-512F here, by the features of this function.
    let lanes = unsafe { Avx512::new() };
    let mut tile = Tile([[0; PANEL_ROWS]; MAX_PASS]);
    tile.put(lanes, 0, &sums);
    store.store_with(lanes, place, &tile);
}

/// One panel times `B` vectors. Always inlined, so that the sums never leave the registers.
///
/// # Safety
/// The processor must have AVX-512 with VNNI, the panel `quads` quads, and `x` `B` vectors of as
/// many quads.
#[inline(always)]
unsafe fn sums<const B: usize, const U: usize, const TO: u8>(
    panel: &[i8],
    x: &[u8],
    quads: usize,
    offsets: &[i32; PANEL_ROWS],
    ahead: usize,
) -> [[__m512i; 2]; B] {
    // SAFETY: the caller's promise; `offsets` holds two registers.
    unsafe {
        let start = [
            _mm512_loadu_si512(offsets.as_ptr().cast()),
            _mm512_loadu_si512(offsets.as_ptr().add(16).cast()),
        ];
        let mut sums = [[[_mm512_setzero_si512(); 2]; B]; U];
        sums[0] = [start; B];
        let whole = quads - quads % U;
        let mut quad = 0;
        while quad < whole {
            for u in 0..U {
                add_quad::<B, TO>(panel, x, quads, quad + u, ahead, &mut sums[u]);
            }
            quad += U;
        }
        while quad < quads {
            add_quad::<B, TO>(panel, x, quads, quad, ahead, &mut sums[0]);
            quad += 1;
        }
        let mut totals = sums[0];
        for u in 1..U {
            for b in 0..B {
                for half in 0..2 {
                    totals[b][half] = _mm512_add_epi32(totals[b][half], sums[u][b][half]);
                }
            }
        }
        totals
    }
}

/// Adds the products of four columns.
///
/// # Safety
/// Those of [`sums`], and `quad` must be below `quads`.
#[inline(always)]
unsafe fn add_quad<const B: usize, const TO: u8>(
    panel: &[i8],
    x: &[u8],
    quads: usize,
    quad: usize,
    ahead: usize,
    sums: &mut [[__m512i; 2]; B],
) {
    // SAFETY: quad < quads, so the 128 bytes from quad * 128 on lie within the panel, and the 4
    // bytes from (b * quads + quad) * 4 on within x.
    unsafe {
        let columns = panel.as_ptr().add(quad * STEP);
        prefetch::<TO>(columns.wrapping_add(ahead).cast());
        prefetch::<TO>(columns.wrapping_add(ahead + 64).cast());
        let w = [_mm512_loadu_si512(columns.cast()), _mm512_loadu_si512(columns.add(64).cast())];
        for b in 0..B {
            let values = x.as_ptr().add((b * quads + quad) * QUAD).cast::<i32>().read_unaligned();
            let values = _mm512_set1_epi32(values);
            sums[b][0] = _mm512_dpbusd_epi32(sums[b][0], values, w[0]);
            sums[b][1] = _mm512_dpbusd_epi32(sums[b][1], values, w[1]);
        }
    }
}
