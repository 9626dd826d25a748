//! What can be wrong with a manifest and what it lists.

use std::io;
use std::path::{Path, PathBuf};

use stonechat_files::{OutputError, TextError};
use stonechat_kinds::FileKind;

/// An error that names the file, line or field and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The manifest could not be read.
    #[error("{}: {source}; check that the file exists and may be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A manifest could not be written.
    #[error(transparent)]
    Write(#[from] OutputError),
    /// A folder or table that recordings are to be taken from is not laid out as expected.
    #[error("{}: {problem}", path.display())]
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// What is missing or wrong, and what to do.
        problem: String,
    },
    /// The file is something else.
    #[error("{}: this seems to be {kind}, and a manifest is wanted (JSON lines){}", path.display(), advice(*.kind))]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: field `{field}`: {problem}", path.display())]
    Line {
        /// The manifest.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The JSON field, or `line` if the line as a whole is wrong.
        field: &'static str,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// The audio of an utterance could not be decoded.
    #[error("audio of {}:{line}: {source}", manifest.display())]
    Audio {
        /// The manifest that lists the utterance.
        manifest: PathBuf,
        /// Its line there, from 1.
        line: usize,
        /// The decoder's reason, which names the audio file.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<TextError> for ManifestError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Io { path, source } => Self::Io { path, source },
            TextError::Line { path, line, problem } => {
                Self::Line { path, line, field: "line", problem }
            }
        }
    }
}

impl ManifestError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    pub(crate) fn walk(folder: &Path, error: walkdir::Error) -> Self {
        let path = error.path().unwrap_or(folder).to_path_buf();
        Self::Io { path, source: error.into() }
    }

    pub(crate) fn layout(path: &Path, problem: impl Into<String>) -> Self {
        Self::Layout { path: path.to_path_buf(), problem: problem.into() }
    }
}

fn advice(kind: FileKind) -> String {
    kind.advice().map_or(String::new(), |advice| format!("; {advice}"))
}
