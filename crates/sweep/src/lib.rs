//! Many trainings of one recipe.
//!
//! A [`Sweep`] (TOML) names a recipe and the changes to it: a grid, a list, random draws, seeds. It
//! expands to [`Item`]s, each with its own run folder. [`run`] trains what is missing and resumes
//! what was interrupted, [`collect`] makes one [`Table`] of all of them, [`plot`] draws it.
//!
//! The items depend only on the sweep, so that jobs of a cluster can each take one by its index.

#![forbid(unsafe_code)]

mod collect;
mod config;
mod error;
mod items;
mod plot;
mod random;
mod run;
mod table;

pub use collect::{collect, collect_epochs};
pub use config::{Draw, Listed, RandomDraws, Sweep};
pub use error::Error;
pub use items::Item;
pub use plot::{Plot, plot};
pub use run::{Hooks, INTERRUPTED, Outcome, State, run, state};
pub use table::Table;
