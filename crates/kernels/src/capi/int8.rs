//! 8-bit matrices: pack, multiply, free.

use super::isa::{c_name, named};
use super::pool::{StonechatPool, StonechatScratch};
use super::product::{Pointers, scratch};
use super::status::{free, give_new, guard, handle, input, length, output};
use crate::{IntegerProduct, Packed, PackedI8, Product};
use core::ffi::c_char;
use core::ptr::null;

/// A `rows x cols` matrix of 8-bit weights with one scale per row, packed for products. It never
/// changes.
pub struct StonechatInt8(pub(super) PackedI8);

/// Packs row-major `weights` (`rows x cols`, in -127..127) with one scale per row, for the
/// instruction set called `isa`, or the fastest one if `isa` is null.
///
/// # Safety
/// `weights` must hold `rows * cols` values, `scales` `rows`; `isa` must be null or end with a zero
/// byte; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_pack(
    weights: *const i8,
    scales: *const f32,
    rows: usize,
    cols: usize,
    isa: *const c_char,
    out: *mut *mut StonechatInt8,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all four.
        unsafe {
            let isa = named(isa)?;
            let (weights, scales) = (input(weights, length(rows, cols)?)?, input(scales, rows)?);
            give_new(out, || {
                Ok(StonechatInt8(PackedI8::pack_for(isa, weights, scales, rows, cols)?))
            })
        }
    })
}

/// Frees a matrix. Null is allowed.
///
/// # Safety
/// The matrix must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_free(matrix: *mut StonechatInt8) {
    // SAFETY: the caller's promise.
    unsafe { free(matrix) }
}

/// Rows of a matrix, 0 for null.
///
/// # Safety
/// The matrix must be null or come from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_rows(matrix: *const StonechatInt8) -> usize {
    // SAFETY: the caller's promise.
    unsafe { matrix.as_ref() }.map_or(0, |matrix| matrix.0.rows())
}

/// Columns of a matrix, 0 for null.
///
/// # Safety
/// The matrix must be null or come from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_cols(matrix: *const StonechatInt8) -> usize {
    // SAFETY: the caller's promise.
    unsafe { matrix.as_ref() }.map_or(0, |matrix| matrix.0.cols())
}

/// The name of the instruction set for which a matrix is packed, null for null. Valid forever.
///
/// # Safety
/// The matrix must be null or come from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_isa(matrix: *const StonechatInt8) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { matrix.as_ref() }.map_or(null(), |matrix| c_name(matrix.0.isa()))
}

/// `y = act(W x + bias)` for a batch of vectors: `x` is `batch x cols`, each vector quantized with
/// its own scale; `bias` has one value per row, or is null; `activation` is one of
/// STONECHAT_ACTIVATION_*, `clip` is the bound of the clipped ReLU; `y` is `batch x rows`.
/// `scratch` is working memory, `pool` may be null.
///
/// # Safety
/// The handles must come from this library, and nothing else may use the scratch meanwhile; the
/// pointers must lead to the stated numbers of values, and `y` must not overlap `x` or `bias`.
#[rustfmt::skip] // the same arguments for every form, said in as few lines
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_matmul(
    matrix: *const StonechatInt8, x: *const f32, batch: usize, bias: *const f32, activation: i32, clip: f32,
    scratch: *mut StonechatScratch, pool: *const StonechatPool, y: *mut f32,
) -> i32 {
    let pointers = Pointers { x, batch, bias, activation, clip, y };
    // SAFETY: the caller's promise, for all of them.
    guard(|| unsafe { pointers.multiply(&handle(matrix)?.0, self::scratch(scratch)?, pool) })
}

/// `out = W x` in exact 32-bit integers, without scales: `x` is `batch x cols`, any bytes, `out` is
/// `batch x rows`. `scratch` is working memory.
///
/// # Safety
/// Those of `stonechat_int8_matmul`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_matmul_i32(
    matrix: *const StonechatInt8,
    x: *const i8,
    batch: usize,
    scratch: *mut StonechatScratch,
    out: *mut i32,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let matrix = &handle(matrix)?.0;
            let x = input(x, length(batch, matrix.cols())?)?;
            let out = output(out, length(batch, matrix.rows())?)?;
            matrix.matmul_i32(x, batch, self::scratch(scratch)?, out);
        }
        Ok(())
    })
}
