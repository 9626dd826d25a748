//! LibriSpeech and what is laid out like it: `84/121123/84-121123.trans.txt` has lines of a name and a text, the
//! recordings `84-121123-0000.flac` lie beside it, and the first part of a name is the speaker.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Import, recording};
use crate::ManifestError;
use crate::text::read_text;

/// The files of texts in and below `source`.
pub(super) fn transcripts(source: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(source).sort_by_file_name() {
        let entry = entry.map_err(|error| ManifestError::walk(source, error))?;
        if entry.file_name().to_string_lossy().ends_with(".trans.txt") {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

pub(super) fn import(source: &Path) -> Result<Import, ManifestError> {
    let mut found = Import::default();
    let transcripts = transcripts(source)?;
    if transcripts.is_empty() {
        return Err(ManifestError::layout(source, "no *.trans.txt in it or in its folders"));
    }
    for path in transcripts {
        let folder = path.parent().unwrap_or(Path::new(""));
        for (line, content) in (1..).zip(read_text(&path)?.lines()) {
            let content = content.trim();
            let (name, text) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
            if name.is_empty() {
                continue;
            }
            match recording(folder, name) {
                Some(audio) => {
                    found.add(audio, text, name.split('-').next(), (&path, line));
                }
                None => found.no_recording((&path, line), folder, name),
            }
        }
    }
    Ok(found)
}
