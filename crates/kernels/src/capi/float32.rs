//! Float matrices: pack, multiply, free.

use super::isa::named;
use super::pool::StonechatPool;
use super::product::Pointers;
use super::status::{free, give_new, guard, handle, input, length};
use crate::{PackedF32, Scratch};
use core::ffi::c_char;

/// A `rows x cols` matrix of floats, packed for products. It never changes.
pub struct StonechatF32(PackedF32);

/// Packs row-major `weights` (`rows x cols`); `isa` as for `stonechat_int8_pack`.
///
/// # Safety
/// `weights` must hold `rows * cols` values; `isa` must be null or end with a zero byte; `out` must
/// be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_f32_pack(
    weights: *const f32,
    rows: usize,
    cols: usize,
    isa: *const c_char,
    out: *mut *mut StonechatF32,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let weights = input(weights, length(rows, cols)?)?;
            give_new(out, || Ok(StonechatF32(PackedF32::pack_for(isa, weights, rows, cols)?)))
        }
    })
}

/// Frees a matrix. Null is allowed.
///
/// # Safety
/// The matrix must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_f32_free(matrix: *mut StonechatF32) {
    // SAFETY: the caller's promise.
    unsafe { free(matrix) }
}

/// `y = act(W x + bias)` for a batch of vectors, with the arguments of `stonechat_int8_matmul`.
/// `pool` may be null.
///
/// # Safety
/// The handles must come from this library; the pointers must lead to the stated numbers of values,
/// and `y` must not overlap `x` or `bias`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_f32_matmul(
    matrix: *const StonechatF32,
    x: *const f32,
    batch: usize,
    bias: *const f32,
    activation: i32,
    clip: f32,
    pool: *const StonechatPool,
    y: *mut f32,
) -> i32 {
    let pointers = Pointers { x, batch, bias, activation, clip, y };
    // SAFETY: the caller's promise, for all of them.
    guard(|| unsafe { pointers.multiply(&handle(matrix)?.0, &mut Scratch::new(), pool) })
}
