//! A recording that is a part of a larger file: a member of a shard, a row of a table.

use std::io::ErrorKind;
use std::path::Path;

use crate::Files;
use crate::blob::Blob;

/// Which part of a file a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Some of its bytes: a member of a tar file.
    Bytes {
        /// Where it starts.
        start_byte: u64,
        /// How long it is.
        bytes: u64,
    },
    /// A row of a Parquet table, from 0.
    Row(u64),
}

/// Longest recording in a shard: half a day of wav at 48 kHz.
const MOST_BYTES: u64 = 4 << 30;

impl Part {
    /// The encoded recording, out of the file at `path`.
    pub(crate) fn read(self, path: &Path, files: &Files) -> Result<Vec<u8>, String> {
        match self {
            Part::Bytes { start_byte, bytes } => range(path, start_byte, bytes, files)
                .map_err(|problem| format!("{}: {problem}", self.name(path))),
            Part::Row(row) => files.row(path, row),
        }
    }

    /// What the recording is called in messages.
    pub(crate) fn name(self, path: &Path) -> String {
        match self {
            Part::Bytes { start_byte, bytes } => {
                format!("{}, {bytes} bytes from byte {start_byte}", path.display())
            }
            Part::Row(row) => format!("{}, row {row}", path.display()),
        }
    }
}

/// Bytes of a file.
fn range(path: &Path, start_byte: u64, bytes: u64, files: &Files) -> Result<Vec<u8>, String> {
    if bytes > MOST_BYTES {
        return Err("no recording is as long as that".into());
    }
    let file = Blob::open(path, files).map_err(|error| error.to_string())?;
    file.bytes(start_byte, bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => {
            "the file ends before it: was the shard cut or made anew?".into()
        }
        _ => error.to_string(),
    })
}
