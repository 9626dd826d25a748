//! Speech audio in, feature frames out.
//!
//! Nothing here knows about models:
//!
//! * **Features** (always): [`FeatureConfig`] defines a frame, [`FeatureExtractor`] turns samples
//!   into frames as they come, [`features`] does a whole recording at once. How the samples are cut
//!   never changes a bit of the frames. [`FeatureStatistics`] measures the mean and deviation that
//!   [`Normalise`] removes.
//! * **Signals** (always): [`SignalRepair`] makes one signal of any number of channels, detects
//!   what cannot be right (channels that cancel, integers as floats, far too quiet), repairs it and
//!   reports it as [`Warning`]s.
//! * **Rates** (feature `resample`): [`Resampler`] converts rates in a stream, with the same result
//!   for any cut.
//! * **Audio files** (feature `files`, on by default): [`AudioReader`] streams wav, flac, mp3, ogg,
//!   MPEG-4 and others as mono at any rate in bounded memory, from files and pipes; [`read_file`]
//!   and [`read_segment`] return a `Vec`.
//! * **Voice activity** (feature `vad`): `VoiceDetector` gives the probability that somebody
//!   speaks, every 16 ms.
//!
//! Samples are `f32` with full scale at ±1. Time is in samples, or in seconds or milliseconds if a
//! name says so. Logarithms are natural.
//!
//! ```
//! use stonechat_audio::{FeatureConfig, FeatureExtractor};
//!
//! let config = FeatureConfig::default(); // 16 kHz, 80 log-mel, 20 ms windows every 10 ms
//! let mut extractor = FeatureExtractor::new(&config)?;
//! let mut frames = Vec::new();
//! for chunk in vec![0.0; 16_000].chunks(1_000) {
//!     extractor.push(chunk, &mut frames);
//! }
//! extractor.finish(&mut frames);
//! assert_eq!(frames.len(), config.frames(16_000) * config.dim());
//! # Ok::<(), stonechat_audio::Error>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod error;
mod features;
#[cfg(feature = "files")]
mod files;
mod mel;
#[cfg(feature = "resample")]
mod resample;
mod sample;
mod signal;
mod statistics;
#[cfg(feature = "vad")]
mod voice;
mod warning;

pub use config::{FeatureConfig, FeatureKind, Normalise};
pub use error::Error;
pub use features::{FeatureExtractor, features};
#[cfg(feature = "files")]
pub use files::{AudioReader, Sound, read_file, read_segment};
#[cfg(feature = "resample")]
pub use resample::Resampler;
pub use signal::{LOOK_AHEAD_S, SignalRepair};
pub use statistics::FeatureStatistics;
#[cfg(feature = "vad")]
pub use voice::VoiceDetector;
pub use warning::{Warning, WarningKind};
