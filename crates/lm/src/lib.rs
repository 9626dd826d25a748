//! Small n-gram language models for speech recognizers.
//!
//! - [`LanguageModel`]: a packed model, one immutable block of bytes; queries allocate nothing.
//! - `estimate` (a feature): text to model, interpolated modified Kneser-Ney, sorted on disk.
//! - [`NgramModel`]: a model in memory while it is made; [`arpa`] reads and writes the common text
//!   format.
//! - [`Pruner`], [`mix`] and [`fit`]: smaller models, a mixture of two models, a model of a given
//!   size.
//! - [`Normaliser`] and [`text`]: from written text to words.
//!
//! All probabilities are log10, as in ARPA files.
#![forbid(unsafe_code)]

pub mod arpa;
mod error;
#[cfg(feature = "estimate")]
pub mod estimate;
mod mix;
mod model_builder;
mod ngram_model;
mod normalise;
mod packed;
mod perplexity;
mod prune;
mod target;
pub mod text;
mod vocabulary;
mod widths;

pub use error::Error;
pub use mix::mix;
pub use model_builder::{LEAST_LOG10, ModelBuilder};
pub use ngram_model::{MAX_ORDER, NgramModel};
pub use normalise::Normaliser;
pub use packed::{Bits, LanguageModel, Score, State, packed_bytes};
pub use perplexity::Perplexity;
pub use prune::Pruner;
pub use target::{Fitted, fit, fit_with_widths, words_for};
pub use vocabulary::{MAX_WORD_BYTES, MAX_WORDS, SPECIAL_WORDS, Vocabulary, WordId};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
