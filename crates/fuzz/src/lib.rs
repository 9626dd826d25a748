//! Everything that reads bytes from anywhere, as targets of a fuzzer.
//!
//! A [`Target`] takes any bytes and panics where what comes of them does not hold together; [`trial`] runs it and holds it
//! to the limits that `docs/reliability.md` promises: a second of the processor, and four times the input and 16 MB of
//! memory. Three things run them: libFuzzer (`libfuzzer/`), `examples/drive.rs` for as many seconds as it is told, and a
//! test, the last two with inputs of the [`corpus`] that [`damage()`] has changed. `examples/make_corpus.rs` writes what is in
//! `corpus/`.

#![forbid(unsafe_code)]

pub mod corpus;
mod damage;
mod limits;
mod targets;

pub use damage::damage;
pub use limits::{Spent, trial};
pub use targets::{TARGETS, Target, with_checksums};

/// Counts what a target allocates.
#[global_allocator]
static ALLOCATOR: stonechat_testing::Counting = stonechat_testing::Counting;
