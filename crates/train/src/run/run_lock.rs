//! One training per folder: a lock that ends with the process, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::TrainError;

/// Name of the lock's file.
const NAME: &str = ".lock";

/// Held while a run writes into its folder.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of the run in `folder`.
    ///
    /// # Errors
    /// [`TrainError::Locked`] if another training has it; the file cannot be written.
    pub fn take(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(NAME);
        let io = |source| TrainError::Io { path: path.clone(), source };
        // Not truncated: another process may hold it, and it is empty anyway.
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(TrainError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_training_is_refused_while_the_first_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        let second = RunLock::take(folder.path());
        assert!(matches!(second, Err(TrainError::Locked { .. })), "{second:?}");
        drop(first);
        RunLock::take(folder.path()).unwrap();
    }
}
