//! Stonechat for C: `include/stonechat.h`.
//!
//! A model is loaded once and shared; a recognizer is a model with options; a stream is one utterance or one microphone.
//!
//! - Every function that can fail returns a status, [`STONECHAT_OK`] or what was wrong: [`stonechat_error_name`] is its name,
//!   [`stonechat_last_error`] the message. What it makes goes out through its last pointers, which are written only where it succeeds.
//! - Handles may go to other threads; models and recognizers may be used by several at a time. Options and streams serve one
//!   call at a time: a second one is [`STONECHAT_BUSY`].
//! - Nothing unwinds into C: a bug in here is [`STONECHAT_PANIC`], and the stream that met it says so until it is reset.
//! - Texts that a stream gives out are its own, until the next call with that stream.

#![allow(unsafe_code)] // A surface for C.
#![deny(clippy::undocumented_unsafe_blocks)]

mod model;
mod options;
mod recognizer;
mod status;
mod stream;

pub use model::*;
pub use options::*;
pub use recognizer::*;
pub use status::*;
pub use stream::*;
