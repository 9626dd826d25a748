//! One time step of an LSTM.

use super::isa::named;
use super::pool::StonechatScratch;
use super::product::scratch;
use super::recurrent::recurrent;
use super::status::{free, give_new, guard, handle, input, length, output};
use crate::PackedLstm;
use core::ffi::c_char;

/// The recurrent weights of an LSTM layer, packed. They never change.
pub struct StonechatLstm(PackedLstm);

/// Gates of an LSTM.
const GATES: usize = 4;

/// Packs the recurrent weights of a layer of `hidden` units, 8-bit with one scale per row, gates in
/// the order input, forget, cell, output.
///
/// With `rank` 0 they are `u` alone, `4 hidden x hidden`, and `v` is ignored; otherwise they are
/// the product of `u`, `4 hidden x rank`, and `v`, `rank x hidden`. `isa` as for
/// `stonechat_int8_pack`.
///
/// # Safety
/// The pointers must lead to the stated numbers of values; `isa` must be null or end with a zero
/// byte; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_lstm_pack(
    u: *const i8,
    u_scales: *const f32,
    v: *const i8,
    v_scales: *const f32,
    rank: usize,
    hidden: usize,
    isa: *const c_char,
    out: *mut *mut StonechatLstm,
) -> i32 {
    guard(|| {
        let rows = length(GATES, hidden)?;
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let isa = named(isa)?;
            let recurrent = recurrent((u, u_scales), (v, v_scales), rank, rows, hidden)?;
            give_new(out, || Ok(StonechatLstm(PackedLstm::pack_for(isa, recurrent, hidden)?)))
        }
    })
}

/// Frees a layer. Null is allowed.
///
/// # Safety
/// The layer must come from this library, not be in use, and not be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_lstm_free(lstm: *mut StonechatLstm) {
    // SAFETY: the caller's promise.
    unsafe { free(lstm) }
}

/// One time step of `batch` sequences: `x` is `W x + b`, `batch x 4 hidden`; the output `h` and the
/// cell `c`, `batch x hidden` each, are the state before and become the state after. (Without
/// peepholes and projection.) `scratch` is working memory.
///
/// # Safety
/// The handles must come from this library, and nothing else may use the scratch meanwhile; the
/// pointers must lead to the stated numbers of values, and `h` and `c` must not overlap anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_lstm_step(
    lstm: *const StonechatLstm,
    x: *const f32,
    batch: usize,
    h: *mut f32,
    c: *mut f32,
    scratch: *mut StonechatScratch,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let lstm = &handle(lstm)?.0;
            let states = length(batch, lstm.hidden())?;
            let x = input(x, length(GATES, states)?)?;
            let (h, c) = (output(h, states)?, output(c, states)?);
            lstm.step(x, batch, h, c, self::scratch(scratch)?);
        }
        Ok(())
    })
}
