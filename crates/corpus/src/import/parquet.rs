//! Parquet tables with the recordings in a column. Nothing is unpacked but texts: an utterance is a row.

use std::path::Path;

use super::{Import, named};
use crate::parquet::rows;
use crate::{Files, ManifestError};

pub(super) fn import(source: &Path) -> Result<Import, ManifestError> {
    let files = Files::shared();
    let mut import = Import::default();
    for table in named(source, "parquet")? {
        for row in rows(&table, &files)? {
            match row {
                Ok(utterance) => import.utterances.push(utterance),
                Err(bad) => import.leave_out((&table, bad.row as usize + 1), bad.reason),
            }
        }
    }
    Ok(import)
}
