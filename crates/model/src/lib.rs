//! What a Stonechat recognizer *is*, without training it or running it fast.
//!
//! - [`NetworkConfig`]: the shape of a streaming Deep Speech 2 network and everything derived from
//!   it (sizes of all linear maps, time stride, look-ahead).
//! - [`Alphabet`]: the output symbols, blank first.
//! - [`LinearMap`]: a weight in one of the families that can parametrise it, over [`Matrix`]
//!   (float, int8, int4).
//! - [`Network`]: a config with its weights, and [`Network::forward_reference`], the slow and
//!   obvious evaluation that everything fast is tested against.
//! - [`Package`]: all of this in one file, `NAME.stonechat`, which is a valid safetensors file.
//!
//! # Conventions
//! Matrices are row-major `rows x cols` and act as `y = W x`. A batch of vectors is `batch x cols`,
//! its image `batch x rows`. Frames are `frames x dim`. One frame of convolution activations is
//! `bins x channels` with the channel fastest.
#![forbid(unsafe_code)]

mod alphabet;
mod config;
mod error;
mod forward;
mod linear;
mod matrix;
mod network;
mod package;
mod recurrent;

pub use alphabet::Alphabet;
pub use config::{Candidate, ConvConfig, Kind, NetworkConfig, RowConvConfig};
pub use error::Error;
pub use linear::*;
pub use matrix::{INT4_GROUP, Matrix};
pub use network::{
    Affine, BatchNorm, EPSILON, LinearSpec, MapId, MapRef, Network, ParameterId, Source, VectorId,
};
pub use package::{MAX_HEADER_BYTES, MAX_METADATA_BYTES, MAX_PACKAGE_BYTES, MAX_TENSORS, Package};
pub use recurrent::{Cell, RecurrentConfig, RecurrentLayer};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
