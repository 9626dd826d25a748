//! What can go wrong around a sweep; errors inside a training are the outcome of that training.

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
    /// The record of an item that is done.
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
    /// An index outside the sweep.
    #[error("there is no item {index}: the sweep has {count}, the first is 0")]
    Index {
        /// The requested index.
        index: usize,
        /// The number of items.
        count: usize,
    },
    /// A column that a table does not have.
    #[error("the table has no column {name:?}; it has {}", columns.join(", "))]
    Column {
        /// The requested column.
        name: String,
        /// The columns of the table.
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
