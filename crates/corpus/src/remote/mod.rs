//! Files behind http, https and S3: read by blocks, which are kept in a bounded folder.
//!
//! A file is known by its address, length and entity tag: blocks of one that was changed are not mixed with those of its
//! predecessor. A request that fails in a way that may pass is made again (`object_store` knows which); every block that came
//! is kept, so that a reading that was stopped goes on from there.

mod cache;
mod client;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore, RetryConfig};

use cache::Cache;
use client::Client;

/// What is asked for to learn what a file is: the header of a tar file, the beginning of any other.
const HEAD: u64 = 512;
/// Requests that fail are made again so many times, for so long.
const RETRIES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);
/// Blocks that can be on their way at once; those that fall on the same lock wait for each other.
const LOCKS: usize = 64;

/// Where remote files come from.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    cache: Cache,
    /// By the beginning of the address.
    stores: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
    objects: Mutex<HashMap<PathBuf, Arc<Object>>>,
    fetching: [Mutex<()>; LOCKS],
}

/// A remote file.
#[derive(Debug)]
pub(crate) struct Object {
    store: Arc<dyn ObjectStore>,
    key: Key,
    tag: Option<String>,
    length: u64,
    /// What its blocks are kept under.
    name: String,
}

impl Remote {
    /// With at most `limit` bytes of blocks under `folder`.
    pub(crate) fn new(folder: PathBuf, limit: u64) -> Self {
        Self {
            client: Client::new(),
            cache: Cache::new(folder, limit),
            stores: Mutex::default(),
            objects: Mutex::default(),
            fetching: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The file at an address, which is asked for once. The error does not name it.
    pub(crate) fn open(&self, address: &Path) -> Result<Arc<Object>, String> {
        if let Some(object) = lock(&self.objects).get(address) {
            return Ok(Arc::clone(object));
        }
        let text = address.to_string_lossy().into_owned();
        let (beginning, rest) = split(&text).ok_or("no address of a file")?;
        let store = self.store(beginning).map_err(|error| error.to_string())?;
        let key = Key::from_url_path(rest).map_err(|error| error.to_string())?;
        let range = Some(GetRange::Bounded(0..HEAD));
        let options = GetOptions { range, ..GetOptions::default() };
        let meta = wait(async { Ok(store.get_opts(&key, options).await?.meta) })
            .map_err(|error| explained(&error))?;
        let tag = meta.e_tag.clone();
        let version = tag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339());
        let name = name(&format!("{text} {} {version}", meta.size));
        let object = Object { store, key, tag, length: meta.size, name };
        let object = Arc::new(object);
        lock(&self.objects).insert(address.to_owned(), Arc::clone(&object));
        Ok(object)
    }

    fn store(&self, beginning: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
        let mut stores = lock(&self.stores);
        if let Some(store) = stores.get(beginning) {
            return Ok(Arc::clone(store));
        }
        let retry =
            RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let store: Arc<dyn ObjectStore> = match beginning.strip_prefix("s3://") {
            // Keys, region and endpoint are those of AWS's own tools.
            Some(bucket) => Arc::new(
                AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_retry(retry)
                    .with_http_connector(self.client.clone())
                    .build()?,
            ),
            None => Arc::new(
                HttpBuilder::new()
                    .with_url(beginning)
                    .with_retry(retry)
                    .with_http_connector(self.client.clone())
                    .build()?,
            ),
        };
        stores.insert(beginning.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    /// Fills `into` with the bytes from `place` on; fewer at the end of the file.
    pub(crate) fn read_at(
        &self,
        object: &Object,
        place: u64,
        into: &mut [u8],
    ) -> Result<usize, String> {
        let count = object.length.saturating_sub(place).min(into.len() as u64) as usize;
        let mut done = 0;
        while done < count {
            let place = place + done as u64;
            let (number, at) = (place / self.cache.block(), place % self.cache.block());
            let step = ((self.cache.block() - at) as usize).min(count - done);
            self.block(object, number, at, &mut into[done..done + step])?;
            done += step;
        }
        Ok(count)
    }

    /// Copies bytes from `at` on out of a block.
    fn block(&self, object: &Object, number: u64, at: u64, into: &mut [u8]) -> Result<(), String> {
        let start = number * self.cache.block();
        let length = self.cache.block().min(object.length - start);
        let kept = |into: &mut [u8]| self.cache.get(&object.name, number, length, at, into);
        if kept(into) {
            return Ok(());
        }
        let _fetching = lock(
            &self.fetching[(hash(&object.name) as usize).wrapping_add(number as usize) % LOCKS],
        );
        // Another thread may have been faster.
        if kept(into) {
            return Ok(());
        }
        let bytes = object.fetch(start..start + length)?;
        self.cache.put(&object.name, number, &bytes);
        into.copy_from_slice(&bytes[at as usize..at as usize + into.len()]);
        Ok(())
    }
}

impl Object {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// What is another once the file was changed.
    pub(crate) fn version(&self) -> &str {
        &self.name
    }

    fn fetch(&self, range: std::ops::Range<u64>) -> Result<Bytes, String> {
        let length = range.end - range.start;
        let fail = |problem: &dyn std::fmt::Display| {
            format!("{length} bytes from byte {} of it: {problem}", range.start)
        };
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.tag.clone().filter(|tag| !tag.starts_with("W/")),
            ..GetOptions::default()
        };
        let bytes = wait(async { self.store.get_opts(&self.key, options).await?.bytes().await })
            .map_err(|error| fail(&explained(&error)))?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(fail(&format!("{} bytes came", bytes.len()))),
        }
    }
}

/// What went wrong, and what to do where that is known.
fn explained(error: &object_store::Error) -> String {
    match error {
        object_store::Error::NotFound { .. } => "there is no such file".into(),
        object_store::Error::Precondition { .. } => {
            "it was changed while it was read; start again".into()
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => format!(
            "{error}; S3 takes keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and none with AWS_SKIP_SIGNATURE=true"
        ),
        object_store::Error::NotSupported { .. } => {
            "the server hands out whole files only; one that knows ranges is wanted, such as nginx"
                .into()
        }
        error => error.to_string(),
    }
}

/// The beginning of an address, which names a server or a bucket, and the rest.
fn split(address: &str) -> Option<(&str, &str)> {
    let host = address.find("://")? + 3;
    let slash = host + address[host..].find('/')?;
    let rest = &address[slash + 1..];
    (slash > host && !rest.is_empty()).then_some((&address[..slash], rest))
}

/// Runs what waits between retries at most: a request blocks.
fn wait<T>(work: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| object_store::Error::Generic {
        store: "remote",
        source: Box::new(error),
    })?;
    runtime.block_on(work)
}

/// 128 bits in hexadecimal digits (FNV-1a): no two files of a cache share them.
fn name(text: &str) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let hash = text.bytes().fold(START, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

fn hash(name: &str) -> u64 {
    name.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, expected) in [
            ("https://a.b/c/d.tar", Some(("https://a.b", "c/d.tar"))),
            ("http://127.0.0.1:80/x", Some(("http://127.0.0.1:80", "x"))),
            ("s3://bucket/a/b", Some(("s3://bucket", "a/b"))),
            ("s3://bucket/", None),
            ("s3:///a", None),
            ("https://a.b", None),
        ] {
            assert_eq!(split(address), expected, "{address}");
        }
        // Published values of FNV-1a.
        assert_eq!(name(""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(name("a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
