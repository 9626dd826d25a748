//! From the logits of a CTC network to words.
//!
//! - [`Decoder`]: the trait of all decoders: frames of logits in, text and words at any moment.
//! - [`GreedyDecoder`]: the best symbol of every frame, with repeats and blanks dropped.
//! - [`BeamSearch`] and [`BeamDecoder`]: prefix beam search over characters or grams, with a
//!   [`LanguageModel`], a lexicon, [`Hotword`]s, N-best lists and calibrated confidences.
//! - [`GrammarSearch`] and [`GrammarDecoder`]: the phrases of a closed [`Grammar`], and nothing
//!   else.
//! - [`KeywordSpotter`]: phrases in endless audio. [`Endpointer`]: where an utterance ends.
//! - [`Word`]: a recognised word (text, times, confidence), with the field names of Vosk's JSON.
//! - [`ctc`]: how likely a text is under the logits, which is also the loss for training.
//! - [`ErrorCount`]: word and character error rates by Levenshtein alignment.
//!
//! The crate knows nothing about audio or networks: a symbol is a string, a frame is a slice of
//! logits, and time is a number of seconds per frame.
//!
//! ```
//! use stonechat_decode::{Decoder, GreedyDecoder};
//!
//! let symbols = ["", " ", "h", "i"].map(String::from);
//! let mut decoder = GreedyDecoder::new(&symbols, 0.02)?;
//! for best in [0, 2, 2, 0, 3, 1] {
//!     let mut logits = [0.0; 4];
//!     logits[best] = 5.0;
//!     decoder.push(&logits)?;
//! }
//! assert_eq!(decoder.text(), "hi");
//! assert_eq!(decoder.words()[0].start, 0.02);
//! # Ok::<(), stonechat_decode::Error>(())
//! ```

#![forbid(unsafe_code)]

mod beam;
mod confidence_weights;
pub mod ctc;
mod decoder;
mod endpoint;
mod error;
mod error_rate;
mod frame;
mod grammar;
mod greedy;
mod keywords;
mod language_model;
mod phrases;
mod prefixes;
mod symbols;
mod text_score;
mod vocabulary;
mod words;

pub use beam::{Alternative, BeamDecoder, BeamOptions, BeamSearch, Hotword};
pub use confidence_weights::{ConfidenceWeights, Evidence, expected_calibration_error};
pub use decoder::Decoder;
pub use endpoint::{BestSymbol, EndpointRule, EndpointRules, Endpointer, Heard};
pub use error::Error;
pub use error_rate::ErrorCount;
pub use grammar::{Grammar, GrammarDecoder, GrammarOptions, GrammarSearch};
pub use greedy::{GreedyDecoder, Token};
pub use keywords::{KeywordSpotter, Spotted, SpotterOptions};
pub use language_model::{LanguageModel, LmState, WordId};
pub use words::Word;
