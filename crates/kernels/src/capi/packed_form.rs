//! Packed matrices as bytes.

use super::int8::StonechatInt8;
use super::status::{Failure, STONECHAT_TOO_SMALL, give, give_new, guard, handle, input, output};
use crate::PackedI8;

/// Stores a packed matrix in `bytes`, which has room for `capacity` of them, and their number in
/// `len`, even if there is not enough room (STONECHAT_TOO_SMALL). So a first call with a capacity
/// of 0 returns the length.
///
/// # Safety
/// The matrix must come from this library; `bytes` must be writable for `capacity` bytes, `len` for
/// one value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_to_bytes(
    matrix: *const StonechatInt8,
    bytes: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            let stored = handle(matrix)?.0.to_bytes();
            give(len, stored.len())?;
            if capacity < stored.len() {
                return Err(Failure(STONECHAT_TOO_SMALL));
            }
            output(bytes, stored.len())?.copy_from_slice(&stored);
        }
        Ok(())
    })
}

/// The matrix that `stonechat_int8_to_bytes` stored, on this or another machine: copied, or packed
/// again if this processor reads weights in another order.
///
/// # Safety
/// `bytes` must hold `len` bytes; `out` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_int8_from_bytes(
    bytes: *const u8,
    len: usize,
    out: *mut *mut StonechatInt8,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise, for both.
        unsafe {
            let bytes = input(bytes, len)?;
            give_new(out, || Ok(StonechatInt8(PackedI8::from_bytes(bytes)?)))
        }
    })
}
