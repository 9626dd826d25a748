//! Parquet tables with the files of recordings in a column, as data sets of Hugging Face are handed out: a column `audio` of
//! `bytes` and `path`, one of texts, perhaps one of speakers.
//!
//! Texts are read a row group at a time. Recordings are read a page at a time: whatever the size of a table, no more of it is in
//! memory than the pages at work and a bounded number of those that were used last.

mod blob;
mod columns;
mod pages;
mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Files, ManifestError, Part, Utterance};
use pages::Kept;
use table::Table;

/// Tables that are open at once.
const MOST_OPEN: usize = 32;

/// Open tables, and the pages of them that were used last.
#[derive(Default)]
pub(crate) struct Tables {
    open: Mutex<Open>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Open {
    /// With when it was used last.
    tables: HashMap<PathBuf, (u64, Arc<Table>)>,
    uses: u64,
}

impl Tables {
    /// The recording in row `row` of the table at `path`, encoded.
    pub(crate) fn row(&self, path: &Path, row: u64, files: &Files) -> Result<Vec<u8>, String> {
        self.table(path, files)?.recording(row, &self.kept)
    }

    fn table(&self, path: &Path, files: &Files) -> Result<Arc<Table>, String> {
        let mut open = lock(&self.open);
        open.uses += 1;
        let now = open.uses;
        if let Some((used, table)) = open.tables.get_mut(path) {
            *used = now;
            return Ok(Arc::clone(table));
        }
        if open.tables.len() >= MOST_OPEN
            && let Some(oldest) = open.tables.iter().min_by_key(|(_, (used, _))| *used)
        {
            let oldest = oldest.0.clone();
            open.tables.remove(&oldest);
        }
        let table = Arc::new(Table::open(path, files)?);
        open.tables.insert(path.to_owned(), (now, Arc::clone(&table)));
        Ok(table)
    }
}

/// What no panic of another thread can have left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A row that is no recording with a text.
pub(crate) struct BadRow {
    /// From 0.
    pub(crate) row: u64,
    pub(crate) reason: String,
}

/// The rows of a table; `files` is what they share.
pub(crate) fn rows(
    path: &Path,
    files: &Files,
) -> Result<Vec<Result<Utterance, BadRow>>, ManifestError> {
    let wrong = |problem| ManifestError::layout(path, problem);
    let table = Table::open(path, files).map_err(wrong)?;
    let manifest: Arc<Path> = path.into();
    let mut rows = Vec::new();
    for group in 0..table.groups() {
        for said in table.said(group).map_err(wrong)? {
            let row = rows.len() as u64;
            rows.push(match said.text {
                None => Err(BadRow { row, reason: "no text".into() }),
                Some(text) => Ok(Utterance {
                    audio: path.to_owned(),
                    part: Some(Part::Row(row)),
                    offset_s: None,
                    duration_s: None,
                    text: text.trim().to_owned(),
                    speaker: said.speaker.filter(|speaker| !speaker.is_empty()),
                    manifest: Arc::clone(&manifest),
                    line: rows.len() + 1,
                    files: files.clone(),
                }),
            });
        }
    }
    Ok(rows)
}

/// The rows as lines of a manifest.
pub(crate) fn lines(
    path: &Path,
    files: &Files,
) -> Result<Vec<Result<Utterance, ManifestError>>, ManifestError> {
    let wrong = |BadRow { row, reason }| ManifestError::Line {
        path: path.to_owned(),
        line: row as usize + 1,
        field: "text",
        problem: format!("{reason}; a manifest of the other rows is made by `stonechat data make`"),
    };
    Ok(rows(path, files)?.into_iter().map(|row| row.map_err(wrong)).collect())
}
