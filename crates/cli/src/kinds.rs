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
        _ if path.is_dir() => folder(path, wanted),
        _ => regular(path, wanted).err().unwrap_or(error.into()),
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
        _ if path.is_dir() => Err(folder(path, wanted)),
        _ => Ok(()),
    }
}

/// An error if the file does not hold a table: text whose lines are parted into columns.
#[cfg(feature = "full")]
pub fn table(path: &Path, wanted: &str) -> Result<()> {
    check(path, wanted, |kind| {
        matches!(kind, FileKind::Text | FileKind::Unknown(_) | FileKind::Utf16)
    })
}

/// An error if what is read more than once can be read once only.
pub fn regular(path: &Path, wanted: &str) -> Result<()> {
    match path.metadata() {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(anyhow!(
            "{}: this is a pipe or a device, and {wanted} is read from a file, more than once: write it into one",
            path.display()
        )),
        _ => Ok(()),
    }
}

fn folder(path: &Path, wanted: &str) -> Error {
    anyhow!("{}: this is a folder, and {wanted} is wanted: name a file in it", path.display())
}

/// What says nothing of its own: any list of words may look like it.
pub fn plain(kind: FileKind) -> bool {
    use FileKind::{Empty, Json, Text, Toml, Unknown, Utf16};
    matches!(kind, Empty | Json | Text | Toml | Unknown(_) | Utf16)
}

/// The error of a file of another kind than the one wanted.
pub fn other(path: &Path, kind: FileKind, wanted: &str) -> Error {
    let advice = kind.advice().map_or(String::new(), |advice| format!("; {advice}"));
    anyhow!("{}: this seems to be {kind}, and {wanted} is wanted{advice}", path.display())
}
