//! Everything that requires running a network on recordings.
//!
//! - [`Recordings`]: audio with its texts, in memory. [`Recordings::inputs`] records the inputs of
//!   the maps of a network (for calibrated compression), [`Recordings::hear`] the output of a
//!   model.
//! - [`Auto`]: forms and ranks for all maps of a network under a limit, by trial.
//! - [`report`]: the contents of a package, and the changes by compression.
//! - [`weights`]: the weights of a beam search with the fewest errors.
//!
//! Nothing is printed: long operations report their progress through a function of the caller.
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
