//! A file that many threads read at places of their own.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

pub(super) struct Blob {
    file: Arc<File>,
    length: u64,
}

impl Blob {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }
}

impl Length for Blob {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Blob {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(At { file: Arc::clone(&self.file), place: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // What a damaged table claims is not asked memory for.
        let there = self.length.checked_sub(start).is_some_and(|left| length as u64 <= left);
        if !there {
            let problem = format!("{length} bytes from byte {start} on, of {}", self.length);
            return Err(ParquetError::EOF(problem));
        }
        let mut bytes = vec![0; length];
        At { file: Arc::clone(&self.file), place: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A file from a place on.
pub(super) struct At {
    file: Arc<File>,
    place: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The file's own position is everybody's.
        #[cfg(unix)]
        let count = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.place)?;
        #[cfg(windows)]
        let count = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.place)?;
        self.place += count as u64;
        Ok(count)
    }
}
