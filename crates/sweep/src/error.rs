//! What can go wrong around a sweep; what goes wrong inside a training is that training's outcome.

use std::path::PathBuf;

/// A sweep that cannot be read, run or collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The sweep's own file.
    #[error("{}: {reason}", path.display())]
    Sweep {
        /// Which.
        path: PathBuf,
        /// What is wrong, and with which key.
        reason: String,
    },
    /// What is kept of an item that is done.
    #[error("{}: {reason}", path.display())]
    Done {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A line of a table or of `metrics.jsonl`.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// An index outside of the sweep.
    #[error("there is no item {index}: the sweep has {count}, the first is 0")]
    Index {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A column that a table does not have.
    #[error("the table has no column {name:?}; it has {}", columns.join(", "))]
    Column {
        /// What was asked for.
        name: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// A text file.
    #[error(transparent)]
    Text(#[from] stonechat_files::TextError),
    /// A file that cannot be written.
    #[error(transparent)]
    Output(#[from] stonechat_files::OutputError),
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
