//! Floats to 8 bits.

use super::status::{Failure, STONECHAT_BAD_SHAPE, give, guard, input, length, output};
use crate::quantize;

/// Quantizes each row of a row-major `rows x cols` matrix to -127..127, with its own scale: `w` and
/// `quantized` hold `rows * cols` values, `scales` holds `rows`. Values that are not finite count
/// as 0.
///
/// # Safety
/// The pointers must lead to the stated numbers of values, and none of the outputs may overlap
/// anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_quantize_rows(
    w: *const f32,
    rows: usize,
    cols: usize,
    quantized: *mut i8,
    scales: *mut f32,
) -> i32 {
    guard(|| {
        let len = length(rows, cols)?;
        if len == 0 {
            return Err(Failure(STONECHAT_BAD_SHAPE));
        }
        // SAFETY: the caller's promise, for all three.
        let (w, quantized, scales) =
            unsafe { (input(w, len)?, output(quantized, len)?, output(scales, rows)?) };
        // Row by row, so that the matrix is not copied.
        for ((row, out), scale) in
            w.chunks_exact(cols).zip(quantized.chunks_exact_mut(cols)).zip(scales)
        {
            let (values, scales) = quantize::quantize_rows(row, 1, cols);
            out.copy_from_slice(&values);
            *scale = scales[0];
        }
        Ok(())
    })
}

/// Quantizes a vector of `len` values with one scale, as products do with their input. Values that
/// are not finite count as 0.
///
/// # Safety
/// Those of `stonechat_quantize_rows`; `scale` holds one value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_quantize_vector(
    x: *const f32,
    len: usize,
    quantized: *mut i8,
    scale: *mut f32,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all three.
        unsafe {
            let (x, quantized) = (input(x, len)?, output(quantized, len)?);
            give(scale, quantize::quantize_vector(x, quantized))
        }
    })
}
