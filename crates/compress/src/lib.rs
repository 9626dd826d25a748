//! Model in, smaller model out.
//!
//! - [`Svd`]: singular value decomposition of a matrix or of any linear map; [`truncated_svd`]
//!   gives the balanced factors from which stage 2 of trace-norm training starts.
//! - [`nu`], [`rank_at_variance`] and [`EffectiveRank`]: how close a matrix or a map is to low
//!   rank; [`RankRule`] uses them to choose ranks.
//! - [`displacement_singular_values`]: how close it is to low displacement rank.
//! - [`project`]: moves a matrix into any family of linear maps.
//! - [`low_rank`]: a network with its maps factored.
//! - [`quantize`](fn@quantize): a network with int8 or int4 weights; [`quantize_calibrated`]: the
//!   same, using the inputs of each map.
//! - [`Calibration`]: statistics of the inputs of each map on real audio, for calibrated
//!   compression.
//! - [`shared_projection`]: a network whose recurrent layers share a factor with the layer above.
//! - [`Plan`]: all of this as a TOML file, for a network at rest or in training.
//!
//! After Kliegl et al. 2017, "Trace norm regularization and faster inference for embedded speech
//! recognition RNNs" (arXiv 1710.09026), and Prabhavalkar et al. 2016 (arXiv 1603.08042). All
//! decompositions are computed in `f64`.
#![forbid(unsafe_code)]

mod allocate;
mod auto;
mod calibrated;
mod calibration;
mod correct;
mod cost;
mod damage;
mod displacement;
mod effective_rank;
mod error;
mod families;
mod floats;
mod gptq;
mod in_training;
mod plan;
mod project;
mod quantize;
mod rank;
mod shared_projection;
mod svd;
mod warm_start;
mod whiten;

pub use allocate::{Budget, Choice, Cost, allocate};
pub use auto::{Chosen, Form, Point, Step, Study};
pub use calibrated::quantize_calibrated;
pub use calibration::{Calibration, SecondMoment};
pub use correct::correct;
pub use cost::{Place, Pricing, Storage};
pub use damage::{MapDamage, map_damage};
pub use displacement::{displacement_rank90, displacement_singular_values};
pub use effective_rank::EffectiveRank;
pub use error::Error;
pub use families::change_families;
pub use floats::floats;
pub use gptq::gptq;
pub use plan::Plan;
pub use project::{Projection, project};
pub use quantize::{Bits, Quantize, quantize, quantize_int8};
pub use rank::{RankRule, Spectrum, nu, rank_at_variance};
pub use shared_projection::{
    Basis, SharedFactors, SharedProjection, basis_svd, name_above, projectable_layers,
    shared_factors, shared_projection,
};
pub use svd::{Svd, singular_values, singular_values_of, truncated_svd};
pub use warm_start::{LowRank, Measured, low_rank};
pub use whiten::{DAMPING, output_error};

/// The measured speed of the kernels on a machine, for budgets of time.
pub use stonechat_plan::Machine;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
