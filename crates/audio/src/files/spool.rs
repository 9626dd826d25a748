//! Containers from a pipe whose index may come last: they go to a temporary file until their end is
//! known.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::Arc;

use stonechat_kinds::FileKind;

use super::stream::{ByteStream, Origin};
use crate::Error;

/// Whether a file of that kind, beginning with `head`, cannot be read in order.
pub(super) fn is_needed(kind: FileKind, head: &[u8]) -> bool {
    match kind {
        FileKind::Caf => true,
        FileKind::Mp4 => !index_comes_first(head),
        _ => false,
    }
}

/// Whether `moov` comes before the first `mdat` (ISO 14496-12, 4.2).
fn index_comes_first(head: &[u8]) -> bool {
    let mut at = 0usize;
    while let Some(&[a, b, c, d, ref kind @ ..]) = head.get(at..at + 8) {
        match (kind, u32::from_be_bytes([a, b, c, d]) as usize) {
            (b"moov", _) => return true,
            (b"mdat", _) | (_, ..8) => return false,
            (_, size) => at += size,
        }
    }
    false
}

/// Reads a pipe to its end into an unnamed file that is removed with the reader.
pub(super) fn spool(origin: &Origin, mut pipe: ByteStream) -> Result<(Origin, ByteStream), Error> {
    let origin = copy(origin.path(), &mut pipe).map_err(|error| {
        let what = format!("it comes from a pipe and cannot be kept in a temporary file: {error}");
        Error::Read {
            path: origin.path().to_path_buf(),
            source: io::Error::new(error.kind(), what),
        }
    })?;
    let stream = origin.open()?;
    Ok((origin, stream))
}

fn copy(path: &Path, pipe: &mut ByteStream) -> io::Result<Origin> {
    let mut file: File = tempfile::tempfile()?;
    io::copy(pipe, &mut file)?;
    let length = file.stream_position()?;
    Ok(Origin::Spooled(path.to_path_buf(), Arc::new(file), length))
}
