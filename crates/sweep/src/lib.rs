//! Many trainings of one recipe.
//!
//! A [`Sweep`] (TOML) names a recipe and what is changed in it: a grid, a list, random draws, seeds. It amounts to
//! [`Item`]s, each a run folder of its own. [`run`] trains what is missing and goes on with what was interrupted,
//! [`collect`] makes one [`Table`] of all of them, [`plot`] draws it.
//!
//! Which items there are depends on the sweep alone, so that jobs of a cluster can each take one by its index.

#![forbid(unsafe_code)]

mod collect;
mod config;
mod error;
mod items;
mod plot;
mod random;
mod run;
mod table;

pub use collect::collect;
pub use config::{Draw, Listed, RandomDraws, Sweep};
pub use error::Error;
pub use items::Item;
pub use plot::{Plot, plot};
pub use run::{Hooks, INTERRUPTED, Outcome, State, run, state};
pub use table::Table;
