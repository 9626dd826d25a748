//! What is to be left out of a manifest: another manifest.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::address::is_address;
use crate::{ManifestError, Part, Utterance, read_manifest};

/// Utterances to leave out, known by their audio file and where in it they start.
///
/// The list is a manifest, so that it can be listened to, looked at and evaluated like any other; its texts and
/// durations play no part.
#[derive(Clone, Debug, Default)]
pub struct DropList {
    starts: HashSet<Key>,
}

impl DropList {
    /// Reads lists; several are one.
    ///
    /// # Errors
    /// As [`read_manifest`].
    pub fn read(lists: &[PathBuf]) -> Result<Self, ManifestError> {
        let mut starts = HashSet::new();
        for list in lists {
            starts.extend(read_manifest(list)?.iter().map(key));
        }
        Ok(Self { starts })
    }

    /// Is `utterance` to be left out?
    pub fn contains(&self, utterance: &Utterance) -> bool {
        !self.starts.is_empty() && self.starts.contains(&key(utterance))
    }
}

type Key = (PathBuf, Option<Part>, i64);

/// The file, however it is written, and the start in milliseconds, which survives any way of writing numbers.
fn key(utterance: &Utterance) -> Key {
    let start = (1e3 * utterance.offset_s.unwrap_or(0.0)).round() as i64;
    (same(&utterance.audio), utterance.part, start)
}

/// One path for a file that can be named in several ways; a file that is not there keeps its name.
fn same(path: &Path) -> PathBuf {
    if is_address(path) {
        return path.into();
    }
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.into())
}
