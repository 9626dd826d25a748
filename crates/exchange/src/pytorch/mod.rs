//! PyTorch state dicts.

mod layers;
mod names;
mod norm;
mod plan;
mod state_dict;

pub use plan::ImportPlan;
pub use state_dict::StateDict;
