//! What a file is, by its first bytes, whatever its name says.
//!
//! Errors about a file of the wrong kind say what it is: [`FileKind::of`] names it ("an ARPA language model"),
//! [`FileKind::advice`] says what it is good for ("pack it with `stonechat lm quantize`").
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

/// First bytes that [`FileKind::of`] looks at; with fewer it may know less.
pub const HEAD_BYTES: usize = 4096;
