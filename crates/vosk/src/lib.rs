//! The functions of Vosk's `vosk_api.h` over Stonechat: with this library as `libvosk.so`, Vosk's
//! own bindings for Python, Node, Java, Go and other languages run unchanged on a `.stonechat`
//! package, or a folder with one.
//!
//! The same as in Vosk: samples in any pieces, `result`, `partial_result` and `final_result` as
//! JSON, words, partial words, alternatives, grammars as a JSON list with `[unk]`, ends of
//! utterances, reset. Different: an utterance ends at the same sample however the audio is cut;
//! utterances that end within one piece come as one result. Functions without a counterpart
//! (speaker models, batches on GPUs, text processors) return NULL or do nothing, as `vosk_api.h`
//! specifies for things that cannot be made.

#![allow(unsafe_code)] // A surface for C.
#![deny(clippy::undocumented_unsafe_blocks)]
// Each function is that of `vosk_api.h`, where its contract stands.
#![allow(clippy::missing_safety_doc)]

mod ffi;
mod grammar;
mod model;
mod recognizer;
mod result;
mod session;
mod unavailable;

pub use ffi::*;
pub use grammar::settings as grammar_settings;
pub use result::Told;
pub use session::Session;
pub use unavailable::*;
