//! The verbs, one file each: its arguments, what it does, what it prints.

mod bench;
mod doctor;
mod eval;
mod inspect;
mod listen;
#[cfg_attr(not(feature = "serve"), path = "no_serve.rs")]
mod serve;
mod spot;
mod transcribe;
pub mod workshop;

#[cfg(feature = "full")]
mod compress;
#[cfg(feature = "full")]
mod data;
#[cfg(feature = "full")]
mod export;
#[cfg(feature = "full")]
mod import;
#[cfg(feature = "full")]
mod lm;
#[cfg(feature = "full")]
mod pack;
#[cfg(feature = "full")]
mod quantize;
#[cfg(feature = "full")]
mod sweep;
#[cfg(feature = "full")]
mod train;

use anyhow::Result;
use clap::Subcommand;

use crate::failure::Verdict;

#[derive(Subcommand)]
pub enum Verb {
    /// Turn speech into text, as text, JSON, SubRip or WebVTT
    Transcribe(transcribe::Transcribe),
    /// Turn speech into text while it is being said: raw PCM on stdin
    Listen(listen::Listen),
    Serve(serve::Serve),
    /// Find words and phrases in audio
    Spot(spot::Spot),
    /// Measure word and character error rates on a manifest
    Eval(eval::Eval),
    /// Measure speed, latency and memory
    Bench(bench::Bench),
    /// Show what a bug report needs, and test that the program works here
    Doctor(doctor::Doctor),
    /// Show what a model is made of
    Inspect(inspect::Inspect),
    #[command(flatten)]
    Workshop(workshop::Workshop),
}

impl Verb {
    pub fn run(self) -> Result<Verdict> {
        match self {
            Verb::Transcribe(verb) => verb.run(),
            Verb::Listen(verb) => verb.run(),
            Verb::Serve(verb) => verb.run(),
            Verb::Spot(verb) => verb.run(),
            Verb::Eval(verb) => verb.run(),
            Verb::Bench(verb) => verb.run(),
            Verb::Doctor(verb) => verb.run(),
            Verb::Inspect(verb) => verb.run(),
            Verb::Workshop(verb) => verb.run(),
        }
    }
}
