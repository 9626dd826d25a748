//! The errors of this crate. Each names the field, tensor, file or offset at fault and says what to
//! do.

use std::path::{Path, PathBuf};

/// Why a config, an alphabet, a network or a package was rejected.
///
/// Messages are complete: an inner error is part of the message and is not repeated as a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the network config has an impossible value.
    #[error("network config: `{field}`: {reason}")]
    Config {
        /// Path of the field, such as `conv[1].stride`.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// The alphabet's symbols are not usable.
    #[error("alphabet: {0}")]
    Alphabet(String),
    /// A text contains a character that is not in the alphabet.
    #[error(
        "{word:?} has {character:?} (position {position} of the text), which is not in the alphabet: normalise the text or extend the alphabet"
    )]
    UnknownCharacter {
        /// The word that contains it.
        word: String,
        /// The character.
        character: char,
        /// Its position in the text, counted in characters from 0.
        position: usize,
    },
    /// A weight or a bias has a wrong shape or wrong values.
    #[error("weight `{name}`: {reason}")]
    Weight {
        /// Name of the map or tensor, such as `gru.0.nonrec.weight`.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument does not fit the network.
    #[error("{0}")]
    Argument(String),
    /// The bytes are not a package.
    #[error("not a valid package: {section} (byte {offset}): {reason}")]
    Package {
        /// Part of the file: `header`, a metadata key or a tensor's name.
        section: String,
        /// Where that part begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A package file could not be written.
    #[cfg(feature = "save")]
    #[error(transparent)]
    Output(#[from] stonechat_files::OutputError),
    /// A package file could not be read.
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

impl Error {
    pub(crate) fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Config { field: field.into(), reason: reason.into() }
    }

    pub(crate) fn weight(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Weight { name: name.into(), reason: reason.into() }
    }

    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Error::Io { path: path.into(), error }
    }

    pub(crate) fn in_file(self, path: &Path) -> Self {
        Error::InFile { path: path.into(), error: Box::new(self) }
    }
}
