//! Models.

use std::ffi::c_char;
use std::sync::Arc;

use stonechat::Model;

use crate::status::{Failure, free, give, guard, handle, slice, text};

/// A loaded model, with its language model if the package has one.
pub struct StonechatModel(pub(crate) Arc<Model>);

/// Writes the result of `load` to `model`.
///
/// # Safety
/// `model` is NULL or may be written to.
unsafe fn loaded(
    model: *mut *mut StonechatModel,
    load: impl FnOnce() -> Result<Model, Failure>,
) -> i32 {
    guard(|| {
        if model.is_null() {
            return Err(Failure::null("model"));
        }
        let made = Box::new(StonechatModel(Arc::new(load()?)));
        // SAFETY: not NULL, and the caller promises that it may be written to.
        unsafe { give(model, Box::into_raw(made), "model") }
    })
}

/// Loads a package file, `NAME.stonechat`.
///
/// # Safety
/// `path` ends with a zero byte, `model` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_model_load(
    path: *const c_char,
    model: *mut *mut StonechatModel,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        loaded(model, || {
            let path = text(path, "path")?;
            Ok(Model::load(path)?)
        })
    }
}

/// Reads a package from memory. The bytes may be freed afterwards.
///
/// # Safety
/// There are `len` bytes at `bytes`, `model` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_model_from_bytes(
    bytes: *const u8,
    len: usize,
    model: *mut *mut StonechatModel,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        loaded(model, || {
            let bytes = slice(bytes, len, "bytes")?;
            Ok(Model::from_bytes(bytes)?)
        })
    }
}

/// The sampling rate of the model in Hz; 0 for NULL. Streams take any rate.
///
/// # Safety
/// `model` is NULL or a model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_model_sample_rate(model: *const StonechatModel) -> u32 {
    let mut rate_hz = 0;
    guard(|| {
        // SAFETY: promised by the caller.
        rate_hz = unsafe { handle(model, "model") }?.0.sample_rate_hz();
        Ok(())
    });
    rate_hz
}

/// Frees a model; recognizers made from it stay valid. NULL is allowed.
///
/// # Safety
/// `model` is NULL, or a model that is no longer in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_model_free(model: *mut StonechatModel) {
    // SAFETY: promised by the caller.
    unsafe { free(model) }
}
