//! Audio files as mono samples at the rate one asks for.
//!
//! ```text
//! bytes -> wav.rs (RIFF)                 \
//!       -> coded.rs (symphonia: the rest) -> mono at the file's rate -> Resampler -> caller
//! ```
//! A file is a stream that ends: nothing here holds more than one packet, one block of the resampler and what the caller
//! has not fetched yet, however long the recording.

mod coded;
mod pcm;
mod reader;
mod wav;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

pub use reader::{AudioReader, read_file, read_segment};

use crate::Error;

/// Where mono samples at the file's own rate come from.
enum Source {
    Wav(wav::WavSource),
    Coded(Box<coded::CodedSource>),
}

impl Source {
    /// Chooses by the content, never by the name.
    fn open(path: &Path) -> Result<Source, Error> {
        let read_error = |source| Error::Read { path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(read_error)?;
        let metadata = file.metadata().map_err(read_error)?;
        if metadata.is_dir() {
            return Err(read_error(ErrorKind::IsADirectory.into()));
        }
        let mut head = Vec::with_capacity(64);
        Read::by_ref(&mut file).take(64).read_to_end(&mut head).map_err(read_error)?;
        if head.is_empty() {
            return Err(Error::Empty { path: path.to_path_buf() });
        }
        file.seek(SeekFrom::Start(0)).map_err(read_error)?;
        if wav::looks_like_wav(&head) {
            Ok(Source::Wav(wav::WavSource::open(path, file)?))
        } else {
            Ok(Source::Coded(Box::new(coded::CodedSource::open(path, file, &head)?)))
        }
    }

    /// Sampling rate, Hz, and number of channels.
    fn layout(&self) -> (u32, usize) {
        match self {
            Source::Wav(source) => source.layout(),
            Source::Coded(source) => source.layout(),
        }
    }

    /// Samples per channel, as far as the header says.
    fn length(&self) -> Option<u64> {
        match self {
            Source::Wav(source) => Some(source.length()),
            Source::Coded(source) => source.length(),
        }
    }

    /// Appends some mono samples; false if there are no more.
    fn read(&mut self, mono: &mut Vec<f32>) -> Result<bool, Error> {
        match self {
            Source::Wav(source) => source.read(mono),
            Source::Coded(source) => source.read(mono),
        }
    }

    /// Moves to sample `target` or somewhat before it and returns where that is.
    fn seek(&mut self, target: u64) -> Result<u64, Error> {
        match self {
            Source::Wav(source) => source.seek(target),
            Source::Coded(source) => source.seek(target),
        }
    }

    /// What was wrong with the file although audio came out of it.
    fn damage(&self) -> Option<&str> {
        match self {
            Source::Wav(source) => source.damage(),
            Source::Coded(source) => source.damage(),
        }
    }
}
