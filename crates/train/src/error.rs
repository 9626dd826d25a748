//! What can go wrong in training.

use std::path::PathBuf;

use crate::config::RecipeError;
use crate::data::DataError;

/// Errors of the trainer; each names the file or field and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A recipe is wrong.
    #[error("{path}: {source}")]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// What is wrong.
        source: RecipeError,
    },
    /// A trained net does not fit where it is wanted.
    #[error("{path}: {reason}")]
    Trained {
        /// The package or checkpoint.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A checkpoint is damaged or belongs to another recipe.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The run folder already holds a run.
    #[error("{path} already holds a run: pass --resume to continue it, or name another folder")]
    RunExists {
        /// The folder.
        path: PathBuf,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The net could not be built or exported.
    #[error(transparent)]
    Model(#[from] stonechat_model::Error),
    /// Greedy decoding failed.
    #[error(transparent)]
    Decode(#[from] stonechat_decode::Error),
    /// Low-rank approximation failed.
    #[error(transparent)]
    Compress(#[from] stonechat_compress::Error),
    /// The loss stopped being a number.
    #[error(
        "stage {stage}, step {step}: the run diverged: the gradient was not finite {count} times in a row, and the loss before \
         was {loss:.3} an utterance; lower the rate or clip_norm, or warm up longer"
    )]
    Diverged {
        /// The stage.
        stage: String,
        /// The step.
        step: u64,
        /// Bad steps in a row.
        count: usize,
        /// Mean loss of the last good step; not a number where there was none.
        loss: f64,
    },
}
