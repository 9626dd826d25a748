//! 4-bit matrices: pack, multiply, free.

use super::isa::named;
use super::pool::{StonechatPool, StonechatScratch};
use super::product::{Pointers, scratch};
use super::status::{free, give_new, guard, handle, input, length};
use crate::PackedI4;
use crate::quantize::{GROUP, Grouped, quantize_groups};
use core::ffi::c_char;

/// A `rows x cols` matrix of 4-bit weights in groups of 32 columns, packed for products. It never
/// changes.
pub struct StonechatInt4(PackedI4);

/// Quantizes row-major floats `w` (`rows x cols`) to 4 bits, with an 8-bit scale for every 32
/// columns of a row, and packs them; `isa` as for `stonechat_int8_pack`. At most 16352 columns.
///
/// # Safety
/// `w` must hold `rows * cols` values; `isa` must be null or end with a zero byte; `out` must be
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int4_quantize(
    w: *const f32,
    rows: usize,
    cols: usize,
    isa: *const c_char,
    out: *mut *mut StonechatInt4,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let groups = quantize_groups(input(w, length(rows, cols)?)?, rows, cols);
            let Grouped { weights, group_scales, row_scales, .. } = &groups;
            give_new(out, || {
                let packed =
                    PackedI4::pack_for(isa, weights, group_scales, row_scales, rows, cols)?;
                Ok(StonechatInt4(packed))
            })
        }
    })
}

/// Packs 4-bit weights that were quantized elsewhere: a weight is `row_scales[row] *
/// group_scales[row][column / 32] * weights[row][column]`, with `weights` (`rows x cols`) in -8..7,
/// `group_scales` (`rows x ceil(cols / 32)`) and `row_scales` (`rows`). `isa` as for
/// `stonechat_int8_pack`.
///
/// # Safety
/// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
/// byte; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int4_pack(
    weights: *const i8,
    group_scales: *const i8,
    row_scales: *const f32,
    rows: usize,
    cols: usize,
    isa: *const c_char,
    out: *mut *mut StonechatInt4,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let weights = input(weights, length(rows, cols)?)?;
            let group_scales = input(group_scales, length(rows, cols.div_ceil(GROUP))?)?;
            let scales = input(row_scales, rows)?;
            give_new(out, || {
                let packed = PackedI4::pack_for(isa, weights, group_scales, scales, rows, cols)?;
                Ok(StonechatInt4(packed))
            })
        }
    })
}

/// Frees a matrix. Null is allowed.
///
/// # Safety
/// The matrix must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int4_free(matrix: *mut StonechatInt4) {
    // SAFETY: the caller's promise.
    unsafe { free(matrix) }
}

/// `y = act(W x + bias)` for a batch of vectors, with the arguments of `stonechat_int8_matmul`.
/// `scratch` is working memory, `pool` may be null.
///
/// # Safety
/// The handles must come from this library, and nothing else may use the scratch meanwhile; the
/// pointers must lead to the stated numbers of values, and `y` must not overlap `x` or `bias`.
#[rustfmt::skip] // the same arguments for every form, said in as few lines
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int4_matmul(
    matrix: *const StonechatInt4, x: *const f32, batch: usize, bias: *const f32, activation: i32, clip: f32,
    scratch: *mut StonechatScratch, pool: *const StonechatPool, y: *mut f32,
) -> i32 {
    let pointers = Pointers { x, batch, bias, activation, clip, y };
    // SAFETY: the caller's promise, for all of them.
    guard(|| unsafe { pointers.multiply(&handle(matrix)?.0, self::scratch(scratch)?, pool) })
}
