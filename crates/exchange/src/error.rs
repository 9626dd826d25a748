//! The errors of this crate.

use std::path::PathBuf;

/// Why weights could not be imported, or a package not be exported.
///
/// Messages are complete: an inner error is part of the message and is not repeated as a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not a safetensors file.
    #[error("not a valid safetensors file: {0}")]
    Safetensors(String),
    /// The plan of an import is not valid.
    #[error("import plan: {0}")]
    Plan(String),
    /// A tensor is missing, or has the wrong type, shape or values.
    #[error("tensor `{name}` ({layer}): {reason}")]
    Tensor {
        /// Its name in the state dict.
        name: String,
        /// The layer of the network that needs it.
        layer: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// Tensors of the state dict that no layer uses.
    #[error(
        "the network of the plan does not use {}: add the layers they belong to, or list them under `ignore`",
        .0.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    Unused(Vec<String>),
    /// The network cannot be written in the other format.
    #[error("export: {0}")]
    Export(String),
    /// The network or its config is not valid.
    #[error("{0}")]
    Model(#[from] stonechat_model::Error),
    /// A file could not be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// Another error of this enum, in a named file.
    #[error("{path}: {error}", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// The error.
        error: Box<Error>,
    },
}
