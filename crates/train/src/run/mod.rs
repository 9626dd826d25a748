//! A run: its loop, its events, its folder.

mod batch_work;
mod curves;
mod event;
mod gram_use;
mod left_out;
mod open_data;
mod options;
mod recipe_change;
mod run_folder;
mod run_lock;
mod trainer;

pub use event::{Event, Pace};
pub use gram_use::use_of;
pub use options::Options;
pub use run_folder::RunFolder;
pub use trainer::{train, train_with};
