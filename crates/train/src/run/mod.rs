//! A run: its loop, what it tells, its folder.

mod chart;
mod curves;
mod event;
mod gram_use;
mod run_folder;
mod trainer;

pub use event::{Event, Pace};
pub use gram_use::use_of;
pub use trainer::train;
