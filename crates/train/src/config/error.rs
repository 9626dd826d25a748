//! What can be wrong with a recipe.

use crate::data::DataError;

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The text is not TOML, has an unknown key, or lacks a key.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A recipe made by a program cannot be written as TOML.
    #[error(transparent)]
    Write(#[from] toml::ser::Error),
    /// A key cannot be set.
    #[error("--set {change}: {problem}")]
    Set {
        /// The requested change.
        change: String,
        /// Why it is impossible.
        problem: String,
    },
    /// A key has a value that makes no sense.
    #[error("{key} {problem}")]
    Value {
        /// The key; inside a stage, starting at the stage.
        key: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// The network, or a family of its maps.
    #[error(transparent)]
    Network(#[from] stonechat_model::Error),
    /// The features.
    #[error(transparent)]
    Features(#[from] stonechat_audio::Error),
    /// Batches or augmentation.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A rule for ranks.
    #[error(transparent)]
    Ranks(#[from] stonechat_compress::Error),
    /// A stage.
    #[error("stage {index} ({name}): {source}")]
    Stage {
        /// Its number, from 0.
        index: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: Box<RecipeError>,
    },
}

/// `key` has a wrong value.
pub(super) fn wrong(key: impl Into<String>, problem: impl Into<String>) -> RecipeError {
    RecipeError::Value { key: key.into(), problem: problem.into() }
}
