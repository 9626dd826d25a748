//! The verbs, one file each: its arguments, what it does, what it prints.

mod bench;
mod compress;
mod data;
mod doctor;
mod eval;
mod export;
mod import;
mod inspect;
mod listen;
pub mod lm;
mod pack;
mod quantize;
mod spot;
#[cfg(feature = "train")]
mod sweep;
#[cfg(feature = "train")]
mod train;
mod transcribe;

use anyhow::Result;
use clap::Subcommand;

use crate::failure::Verdict;

#[derive(Subcommand)]
pub enum Verb {
    /// Turn speech into text, as text, JSON, SubRip or WebVTT
    Transcribe(transcribe::Transcribe),
    /// Turn speech into text while it is being said: raw PCM on stdin
    Listen(listen::Listen),
    /// Find words and phrases in audio
    Spot(spot::Spot),
    /// Measure word and character error rates on a manifest
    Eval(eval::Eval),
    /// Measure speed, latency and memory
    Bench(bench::Bench),
    /// Say what a report of a fault needs, and whether the program works here
    Doctor(doctor::Doctor),
    /// Show what a model is made of
    Inspect(inspect::Inspect),
    /// Train a model by a recipe
    #[cfg(feature = "train")]
    Train(train::Train),
    /// Run many trainings of one recipe, and make a table and plots of them
    #[cfg(feature = "train")]
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
    /// Make, look at and ask language models
    #[command(subcommand)]
    Lm(lm::Lm),
    /// Make, check and judge training data
    #[command(subcommand)]
    Data(data::Data),
}

impl Verb {
    pub fn run(self) -> Result<Verdict> {
        match self {
            Verb::Transcribe(verb) => verb.run(),
            Verb::Listen(verb) => verb.run(),
            Verb::Spot(verb) => verb.run(),
            Verb::Eval(verb) => verb.run(),
            Verb::Bench(verb) => verb.run(),
            Verb::Doctor(verb) => verb.run(),
            Verb::Inspect(verb) => verb.run(),
            #[cfg(feature = "train")]
            Verb::Train(verb) => verb.run(),
            #[cfg(feature = "train")]
            Verb::Sweep(verb) => verb.run(),
            Verb::Compress(verb) => verb.run(),
            Verb::Quantize(verb) => verb.run(),
            Verb::Pack(verb) => verb.run(),
            Verb::Import(verb) => verb.run(),
            Verb::Export(verb) => verb.run(),
            Verb::Lm(verb) => verb.run(),
            Verb::Data(verb) => verb.run(),
        }
    }
}
