//! `--normalize LANGUAGE`: written text as the words that are spoken.

use clap::{Args, ValueEnum};
use stonechat_lm::Normaliser;

/// How text becomes words.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// Lower case, letters and apostrophes, numbers as words
    English,
}

/// Whether and how.
#[derive(Args, Clone, Copy, Debug)]
pub struct NormaliseArg {
    /// Turn written text into spoken words: lower case, letters and apostrophes, numbers as words
    #[arg(long, value_name = "LANGUAGE")]
    normalize: Option<Language>,
}

impl NormaliseArg {
    /// The language, if asked for.
    pub fn language(self) -> Option<stonechat::Language> {
        self.normalize.map(|Language::English| stonechat::Language::English)
    }

    /// What does it, if asked for.
    pub fn normaliser(self) -> Option<Normaliser> {
        self.normalize.map(|Language::English| Normaliser::english())
    }
}
