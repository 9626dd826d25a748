//! What the utterances of a manifest keep open together.

use std::fmt;
use std::path::Path;
#[cfg(feature = "parquet")]
use std::sync::Arc;

/// What a build says that reads no Parquet.
#[cfg(not(feature = "parquet"))]
pub(crate) const NO_PARQUET: &str =
    "a Parquet table, which this build does not read: build it with the feature `parquet`";

/// Shards that are open, and what was read of them ahead of what was asked for. All utterances of a manifest share one, so
/// that a stretch of a shard is read and unpacked once for its neighbours; memory is bounded, and results do not depend on it.
#[derive(Clone, Default)]
pub struct Files {
    #[cfg(feature = "parquet")]
    tables: Option<Arc<crate::parquet::Tables>>,
}

impl Files {
    /// For utterances that are to share what they open; the default opens anew each time.
    pub fn shared() -> Self {
        Self {
            #[cfg(feature = "parquet")]
            tables: Some(Arc::default()),
        }
    }

    /// The recording in a row of a Parquet table.
    #[cfg(feature = "parquet")]
    pub(crate) fn row(&self, path: &Path, row: u64) -> Result<Vec<u8>, String> {
        match &self.tables {
            Some(tables) => tables.row(path, row),
            None => crate::parquet::Tables::default().row(path, row),
        }
    }

    #[cfg(not(feature = "parquet"))]
    pub(crate) fn row(&self, path: &Path, _: u64) -> Result<Vec<u8>, String> {
        Err(format!("{}: {NO_PARQUET}", path.display()))
    }
}

/// What is open is no part of what an utterance is.
impl PartialEq for Files {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}
