//! Texts as sentences: in memory, and in files, compressed or not.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use stonechat_files::Lines;

use crate::normalise::Normaliser;
use crate::{Error, Result};

/// A text that can be read twice.
pub trait Sentences {
    /// Calls `visit` with each sentence, its words separated by white space, from the beginning of
    /// the text.
    ///
    /// # Errors
    /// Errors while reading, and the errors of `visit`, which end the reading.
    fn for_each(&mut self, visit: &mut dyn FnMut(&str) -> Result<()>) -> Result<()>;
}

/// Lines in memory.
impl Sentences for &str {
    fn for_each(&mut self, visit: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        self.lines().try_for_each(visit)
    }
}

/// Longest line in bytes; a file with longer lines is not text.
const MAX_LINE_BYTES: usize = 1 << 24;

const GZIP: &[u8] = &[0x1f, 0x8b];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];

/// Opens a file for reading. With the feature `compressed`, gzip and xz files are decompressed. The
/// content decides, not the name.
///
/// # Errors
/// A file that cannot be read, or one that is compressed if the feature is off.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let io = |error| Error::io(path.display().to_string(), error);
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?);
    let start = file.fill_buf().map_err(io)?;
    if start.starts_with(GZIP) || start.starts_with(XZ) {
        let is_gzip = start.starts_with(GZIP);
        return decompress(file, is_gzip).map_err(|error| error.in_file(path));
    }
    Ok(Box::new(file))
}

#[cfg(feature = "compressed")]
fn decompress(file: BufReader<File>, is_gzip: bool) -> Result<Box<dyn BufRead>> {
    let text: Box<dyn std::io::Read> = match is_gzip {
        true => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        false => Box::new(lzma_rust2::XzReader::new(file, true)),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 16, text)))
}

#[cfg(not(feature = "compressed"))]
fn decompress(_: BufReader<File>, is_gzip: bool) -> Result<Box<dyn BufRead>> {
    let how = if is_gzip { "gzip" } else { "xz" };
    Err(Error::Model(format!("is compressed with {how}, which this program was built without")))
}

/// Text files, one after another: one sentence per line or, with a normaliser, one paragraph per
/// line.
pub struct TextFiles {
    paths: Vec<PathBuf>,
    normaliser: Option<Normaliser>,
}

impl TextFiles {
    /// The files, read again for each pass.
    pub fn new(paths: Vec<PathBuf>, normaliser: Option<Normaliser>) -> Self {
        Self { paths, normaliser }
    }
}

impl Sentences for TextFiles {
    fn for_each(&mut self, visit: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        let Self { paths, normaliser } = self;
        for path in paths.iter() {
            let mut lines = Lines::new(open(path)?, MAX_LINE_BYTES);
            let wrong = |(line, error)| Error::line(path, line, error);
            while let Some((_, line)) = lines.next_line().map_err(wrong)? {
                match normaliser {
                    Some(normaliser) => normaliser.sentences(line, visit)?,
                    None => visit(line)?,
                }
            }
        }
        Ok(())
    }
}
