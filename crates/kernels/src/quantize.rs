//! Symmetric 8-bit quantization: `x ~ scale * q` with `q` in -127..=127 and `scale = max|x| / 127`.
//!
//! Rounding is to the nearest, half to even. Values that are not finite count as 0, and a row or
//! vector without a magnitude of at least [`SMALLEST`] becomes all zeros with scale 0, so that
//! scales are always finite.

use crate::math::ROUNDER;
pub use crate::quantize_groups::{GROUP, Grouped, group_scale, quantize_groups, quantize_weight};
use crate::{Isa, arch};
use alloc::vec;
use alloc::vec::Vec;

/// A row or vector whose magnitudes are all below this counts as zero: its reciprocal scale would
/// overflow.
pub const SMALLEST: f32 = 1e-36;

/// Quantizes each row of a `rows x cols` row-major matrix separately: returns the 8-bit weights
/// (also row-major) and one scale per row.
///
/// `q = round(w / scale)` with the exact quotient, because weights are quantized once and offline.
///
/// # Panics
/// If `w` does not have `rows * cols` elements.
#[must_use]
pub fn quantize_rows(w: &[f32], rows: usize, cols: usize) -> (Vec<i8>, Vec<f32>) {
    assert_eq!(
        Some(w.len()),
        rows.checked_mul(cols),
        "quantize_rows: `w` must hold rows * cols = {rows} * {cols} values"
    );
    let mut quantized = vec![0i8; w.len()];
    let mut scales = vec![0f32; rows];
    if cols == 0 {
        return (quantized, scales);
    }
    for ((row, out), scale) in
        w.chunks_exact(cols).zip(quantized.chunks_exact_mut(cols)).zip(&mut scales)
    {
        let largest = largest_magnitude(row);
        if largest < SMALLEST {
            continue;
        }
        *scale = largest / 127.0;
        for (q, &v) in out.iter_mut().zip(row) {
            let v = if v.is_finite() { v } else { 0.0 };
            // Half to even; `f32::round_ties_even` is not in `core`, and the quotient is far below
            // 2^22.
            let nearest = (v / *scale + ROUNDER) - ROUNDER;
            *q = nearest.clamp(-127.0, 127.0) as i8;
        }
    }
    (quantized, scales)
}

/// Quantizes one vector into `out` and returns its scale.
///
/// `q = round(x * (127 / max|x|))`, one multiplication per element.
/// [`Product::matmul`](crate::Product::matmul) does this to its input.
///
/// # Panics
/// If `out` and `x` differ in length.
pub fn quantize_vector(x: &[f32], out: &mut [i8]) -> f32 {
    assert_eq!(x.len(), out.len(), "quantize_vector: `out` must be as long as `x`");
    arch::quantize(Isa::detect(), x, out)
}

/// The largest finite magnitude. Compared as integers: for positive floats the order is the same,
/// and an integer maximum vectorises.
#[inline(always)]
fn largest_magnitude(x: &[f32]) -> f32 {
    let mut largest = 0u32;
    for v in x {
        let bits = v.to_bits() & 0x7fff_ffff;
        let finite = if bits < f32::INFINITY.to_bits() { bits } else { 0 };
        largest = largest.max(finite);
    }
    f32::from_bits(largest)
}

/// [`quantize_vector`] with each value converted by `convert`.
#[inline(always)]
pub(crate) fn quantize_with<T>(x: &[f32], out: &mut [T], convert: impl Fn(i8) -> T) -> f32 {
    let largest = largest_magnitude(x);
    let (inverse, scale) =
        if largest < SMALLEST { (0.0, 0.0) } else { (127.0 / largest, largest / 127.0) };
    for (q, &v) in out.iter_mut().zip(x) {
        let v = if v.abs() < f32::INFINITY { v } else { 0.0 };
        // At most 127 plus a rounding error, so the integer is in the low byte.
        *q = convert((v * inverse + ROUNDER).to_bits() as i8);
    }
    scale
}
