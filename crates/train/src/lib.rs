//! Trains small speech recognizers: from manifests of recordings to a package.
//!
//! [`recipe`] says what to do, [`trainer::train`] does it. Layers stand on burn's automatic
//! differentiation ([`graph`]); the hot ones run as arithmetic over slices ([`ops`]) hung into it
//! by [`host_op`]. [`data`] brings manifests to batches and knows nothing of networks.

#![forbid(unsafe_code)]

pub mod calibrated_start;
mod chart;
pub mod checkpoint;
pub mod composed;
pub mod curves;
pub mod data;
pub mod device;
mod error;
pub mod evaluate;
pub mod event;
pub mod export;
pub mod grams;
pub mod graph;
pub mod host_op;
pub mod init;
pub mod linear;
pub mod loss;
pub mod net;
pub mod objective;
pub mod ops;
pub mod optimality;
pub mod optimizer;
pub mod parameters;
pub mod part_rates;
pub mod prune;
pub mod random;
pub mod recipe;
pub mod regularise;
pub mod rounding;
pub mod run_folder;
pub mod schedule;
pub mod settle;
pub mod teacher;
pub mod trained;
pub mod trainer;
pub mod warm_start;

pub use error::TrainError;
