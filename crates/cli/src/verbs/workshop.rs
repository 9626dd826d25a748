//! The verbs that make models. A build without the feature `full` knows their names and says how to get them.

use anyhow::Result;
use clap::Subcommand;

use crate::failure::Verdict;

#[cfg(feature = "full")]
use super::{compress, data, export, import, lm, pack, quantize, sweep, train};

/// The verbs with their arguments.
#[cfg(feature = "full")]
#[derive(Subcommand)]
pub enum Workshop {
    /// Train a model by a recipe
    Train(train::Train),
    /// Run many trainings of one recipe, and make a table and plots of them
    Sweep(sweep::Sweep),
    /// Cut a model's weights to low rank
    Compress(compress::Compress),
    /// Turn a model's weights into int8
    Quantize(quantize::Quantize),
    /// Put a model and its language model into one file
    Pack(pack::Pack),
    /// Turn the weights of a PyTorch network into a model
    Import(import::Import),
    /// Turn a model into ONNX
    Export(export::Export),
    /// Build, inspect and query language models
    #[command(subcommand)]
    Lm(lm::Lm),
    /// Make, check and judge training data
    #[command(subcommand)]
    Data(data::Data),
}

#[cfg(feature = "full")]
impl Workshop {
    pub fn run(self) -> Result<Verdict> {
        match self {
            Workshop::Train(verb) => verb.run(),
            Workshop::Sweep(verb) => verb.run(),
            Workshop::Compress(verb) => verb.run(),
            Workshop::Quantize(verb) => verb.run(),
            Workshop::Pack(verb) => verb.run(),
            Workshop::Import(verb) => verb.run(),
            Workshop::Export(verb) => verb.run(),
            Workshop::Lm(verb) => verb.run(),
            Workshop::Data(verb) => verb.run(),
        }
    }
}

/// Their names.
#[cfg(not(feature = "full"))]
#[derive(Subcommand)]
pub enum Workshop {
    /// (not in this build) Train a model by a recipe
    Train(Rest),
    /// (not in this build) Run many trainings of one recipe, and make a table and plots of them
    Sweep(Rest),
    /// (not in this build) Cut a model's weights to low rank
    Compress(Rest),
    /// (not in this build) Turn a model's weights into int8
    Quantize(Rest),
    /// (not in this build) Put a model and its language model into one file
    Pack(Rest),
    /// (not in this build) Turn the weights of a PyTorch network into a model
    Import(Rest),
    /// (not in this build) Turn a model into ONNX
    Export(Rest),
    /// (not in this build) Make, look at and ask language models
    Lm(Rest),
    /// (not in this build) Make, check and judge training data
    Data(Rest),
}

/// Arguments, ignored.
#[cfg(not(feature = "full"))]
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Rest {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<std::ffi::OsString>,
}

#[cfg(not(feature = "full"))]
impl Workshop {
    pub fn run(self) -> Result<Verdict> {
        Err(crate::failure::usage(
            "this build of stonechat recognises only; what makes models comes with\n  \
             cargo install --path crates/cli --features full",
        ))
    }
}
