//! What can go wrong between a manifest and a batch.

use std::io;
use std::path::{Path, PathBuf};

use stonechat_corpus::ManifestError;

/// An error of the data part. Each names the file, line or field and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A manifest, or a recording that it lists, cannot be read or is invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The cache folder could not be written or read.
    #[error("cache {}: {source}; free some space, fix the permissions or name another cache folder", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The progress callback asked to stop.
    #[error("stopped while the data were read")]
    Stopped,
    /// Features could not be computed, because their configuration is wrong.
    #[error("features: {0}")]
    Features(Box<dyn std::error::Error + Send + Sync>),
    /// A setting is out of range.
    #[error("{field}: {problem}")]
    Config {
        /// The setting, by its name in a recipe.
        field: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// No utterance is left to train on.
    #[error("no usable utterance in {manifests}: {reasons}")]
    NothingUsable {
        /// The manifests, joined by commas.
        manifests: String,
        /// How many lines were dropped, by reason.
        reasons: String,
    },
    /// A loader thread ended without delivering its batch.
    #[error(
        "the loader thread of batch {batch} stopped before it delivered; this is a defect of stonechat, please report it"
    )]
    LoaderStopped {
        /// Number of the batch in its epoch.
        batch: usize,
    },
}

impl DataError {
    pub(super) fn cache(path: &Path, source: io::Error) -> Self {
        Self::Cache { path: path.to_path_buf(), source }
    }

    pub(super) fn config(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { field: field.into(), problem: problem.into() }
    }
}
