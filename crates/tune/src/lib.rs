//! What can be decided only by running a network on recordings.
//!
//! - [`Recordings`]: audio with its texts, in memory; [`Recordings::inputs`] is what goes into the maps of a network on it
//!   (the input of calibrated compression), [`Recordings::hear`] what a model makes of it.
//! - [`Auto`]: forms and ranks for all maps of a network under a limit, by trial.
//! - [`report`]: what a package holds, and what became of it when it was compressed.
//! - [`weights`]: the weights of a beam search that make the fewest errors.
//!
//! Nothing is printed: what takes long tells of its progress through a function of the caller's.
#![forbid(unsafe_code)]

#[cfg(feature = "compress")]
mod auto;
mod error;
mod hearing;
mod parallel;
mod provenance;
mod recordings;
pub mod report;
pub mod weights;

#[cfg(feature = "compress")]
pub use auto::{Auto, Outcome, Sensitivity, Trial};
pub use error::Error;
pub use hearing::Hearing;
pub use parallel::parallel;
pub use provenance::record;
pub use recordings::{Recordings, pack, spread};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
