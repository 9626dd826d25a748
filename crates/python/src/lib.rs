//! Stonechat for Python: the native part of the package `stonechat`, whose Python part is in `python/`.
//!
//! What is here in plain Rust is what the command does, for one recording ([`recording`]) and for packages ([`workshop`]), with results as JSON and
//! errors by the exception that they become ([`Failure`]). `module` (feature `extension`) is the border: Python's values in, texts
//! out, the interpreter's lock given back while Stonechat works.

mod failure;
#[cfg(feature = "extension")]
mod module;
pub mod recording;
pub mod workshop;

pub use failure::{Failure, Kind};
