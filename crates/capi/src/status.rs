//! The status that functions return, and the last message of a thread.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use stonechat::Error;

/// Success.
pub const STONECHAT_OK: i32 = 0;
/// A pointer is NULL but must not be.
pub const STONECHAT_NULL: i32 = 1;
/// A text is not UTF-8.
pub const STONECHAT_UTF8: i32 = 2;
/// An unknown option, a wrong value, or an option that conflicts with another.
pub const STONECHAT_OPTION: i32 = 3;
/// A file cannot be read.
pub const STONECHAT_FILE: i32 = 4;
/// A package is damaged, is not a package, or has a network that cannot run.
pub const STONECHAT_PACKAGE: i32 = 5;
/// A language model is damaged, or is not one.
pub const STONECHAT_LANGUAGE_MODEL: i32 = 6;
/// A sampling rate that cannot be converted.
pub const STONECHAT_RATE: i32 = 7;
/// A grammar, hotword or keyword that the model cannot recognise.
pub const STONECHAT_PHRASE: i32 = 8;
/// The stream is finished: reset it first.
pub const STONECHAT_FINISHED: i32 = 9;
/// There is no result: no utterance has ended since the stream began.
pub const STONECHAT_NO_RESULT: i32 = 10;
/// Another thread is using the handle.
pub const STONECHAT_BUSY: i32 = 11;
/// A bug in the library. A stream that met one can only be reset or freed.
pub const STONECHAT_PANIC: i32 = 12;

/// The names of the statuses, in order.
const NAMES: [&CStr; 13] = [
    c"STONECHAT_OK",
    c"STONECHAT_NULL",
    c"STONECHAT_UTF8",
    c"STONECHAT_OPTION",
    c"STONECHAT_FILE",
    c"STONECHAT_PACKAGE",
    c"STONECHAT_LANGUAGE_MODEL",
    c"STONECHAT_RATE",
    c"STONECHAT_PHRASE",
    c"STONECHAT_FINISHED",
    c"STONECHAT_NO_RESULT",
    c"STONECHAT_BUSY",
    c"STONECHAT_PANIC",
];

/// Bytes of a message, including its end.
const MESSAGE_BYTES: usize = 512;

thread_local! {
    static MESSAGE: Cell<[u8; MESSAGE_BYTES]> = const { Cell::new([0; MESSAGE_BYTES]) };
}

/// An error: a status and its message.
pub(crate) struct Failure {
    pub(crate) status: i32,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: i32, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn null(what: &str) -> Self {
        Self::new(STONECHAT_NULL, format!("{what} is NULL"))
    }

    pub(crate) fn busy() -> Self {
        Self::new(STONECHAT_BUSY, "another thread is using it: one call at a time")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Setting { .. } => STONECHAT_OPTION,
            Error::Package(stonechat_model::Error::Io { .. }) => STONECHAT_FILE,
            Error::LanguageModel(lm) if is_file(lm) => STONECHAT_FILE,
            Error::LanguageModel(_) => STONECHAT_LANGUAGE_MODEL,
            Error::Rate(_) => STONECHAT_RATE,
            Error::Decode(_) => STONECHAT_PHRASE,
            Error::Finished => STONECHAT_FINISHED,
            _ => STONECHAT_PACKAGE,
        };
        Self::new(status, error.to_string())
    }
}

fn is_file(error: &stonechat_lm::Error) -> bool {
    match error {
        stonechat_lm::Error::Io { .. } => true,
        stonechat_lm::Error::InFile { source, .. } => is_file(source),
        _ => false,
    }
}

/// Runs the body of a function and turns its error into a status and the message of this thread.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // A body that unwinds affects only its stream, whose lock is then poisoned.
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return STONECHAT_OK,
        Ok(Err(failure)) => failure,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            // Dropping the payload of a panic may panic, too.
            std::mem::forget(payload);
            let text = text.unwrap_or_else(|| "no message".into());
            Failure::new(STONECHAT_PANIC, format!("a bug in the library, please report it: {text}"))
        }
    };
    remember(&failure.message);
    failure.status
}

/// Keeps as much of a message as fits, in whole characters, as a C string.
fn remember(message: &str) {
    let mut bytes = [0; MESSAGE_BYTES];
    let end =
        (0..MESSAGE_BYTES.min(message.len() + 1)).rev().find(|&end| message.is_char_boundary(end));
    let message = &message.as_bytes()[..end.unwrap_or(0)];
    for (place, &byte) in bytes.iter_mut().zip(message) {
        *place = if byte == 0 { b' ' } else { byte };
    }
    MESSAGE.with(|place| place.set(bytes));
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The message of the last function that failed in this thread, at most 511 bytes; empty before the
/// first failure. The next failure in this thread overwrites it; it is never freed while the thread
/// lives.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_last_error() -> *const c_char {
    MESSAGE.with(|message| message.as_ptr().cast_const().cast())
}

/// The name of a status, such as "STONECHAT_PACKAGE"; "unknown" for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn stonechat_error_name(status: i32) -> *const c_char {
    let name = usize::try_from(status).ok().and_then(|status| NAMES.get(status));
    name.map_or(c"unknown".as_ptr(), |name| name.as_ptr())
}

/// The text at a C pointer.
///
/// # Safety
/// NULL, or a text that ends with a zero byte and lives for `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| Failure::new(STONECHAT_UTF8, format!("{what} is not UTF-8: {error}")))
}

/// The elements at a C pointer; none for NULL if `count` is 0.
///
/// # Safety
/// NULL, or `count` elements that live for `'a` and are not written to.
pub(crate) unsafe fn slice<'a, T>(
    pointer: *const T,
    count: usize,
    what: &str,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        let message = format!("{what} is not aligned, or has more elements than there is memory");
        return Err(Failure::new(STONECHAT_NULL, message));
    }
    // SAFETY: not NULL, aligned, not too long; the caller promises that the elements are there.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// The handle at a C pointer.
///
/// # Safety
/// NULL, or something made by this library and not freed.
pub(crate) unsafe fn handle<'a, T>(pointer: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller promises it.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::null(what))
}

/// Writes a new value to the caller's place.
///
/// # Safety
/// NULL, or a writable place.
pub(crate) unsafe fn give<T>(place: *mut T, value: T, what: &str) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::null(what));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    unsafe { place.write(value) };
    Ok(())
}

/// Takes back what [`Box::into_raw`] gave away; nothing for NULL. A panic in dropping it does not
/// leave this function.
///
/// # Safety
/// NULL, or something made by this library that is neither freed nor in use.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    guard(|| {
        if !pointer.is_null() {
            // SAFETY: it came from `Box::into_raw`, and the caller gives it up.
            drop(unsafe { Box::from_raw(pointer) });
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: the message ends with a zero byte and lives as long as this thread.
        unsafe { CStr::from_ptr(stonechat_last_error()) }.to_str().unwrap().to_string()
    }

    #[test]
    fn messages_fit_and_are_whole_characters() {
        for (message, expected) in [
            ("".into(), "".into()),
            ("short".to_string(), "short".to_string()),
            ("a\0b".into(), "a b".into()),
            ("x".repeat(511), "x".repeat(511)),
            ("x".repeat(2_000), "x".repeat(511)),
            (format!("{}é", "x".repeat(510)), "x".repeat(510)),
            (format!("{}é!", "x".repeat(509)), format!("{}é", "x".repeat(509))),
        ] {
            assert_eq!(guard(|| Err(Failure::new(STONECHAT_OPTION, &*message))), STONECHAT_OPTION);
            assert_eq!(last(), expected);
        }
    }

    #[test]
    fn a_panic_is_a_status() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let status = guard(|| panic!("number {}", 5));
        std::panic::set_hook(hook);
        assert_eq!(status, STONECHAT_PANIC);
        assert!(last().ends_with("number 5"), "{}", last());
    }
}
