//! One stage of a recipe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stonechat_compress::{RankRule, SharedProjection};
use stonechat_model::Family;

use super::optimizer::OptimizerConfig;
use super::prune::Prune;
use super::rounding::Rounding;
use super::schedule::Decay;
use super::teacher::TeacherConfig;
use super::until::Until;

/// One stage of training.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name, used for files.
    pub name: String,
    /// The most passes over the training set.
    pub epochs: usize,
    /// Ends the stage early.
    #[serde(default)]
    pub until: Option<Until>,
    /// How the large weights are parametrised (first stage only).
    #[serde(default)]
    pub parametrisation: Parametrisation,
    /// Truncates the weights of the previous stage to low rank (Kliegl et al. 2017, section 3).
    #[serde(default)]
    pub warm_start: Option<RankRule>,
    /// Gives the recurrent layers of the previous stage projections that the layers above share
    /// (Prabhavalkar et al. 2016), before `warm_start` is applied.
    #[serde(default)]
    pub shared_projection: Option<SharedProjection>,
    /// Families into which maps are moved when the stage begins, by a map's name (`gru.0.rec`) or
    /// for all of a kind (`recurrent`, `nonrecurrent`, `fully_connected`, `output`): `{ family =
    /// "toeplitz_like", rank = 4 }`. The first stage starts them from random values, or fits them
    /// to the weights of `init`; a later one fits them to the weights of the previous stage.
    #[serde(default)]
    pub families: BTreeMap<String, Family>,
    /// Seconds of training audio for calibration. If more than 0, `families`, `warm_start` and
    /// `shared_projection` keep what matters for the outputs of the net on that audio, like
    /// `compress --calibrate`, rather than what is large in the weights.
    #[serde(default)]
    pub calibrate_seconds: f64,
    /// Penalty on the weights.
    #[serde(default)]
    pub regulariser: Regulariser,
    /// Strength on the recurrent weights.
    #[serde(default)]
    pub lambda_rec: f64,
    /// Strength on the non-recurrent and fully connected weights.
    #[serde(default)]
    pub lambda_nonrec: f64,
    /// Rows and columns of a block of [`Regulariser::GroupLasso`].
    #[serde(default = "block")]
    pub block: [usize; 2],
    /// A trained net that teaches this one by its posteriors.
    #[serde(default)]
    pub teacher: Option<TeacherConfig>,
    /// Share of the loss, in [0, 1), that is plain CTC over a second output layer for the
    /// characters alone, which is not in the package; for Gram-CTC (Liu et al. 2017, "joint
    /// training").
    #[serde(default)]
    pub joint_ctc: f32,
    /// The optimiser.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The learning rate.
    pub rate: Rate,
    /// Factor of `rate` for the parts of structured maps (0.25 in Sindhwani et al. 2015). If
    /// absent, it is chosen by how much further a step of the parts moves their matrix than a step
    /// of its own entries would: see `stages/part_rates.rs`.
    #[serde(default)]
    pub structured_rate: Option<f64>,
    /// Epochs of linear warm-up.
    #[serde(default)]
    pub warmup_epochs: f64,
    /// How the learning rate falls.
    #[serde(default)]
    pub decay: Decay,
    /// Largest global norm of the gradient.
    #[serde(default = "clip_norm")]
    pub clip_norm: f64,
    /// Share of activations dropped below each recurrent and fully connected layer.
    #[serde(default)]
    pub dropout: f32,
    /// Weight of the divergence between two differently masked views of each utterance (CR-CTC, Yao
    /// et al. 2024, who use 0.2); 0 means one view. A step costs twice as much for the same number
    /// of utterances.
    #[serde(default)]
    pub consistency: f32,
    /// Trains for integer weights and activations: the stage's package has integer weights. Older
    /// recipes spell the key `quantise`.
    #[serde(default, alias = "quantise")]
    pub quantize: Option<Rounding>,
    /// Makes weights zero during the stage. A later stage keeps them at zero only if it has its own
    /// `prune`.
    #[serde(default)]
    pub prune: Option<Prune>,
    /// Decay of the moving average of the weights that is evaluated and exported; 0 means no
    /// average.
    #[serde(default)]
    pub average: f32,
}

/// The learning rate of a stage.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Rate {
    /// A number.
    Value(f64),
    /// A multiple of the last rate of the previous stage (3 in Kliegl et al. 2017, section 3.2.2).
    TimesFinal {
        /// The factor.
        times_final: f64,
    },
    /// The schedule of the previous stage continues as if both were one stage (section 3.2.3).
    Continue {
        /// Must be true.
        continue_schedule: bool,
    },
}

/// The penalty added to the loss.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulariser {
    /// None.
    #[default]
    None,
    /// `lambda / 2 |W|^2`.
    L2,
    /// `lambda / 2 (|U|^2 + |V|^2)`, which is lambda times the trace norm of `U V` at its minimum.
    TraceNorm,
    /// `lambda sum over blocks of sqrt(size) |block|` on W (Yuan & Lin 2006): blocks become zero.
    GroupLasso,
}

/// How stage 1 parametrises the large weights.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parametrisation {
    /// One matrix each.
    #[default]
    Dense,
    /// `U V` with the full inner size `min(rows, columns)`, for trace-norm training.
    Factored,
}

fn clip_norm() -> f64 {
    400.0
}
fn block() -> [usize; 2] {
    [8, 8]
}
