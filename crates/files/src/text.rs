//! Text as written by people and their editors.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

/// The byte order mark that editors put before UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A text that cannot be read, with the place.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An invalid line.
    #[error("{}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// A text in memory, with the name of its file.
#[derive(Clone, Debug)]
pub struct TextFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl TextFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Self, TextError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::new(path, bytes)),
            Err(source) => Err(TextError::Io { path: path.to_path_buf(), source }),
        }
    }

    /// A text that is already in memory. `path` is its name in errors.
    pub fn new(path: &Path, mut bytes: Vec<u8>) -> Self {
        if bytes.starts_with(MARK) {
            bytes.drain(..MARK.len());
        }
        // Line endings of old Macs.
        if !bytes.contains(&b'\n') {
            bytes.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        Self { path: path.to_path_buf(), bytes }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    ///
    /// # Errors
    /// The first line that is not UTF-8.
    pub fn as_str(&self) -> Result<&str, TextError> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if !text.contains('\0') => Ok(text),
            _ => {
                let wrong = self.lines().find_map(|(line, text)| Some((line, text.err()?)));
                let (line, problem) = wrong.unwrap_or((1, LineError::not_text()));
                Err(self.error(line, problem))
            }
        }
    }

    /// All lines with their numbers from 1, without line endings. An invalid line does not stop the
    /// others.
    pub fn lines(&self) -> impl Iterator<Item = (usize, Result<&str, LineError>)> {
        let wide = is_utf16(&self.bytes);
        // UTF-16, which editors call Unicode, has line-ending bytes almost anywhere.
        let count = if wide { 1 } else { usize::MAX };
        let lines = self.bytes.split(|&byte| byte == b'\n').take(count);
        lines.enumerate().map(move |(index, line)| {
            let text = if wide { Err(LineError::utf16()) } else { check(line) };
            (index + 1, text.map(|text| text.strip_suffix('\r').unwrap_or(text)))
        })
    }

    /// The lines with content, trimmed: no empty ones, and none that begin with `#`.
    ///
    /// # Errors
    /// The first line that is not UTF-8.
    pub fn entries(&self) -> Result<Vec<(usize, &str)>, TextError> {
        let mut entries = Vec::new();
        for (line, text) in self.lines() {
            let text = text.map_err(|problem| self.error(line, problem))?.trim();
            if !text.is_empty() && !text.starts_with('#') {
                entries.push((line, text));
            }
        }
        Ok(entries)
    }

    /// An error at a line of this text.
    pub fn error(&self, line: usize, problem: impl fmt::Display) -> TextError {
        TextError::Line { path: self.path.clone(), line, problem: problem.to_string() }
    }
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not text, or not in UTF-8.
    #[error("{0}")]
    NotText(String),
    /// It is longer than allowed.
    #[error("it has more than {0} bytes: is this a text with line breaks?")]
    TooLong(usize),
}

impl LineError {
    fn not_text() -> Self {
        Self::NotText("it has a zero byte: this is no text".into())
    }

    fn utf16() -> Self {
        Self::NotText("this is UTF-16: save the file as UTF-8".into())
    }
}

/// UTF-16, detected by its mark or by zeros in every second of the first bytes, as for Latin
/// letters.
fn is_utf16(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(64) & !1];
    let zero = |first: usize| start.iter().skip(first).step_by(2).all(|&byte| byte == 0);
    let letters = |first: usize| start.iter().skip(first).step_by(2).all(|&byte| byte != 0);
    bytes.starts_with(b"\xFF\xFE")
        || bytes.starts_with(b"\xFE\xFF")
        || start.len() >= 4 && (zero(0) && letters(1) || zero(1) && letters(0))
}

/// A line as text.
fn check(line: &[u8]) -> Result<&str, LineError> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        LineError::NotText(format!(
            "not UTF-8 from byte {} (0x{:02X}): save the file as UTF-8",
            at + 1,
            line[at]
        ))
    })?;
    if text.contains('\0') { Err(LineError::not_text()) } else { Ok(text) }
}

/// Lines, one after another, of texts that need not fit in memory.
#[derive(Debug)]
pub struct Lines<R> {
    text: R,
    line: Vec<u8>,
    number: usize,
    longest: usize,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `text`, of at most `longest` bytes each.
    pub fn new(text: R, longest: usize) -> Self {
        Self { text, line: Vec::new(), number: 0, longest }
    }

    /// The next line, with its number from 1 and without its line ending; `None` after the last.
    ///
    /// # Errors
    /// It cannot be read, is longer than allowed, or is not UTF-8; with its number.
    pub fn next_line(&mut self) -> Result<Option<(usize, &str)>, (usize, LineError)> {
        self.number += 1;
        let number = self.number;
        match self.read() {
            Ok(line) => Ok(line.map(|line| (number, line))),
            Err(error) => Err((number, error)),
        }
    }

    fn read(&mut self) -> Result<Option<&str>, LineError> {
        self.line.clear();
        let limit = self.longest as u64 + MARK.len() as u64 + 2;
        self.text.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        let mut line = &self.line[..];
        if self.number == 1 {
            if is_utf16(line) {
                return Err(LineError::utf16());
            }
            line = line.strip_prefix(MARK).unwrap_or(line);
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.longest {
            return Err(LineError::TooLong(self.longest));
        }
        check(line).map(Some)
    }
}
