//! Files of the wrong kind: what they are, and what was wanted.

use std::path::Path;

use anyhow::{Error, Result, anyhow};
use stonechat_files::TextFile;
use stonechat_kinds::FileKind;

/// The error of a file that was to be `wanted`, told by what the file is where it is something else; `fits` says
/// which kinds it may be.
pub fn explained(
    error: impl Into<Error>,
    path: &Path,
    wanted: &str,
    fits: impl Fn(FileKind) -> bool,
) -> Error {
    match FileKind::of_file(path) {
        Ok(Some(kind)) if !fits(kind) => other(path, kind, wanted),
        _ => error.into(),
    }
}

/// An error if a text is of a kind that would be read as something that it does not say.
pub fn text(path: &Path, wanted: &str, fits: impl Fn(FileKind) -> bool) -> Result<TextFile> {
    check(path, wanted, |kind| plain(kind) || fits(kind))?;
    Ok(TextFile::read(path)?)
}

/// An error if the file is of a kind that does not fit.
pub fn check(path: &Path, wanted: &str, fits: impl Fn(FileKind) -> bool) -> Result<()> {
    match FileKind::of_file(path) {
        Ok(Some(kind)) if !fits(kind) => Err(other(path, kind, wanted)),
        _ => Ok(()),
    }
}

/// What says nothing of its own: any list of words may look like it.
pub fn plain(kind: FileKind) -> bool {
    use FileKind::{Empty, Json, Text, Toml, Unknown, Utf16};
    matches!(kind, Empty | Json | Text | Toml | Unknown(_) | Utf16)
}

fn other(path: &Path, kind: FileKind, wanted: &str) -> Error {
    let advice = kind.advice().map_or(String::new(), |advice| format!("; {advice}"));
    anyhow!("{}: this seems to be {kind}, and {wanted} is wanted{advice}", path.display())
}
