//! Speech audio in, feature frames out.
//!
//! What lives here, and nothing about models does:
//!
//! * **Features** (always): [`FeatureConfig`] says what one frame is, [`FeatureExtractor`] turns samples into frames as
//!   they come, [`features`] does a whole recording at once. Cutting the samples differently never changes a bit of
//!   the frames. [`FeatureStatistics`] measures the mean and spread that [`Normalise`] takes away.
//! * **Signals** (always): [`SignalRepair`] makes one signal of any number of channels, finds what cannot be right (channels
//!   that cancel, integers as floats, far too quiet), repairs it and says so as [`Warning`]s.
//! * **Rates** (feature `resample`): [`Resampler`] is the streaming conversion of rates, the same for any cut.
//! * **Audio files** (feature `files`, on by default): [`AudioReader`] streams wav, flac, mp3, ogg, MPEG-4 and others as mono
//!   at any rate in bounded memory, from files and pipes; [`read_file`] and [`read_segment`] return a `Vec`.
//!
//! * **Voice activity** (feature `vad`): `VoiceDetector` says how likely it is that somebody speaks, every 16 ms.
//!
//! Samples are `f32` with full scale at ±1. Time is in samples inside and in seconds or milliseconds where a name says
//! so. Logarithms are natural.
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
