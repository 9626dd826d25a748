//! What can go wrong in training.

use std::path::PathBuf;

use crate::config::RecipeError;
use crate::data::DataError;

/// Errors of the trainer. Each names the file or field and says what to do.
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
    /// A file could not be written.
    #[error(transparent)]
    Output(#[from] stonechat_files::OutputError),
    /// A text could not be read.
    #[error(transparent)]
    Text(#[from] stonechat_files::TextError),
    /// A recipe is wrong.
    #[error("{path}: {source}")]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// What is wrong.
        source: RecipeError,
    },
    /// A trained net does not fit where it is needed.
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
    /// What is to be the run's folder is something else.
    #[error("{path}: is there and no folder, and a run needs one: name another")]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Another training writes into the run's folder.
    #[error("{path}: another training works on this run: wait for it, or name another folder")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to resume.
    #[error(
        "{path}: there is no run in this folder (no recipe.toml): check its name, or start one without --resume"
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The checkpoint of a run is missing.
    #[error(
        "checkpoint {path} is missing, but {steps} steps were trained: put it or previous.safetensors back there, or \
         train into another folder"
    )]
    NoCheckpoint {
        /// Its expected place.
        path: PathBuf,
        /// Steps that were logged.
        steps: u64,
    },
    /// A run was resumed with another recipe.
    #[error("{path} and the recipe differ in {differences}: {advice}")]
    RecipeDiffers {
        /// The run's recipe.
        path: PathBuf,
        /// The keys, with both values.
        differences: String,
        /// What to do.
        advice: &'static str,
    },
    /// `--change` names a key that did not change.
    #[error(
        "--change {key}: the run's recipe has no other value there: set it by --set, or in the recipe"
    )]
    NoDifference {
        /// The key.
        key: String,
    },
    /// The training was asked to stop. What was trained is saved.
    #[error("stopped after {step} steps, all of them saved")]
    Interrupted {
        /// Steps done in the run.
        step: u64,
    },
    /// Something is left out or doubtful in strict mode.
    #[error("{0}; --strict allows none of it")]
    Strict(String),
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
    /// The weights or their gradients stopped being numbers.
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
        /// Mean loss of the last good step; NaN if there was none.
        loss: f64,
    },
}
