//! How a network runs: in which form each linear map is multiplied, for how many vectors at a time,
//! and how long that takes on a machine.
//!
//! A [`RunPlan`] is computed once from a network and the figures of a machine. The runtime packs by
//! it, `inspect` shows it, and compression estimates times by the same rules ([`Choice::of`]), so
//! they cannot disagree. By default the machine is [`Reference::DEFAULT`], so a package runs in the
//! same forms, and gives the same bits, wherever it is loaded.

#![forbid(unsafe_code)]

mod choice;
mod dense;
mod native;
mod reference;
mod run_plan;
mod uses;

pub use choice::{Choice, Preference, Reason};
pub use dense::{multiplied_out, weights};
pub use native::RunForm;
pub use reference::Reference;
pub use run_plan::{MapPlan, RunPlan};
pub use stonechat_kernels::cost_model::Calibration as Machine;
pub use uses::{TIME_BATCH, Use, uses};
