//! Streaming speech recognition with small networks.
//!
//! A [`Model`] is a loaded package, immutable and shared. A [`Recognizer`] is a model with options.
//! A [`Stream`] is one utterance or an endless microphone: samples go in, text comes out.
//!
//! ```no_run
//! use stonechat::{Model, Options, Recognizer};
//!
//! # fn samples() -> Vec<f32> { Vec::new() }
//! let model = Model::load("english.stonechat")?;
//! let recognizer = Recognizer::new(model, Options::default())?;
//! let mut stream = recognizer.stream();
//! for chunk in samples().chunks(1600) {
//!     stream.push(chunk)?; // mono, -1..1, at Model::sample_rate_hz; Recognizer::stream_at takes any rate
//!     println!("{}", stream.partial());
//! }
//! println!("{}", stream.finish().text);
//! # Ok::<(), stonechat::Error>(())
//! ```
//!
//! # Promises
//! - The text, the times and the logits do not depend on how the samples are cut, nor on
//!   [`Options::time_batch`]: they are the same to the bit.
//! - Once warm, a frame allocates nothing. Memory does not grow with the audio, only with the
//!   words, and [`Stream::take_words`] removes those.
//! - Samples that are not finite count as silence. Nothing that is pushed can spoil a stream for
//!   what follows.
//! - No threads, no clock unless [`Options::profile`] asks for it, and no files beyond the package
//!   and the language model that [`Settings::lm`] names.
//!
//! Users choose the beam, language model, hotwords, grammar, keywords and ends of utterances by
//! [`Settings`], with the same names in the command, in C and in every binding.

#![forbid(unsafe_code)]

mod acoustic;
mod activity;
mod affine;
mod conv;
mod error;
mod front_end;
mod linear;
mod model;
mod profile;
mod recognizer;
mod recurrent;
mod result;
mod row_conv;
mod settings;
mod stream;
pub mod subtitles;
mod trace;
mod utterances;
#[cfg_attr(not(feature = "vad"), path = "no_voice.rs")]
mod voice;

pub use acoustic::AcousticStream;
pub use activity::VoiceOptions;
pub use error::Error;
pub use model::Model;
pub use profile::{Part, Profile};
pub use recognizer::{Options, Recognizer};
pub use result::{Partial, Transcript};
pub use settings::{Language, SETTINGS, Setting, Settings};
pub use stonechat_audio::FeatureConfig;
pub use stonechat_decode::{
    Alternative, BeamDecoder, BeamOptions, BeamSearch, ConfidenceWeights, Decoder, EndpointRule,
    EndpointRules, Evidence, Grammar, GrammarDecoder, GrammarOptions, GrammarSearch, Heard,
    Hotword, LanguageModel, Spotted, SpotterOptions, Token, Word,
};
/// A language model read from a file, which [`BeamSearch`] takes as its [`LanguageModel`].
pub use stonechat_lm::LanguageModel as PackedLanguageModel;
pub use stonechat_model::{Alphabet, NetworkConfig, Package};
pub use stonechat_plan::{Machine, MapPlan, Preference, Reason, Reference, RunForm, RunPlan};
pub use stream::Stream;

/// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embed.md")]
struct Readme;
