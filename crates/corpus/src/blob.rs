//! A file, here or behind an address, that many threads read at places of their own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::Files;
use crate::address::is_address;

/// An open file.
#[derive(Clone)]
pub(crate) enum Blob {
    /// On this machine, with its length.
    Here(Arc<File>, u64),
    /// Behind an address.
    #[cfg(feature = "remote")]
    Remote(Arc<crate::remote::Remote>, Arc<crate::remote::Object>),
}

impl Blob {
    /// Opens a file; the error names it not.
    pub(crate) fn open(path: &Path, files: &Files) -> io::Result<Self> {
        if is_address(path) {
            return files.remote(path);
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self::Here(Arc::new(file), length))
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Here(_, length) => *length,
            #[cfg(feature = "remote")]
            Self::Remote(_, object) => object.len(),
        }
    }

    /// Reads from `place` on; nothing at the end of the file.
    fn read_at(&self, place: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            // The file's own position is everybody's.
            #[cfg(unix)]
            Self::Here(file, _) => std::os::unix::fs::FileExt::read_at(&**file, buffer, place),
            #[cfg(windows)]
            Self::Here(file, _) => std::os::windows::fs::FileExt::seek_read(&**file, buffer, place),
            #[cfg(not(any(unix, windows)))]
            Self::Here(file, _) => {
                let mut file = &**file;
                file.seek(SeekFrom::Start(place))?;
                file.read(buffer)
            }
            #[cfg(feature = "remote")]
            Self::Remote(remote, object) => {
                remote.read_at(object, place, buffer).map_err(io::Error::other)
            }
        }
    }

    /// The file from `place` on.
    pub(crate) fn at(&self, place: u64) -> At {
        At { blob: self.clone(), place }
    }

    /// `count` bytes from `place` on.
    pub(crate) fn bytes(&self, place: u64, count: u64) -> io::Result<Vec<u8>> {
        // What is not there is not asked memory for.
        if self.len().checked_sub(place).is_none_or(|left| left < count) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; count as usize];
        self.at(place).read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// A file that is read from a place on.
pub(crate) struct At {
    blob: Blob,
    place: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.blob.read_at(self.place, buffer)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for At {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
            SeekFrom::End(by) => self.blob.len().checked_add_signed(by),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}
