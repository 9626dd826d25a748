//! The functions.
//!
//! Handles are boxes. A recognizer serves one thread at a time, as in Vosk; here a violation is an
//! error, not a race.

use std::ffi::{CStr, c_char, c_float, c_int, c_short};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use crate::model;
use crate::recognizer;

/// A model.
pub struct VoskModel(Arc<model::VoskModel>);
/// A recognizer.
pub struct VoskRecognizer(Mutex<recognizer::VoskRecognizer>);

/// Set by `vosk_set_log_level`: below 0 nothing is written.
static LOG_LEVEL: AtomicI32 = AtomicI32::new(0);
/// The result if there is no recognizer or it met a bug.
const NOTHING: &CStr = c"{\"text\": \"\"}";
const NO_PARTIAL: &CStr = c"{\"partial\": \"\"}";

/// Runs a body; an error is written to stderr, as in Vosk, and `other` is returned.
fn guard<T>(other: T, body: impl FnOnce() -> Result<T, String>) -> T {
    // Anything a body was changing when it unwound is behind a lock, which is then poisoned.
    let problem = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(made)) => return made,
        Ok(Err(problem)) => problem,
        Err(payload) => {
            // Dropping the payload of a panic may panic, too.
            std::mem::forget(payload);
            "a bug in the library, please report it".into()
        }
    };
    if LOG_LEVEL.load(Ordering::Relaxed) >= 0 {
        eprintln!("ERROR (Stonechat) {problem}");
    }
    other
}

/// The text at a pointer.
///
/// # Safety
/// NULL, or a text that ends with a zero byte.
unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, String> {
    if pointer.is_null() {
        return Err(format!("{what} is NULL"));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|error| format!("{what}: {error}"))
}

/// The samples at a pointer.
///
/// # Safety
/// NULL, or `count` samples.
unsafe fn samples<'a, T>(pointer: *const T, count: c_int) -> Result<&'a [T], String> {
    match usize::try_from(count) {
        Ok(0) => Ok(&[]),
        Ok(count) if !pointer.is_null() && pointer.is_aligned() => {
            // SAFETY: neither NULL nor out of line, and the caller promises the rest.
            Ok(unsafe { slice::from_raw_parts(pointer, count) })
        }
        _ => Err(format!("no samples, or {count} of them")),
    }
}

/// Runs a body with a recognizer that nothing else is using.
///
/// # Safety
/// `pointer` is NULL or a recognizer.
unsafe fn with<T>(
    pointer: *mut VoskRecognizer,
    other: T,
    body: impl FnOnce(&mut recognizer::VoskRecognizer) -> Result<T, String>,
) -> T {
    guard(other, || {
        // SAFETY: promised by the caller.
        let recognizer = unsafe { pointer.as_ref() }.ok_or("the recognizer is NULL")?;
        let busy = "another thread is using the recognizer, or a bug was met in it";
        let mut recognizer = recognizer.0.try_lock().map_err(|_| busy)?;
        body(&mut recognizer)
    })
}

/// Frees what [`Box::into_raw`] gave away.
///
/// # Safety
/// NULL, or a handle of this library that nobody uses any more.
unsafe fn free<T>(pointer: *mut T) {
    guard((), || {
        if !pointer.is_null() {
            // SAFETY: it came from `Box::into_raw`, and the caller gives it up.
            drop(unsafe { Box::from_raw(pointer) });
        }
        Ok(())
    });
}

/// Loads a package, or the one in a folder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_model_new(model_path: *const c_char) -> *mut VoskModel {
    guard(ptr::null_mut(), || {
        // SAFETY: promised by the caller.
        let path = unsafe { text(model_path, "the path of the model") }?;
        let model = model::VoskModel::load(Path::new(path))?;
        Ok(Box::into_raw(Box::new(VoskModel(Arc::new(model)))))
    })
}

/// Frees a model; its recognizers stay valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_model_free(model: *mut VoskModel) {
    // SAFETY: promised by the caller.
    unsafe { free(model) }
}

/// The number of a word of the language model, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_model_find_word(model: *mut VoskModel, word: *const c_char) -> c_int {
    guard(-1, || {
        // SAFETY: promised by the caller.
        let (model, word) = unsafe { (model.as_ref(), text(word, "the word")?) };
        Ok(model.ok_or("the model is NULL")?.0.find_word(word))
    })
}

/// # Safety
/// `model` is NULL or a model.
unsafe fn recognizer(
    model: *mut VoskModel,
    rate_hz: c_float,
    grammar: Option<*const c_char>,
) -> *mut VoskRecognizer {
    guard(ptr::null_mut(), || {
        // SAFETY: promised by the caller.
        let model = unsafe { model.as_ref() }.ok_or("the model is NULL")?;
        // SAFETY: promised by the caller.
        let grammar = grammar.map(|grammar| unsafe { text(grammar, "the grammar") }).transpose()?;
        let made = recognizer::VoskRecognizer::new(Arc::clone(&model.0), rate_hz, grammar)?;
        Ok(Box::into_raw(Box::new(VoskRecognizer(Mutex::new(made)))))
    })
}

/// A recognizer for samples of this rate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_new(
    model: *mut VoskModel,
    sample_rate: c_float,
) -> *mut VoskRecognizer {
    // SAFETY: promised by the caller.
    unsafe { recognizer(model, sample_rate, None) }
}

/// A recognizer of a closed grammar: a JSON list of phrases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_new_grm(
    model: *mut VoskModel,
    sample_rate: c_float,
    grammar: *const c_char,
) -> *mut VoskRecognizer {
    // SAFETY: promised by the caller.
    unsafe { recognizer(model, sample_rate, Some(grammar)) }
}

/// Starts again with another grammar; an empty list means none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_grm(
    recognizer: *mut VoskRecognizer,
    grammar: *const c_char,
) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| recognizer.set_grammar(text(grammar, "the grammar")?));
    }
}

/// Sets the number of alternative texts in results; starts again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_max_alternatives(
    recognizer: *mut VoskRecognizer,
    max_alternatives: c_int,
) {
    let count = usize::try_from(max_alternatives).unwrap_or(0);
    // SAFETY: promised by the caller.
    unsafe { with(recognizer, (), |recognizer| recognizer.set_alternatives(count)) }
}

/// Whether results have words with times.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_words(recognizer: *mut VoskRecognizer, words: c_int) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| {
            recognizer.session.told.words = words != 0;
            Ok(())
        });
    }
}

/// Whether partial results have words with times.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_partial_words(
    recognizer: *mut VoskRecognizer,
    partial_words: c_int,
) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| {
            recognizer.session.told.partial_words = partial_words != 0;
            Ok(())
        });
    }
}

/// How long a silence ends an utterance: 0 default (1 s), 1 short (0.6 s), 2 long (1.5 s), 3 very
/// long (3 s); starts again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_endpointer_mode(
    recognizer: *mut VoskRecognizer,
    mode: c_int,
) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| match mode {
            0 => recognizer.set_delays(5.0, 1.0, 20.0),
            1 => recognizer.set_delays(5.0, 0.6, 20.0),
            2 => recognizer.set_delays(5.0, 1.5, 20.0),
            3 => recognizer.set_delays(10.0, 3.0, 30.0),
            _ => Err(format!("there is no endpointer mode {mode}")),
        });
    }
}

/// Seconds of silence at the start and after speech that end an utterance, and its maximum length;
/// starts again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_set_endpointer_delays(
    recognizer: *mut VoskRecognizer,
    t_start_max: c_float,
    t_end: c_float,
    t_max: c_float,
) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| {
            let delays = [t_start_max, t_end, t_max].map(f64::from);
            if !delays.iter().all(|delay| (0.05..=3600.0).contains(delay)) {
                return Err("delays must be 0.05 to 3600 seconds".into());
            }
            recognizer.set_delays(delays[0], delays[1], delays[2])
        });
    }
}

/// Takes bytes of 16-bit samples, little endian: returns 1 if an utterance has ended, 0 if not, -1
/// for an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_accept_waveform(
    recognizer: *mut VoskRecognizer,
    data: *const c_char,
    length: c_int,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, -1, |recognizer| {
            let bytes = samples(data.cast::<u8>(), length)?;
            let (pairs, _) = bytes.as_chunks::<2>();
            accepted(
                recognizer.session.push_integers(pairs.iter().copied().map(i16::from_le_bytes)),
            )
        })
    }
}

/// Takes 16-bit samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_accept_waveform_s(
    recognizer: *mut VoskRecognizer,
    data: *const c_short,
    length: c_int,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, -1, |recognizer| {
            accepted(recognizer.session.push_integers(samples(data, length)?.iter().copied()))
        })
    }
}

/// Takes float samples in the range of 16-bit samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_accept_waveform_f(
    recognizer: *mut VoskRecognizer,
    data: *const c_float,
    length: c_int,
) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, -1, |recognizer| {
            let wide = samples(data, length)?;
            let narrow: Vec<f32> = wide.iter().map(|sample| sample / 32_768.0).collect();
            accepted(recognizer.session.push(&narrow))
        })
    }
}

fn accepted(ended: Result<bool, stonechat::Error>) -> Result<c_int, String> {
    ended.map(c_int::from).map_err(|error| error.to_string())
}

/// The utterance that has ended; if none has, the text so far, and another utterance begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_result(recognizer: *mut VoskRecognizer) -> *const c_char {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, NOTHING.as_ptr(), |recognizer| {
            let said = recognizer.session.result();
            Ok(recognizer.lend(said))
        })
    }
}

/// The text of the unfinished utterance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_partial_result(
    recognizer: *mut VoskRecognizer,
) -> *const c_char {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, NO_PARTIAL.as_ptr(), |recognizer| {
            let said = recognizer.session.partial();
            Ok(recognizer.lend(said))
        })
    }
}

/// The last utterance of the recording.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_final_result(
    recognizer: *mut VoskRecognizer,
) -> *const c_char {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, NOTHING.as_ptr(), |recognizer| {
            let said = recognizer.session.last();
            Ok(recognizer.lend(said))
        })
    }
}

/// Forgets what was said, for another recording.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_reset(recognizer: *mut VoskRecognizer) {
    // SAFETY: promised by the caller.
    unsafe {
        with(recognizer, (), |recognizer| {
            recognizer.session.reset();
            Ok(())
        });
    }
}

/// Frees a recognizer and the text that it returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vosk_recognizer_free(recognizer: *mut VoskRecognizer) {
    // SAFETY: promised by the caller.
    unsafe { free(recognizer) }
}

/// Below 0 errors are not written to stderr.
#[unsafe(no_mangle)]
pub extern "C" fn vosk_set_log_level(log_level: c_int) {
    LOG_LEVEL.store(log_level, Ordering::Relaxed);
}
