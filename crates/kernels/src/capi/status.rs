//! The status that functions return, and the checks at their beginning.

use crate::Error;
use alloc::boxed::Box;
use core::ffi::{CStr, c_char};
use core::panic::AssertUnwindSafe;
use core::slice;

/// Success.
pub const STONECHAT_OK: i32 = 0;
/// A pointer that must not be null is null, or it is not aligned for its elements.
pub const STONECHAT_BAD_POINTER: i32 = 1;
/// A matrix without rows or columns, or with more than memory or a 32-bit sum can hold.
pub const STONECHAT_BAD_SHAPE: i32 = 2;
/// A weight out of range, or a scale that is not finite.
pub const STONECHAT_BAD_VALUE: i32 = 3;
/// No instruction set has this name, or the processor lacks it.
pub const STONECHAT_BAD_ISA: i32 = 4;
/// An activation that does not exist.
pub const STONECHAT_BAD_ACTIVATION: i32 = 5;
/// Bytes that are not a packed matrix, or a damaged one.
pub const STONECHAT_BAD_BYTES: i32 = 6;
/// The system refused to start a thread.
pub const STONECHAT_NO_THREAD: i32 = 7;
/// A buffer is too small; the length it needs is stored.
pub const STONECHAT_TOO_SMALL: i32 = 8;
/// A bug in the library; please report it.
pub const STONECHAT_PANIC: i32 = 9;

/// The meaning of a status, in English: never null, valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_status_message(status: i32) -> *const c_char {
    let message: &CStr = match status {
        STONECHAT_OK => c"all is well",
        STONECHAT_BAD_POINTER => {
            c"a pointer is null where it must not be, or not aligned for its elements"
        }
        STONECHAT_BAD_SHAPE => {
            c"a matrix needs at least one row and one column, and at most 132104 columns (16352 of 4 bits)"
        }
        STONECHAT_BAD_VALUE => c"weights must lie within -127..127 (-8..7 of 4 bits), and scales must be finite",
        STONECHAT_BAD_ISA => {
            c"no such instruction set on this processor: see stonechat_isa_available"
        }
        STONECHAT_BAD_ACTIVATION => c"no such activation: see STONECHAT_ACTIVATION_*",
        STONECHAT_BAD_BYTES => c"these bytes are not a packed matrix, or are damaged",
        STONECHAT_NO_THREAD => c"the system refused to start a thread",
        STONECHAT_TOO_SMALL => c"the buffer is too small: the length it needs was stored",
        STONECHAT_PANIC => c"a bug in stonechat-kernels: please report it",
        _ => c"not a status of stonechat-kernels",
    };
    message.as_ptr()
}

/// What went wrong, as a status.
pub(super) struct Failure(pub(super) i32);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::Empty { .. } | Error::Length { .. } | Error::TooManyColumns { .. } => {
                STONECHAT_BAD_SHAPE
            }
            Error::WeightOutOfRange { .. }
            | Error::NotFourBits { .. }
            | Error::ScaleNotFinite { .. } => STONECHAT_BAD_VALUE,
            Error::PackedForm { .. } => STONECHAT_BAD_BYTES,
            Error::IsaUnavailable(_) | Error::UnknownIsa(_) => STONECHAT_BAD_ISA,
        })
    }
}

/// Runs the body of a function and turns its result into a status.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    match std::panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => STONECHAT_OK,
        Ok(Err(Failure(status))) => status,
        Err(_) => STONECHAT_PANIC,
    }
}

/// `a * b`, the length of a slice.
pub(super) fn length(a: usize, b: usize) -> Result<usize, Failure> {
    a.checked_mul(b).ok_or(Failure(STONECHAT_BAD_SHAPE))
}

fn check<T>(pointer: *const T, len: usize) -> Result<(), Failure> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure(STONECHAT_BAD_POINTER));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Failure(STONECHAT_BAD_SHAPE)),
    }
}

/// The `len` elements at a pointer of the caller; the pointer is ignored if there are none.
///
/// # Safety
/// They must be readable and must not change during `'a`.
pub(super) unsafe fn input<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer, len)?;
    // SAFETY: not null, aligned and not too long by the check, readable by the caller's promise.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// [`input`], mutable.
///
/// # Safety
/// They must be readable and writable, and used by nothing else during `'a`.
pub(super) unsafe fn output<'a, T>(pointer: *mut T, len: usize) -> Result<&'a mut [T], Failure> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(pointer, len)?;
    // SAFETY: not null, aligned and not too long by the check, writable by the caller's promise.
    Ok(unsafe { slice::from_raw_parts_mut(pointer, len) })
}

/// The object behind a handle.
///
/// # Safety
/// The handle must be null, or come from this library and not be freed.
pub(super) unsafe fn handle<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: valid by the caller's promise.
    unsafe { pointer.as_ref() }.ok_or(Failure(STONECHAT_BAD_POINTER))
}

/// Stores a value for the caller.
///
/// # Safety
/// The pointer must be null or writable.
pub(super) unsafe fn give<T>(out: *mut T, value: T) -> Result<(), Failure> {
    check(out, 1)?;
    // SAFETY: not null and aligned by the check, writable by the caller's promise. The old value is
    // the caller's and is not dropped.
    unsafe { out.write(value) };
    Ok(())
}

/// Makes something and gives the caller a handle to it; makes nothing if there is no place for the
/// handle.
///
/// # Safety
/// Those of [`give`].
pub(super) unsafe fn give_new<T>(
    out: *mut *mut T,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    check(out, 1)?;
    let made = Box::into_raw(Box::new(make()?));
    // SAFETY: the caller's promise.
    unsafe { give(out, made) }
}

/// Frees the object behind a handle. Null is allowed.
///
/// # Safety
/// The handle must be null, or come from this library and not be freed; it must not be used again.
pub(super) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: it came from `Box::into_raw` in `give_new`, by the caller's promise.
        let owned = unsafe { Box::from_raw(pointer) };
        // Dropping a pool joins threads, which could panic only because of a bug; that must not
        // reach C.
        guard(|| {
            drop(owned);
            Ok(())
        });
    }
}
