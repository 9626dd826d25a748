//! Stonechat for C: `include/stonechat.h`.
//!
//! A model is loaded once and shared; a recognizer is a model with options; a stream is one
//! utterance or one microphone.
//!
//! - Every function that can fail returns a status: [`STONECHAT_OK`] or the problem.
//!   [`stonechat_error_name`] gives its name, [`stonechat_last_error`] the message. Results go out
//!   through the last pointers, which are written only on success.
//! - Handles may move to other threads; several threads may use models and recognizers at a time.
//!   Options and streams serve one call at a time: a second one gets [`STONECHAT_BUSY`].
//! - Nothing unwinds into C: a bug in here is [`STONECHAT_PANIC`], which the stream returns until
//!   it is reset.
//! - Texts that a stream returns belong to it, until the next call with that stream.

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
