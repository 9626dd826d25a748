//! How every crate of the project writes a file and reads a text.
//!
//! `Output` (feature `write`) writes a file whole or not at all, whatever its name stands for. [`TextFile`] and
//! [`Lines`] read text that people and other programs wrote: with a byte order mark or without, with
//! any line ends, in UTF-8, and with the file and the line in every error.

#![forbid(unsafe_code)]

#[cfg(feature = "write")]
mod output;
mod text;

#[cfg(feature = "write")]
pub use output::{Output, OutputError, check, is_input, write};
pub use text::{LineError, Lines, TextError, TextFile};
