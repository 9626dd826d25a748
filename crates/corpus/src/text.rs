//! Text files.

use std::path::Path;

use stonechat_files::{TextError, TextFile};

use crate::ManifestError;

/// A text without its byte order mark.
pub(crate) fn read_text(path: &Path) -> Result<String, ManifestError> {
    let text = TextFile::read(path)?;
    match text.as_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(TextError::Line { line, problem, .. }) => {
            Err(ManifestError::layout(path, format!("line {line}: {problem}")))
        }
        Err(error) => Err(error.into()),
    }
}
