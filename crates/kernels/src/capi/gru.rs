//! One time step of a GRU.

use super::isa::named;
use super::pool::StonechatScratch;
use super::product::{activation_of, scratch};
use super::recurrent::recurrent;
use super::status::{free, give_new, guard, handle, input, length, output};
use crate::PackedGru;
use core::ffi::c_char;

/// The recurrent weights of a GRU layer, packed. They never change.
pub struct StonechatGru(PackedGru);

/// Gates of a GRU.
const GATES: usize = 3;

/// Packs the recurrent weights of a layer of `hidden` units, 8-bit with one scale per row, gates in
/// the order update, reset, candidate.
///
/// With `rank` 0 they are `u` alone, `3 hidden x hidden`, and `v` is ignored; otherwise they are
/// the product of `u`, `3 hidden x rank`, and `v`, `rank x hidden`. `activation` (one of
/// STONECHAT_ACTIVATION_*) and `clip` are those of the candidate; `isa` as for
/// `stonechat_int8_pack`.
///
/// # Safety
/// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
/// byte; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_gru_pack(
    u: *const i8,
    u_scales: *const f32,
    v: *const i8,
    v_scales: *const f32,
    rank: usize,
    hidden: usize,
    activation: i32,
    clip: f32,
    isa: *const c_char,
    out: *mut *mut StonechatGru,
) -> i32 {
    guard(|| {
        let candidate = activation_of(activation, clip)?;
        let rows = length(GATES, hidden)?;
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let recurrent = recurrent((u, u_scales), (v, v_scales), rank, rows, hidden)?;
            give_new(out, || {
                Ok(StonechatGru(PackedGru::pack_for(isa, recurrent, hidden, candidate)?))
            })
        }
    })
}

/// Frees a layer. Null is allowed.
///
/// # Safety
/// The layer must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_gru_free(gru: *mut StonechatGru) {
    // SAFETY: the caller's promise.
    unsafe { free(gru) }
}

/// One time step of `batch` sequences: `x` is `W x + b`, `batch x 3 hidden`; `h`, `batch x hidden`,
/// is the state before and becomes the state after. (Reset after the product: equation (10) of
/// Kliegl et al. 2017.) `scratch` is working memory.
///
/// # Safety
/// The handles must come from this library, and nothing else may use the scratch meanwhile; the
/// pointers must lead to the stated numbers of values, and `h` must not overlap `x`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_gru_step(
    gru: *const StonechatGru,
    x: *const f32,
    batch: usize,
    h: *mut f32,
    scratch: *mut StonechatScratch,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let gru = &handle(gru)?.0;
            let states = length(batch, gru.hidden())?;
            let x = input(x, length(GATES, states)?)?;
            let h = output(h, states)?;
            gru.step(x, batch, h, self::scratch(scratch)?);
        }
        Ok(())
    })
}
