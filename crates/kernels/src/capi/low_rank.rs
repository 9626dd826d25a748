//! Products of two thin 8-bit matrices: pack, multiply, free.

use super::isa::named;
use super::pool::{StonechatPool, StonechatScratch};
use super::product::{Pointers, scratch};
use super::recurrent::weights;
use super::status::{free, give_new, guard, handle};
use crate::PackedLowRank;
use core::ffi::c_char;

/// A matrix as the product of two thin ones, packed for products. It never changes.
pub struct StonechatLowRank(PackedLowRank);

/// Packs `u` (`rows x rank`) and `v` (`rank x cols`), 8-bit with one scale per row, whose product
/// is the matrix; `isa` as for `stonechat_int8_pack`.
///
/// # Safety
/// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
/// byte; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_low_rank_pack(
    u: *const i8,
    u_scales: *const f32,
    v: *const i8,
    v_scales: *const f32,
    rows: usize,
    rank: usize,
    cols: usize,
    isa: *const c_char,
    out: *mut *mut StonechatLowRank,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let u = weights(u, u_scales, rows, rank)?;
            let v = weights(v, v_scales, rank, cols)?;
            give_new(out, || {
                Ok(StonechatLowRank(PackedLowRank::pack_for(isa, u, v, rows, rank, cols)?))
            })
        }
    })
}

/// Frees a matrix. Null is allowed.
///
/// # Safety
/// The matrix must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_low_rank_free(matrix: *mut StonechatLowRank) {
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
pub unsafe extern "C" fn stonechat_low_rank_matmul(
    matrix: *const StonechatLowRank, x: *const f32, batch: usize, bias: *const f32, activation: i32, clip: f32,
    scratch: *mut StonechatScratch, pool: *const StonechatPool, y: *mut f32,
) -> i32 {
    let pointers = Pointers { x, batch, bias, activation, clip, y };
    // SAFETY: the caller's promise, for all of them.
    guard(|| unsafe { pointers.multiply(&handle(matrix)?.0, self::scratch(scratch)?, pool) })
}
