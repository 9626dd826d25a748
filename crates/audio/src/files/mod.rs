//! Audio files as mono samples at any requested rate.
//!
//! ```text
//! file, pipe, bytes -> stream.rs -> wav/        \
//!                                -> mpeg/        \
//!                                -> flac/         > interleaved channels -> SignalRepair -> Resampler -> caller
//!                                -> coded.rs     /
//! ```
//! Formats that are often cut, joined or wrong about themselves (wav, mp3, flac) are parsed here;
//! symphonia decodes their frames, and reads the other containers. Every source is read to the real
//! end of its bytes, never only to a length that a header states. A file is a stream that ends:
//! however long the recording, memory holds a packet, the look-ahead of the repair, a block of the
//! resampler and what the caller has not fetched yet.

mod codec;
mod coded;
mod flac;
mod mpeg;
mod open;
mod pcm;
mod reader;
mod spool;
mod stream;
mod wav;

pub use reader::{AudioReader, Sound, read_file, read_segment};

use crate::{Error, Warning};

/// Rate and channels of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    rate_hz: u32,
    channels: usize,
}

/// The result of reading from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It appended some frames.
    Frames,
    /// The next frames have another layout; it appended nothing.
    Changed,
    End,
}

/// Where frames at the file's own rate come from.
trait Source: Send + Sync {
    /// The layout of what [`Source::read`] appends next.
    fn layout(&self) -> Layout;

    /// Frames of the whole file, if stated or known.
    fn length(&self) -> Option<u64>;

    /// Appends some interleaved frames.
    fn read(&mut self, frames: &mut Vec<f32>) -> Result<Next, Error>;

    /// Moves to frame `target` or somewhat before it, and returns the new position. Either nothing
    /// has been read before, or the file can be searched.
    fn seek(&mut self, target: u64) -> Result<u64, Error>;

    /// Problems with the file, although it gave audio.
    fn warnings(&self) -> &[Warning];
}

/// The longest silence, in frames, that replaces lost frames: their stated number may itself be
/// damaged.
fn longest_gap(layout: Layout) -> u64 {
    const SECONDS: u64 = 10;
    const SAMPLES: u64 = 1 << 20;
    (SECONDS * u64::from(layout.rate_hz)).min(SAMPLES / layout.channels.max(1) as u64)
}
