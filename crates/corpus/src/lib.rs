//! Recordings with transcripts: where they come from, what a manifest lists, what their texts are to a network.
//!
//! Training, evaluation and tuning read the same lines: [`read_manifest`] gives [`Utterance`]s, [`Utterance::read`]
//! their samples, [`Targets`] the labels of their texts. [`import`] takes recordings as others lay them out,
//! [`measure`] finds how long they are, and [`write_manifest`] lists them. A [`DropList`] is a manifest of what is to be
//! left out of another. A [`ShardWriter`] packs recordings into few large files; [`Files`] is what is open of such.

#![forbid(unsafe_code)]

mod address;
mod blob;
mod doubts;
mod drop_list;
mod error;
mod files;
pub mod import;
mod manifest;
mod measure;
#[cfg(feature = "parquet")]
mod parquet;
mod part;
#[cfg(feature = "remote")]
mod remote;
mod shards;
mod targets;
mod text;
mod write;

pub use doubts::{Doubt, Doubts};
pub use drop_list::DropList;
pub use error::ManifestError;
pub use files::{Files, RemoteCache};
pub use manifest::{
    Utterance, manifest_lines, read_manifest, read_manifest_lines, read_manifest_with,
};
pub use measure::measure;
pub use part::Part;
pub use shards::ShardWriter;
pub use targets::Targets;
pub use write::{manifest_line, write_manifest};
