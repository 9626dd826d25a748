//! What the utterances of a manifest keep open together.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
#[cfg(any(feature = "parquet", feature = "remote"))]
use std::sync::Arc;

use crate::blob::Blob;

/// What a build says that reads no Parquet.
#[cfg(not(feature = "parquet"))]
pub(crate) const NO_PARQUET: &str =
    "a Parquet table, which this build does not read: build it with the feature `parquet`";

/// Shards that are open, and what was read of them ahead of what was asked for. All utterances of a manifest share one, so
/// that a stretch of a shard is read and unpacked once for its neighbours, and a block of a remote one fetched once. Memory and
/// disk are bounded, and results do not depend on it.
#[derive(Clone, Default)]
pub struct Files {
    #[cfg(feature = "parquet")]
    tables: Option<Arc<crate::parquet::Tables>>,
    #[cfg(feature = "remote")]
    remote: Option<Arc<crate::remote::Remote>>,
}

/// Where blocks of remote files are kept, and how many bytes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteCache {
    /// Made if missing; may be shared by processes.
    pub folder: PathBuf,
    /// Most bytes, about.
    pub limit: u64,
}

impl Default for RemoteCache {
    /// 10 GiB in the user's folder of caches (`XDG_CACHE_HOME`, `~/.cache`), or in that of temporary files.
    fn default() -> Self {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        let caches = caches.filter(|folder| folder.is_absolute());
        let folder = caches.unwrap_or_else(std::env::temp_dir).join("stonechat").join("remote");
        Self { folder, limit: 10 << 30 }
    }
}

impl Files {
    /// For utterances that are to share what they open; the default opens anew each time.
    pub fn shared() -> Self {
        Self::with_cache(RemoteCache::default())
    }

    /// As [`Self::shared`], with blocks of remote files where `cache` says.
    pub fn with_cache(cache: RemoteCache) -> Self {
        #[cfg(not(feature = "remote"))]
        let _ = cache;
        Self {
            #[cfg(feature = "parquet")]
            tables: Some(Arc::default()),
            #[cfg(feature = "remote")]
            remote: Some(Arc::new(crate::remote::Remote::new(cache.folder, cache.limit))),
        }
    }

    /// The recording in a row of a Parquet table.
    #[cfg(feature = "parquet")]
    pub(crate) fn row(&self, path: &Path, row: u64) -> Result<Vec<u8>, String> {
        match &self.tables {
            Some(tables) => tables.row(path, row, self),
            None => crate::parquet::Tables::default().row(path, row, self),
        }
    }

    #[cfg(not(feature = "parquet"))]
    pub(crate) fn row(&self, path: &Path, _: u64) -> Result<Vec<u8>, String> {
        Err(format!("{}: {NO_PARQUET}", path.display()))
    }

    /// The file at an address.
    #[cfg(feature = "remote")]
    pub(crate) fn remote(&self, address: &Path) -> io::Result<Blob> {
        let remote = match &self.remote {
            Some(remote) => Arc::clone(remote),
            None => {
                let RemoteCache { folder, limit } = RemoteCache::default();
                Arc::new(crate::remote::Remote::new(folder, limit))
            }
        };
        let object = remote.open(address).map_err(io::Error::other)?;
        Ok(Blob::Remote(remote, object))
    }

    #[cfg(not(feature = "remote"))]
    pub(crate) fn remote(&self, _: &Path) -> io::Result<Blob> {
        Err(io::Error::other(
            "an address, and this build reads files alone: build it with the feature `remote`",
        ))
    }
}

/// What is open is no part of what an utterance is.
impl PartialEq for Files {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}
