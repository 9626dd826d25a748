//! The data part of a recipe: manifests, limits, cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stonechat_corpus::{Files, RemoteCache};

/// A manifest, and how often an epoch goes through it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The manifest (NeMo JSONL), or a Parquet table; a path, or an address (http, https, S3).
    pub manifest: PathBuf,
    /// How often each utterance occurs in an epoch, each time augmented differently; 1 if absent, 0
    /// excludes it.
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

/// The range of lengths that are used, in seconds of decoded audio.
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
    /// Folder on disk, created if missing; data sets and runs may share it. If absent, only memory
    /// is used.
    pub folder: Option<PathBuf>,
    /// Memory for samples and features together, in MiB. An hour takes 110 MiB of samples at 16 kHz
    /// and the same for 80 features; what does not fit is read from the folder or decoded again.
    pub memory_mib: usize,
    /// Disk that blocks of remote manifests and shards (http, https, S3) may use, in MiB: in `remote` under the folder, or
    /// without one in the user's folder of caches.
    pub remote_mib: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { folder: None, memory_mib: 2048, remote_mib: 10 << 10 }
    }
}

impl CacheConfig {
    /// What manifests keep open, by these limits.
    pub fn files(&self) -> Files {
        let mut cache = RemoteCache { limit: self.remote_mib << 20, ..RemoteCache::default() };
        if let Some(folder) = &self.folder {
            cache.folder = folder.join("remote");
        }
        Files::with_cache(cache)
    }
}

/// What [`Dataset::open`](super::Dataset::open) needs besides the manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Manifests of utterances to exclude.
    pub drop: Vec<PathBuf>,
    /// Range of lengths to use.
    pub limits: Limits,
    /// Where decoded audio is kept.
    pub cache: CacheConfig,
}
