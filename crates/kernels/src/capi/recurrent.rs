//! Matrices of recurrent layers.

use super::status::{Failure, input, length};
use crate::{Recurrent, Weights};

/// 8-bit weights with one scale per row.
///
/// # Safety
/// The pointers must lead to `rows * cols` and `rows` values.
pub(super) unsafe fn weights<'a>(
    values: *const i8,
    scales: *const f32,
    rows: usize,
    cols: usize,
) -> Result<Weights<'a>, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        Ok(Weights::I8 {
            values: input(values, length(rows, cols)?)?,
            scales: input(scales, rows)?,
        })
    }
}

/// With `rank` 0 `u` alone, `rows x hidden`; otherwise the product of `u`, `rows x rank`, and `v`,
/// `rank x hidden`.
///
/// # Safety
/// The pointers must lead to as many values as these, and to their scales; with `rank` 0 those of
/// `v` are ignored.
pub(super) unsafe fn recurrent<'a>(
    (u, u_scales): (*const i8, *const f32),
    (v, v_scales): (*const i8, *const f32),
    rank: usize,
    rows: usize,
    hidden: usize,
) -> Result<Recurrent<'a>, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        if rank == 0 {
            return Ok(Recurrent::Dense(weights(u, u_scales, rows, hidden)?));
        }
        let u = weights(u, u_scales, rows, rank)?;
        Ok(Recurrent::LowRank { u, v: weights(v, v_scales, rank, hidden)?, rank })
    }
}
