//! What a recipe says about data: manifests, limits, cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A manifest and how often an epoch goes through it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The manifest (NeMo JSONL).
    pub manifest: PathBuf,
    /// Times each utterance occurs in an epoch, each time augmented differently; 1 if absent, 0 leaves it out.
    #[serde(default = "once")]
    pub repeat: usize,
}

fn once() -> usize {
    1
}

impl From<PathBuf> for Source {
    fn from(manifest: PathBuf) -> Self {
        Self { manifest, repeat: 1 }
    }
}

/// Lengths that are used, in seconds of decoded audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Shorter utterances are dropped.
    pub min_s: f64,
    /// Longer utterances are dropped.
    pub max_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { min_s: 0.1, max_s: 30.0 }
    }
}

/// Where decoded audio and features are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Folder on disk, made if missing; may be shared by data sets and runs. Absent = memory only.
    pub folder: Option<PathBuf>,
    /// Memory that samples and features together may use, in MiB. An hour takes 110 MiB of samples at 16 kHz and
    /// as much of 80 features; what does not fit is read from the folder or decoded again.
    pub memory_mib: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { folder: None, memory_mib: 2048 }
    }
}

/// What [`Dataset::open`](super::Dataset::open) needs besides the manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Manifests of what is to be left out.
    pub drop: Vec<PathBuf>,
    /// Lengths that are used.
    pub limits: Limits,
    /// Where decoded audio is kept.
    pub cache: CacheConfig,
}
