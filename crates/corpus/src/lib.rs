//! Recordings with transcripts, as a manifest lists them.
//!
//! Training, evaluation and tuning read the same lines: [`read_manifest`] gives [`Utterance`]s,
//! [`Utterance::read`] their samples.

#![forbid(unsafe_code)]

mod error;
mod manifest;

pub use error::ManifestError;
pub use manifest::{Utterance, read_manifest, read_manifest_lines};
