//! What can go wrong, worded so that the reader knows what to do.

use std::path::PathBuf;

#[cfg(feature = "files")]
use stonechat_kinds::FileKind;

/// What to do with a file of another kind, as the end of a sentence.
#[cfg(feature = "files")]
fn advice(kind: FileKind) -> String {
    if matches!(kind, FileKind::Unknown(_) | FileKind::Zeros) {
        return ": raw samples need a header, as `ffmpeg -f s16le -ar 16000 -ac 1 -i IN OUT.wav` writes one".into();
    }
    kind.advice().map_or(String::new(), |advice| format!(": {advice}"))
}

/// All errors of this crate. File errors name the file, and the place in it if known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the feature configuration does not make sense.
    #[error("feature config: {field}: {message}")]
    Config {
        /// Name of the field, as it is written in a recipe.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Values that are not whole frames of the configuration.
    #[error(
        "expected whole frames of {dim} features, got {length} values; pass the output of an extractor"
    )]
    FrameLength {
        /// Features per frame.
        dim: usize,
        /// Number of values given.
        length: usize,
    },
    /// A sampling rate outside the supported range.
    #[error(
        "sampling rate {rate_hz} Hz is not supported: it must be between {low_hz} and {high_hz} Hz"
    )]
    SampleRate {
        /// The rate asked for.
        rate_hz: u32,
        /// Lowest supported rate.
        low_hz: u32,
        /// Highest supported rate.
        high_hz: u32,
    },
    /// The rate converter rejected its input (a defect of this crate, not of the audio).
    #[error("resampling from {from_hz} to {to_hz} Hz failed: {message}")]
    Resample {
        /// Rate of the input.
        from_hz: u32,
        /// Rate of the output.
        to_hz: u32,
        /// The converter's own message.
        message: String,
    },
    /// The file cannot be opened or read.
    #[error("{path}: cannot read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("{path}: the file is empty (0 bytes)", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    #[cfg(feature = "files")]
    /// The content is not audio, whatever the file name says.
    #[error("{path}: not audio, but {kind}{advice}", path = path.display(), advice = advice(*kind))]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        kind: FileKind,
    },
    /// Audio in an encoding, at a rate or in a layout that is not supported.
    #[error(
        "{path}: {what}, which is not supported: convert it with `ffmpeg -i {path} -ac 1 -ar 16000 out.wav`",
        path = path.display()
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is, with an article.
        what: String,
    },
    #[cfg(feature = "files")]
    /// The header of a container is too damaged to reach any audio.
    #[error(
        "{path}: {kind}, but damaged or truncated: its header cannot be read; fetch or record it again",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        kind: FileKind,
    },
    /// The structure of a container is too damaged to reach any audio.
    #[error("{path}: damaged at byte {offset}: {what}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in the file, bytes from its start.
        offset: u64,
        /// What was found and what was expected.
        what: String,
    },
    /// Not one sample could be decoded.
    #[error("{path}: no audio in it: {what}", path = path.display())]
    NoSamples {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// A segment that is not in the file.
    #[error("{path}: segment at {offset_s} s: {what}", path = path.display())]
    Segment {
        /// The file.
        path: PathBuf,
        /// Start asked for, seconds.
        offset_s: f64,
        /// What is wrong with it.
        what: String,
    },
}
