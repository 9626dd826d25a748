//! Options: settings by name and text.

use std::ffi::c_char;
use std::sync::Mutex;

use stonechat::{PackedLanguageModel, Settings};

use crate::status::{Failure, STONECHAT_OPTION, free, give, guard, handle, slice, text};

/// The user's settings, by the names of the command's options (docs/settings.md).
pub struct StonechatOptions(Mutex<Chosen>);

#[derive(Clone, Default)]
pub(crate) struct Chosen {
    pub(crate) settings: Settings,
    /// In place of the file in the settings.
    pub(crate) lm: Option<PackedLanguageModel>,
}

impl StonechatOptions {
    /// Options are plain values, so they stay valid after a panic.
    fn change<T>(
        &self,
        body: impl FnOnce(&mut Chosen) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.0.try_lock() {
            Ok(mut chosen) => body(&mut chosen),
            Err(std::sync::TryLockError::Poisoned(chosen)) => body(&mut chosen.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => Err(Failure::busy()),
        }
    }

    pub(crate) fn chosen(&self) -> Result<Chosen, Failure> {
        self.change(|chosen| Ok(chosen.clone()))
    }
}

/// Makes options with default values.
///
/// # Safety
/// `options` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_options_new(options: *mut *mut StonechatOptions) -> i32 {
    guard(|| {
        if options.is_null() {
            return Err(Failure::null("options"));
        }
        let made = Box::new(StonechatOptions(Mutex::default()));
        // SAFETY: promised by the caller.
        unsafe { give(options, Box::into_raw(made), "options") }
    })
}

/// Sets an option: a name and a value of docs/settings.md, such as "beam" and "64". "hotword" and
/// "keyword" add one.
///
/// # Safety
/// `options` is a handle, `name` and `value` end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_options_set(
    options: *mut StonechatOptions,
    name: *const c_char,
    value: *const c_char,
) -> i32 {
    guard(|| {
        // SAFETY: promised by the caller.
        let (options, name, value) =
            unsafe { (handle(options, "options")?, text(name, "name")?, text(value, "value")?) };
        options.change(|chosen| Ok(chosen.settings.set(name, value)?))
    })
}

/// Sets an option that names a file to the file's content; only "lm" is one. The bytes may be freed
/// afterwards.
///
/// # Safety
/// `options` is a handle, `name` ends with a zero byte, there are `len` bytes at `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_options_set_bytes(
    options: *mut StonechatOptions,
    name: *const c_char,
    bytes: *const u8,
    len: usize,
) -> i32 {
    guard(|| {
        // SAFETY: promised by the caller.
        let (options, name, bytes) = unsafe {
            (handle(options, "options")?, text(name, "name")?, slice(bytes, len, "bytes")?)
        };
        if name != "lm" {
            let message = format!("{name:?} takes no bytes; the option that does is \"lm\"");
            return Err(Failure::new(STONECHAT_OPTION, message));
        }
        let lm = PackedLanguageModel::from_bytes(bytes.to_vec()).map_err(stonechat::Error::from)?;
        options.change(|chosen| {
            chosen.lm = Some(lm);
            Ok(())
        })
    })
}

/// Frees options; recognizers made with them stay valid. NULL is allowed.
///
/// # Safety
/// `options` is NULL, or options that are no longer in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_options_free(options: *mut StonechatOptions) {
    // SAFETY: promised by the caller.
    unsafe { free(options) }
}
