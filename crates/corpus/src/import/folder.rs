//! `x.wav` beside `x.txt`, in a folder and all folders below it.

use std::path::Path;

use walkdir::WalkDir;

use super::{ENDINGS, Import, LeftOut};
use crate::ManifestError;
use crate::text::read_text;

pub(super) fn import(source: &Path) -> Result<Import, ManifestError> {
    let mut found = Import::default();
    for entry in WalkDir::new(source).sort_by_file_name() {
        let entry = entry.map_err(|error| ManifestError::walk(source, error))?;
        let path = entry.path();
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let is_audio = ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        if !is_audio || !entry.file_type().is_file() {
            continue;
        }
        let text = path.with_extension("txt");
        if text.is_file() {
            // A text may have been wrapped.
            let words = read_text(&text)?.split_whitespace().collect::<Vec<_>>().join(" ");
            found.add(path.to_path_buf(), &words, None, (&text, 1));
        } else {
            found.left_out.push(LeftOut {
                place: path.display().to_string(),
                reason: format!("no {} beside it", text.file_name().unwrap_or_default().display()),
            });
        }
    }
    if found.utterances.is_empty() {
        let problem = "no recording with a text of the same name (x.wav and x.txt) in it; a table of texts is \
                       named itself";
        return Err(ManifestError::layout(source, problem));
    }
    Ok(found)
}
