//! The kind of a file, by its first bytes, whatever its name.
//!
//! Errors about a file of the wrong kind say what it is: [`FileKind::of`] names it ("an ARPA
//! language model"), [`FileKind::advice`] says what to do with it ("pack it with `stonechat lm
//! quantize`").
//!
//! ```
//! use stonechat_kinds::FileKind;
//!
//! let kind = FileKind::of(b"\n\\data\\\nngram 1=3\n");
//! assert_eq!(kind, FileKind::Arpa);
//! assert_eq!(kind.to_string(), "an ARPA language model");
//! ```

#![forbid(unsafe_code)]

mod audio;
mod kind;
mod signatures;
mod text;

pub use audio::id3v2_bytes;
pub use kind::FileKind;

/// How many first bytes [`FileKind::of`] examines; with fewer it may recognise less.
pub const HEAD_BYTES: usize = 4096;
