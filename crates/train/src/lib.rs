//! Trains small speech recognizers: from manifests of recordings to a package.
//!
//! A [`Recipe`] says what to do, [`train`] does it and reports [`Event`]s. Inside, dependencies
//! point one way: `config` is data, `engine` computes, `saved` has nets at rest, `stages` change
//! nets, `run` has the loop. [`data`] turns manifests into batches and knows nothing about
//! networks.

#![forbid(unsafe_code)]

pub mod config;
pub mod data;
mod engine;
mod error;
mod random;
mod run;
mod saved;
mod stages;

#[cfg(test)]
mod tests;

pub use config::{Recipe, grams};
pub use engine::evaluate::Evaluation;
pub use engine::team::{Link, PIECES};
pub use error::TrainError;
pub use run::{Event, Options, Pace, RunFolder, train, train_with, use_of};
