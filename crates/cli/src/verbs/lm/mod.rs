//! `stonechat lm`: n-gram language models, from text to a packed file and back.

mod build;
mod count;
mod file;
mod info;
mod merge;
mod mix;
mod perplexity;
mod prune;
mod quantize;
mod query;
pub(super) mod size;

use anyhow::Result;
use clap::Subcommand;

use crate::failure::Verdict;

#[derive(Subcommand)]
pub enum Lm {
    /// Estimate a model from text: interpolated modified Kneser-Ney
    Build(build::Build),
    /// Count the n-grams of a part of a text, to be put together by `lm merge`
    Count(count::Count),
    /// Estimate the model of counted parts of a text: the same as `lm build` of the whole
    Merge(merge::Merge),
    /// Leave out the n-grams that matter least
    Prune(prune::Prune),
    /// Write a model with other widths, or in the other format
    Quantize(quantize::Quantize),
    /// Interpolate two models
    Mix(mix::Mix),
    /// Show what a model is made of
    Info(info::Info),
    /// Score sentences word by word
    Query(query::Query),
    /// Measure how well a model foretells a text
    Perplexity(perplexity::Measure),
}

impl Lm {
    pub fn run(self) -> Result<Verdict> {
        match self {
            Lm::Build(verb) => verb.run(),
            Lm::Count(verb) => verb.run(),
            Lm::Merge(verb) => verb.run(),
            Lm::Prune(verb) => verb.run(),
            Lm::Quantize(verb) => verb.run(),
            Lm::Mix(verb) => verb.run(),
            Lm::Info(verb) => verb.run(),
            Lm::Query(verb) => verb.run(),
            Lm::Perplexity(verb) => verb.run(),
        }
    }
}
