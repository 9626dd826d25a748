//! Audio files as mono samples at the rate one asks for.
//!
//! ```text
//! file, pipe, bytes -> stream.rs -> wav/        \
//!                                -> mpeg/        \
//!                                -> flac/         > interleaved channels -> SignalRepair -> Resampler -> caller
//!                                -> coded.rs     /
//! ```
//! What can be cut, joined and lied about most (wav, mp3, flac) is taken apart here; symphonia decodes the frames, and reads
//! the other containers. Every source goes to the real end of its bytes: a length that a header states is never where
//! it stops. A file is a stream that ends: nothing here holds more than a packet, the look-ahead of the repair, a block of the
//! resampler and what the caller has not fetched yet, however long the recording.

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

/// What samples are, until they become something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    rate_hz: u32,
    channels: usize,
}

/// What a source did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It appended some frames.
    Frames,
    /// What comes next has another layout; it appended nothing.
    Changed,
    End,
}

/// Where frames at the file's own rate come from.
trait Source: Send + Sync {
    /// Of what [`Source::read`] appends next.
    fn layout(&self) -> Layout;

    /// Frames of the whole file, as far as that is stated or known.
    fn length(&self) -> Option<u64>;

    /// Appends some interleaved frames.
    fn read(&mut self, frames: &mut Vec<f32>) -> Result<Next, Error>;

    /// Moves to frame `target` or somewhat before it and returns where that is. Nothing has been read before, or this file
    /// can be searched.
    fn seek(&mut self, target: u64) -> Result<u64, Error>;

    /// What was wrong with the file although audio came out of it.
    fn warnings(&self) -> &[Warning];
}

/// The longest silence, in frames, that is put in the place of lost ones: what says how many were lost may be damaged, too.
fn longest_gap(layout: Layout) -> u64 {
    const SECONDS: u64 = 10;
    const SAMPLES: u64 = 1 << 20;
    (SECONDS * u64::from(layout.rate_hz)).min(SAMPLES / layout.channels.max(1) as u64)
}
