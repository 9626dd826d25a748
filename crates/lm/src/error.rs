//! The errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

use stonechat_files::LineError;

/// Why a text, a model or a file was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// The file, or what was being done.
        what: String,
        /// The system's message.
        source: io::Error,
    },
    /// A line of a text cannot be read.
    #[error("{}, line {line}: {source}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: LineError,
    },
    /// An invalid line of an ARPA file.
    #[error("ARPA, line {line}: {reason}")]
    Arpa {
        /// Counted from 1.
        line: u64,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// A packed model that is damaged, or a file that is not one.
    #[error("packed language model, {section} at byte {offset}: {reason}")]
    Packed {
        /// The part of the file.
        section: &'static str,
        /// Where the part begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An impossible value of an option.
    #[error("{option}: {reason}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// There is nothing to make a model from, or too much.
    #[error("language model: {0}")]
    Model(String),
    /// Any of the others, in this file.
    #[error("{file}: {source}")]
    InFile {
        /// Its path as the caller gave it.
        file: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Error::Io { what: what.into(), source }
    }

    pub(crate) fn line(path: &Path, line: usize, source: LineError) -> Self {
        Error::Text { path: path.to_path_buf(), line, source }
    }

    pub(crate) fn arpa(line: u64, reason: impl Into<String>) -> Self {
        Error::Arpa { line, reason: reason.into() }
    }

    pub(crate) fn packed(section: &'static str, offset: usize, reason: impl Into<String>) -> Self {
        Error::Packed { section, offset, reason: reason.into() }
    }

    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        Error::Option { option, reason: reason.into() }
    }

    /// The same error with the name of the file it is about.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        Error::InFile { file: path.display().to_string(), source: Box::new(self) }
    }
}
