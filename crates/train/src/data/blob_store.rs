//! A folder of checksummed cache files, one per key.
//!
//! Layout of a file: magic (8 bytes), key length (u32), payload length (u64), FNV-1a checksum of
//! the payload (u64), key, payload; little endian. A file that is truncated, damaged or of another
//! key counts as absent and is rewritten. Files are renamed into place, so that a killed process
//! leaves no partial file under a final name.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::DataError;

const MAGIC: &[u8; 8] = b"STCACHE1";
const HEADER: usize = 8 + 4 + 8 + 8;

/// FNV-1a, 64 bits (Fowler, Noll, Vo): continues from `state`, which starts as [`FNV_START`].
pub(super) fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(state, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// Offset basis of [`fnv1a`].
pub(super) const FNV_START: u64 = 0xCBF2_9CE4_8422_2325;

/// Byte strings in a folder, by text keys.
#[derive(Debug)]
pub(super) struct BlobStore {
    folder: PathBuf,
    temporary: AtomicU64,
}

struct Header {
    key_bytes: usize,
    payload_bytes: usize,
    checksum: u64,
}

impl BlobStore {
    /// Opens `folder`; creates it if missing.
    pub(super) fn open(folder: PathBuf) -> Result<Self, DataError> {
        fs::create_dir_all(&folder).map_err(|error| DataError::cache(&folder, error))?;
        Ok(Self { folder, temporary: AtomicU64::new(0) })
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = format!("{:016x}", fnv1a(FNV_START, key.as_bytes()));
        self.folder.join(&name[..2]).join(name)
    }

    /// The payload of `key`, or `None` if it is absent or damaged.
    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let (mut file, header) = self.open_checked(key)?;
        let mut payload = Vec::with_capacity(header.payload_bytes);
        file.read_to_end(&mut payload).ok()?;
        (payload.len() == header.payload_bytes && fnv1a(FNV_START, &payload) == header.checksum)
            .then_some(payload)
    }

    /// The length of the payload in bytes, without reading it; damage inside the payload is not
    /// detected.
    pub(super) fn payload_bytes(&self, key: &str) -> Option<usize> {
        self.open_checked(key).map(|(_, header)| header.payload_bytes)
    }

    /// Opens the file of `key` at its payload, if header, key and file length are right.
    fn open_checked(&self, key: &str) -> Option<(File, Header)> {
        let mut file = File::open(self.path(key)).ok()?;
        let file_bytes = file.metadata().ok()?.len();
        let mut start = vec![0; HEADER + key.len()];
        file.read_exact(&mut start).ok()?;
        let header = parse_header(&start)?;
        let sound = header.key_bytes == key.len()
            && &start[HEADER..] == key.as_bytes()
            && file_bytes == (start.len() as u64).checked_add(header.payload_bytes as u64)?;
        sound.then_some((file, header))
    }

    /// Stores `payload` under `key`, replacing any earlier one.
    pub(super) fn put(&self, key: &str, payload: &[u8]) -> Result<(), DataError> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|error| DataError::cache(folder, error))?;
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written =
            write_blob(&temporary, key, payload).and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| {
            // The partial file is useless; if it cannot be removed either, the first error says
            // more.
            let _ = fs::remove_file(&temporary);
            DataError::cache(&path, error)
        })
    }
}

fn parse_header(start: &[u8]) -> Option<Header> {
    let (magic, rest) = start.split_first_chunk::<8>()?;
    let (key_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (payload_bytes, rest) = rest.split_first_chunk::<8>()?;
    let (checksum, _) = rest.split_first_chunk::<8>()?;
    (magic == MAGIC).then_some(Header {
        key_bytes: u32::from_le_bytes(*key_bytes) as usize,
        payload_bytes: usize::try_from(u64::from_le_bytes(*payload_bytes)).ok()?,
        checksum: u64::from_le_bytes(*checksum),
    })
}

fn write_blob(path: &Path, key: &str, payload: &[u8]) -> std::io::Result<()> {
    let mut start = Vec::with_capacity(HEADER + key.len());
    start.extend_from_slice(MAGIC);
    start.extend_from_slice(&(key.len() as u32).to_le_bytes());
    start.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    start.extend_from_slice(&fnv1a(FNV_START, payload).to_le_bytes());
    start.extend_from_slice(key.as_bytes());
    let mut file = File::create_new(path)?;
    file.write_all(&start)?;
    file.write_all(payload)
    // No fsync: after a power failure the checksum detects a damaged entry, which is then made
    // again.
}
