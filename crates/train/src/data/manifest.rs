//! Manifests, with the errors of this part.

use std::path::Path;

pub use stonechat_corpus::Utterance;

use super::error::DataError;

/// [`stonechat_corpus::read_manifest`].
///
/// # Errors
/// The file cannot be read, or the first wrong line: `DataError::Manifest` names file, line and field.
pub fn read_manifest(path: &Path) -> Result<Vec<Utterance>, DataError> {
    Ok(stonechat_corpus::read_manifest(path)?)
}

/// [`stonechat_corpus::read_manifest_lines`]: a wrong line is one entry of the result.
///
/// # Errors
/// The file cannot be read.
pub fn read_manifest_lines(path: &Path) -> Result<Vec<Result<Utterance, DataError>>, DataError> {
    let lines = stonechat_corpus::read_manifest_lines(path)?;
    Ok(lines.into_iter().map(|line| Ok(line?)).collect())
}
