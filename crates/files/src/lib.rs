//! Writing files and reading texts, for all crates of the project.
//!
//! `Output` (feature `write`) writes a file completely or not at all, whatever its name stands for.
//! [`TextFile`] and [`Lines`] read text written by people and other programs: with or without a
//! byte order mark, with any line endings, in UTF-8, and with file and line in every error.

#![forbid(unsafe_code)]

#[cfg(feature = "write")]
mod output;
mod text;

#[cfg(feature = "write")]
pub use output::{Output, OutputError, check, is_input, write};
pub use text::{LineError, Lines, TextError, TextFile};
