//! Penalties on the large weights and what they do to them (Kliegl et al. 2017, section 3).
//!
//! `l2` on `W`, or on both factors of `W = U V`, where it is the trace norm in disguise:
//! `|W|_* = min over W = U V of (|U|^2 + |V|^2) / 2` (Lemma 1). On the parts `G`, `H` of a Toeplitz-like map it is,
//! in the same way, the trace norm of the displacement `Z_1 M - M Z_{-1}`, up to a factor.

use serde::{Deserialize, Serialize};
use stonechat_model::Kind;

use crate::TrainError;
use crate::net::Net;
use crate::parameters::{Gradients, Parameters};
use crate::recipe::{Regulariser, Stage};

/// Adds the penalty's gradient to `gradients` and returns the penalty.
pub fn penalise(stage: &Stage, parameters: &Parameters, gradients: &mut Gradients) -> f64 {
    if stage.regulariser == Regulariser::None {
        return 0.0;
    }
    let mut penalty = 0.0;
    for (name, parameter) in parameters {
        let lambda = strength(stage, name);
        if lambda == 0.0 {
            continue;
        }
        let Some(gradient) = gradients.get_mut(name) else { continue };
        let mut square = 0.0;
        for (g, w) in gradient.iter_mut().zip(&parameter.values) {
            *g += lambda as f32 * w;
            square += f64::from(*w) * f64::from(*w);
        }
        penalty += 0.5 * lambda * square;
    }
    penalty
}

/// The lambda of the parameter `name`: recurrent and non-recurrent weights have their own. The fully
/// connected layer counts as non-recurrent, projections and joint left factors as recurrent; convolutions and output
/// are free.
fn strength(stage: &Stage, name: &str) -> f64 {
    let Some((map, _)) = name.rsplit_once('.') else { return 0.0 };
    if [".rec", ".proj", ".joint"].iter().any(|end| map.ends_with(end)) {
        stage.lambda_rec
    } else if map.ends_with(".nonrec") || map == "fc" {
        stage.lambda_nonrec
    } else {
        0.0
    }
}

/// What one large weight looks like.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Map, as in the package.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Trainable values.
    pub parameters: usize,
    /// Normalised trace norm, 0 (rank 1) to 1 (all singular values equal); definition 1 with its erratum.
    pub nu: f64,
    /// Rank that keeps 90 % of the sum of squared singular values.
    pub rank90: usize,
}

/// Diagnoses every recurrent, non-recurrent and fully connected weight.
///
/// # Errors
/// A weight that is not finite.
pub fn diagnose(net: &Net) -> Result<Vec<Diagnosis>, TrainError> {
    let maps = net.config.linear_maps(net.symbols);
    maps.iter()
        .filter(|map| !matches!(map.kind, Kind::Conv | Kind::Output))
        .map(|map| {
            let sigma = stonechat_compress::singular_values(
                &net.dense(&map.name).values,
                map.rows,
                map.cols,
            )?;
            Ok(Diagnosis {
                name: map.name.clone(),
                rows: map.rows,
                cols: map.cols,
                parameters: net.parts(&map.name).map(|(_, p)| p.values.len()).sum(),
                nu: stonechat_compress::nu(&sigma, map.rows.min(map.cols)),
                rank90: stonechat_compress::rank_at_variance(&sigma, 0.9),
            })
        })
        .collect()
}
