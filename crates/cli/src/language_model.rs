//! Language models in files.

use std::io::{BufRead, Read};
use std::path::Path;

use anyhow::{Context, Result};
use stonechat_kinds::FileKind;
use stonechat_lm::text::open;
use stonechat_lm::{Bits, LanguageModel, arpa};

use crate::kinds;

/// Loads a model for queries; ARPA is packed on the way, unquantized.
///
/// # Errors
/// What is wrong with it, or what else it is.
pub fn load(path: &Path) -> Result<LanguageModel> {
    load_model(path).map_err(|error| explained(path, error))
}

fn load_model(path: &Path) -> Result<LanguageModel> {
    let mut file = open(path)?;
    let start = file.fill_buf().with_context(|| path.display().to_string())?;
    if LanguageModel::is_packed(start) {
        if path.is_file() {
            drop(file);
            return Ok(LanguageModel::load(path)?);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
        return Ok(LanguageModel::from_bytes(bytes).map_err(|error| error.in_file(path))?);
    }
    let model = arpa::read(file).map_err(|error| error.in_file(path))?;
    Ok(LanguageModel::from_bytes(model.pack(Bits::UNQUANTIZED)?)?)
}

/// Extends an error with what the file is, if it is not a language model.
pub fn explained(path: &Path, error: anyhow::Error) -> anyhow::Error {
    kinds::explained(error, path, "a language model", |kind| {
        let compressed =
            matches!(kind, FileKind::Archive(name) if name.contains("gzip") || name.contains("xz"));
        matches!(kind, FileKind::PackedLm | FileKind::Arpa | FileKind::Text | FileKind::Unknown(_))
            || compressed
    })
}
