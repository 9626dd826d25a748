//! Mozilla Common Voice: a TSV without quotes, and its clips.

use std::path::Path;

use super::Import;
use super::table::{self, Columns};
use crate::ManifestError;

/// Is this the first line of one of its tables?
pub(super) fn is_heading(line: &str) -> bool {
    ["client_id", "path", "sentence"].iter().all(|name| line.split('\t').any(|cell| cell == *name))
}

pub(super) fn import(source: &Path, clips: &Path) -> Result<Import, ManifestError> {
    table::import(source, clips, (b'\t', false), None, |headings| {
        let place = |name: &str| headings.iter().position(|heading| heading == name);
        let needed = |name: &str| place(name).ok_or_else(|| format!("no column {name:?}"));
        Ok(Columns {
            audio: needed("path")?,
            text: needed("sentence")?,
            speaker: place("client_id"),
            offset: None,
            duration: None,
        })
    })
}
