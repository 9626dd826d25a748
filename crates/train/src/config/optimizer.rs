//! The optimiser of a stage.

use serde::{Deserialize, Serialize};

/// The optimiser and its constants.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Stochastic gradient descent with Nesterov momentum.
    Sgd {
        /// Share of the velocity kept in each step.
        #[serde(default = "momentum")]
        momentum: f32,
    },
    /// Adam (Kingma and Ba 2015); with `weight_decay` AdamW (Loshchilov and Hutter 2019).
    Adam {
        /// Decay of the running mean of the gradient.
        #[serde(default = "beta1")]
        beta1: f32,
        /// Decay of the running mean of its square.
        #[serde(default = "beta2")]
        beta2: f32,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// Decoupled weight decay, multiplied by the learning rate; on matrices only.
        #[serde(default)]
        weight_decay: f32,
    },
}

fn momentum() -> f32 {
    0.99
}
fn beta1() -> f32 {
    0.9
}
fn beta2() -> f32 {
    0.98
}
fn epsilon() -> f32 {
    1e-8
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam { beta1: beta1(), beta2: beta2(), epsilon: epsilon(), weight_decay: 0.0 }
    }
}
