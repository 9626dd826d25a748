//! Blocks of remote files in a folder, the ones that were used last.
//!
//! Each block is a file that is there whole or not at all, so that a reading that was stopped goes on with what it has,
//! and processes may share the folder.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The largest block.
const MOST_BLOCK: u64 = 4 << 20;
/// The smallest one.
const LEAST_BLOCK: u64 = 64 << 10;
/// How old a note of the last use may become.
const STALE: Duration = Duration::from_secs(10);

/// A bounded folder of blocks.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    limit: u64,
    block: u64,
    /// Bytes in the folder as far as this process knows, and those that it wrote since it looked.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// `None`: not looked yet.
    used: Option<u64>,
    written: u64,
}

impl Cache {
    /// At most about `limit` bytes under `folder`.
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        // Sixteen blocks at least, of a size that does not depend on a little more or less room.
        let block = (limit / 16).clamp(LEAST_BLOCK, MOST_BLOCK);
        let block = 1 << block.ilog2();
        Self { folder, limit, block, known: Mutex::default() }
    }

    /// Bytes of a block.
    pub(super) fn block(&self) -> u64 {
        self.block
    }

    fn path(&self, file: &str, number: u64) -> PathBuf {
        self.folder.join(file).join(format!("{number}-{}", self.block))
    }

    /// Copies `into.len()` bytes from `at` on out of block `number` of `file`, which has `length` bytes; says whether the
    /// block is there.
    pub(super) fn get(
        &self,
        file: &str,
        number: u64,
        length: u64,
        at: u64,
        into: &mut [u8],
    ) -> bool {
        let Ok(mut block) = File::open(self.path(file, number)) else { return false };
        let Ok(metadata) = block.metadata() else { return false };
        // A disk that was full leaves less.
        if metadata.len() != length {
            return false;
        }
        let read = block.seek(SeekFrom::Start(at)).and_then(|_| block.read_exact(into));
        if read.is_err() {
            return false;
        }
        let now = SystemTime::now();
        let noted = metadata.modified().ok().and_then(|then| now.duration_since(then).ok());
        if noted.is_some_and(|age| age > STALE) {
            // Only the order of leaving depends on it.
            let _ = File::options()
                .write(true)
                .open(self.path(file, number))
                .and_then(|block| block.set_modified(now));
        }
        true
    }

    /// Keeps a block. Without room on the disk nothing is kept, and reading goes on.
    pub(super) fn put(&self, file: &str, number: u64, bytes: &[u8]) {
        let _ = self.try_put(file, number, bytes);
    }

    fn try_put(&self, file: &str, number: u64, bytes: &[u8]) -> io::Result<()> {
        self.make_room(bytes.len() as u64)?;
        let path = self.path(file, number);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        new.write_all(bytes)?;
        new.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Lets go what was not used for the longest until `more` bytes fit.
    fn make_room(&self, more: u64) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Others write, too: the folder is looked at now and then, and before anything goes.
        let old = known.written >= self.limit / 16;
        let full = known.used.is_some_and(|used| used + more > self.limit);
        if known.used.is_none() || old || full {
            let mut blocks = blocks(&self.folder)?;
            let mut used: u64 = blocks.iter().map(|block| block.bytes).sum();
            blocks.sort_by_key(|block| block.used);
            for block in blocks {
                if used + more <= self.limit {
                    break;
                }
                // Another process may have been faster.
                let _ = fs::remove_file(&block.path);
                used -= block.bytes;
            }
            *known = Known { used: Some(used), written: 0 };
        }
        known.written += more;
        known.used = known.used.map(|used| used + more);
        Ok(())
    }
}

struct Block {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// All blocks of a folder.
fn blocks(folder: &Path) -> io::Result<Vec<Block>> {
    fs::create_dir_all(folder)?;
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?.path();
        if !file.is_dir() {
            continue;
        }
        for block in fs::read_dir(file)? {
            let block = block?;
            // It may be gone by now.
            let Ok(metadata) = block.metadata() else { continue };
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Block { path: block.path(), bytes: metadata.len(), used });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(folder: &Path) -> u64 {
        blocks(folder).unwrap().iter().map(|block| block.bytes).sum()
    }

    #[test]
    fn what_was_used_last_stays_and_the_rest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned(), 10 << 16);
        assert_eq!(cache.block(), LEAST_BLOCK);
        let bytes = |number: u64| vec![number as u8; 1 << 16];
        let mut read = vec![0; 100];
        let is_there = |number, read: &mut [u8]| cache.get("f", number, 1 << 16, 500, read);
        for number in 0..25 {
            assert!(!is_there(number, &mut read));
            cache.put("f", number, &bytes(number));
            assert!(is_there(number, &mut read) && read == bytes(number)[..100], "{number}");
            let age =
                |number: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(100 * (number + 1));
            let block = File::options().write(true).open(cache.path("f", number)).unwrap();
            block.set_modified(age(number)).unwrap();
            // The first is read again and again, which makes it the youngest.
            assert!(is_there(0, &mut read), "{number}");
            assert!(size(folder.path()) <= 10 << 16, "{number}");
        }
        let left: Vec<u64> = (0..25).filter(|&number| is_there(number, &mut read)).collect();
        assert!(left.len() >= 8 && left[0] == 0 && left[1] > 14, "{left:?}");
        // What another process put there counts, and what is cut off is not there.
        let other = Cache::new(folder.path().to_owned(), 10 << 16);
        (100..120).for_each(|number| other.put("g", number, &bytes(number)));
        assert!(size(folder.path()) <= 10 << 16);
        fs::write(other.path("g", 119), b"half").unwrap();
        assert!(!other.get("g", 119, 1 << 16, 0, &mut read));
    }
}
