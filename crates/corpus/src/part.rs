//! A recording that is some bytes of a larger file: a member of a shard.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Which bytes of a file a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Where it starts.
    pub start_byte: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Longest recording in a shard: half a day of wav at 48 kHz.
const MOST_BYTES: u64 = 4 << 30;

impl Part {
    /// The bytes, out of the file at `path`.
    pub(crate) fn read(self, path: &Path) -> Result<Vec<u8>, String> {
        let fail = |problem: String| format!("{}: {problem}", self.name(path));
        if self.bytes > MOST_BYTES {
            return Err(fail("no recording is as long as that".into()));
        }
        let mut file = File::open(path).map_err(|error| fail(error.to_string()))?;
        file.seek(SeekFrom::Start(self.start_byte)).map_err(|error| fail(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(self.bytes).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
        match bytes.len() as u64 == self.bytes {
            true => Ok(bytes),
            false => Err(fail("the file ends before it: was the shard cut or made anew?".into())),
        }
    }

    /// What the recording is called in messages.
    pub(crate) fn name(self, path: &Path) -> String {
        format!("{}, {} bytes from byte {}", path.display(), self.bytes, self.start_byte)
    }
}
