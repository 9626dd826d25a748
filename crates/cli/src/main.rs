//! The `stonechat` command. One file a verb under [`verbs`].
//!
//! What holds for all of them: results go to stdout, with `--json` exactly one object and nothing
//! else; logs and progress go to stderr; the exit status is 0 for done, 1 for failed, 2 for usage,
//! 75 for a training that was stopped and goes on with `--resume`.
//!
//! What recognises is always there. The [workshop](verbs::workshop), all that makes models, comes with the feature
//! `full`, which takes longer to compile.

#![forbid(unsafe_code)]

mod audio_source;
#[cfg(feature = "full")]
mod calibration;
#[cfg(feature = "full")]
mod change;
mod decoder_args;
mod failure;
mod grammar_args;
mod inputs;
mod interrupt;
mod kinds;
mod language_model;
mod memory;
#[cfg(feature = "microphone")]
mod microphone;
mod model_file;
mod normalise;
mod output;
mod partial_line;
#[cfg(feature = "mpi")]
mod processes;
mod progress;
mod recordings;
mod settings_args;
mod tuning;
mod verbs;
mod voice_args;

use std::process::ExitCode;

use clap::Parser;

/// Trains, compresses and runs small streaming speech recognizers.
#[derive(Parser)]
#[command(name = "stonechat", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
    #[command(flatten)]
    tuning: tuning::TuningArg,
}

fn main() -> ExitCode {
    let Cli { verb, tuning } = Cli::parse();
    match tuning.install().and_then(|()| verb.run()) {
        Ok(verdict) => verdict.into(),
        Err(error) => failure::report(&error),
    }
}
