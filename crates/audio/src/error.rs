//! What can go wrong, said so that the reader of the message knows what to do.

use std::path::PathBuf;

/// Everything this crate reports. File errors name the file, and the place in it where there is one.
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
    /// Rows of another length than the configuration's frames.
    #[error(
        "expected whole frames of {dim} features, got {length} values; pass the output of an extractor"
    )]
    FrameLength {
        /// Features per frame.
        dim: usize,
        /// Number of values given.
        length: usize,
    },
    /// A sampling rate outside of what is supported.
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
    /// The rate converter refused its input (a defect of this crate, not of the audio).
    #[error("resampling from {from_hz} to {to_hz} Hz failed: {message}")]
    Resample {
        /// Rate of the input.
        from_hz: u32,
        /// Rate of the output.
        to_hz: u32,
        /// The converter's own words.
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
    /// The file has no bytes at all.
    #[error("{path}: the file is empty (0 bytes)", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is none of the formats this crate reads, whatever the name says.
    #[error(
        "{path}: not an audio file of a known format ({found}); wav, flac, mp3 and ogg vorbis are read",
        path = path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        found: String,
    },
    /// A known container with an encoding, rate or layout that is not supported.
    #[error("{path}: unsupported audio: {what}; convert it to 16-bit wav or to flac", path = path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The container's structure is damaged so that no audio can be reached.
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
    /// A segment that does not lie in the file.
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
