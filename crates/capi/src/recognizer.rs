//! Recognizers.

use std::sync::Arc;

use stonechat::Recognizer;

use crate::model::StonechatModel;
use crate::options::{Chosen, StonechatOptions};
use crate::status::{Failure, free, give, guard, handle};

/// A model with options, from which any number of streams can be made.
pub struct StonechatRecognizer(pub(crate) Recognizer);

/// Makes a recognizer. `options` may be NULL for the defaults. Both may be freed afterwards.
///
/// # Safety
/// `model` and `options` are handles, `recognizer` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_recognizer_new(
    model: *const StonechatModel,
    options: *const StonechatOptions,
    recognizer: *mut *mut StonechatRecognizer,
) -> i32 {
    guard(|| {
        if recognizer.is_null() {
            return Err(Failure::null("recognizer"));
        }
        // SAFETY: promised by the caller.
        let (model, options) = unsafe { (handle(model, "model")?, options.as_ref()) };
        let Chosen { settings, lm } =
            options.map_or_else(|| Ok(Chosen::default()), StonechatOptions::chosen)?;
        let model = Arc::clone(&model.0);
        let made = match lm {
            Some(lm) => settings.recognizer_with(model, Some(lm))?,
            None => settings.recognizer(model)?,
        };
        let made = Box::new(StonechatRecognizer(made));
        // SAFETY: promised by the caller.
        unsafe { give(recognizer, Box::into_raw(made), "recognizer") }
    })
}

/// Frees a recognizer; streams made from it stay valid. NULL is allowed.
///
/// # Safety
/// `recognizer` is NULL, or a recognizer that is no longer in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_recognizer_free(recognizer: *mut StonechatRecognizer) {
    // SAFETY: promised by the caller.
    unsafe { free(recognizer) }
}
