//! Text files.

use std::path::Path;

use crate::ManifestError;

/// A UTF-8 file, without the mark that some editors put first.
pub(crate) fn read_text(path: &Path) -> Result<String, ManifestError> {
    let bytes = std::fs::read(path).map_err(|error| ManifestError::io(path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        ManifestError::layout(path, format!("line {line} is not UTF-8; save the file as UTF-8"))
    })?;
    Ok(match text.strip_prefix('\u{FEFF}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
