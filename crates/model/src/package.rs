//! The package file: a network with its alphabet and feature config in one valid safetensors file.
//!
//! ```text
//! 8 bytes    header length N, little endian
//! N bytes    JSON: tensor name -> {dtype, shape, data_offsets}, and __metadata__ (strings):
//!              format          "stonechat"
//!              format_version  "1"
//!              network         NetworkConfig as JSON
//!              alphabet        Alphabet as JSON
//!              families        of the maps that are neither dense nor low rank: map name -> Family; may be absent
//!              features        feature config as JSON (typed by stonechat-audio)
//!              provenance      any JSON object: recipe, data, figures
//!              checksum        CRC-32 of all of it; a file made by another tool may lack it
//! the rest   tensors, little endian, floats first
//! ```
//!
//! Tensors: `conv.N.weight`, `conv.N.bias`, `gru.N.nonrec.{weight | u, v}`, `gru.N.nonrec.bias`,
//! `gru.N.rec.{weight | u, v}` (or `lstm.N...`, `rnn.N...`); if the layer has them,
//! `gru.N.joint.{weight | u, v}`, `gru.N.proj.{weight | u, v}`, `gru.N.rec.bias` and
//! `lstm.N.peepholes`; `row_conv.weight`, `fc.{weight | u, v}`, `fc.bias`, `output.{weight | u,
//! v}`, `output.bias`. Any map may be dense (`weight`), low rank (`u`, `v`), or of another family,
//! which the metadata then names: it has its own parts, and perhaps a `gain` for each row.
//!
//! An int8 tensor `X` (I8) comes with its row scales `X.scale`.
//!
//! An int4 tensor `X` (U8) has two elements per byte, each plus 8, the even column in the low half:
//! `rows x ceil(cols / 2)`. If the number of columns is odd there is a third dimension of 1, and
//! the last half byte of each row (8) is padding. Besides `X.scale` there are the scales of its
//! groups of 32 columns, `X.group` (I8, `rows x ceil(cols / 32)`).
//!
//! A float or int8 tensor `X` of one dimension has the nonzero values of a sparse matrix, row after
//! row; `X.mask` (U8, `rows x (cols / 8 + 1)`) says which they are: a row is one bit for each
//! column, lowest bits first, then a one, then zeros.
//!
//! No file paths, nothing executable.
//!
//! `language_model` (U8, one dimension; may be absent) is the file of a packed language model, byte
//! for byte. A version that does not know this tensor rejects the package and names the tensor,
//! rather than silently recognising worse.
//!
//! A package may come from anywhere, so nothing in it is trusted: sizes are checked against the
//! file before anything of that size is allocated, every tensor must be used exactly once, and
//! every value is checked.

mod checksum;
mod half_bytes;
mod header;
mod mask;
mod read;
mod write;

use crate::{Alphabet, Error, Network, Result};
use serde_json::Value;
use std::path::Path;

/// Longest header of a package, in bytes.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// Longest value of one `__metadata__` entry, in bytes.
pub const MAX_METADATA_BYTES: usize = 1 << 17;
/// The largest package, in bytes: what a 32-bit machine can address, far more than any compact
/// recognizer needs.
pub const MAX_PACKAGE_BYTES: usize = i32::MAX as usize;
/// The most tensors of a package.
pub const MAX_TENSORS: usize = 4096;

const FORMAT: &str = "stonechat";
const FORMAT_VERSION: &str = "1";
const FORMAT_KEY: &str = "format";
const VERSION_KEY: &str = "format_version";
const NETWORK_KEY: &str = "network";
const ALPHABET_KEY: &str = "alphabet";
const FAMILIES_KEY: &str = "families";
const FEATURES_KEY: &str = "features";
const PROVENANCE_KEY: &str = "provenance";
const CHECKSUM_KEY: &str = "checksum";
/// Ending of the name of a quantized tensor's row scales.
const SCALE: &str = ".scale";
/// Ending of the name of a sparse tensor's mask.
const MASK: &str = ".mask";
/// Ending of the name of an int4 tensor's group scales.
const GROUP: &str = ".group";

/// Name of the tensor that contains a language model's file.
const LANGUAGE_MODEL: &str = "language_model";

/// A recognizer as stored: everything needed to turn features into text.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Feature config; opaque here, `stonechat-audio` has its type.
    pub features: Value,
    /// Output symbols.
    pub alphabet: Alphabet,
    /// The network; its output layer has one row per symbol.
    pub network: Network,
    /// Where it comes from: recipe, data, figures.
    pub provenance: Value,
    /// The file of the language model to decode with, if any; `stonechat-lm` reads it.
    pub language_model: Option<Vec<u8>>,
}

impl Package {
    /// The bytes of the file. Equal packages give equal bytes.
    ///
    /// # Errors
    /// If the network is not valid, does not fit the alphabet, or the header would be too long to
    /// read back.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.validate()?;
        write::to_bytes(self)
    }

    /// Reads a package from the bytes of its file.
    ///
    /// # Errors
    /// [`Error::Package`] and the errors of the parts name the section, the offset and what is
    /// wrong. Hostile bytes cannot make it panic, nor allocate more than the tensors' bytes (twice
    /// those of int4 values, up to 32 times those of masks, for the floats they expand to), four
    /// times the header and 8 MiB (for the feature config and the provenance, whose JSON takes more
    /// room in memory than in the file).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let package = read::from_bytes(bytes)?;
        package.validate()?;
        Ok(package)
    }

    /// Writes the file atomically: into a temporary file beside `path`, synced, then renamed over
    /// it.
    ///
    /// # Errors
    /// Those of [`to_bytes`](Self::to_bytes), and [`Error::Output`] with the path.
    #[cfg(feature = "save")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes().map_err(|e| e.in_file(path))?;
        Ok(stonechat_files::write(path, &bytes)?)
    }

    /// Reads a package file.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Self::from_bytes) with the path, and [`Error::Io`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read::load(path)?;
        Self::from_bytes(&bytes).map_err(|e| e.in_file(path))
    }

    fn validate(&self) -> Result<()> {
        self.network.validate()?;
        if self.network.has_norms() {
            return Err(Error::weight("network", "has batch norms: fold them first"));
        }
        if self.language_model.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::weight(LANGUAGE_MODEL, "is empty: leave it out"));
        }
        if self.network.symbols() != self.alphabet.len() {
            return Err(Error::weight(
                "output",
                format!(
                    "has {} rows, the alphabet {} symbols",
                    self.network.symbols(),
                    self.alphabet.len()
                ),
            ));
        }
        Ok(())
    }
}

fn refuse(section: &str, offset: usize, reason: impl Into<String>) -> Error {
    Error::Package { section: section.into(), offset: offset as u64, reason: reason.into() }
}

/// The start of a text from a file, for error messages.
fn shorten(text: &str) -> &str {
    let end = text.char_indices().nth(200).map_or(text.len(), |(i, _)| i);
    &text[..end]
}
