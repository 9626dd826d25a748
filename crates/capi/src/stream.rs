//! Streams: samples in, results out.

use std::collections::VecDeque;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Mutex, TryLockError};

use serde_json::json;
use stonechat::{Hotword, Spotted, Stream, Transcript};

use crate::recognizer::StonechatRecognizer;
use crate::status::{
    Failure, STONECHAT_FINISHED, STONECHAT_NO_RESULT, STONECHAT_PANIC, free, give, guard, handle,
    slice, text,
};

/// One utterance, or an endless microphone.
pub struct StonechatStream(Mutex<Running>);

/// A word of a result.
#[repr(C)]
pub struct StonechatWord {
    /// The word, until the next call with the stream.
    pub word: *const c_char,
    /// Its beginning, in seconds from the start of the stream.
    pub start: f64,
    /// Its end.
    pub end: f64,
    /// How sure it is, 0 to 1.
    pub conf: f32,
}

struct Running {
    stream: Stream,
    finished: bool,
    spotted: VecDeque<Spotted>,
    ended: VecDeque<Transcript>,
    /// The last result, and what was returned of it.
    result: Option<Transcript>,
    /// Texts that C may still read.
    texts: Vec<CString>,
    words: Vec<StonechatWord>,
}

// SAFETY: the pointers of `words` point into `texts`, which goes wherever they go; both are only
// touched under the lock.
unsafe impl Send for Running {}

impl Running {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            finished: false,
            spotted: VecDeque::new(),
            ended: VecDeque::new(),
            result: None,
            texts: Vec::new(),
            words: Vec::new(),
        }
    }

    fn reset(&mut self) {
        self.stream.reset();
        self.finished = false;
        self.spotted.clear();
        self.ended.clear();
        self.result = None;
        self.forget();
    }

    /// Drops the texts that were returned.
    fn forget(&mut self) {
        self.words.clear();
        self.texts.clear();
    }

    /// A text that lives until the next call.
    fn lend(&mut self, text: &str) -> *const c_char {
        // Symbols of a package could have zero bytes; a text of C cannot.
        let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 0 { b' ' } else { byte }).collect();
        self.texts.push(CString::new(bytes).unwrap_or_default());
        self.texts.last().map_or(ptr::null(), |text| text.as_ptr())
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), Failure> {
        Ok(self.stream.push(samples)?)
    }

    fn push_integers(&mut self, samples: &[i16]) -> Result<(), Failure> {
        Ok(self.stream.push_i16(samples.iter().copied())?)
    }

    /// The next event that was not returned yet: keywords before utterances.
    fn next(&mut self) -> Option<String> {
        self.spotted.extend(self.stream.take_spotted());
        self.ended.extend(self.stream.take_utterances());
        if let Some(keyword) = self.spotted.pop_front() {
            return Some(json!({ "keyword": keyword }).to_string());
        }
        let utterance = self.ended.pop_front()?;
        Some(self.keep(utterance))
    }

    /// Keeps it as the last result.
    fn keep(&mut self, result: Transcript) -> String {
        let json = json!(result).to_string();
        self.result = Some(result);
        json
    }

    fn result(&self) -> Result<&Transcript, Failure> {
        let none = || Failure::new(STONECHAT_NO_RESULT, "no utterance has ended yet");
        self.result.as_ref().ok_or_else(none)
    }
}

/// Runs `body` with a stream that nothing else is using; earlier texts are dropped.
///
/// # Safety
/// `stream` is NULL or a stream.
unsafe fn with(
    stream: *const StonechatStream,
    body: impl FnOnce(&mut Running) -> Result<(), Failure>,
) -> i32 {
    guard(|| {
        // SAFETY: promised by the caller.
        let stream = unsafe { handle(stream, "stream") }?;
        let mut running = match stream.0.try_lock() {
            Ok(running) => running,
            Err(TryLockError::WouldBlock) => return Err(Failure::busy()),
            Err(TryLockError::Poisoned(_)) => {
                let message = "a bug was met in this stream before: reset it or free it";
                return Err(Failure::new(STONECHAT_PANIC, message));
            }
        };
        running.forget();
        body(&mut running)
    })
}

/// Makes a stream that takes mono samples at `rate_hz`, 1000 to 768000; 0 means the model's own
/// rate.
///
/// # Safety
/// `recognizer` is a handle, `stream` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_new(
    recognizer: *const StonechatRecognizer,
    rate_hz: u32,
    stream: *mut *mut StonechatStream,
) -> i32 {
    guard(|| {
        if stream.is_null() {
            return Err(Failure::null("stream"));
        }
        // SAFETY: promised by the caller.
        let recognizer = unsafe { handle(recognizer, "recognizer") }?;
        let made = match rate_hz {
            0 => recognizer.0.stream(),
            rate_hz => recognizer.0.stream_at(rate_hz)?,
        };
        let made = Box::new(StonechatStream(Mutex::new(Running::new(made))));
        // SAFETY: promised by the caller.
        unsafe { give(stream, Box::into_raw(made), "stream") }
    })
}

/// Takes any number of samples in -1..1. A sample that is not finite counts as 0.
///
/// # Safety
/// `stream` is a handle, there are `count` samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_push_f32(
    stream: *mut StonechatStream,
    samples: *const f32,
    count: usize,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe { with(stream, |running| running.push(slice(samples, count, "samples")?)) }
}

/// Takes any number of 16-bit samples.
///
/// # Safety
/// `stream` is a handle, there are `count` samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_push_i16(
    stream: *mut StonechatStream,
    samples: *const i16,
    count: usize,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            let samples = slice(samples, count, "samples")?;
            if running.finished {
                return Err(stonechat::Error::Finished.into());
            }
            running.push_integers(samples)
        })
    }
}

/// The text of the unfinished utterance, and how many of its bytes can no longer change.
///
/// # Safety
/// `stream` is a handle, `text` and `stable` may be written to; `stable` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_partial(
    stream: *mut StonechatStream,
    text: *mut *const c_char,
    stable: *mut usize,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            let partial = running.stream.partial().to_string();
            let stable_bytes = running.stream.stable_prefix_len();
            give(text, running.lend(&partial), "text")?;
            if stable.is_null() { Ok(()) } else { give(stable, stable_bytes, "stable") }
        })
    }
}

/// The next event, as JSON: {"keyword": {"phrase", "index", "start", "end", "score"}} for a
/// keyword, {"text", "result"} for an utterance that has ended automatically (option "endpoint");
/// NULL if there are no more.
///
/// # Safety
/// `stream` is a handle, `json` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_next(
    stream: *mut StonechatStream,
    json: *mut *const c_char,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            if json.is_null() {
                return Err(Failure::null("json"));
            }
            let next = running.next().map_or(ptr::null(), |next| running.lend(&next));
            give(json, next, "json")
        })
    }
}

/// Ends the audio and returns the last utterance as JSON: {"text": ..., "result": [{"word",
/// "start", "end", "conf"}]}, with "rejected" and "alternatives" if the options ask for them.
/// `json` may be NULL. Earlier events can still be fetched with `stonechat_stream_next`. Until the
/// stream is reset it takes no more samples, and cannot be finished again.
///
/// # Safety
/// `stream` is a handle, `json` is NULL or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_finish(
    stream: *mut StonechatStream,
    json: *mut *const c_char,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            if running.finished {
                let message = "the stream is finished already: reset it before the next utterance";
                return Err(Failure::new(STONECHAT_FINISHED, message));
            }
            let last = running.stream.finish();
            running.finished = true;
            let last = running.keep(last);
            let last = running.lend(&last);
            if json.is_null() {
                return Ok(());
            }
            give(json, last, "json")
        })
    }
}

/// The text of the last result from `stonechat_stream_next` or `stonechat_stream_finish`.
///
/// # Safety
/// `stream` is a handle, `text` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_text(
    stream: *mut StonechatStream,
    text: *mut *const c_char,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            let said = running.result()?.text.clone();
            give(text, running.lend(&said), "text")
        })
    }
}

/// The words of the last result with times and confidences, valid until the next call with the
/// stream.
///
/// # Safety
/// `stream` is a handle, `words` and `count` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_words(
    stream: *mut StonechatStream,
    words: *mut *const StonechatWord,
    count: *mut usize,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            for word in running.result()?.words.clone() {
                let text = running.lend(&word.word);
                let (start, end, conf) = (word.start, word.end, word.conf);
                running.words.push(StonechatWord { word: text, start, end, conf });
            }
            if words.is_null() {
                return Err(Failure::null("words"));
            }
            give(count, running.words.len(), "count")?;
            give(words, running.words.as_ptr(), "words")
        })
    }
}

/// Resets the stream for another utterance, even after STONECHAT_PANIC. It keeps its hotwords.
///
/// # Safety
/// `stream` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_reset(stream: *mut StonechatStream) -> i32 {
    guard(|| {
        // SAFETY: promised by the caller.
        let stream = unsafe { handle(stream, "stream") }?;
        match stream.0.try_lock() {
            Ok(mut running) => running.reset(),
            Err(TryLockError::WouldBlock) => return Err(Failure::busy()),
            Err(TryLockError::Poisoned(running)) => {
                running.into_inner().reset();
                stream.0.clear_poison();
            }
        }
        Ok(())
    })
}

/// Replaces the hotwords, at any time; this affects words that begin later. Boosts are in nats; if
/// `boosts` is NULL each has the default, 1 per letter and at most 9. The recognizer must use a
/// search: its options need a language model, hotwords or "beam".
///
/// # Safety
/// `stream` is a handle, there are `count` texts at `phrases` and as many boosts, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_set_hotwords(
    stream: *mut StonechatStream,
    phrases: *const *const c_char,
    boosts: *const f32,
    count: usize,
) -> i32 {
    // SAFETY: promised by the caller.
    unsafe {
        with(stream, |running| {
            let (phrases, boosts) = {
                let boosts = (!boosts.is_null()).then(|| slice(boosts, count, "boosts"));
                (slice(phrases, count, "phrases")?, boosts.transpose()?)
            };
            let mut hotwords = Vec::new();
            for (index, &phrase) in phrases.iter().enumerate() {
                let usual = Hotword::new(text(phrase, "a phrase")?);
                let boost = boosts.map_or(usual.boost, |boosts| boosts[index]);
                hotwords.push(Hotword { boost, ..usual });
            }
            Ok(running.stream.set_hotwords(hotwords)?)
        })
    }
}

/// Frees a stream and the texts that it returned. NULL is allowed.
///
/// # Safety
/// `stream` is NULL, or a stream that is no longer in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stonechat_stream_free(stream: *mut StonechatStream) {
    // SAFETY: promised by the caller.
    unsafe { free(stream) }
}
