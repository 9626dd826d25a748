//! Whether the rank of a factored net is large enough: the criterion of Ciliberto et al. 2017 for
//! `l(UV) + lambda/2 (|U|^2 + |V|^2)`. A stationary point of a convex `l` is the global one if and
//! only if the operator norm of the gradient with respect to `W = UV` is at most lambda.
//!
//! A net's loss is not convex, so the ratio of the two is only a diagnostic.

use std::collections::BTreeMap;

use stonechat_compress::singular_values;
use stonechat_model::ParameterId;

use crate::TrainError;
use crate::config::Stage;
use crate::data::{BatchConfig, Dataset};
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::loss::recognition;
use crate::engine::net::{Net, dense, dense_view};
use crate::engine::parameters::{Gradients, Place};
use crate::stages::penalty::strength;

/// Number of batches for the mean gradient: what they share is the gradient, the rest is noise that
/// makes the ratio larger.
const BATCHES: usize = 4;

/// `|gradient|_op / lambda`, by name, of every map that `stage` holds as factors with a penalty.
///
/// # Errors
/// Audio that can no longer be read, or a gradient that is not finite.
pub fn optimality(
    net: &Net,
    stage: &Stage,
    dataset: &Dataset,
    batches: &BatchConfig,
) -> Result<BTreeMap<String, f64>, TrainError> {
    let mut net = net.clone();
    let mut lambdas = Vec::new();
    for (id, map) in net.network.maps_mut() {
        let lambda = strength(stage, id.kind);
        if lambda > 0.0 && map.factors().is_some() {
            *map = dense(dense_view(map));
            lambdas.push((id, lambda, map.rows(), map.cols()));
        }
    }
    let plan = dataset.plan(&BatchConfig { sorta_grad: true, ..batches.clone() }, 0, 0, None);
    let mut sum = Gradients::new();
    let mut utterances = 0;
    // Of all lengths.
    for items in plan.iter().step_by(plan.len().div_ceil(BATCHES).max(1)) {
        let batch = dataset.batch(items, None)?;
        let graph = Graph::new(&net, true);
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let mode = Mode::Training { dropout: 0.0, seed: 0 };
        let output = graph.forward(batch.features, frames, mode);
        let loss = recognition(dataset.targets(), &output, &batch.labels);
        for (place, gradient) in graph.gradients([(output.logits, loss.gradient)]) {
            let sum = sum.entry(place).or_insert_with(|| vec![0.0; gradient.len()]);
            sum.iter_mut().zip(gradient).for_each(|(s, g)| *s += g);
        }
        utterances += loss.losses.len();
    }
    lambdas
        .into_iter()
        .map(|(id, lambda, rows, cols)| {
            let gradient = &sum[&Place::Network(ParameterId::Part(id, 0))];
            let largest = singular_values(gradient, rows, cols)?[0];
            let ratio = largest / (utterances.max(1) as f64 * lambda);
            Ok((net.config().map_name(id), ratio))
        })
        .collect()
}
