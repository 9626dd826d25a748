//! From manifests to batches: reads, caches, augments, buckets, prefetches and checks data.
//!
//! ```text
//! manifest -> PcmCache -> (augment waveform) -> features -> normalise -> (SpecAugment) -> Batch
//!                    \-> FeatureCache (utterances that are not augmented) --^
//! ```
//! All random draws come from streams keyed by (seed, epoch, utterance), so an epoch is the same on
//! any number of threads and from whichever batch it is resumed. Nothing here knows about networks
//! or devices.

mod augment;
mod batches;
mod blob_store;
mod check;
mod config;
mod dataset;
mod dropped;
mod error;
mod feature_cache;
mod loader;
mod memory;
mod normalise;
mod pcm_cache;
#[cfg(test)]
mod tests;

pub use crate::engine::ops::ctc::frames_needed as ctc_frames_needed;
pub use augment::{
    AugmentConfig, Augmentation, Babble, Noise, OtherVoices, Reverb, Silence, SpecAugment,
    change_speed, samples_after,
};
pub use batches::{BatchConfig, plan_epoch, plan_windows, windows};
pub use check::{
    CheckOptions, CheckReport, Example, Finding, FindingKind, HistogramBin, ManifestSummary,
    Severity, check,
};
pub use config::{CacheConfig, DataConfig, Limits, Source};
pub use dataset::Dataset;
pub use dropped::{DropReason, Dropped};
pub use error::DataError;
pub use feature_cache::FeatureCache;
pub use loader::{Batch, BatchLoader, Prefetch};
pub use memory::MemoryBudget;
pub use normalise::fit_normalise;
pub use pcm_cache::PcmCache;
pub use stonechat_corpus::{Targets, Utterance, read_manifest};

/// Called with (done, total) from several threads while files are read; returns whether to
/// continue.
pub type Progress<'a> = Option<&'a (dyn Fn(usize, usize) -> bool + Sync)>;
