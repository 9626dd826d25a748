//! How the Parquet crate asks a file for bytes.

use std::io::BufReader;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

use crate::blob::{At, Blob};

impl Length for Blob {
    fn len(&self) -> u64 {
        self.len()
    }
}

impl ChunkReader for Blob {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(self.at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(self.bytes(start, length as u64)?.into())
    }
}
