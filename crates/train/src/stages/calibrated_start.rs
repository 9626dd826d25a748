//! A stage's start by what the net hears: its maps are changed as `compress --plan --calibrate` changes them, least
//! error of their outputs on training audio first, and then trained on.
//!
//! The change is made on the package that the net amounts to, batch norm folded in. What comes back is a net with the
//! same outputs: a changed map takes the scale of its batch norm into itself, and the norm gets the mean and the
//! variance of the changed map's outputs, so that training begins where compression ended.

use std::collections::BTreeMap;

use stonechat_compress::{Calibration, LowRank, Measured, Plan, SecondMoment};
use stonechat_model::{LinearMap, Matrix, Network};

use crate::TrainError;
use crate::config::Stage;
use crate::data::{BatchConfig, Dataset};
use crate::engine::graph::Graph;
use crate::engine::layers::Frames;
use crate::engine::net::{Mode, Net, norm_of};
use crate::engine::ops::batch_norm::{EPSILON, Statistics};
use crate::engine::parameters::Parameter;
use crate::engine::tape::Tensor;
use crate::saved::export::{export, fold};
use crate::saved::trained::put_map;

/// Moves the maps of `net` as the stage's `shared_projection`, `families` and `warm_start` say, by the inputs of its maps on
/// `stage.calibrate_seconds` of `dataset`, without augmentation.
///
/// # Errors
/// Audio that cannot be read any more, a rule that cannot be met, or a weight that is not finite.
pub fn calibrated_start(
    net: &mut Net,
    stage: &Stage,
    dataset: &Dataset,
    batches: &BatchConfig,
) -> Result<(), TrainError> {
    let before = export(net)?;
    let mut inputs = Calibration::new(&before);
    hear(net, dataset, batches, stage.calibrate_seconds, &mut inputs)?;
    let whitened = |rule| LowRank { whiten: true, ..LowRank::new(rule) };
    let plan = Plan {
        families: stage.families.clone(),
        low_rank: stage.warm_start.clone().map(whitened),
        shared_projection: stage.shared_projection.clone(),
        ..Plan::default()
    };
    let after = plan.apply(&before, Measured { inputs: Some(&inputs), machine: None })?;
    adopt(net, &before, &after, &inputs.projected(&after)?)
}

/// Notes what goes into the maps of `net` on at least `seconds` of utterances from all over `dataset`.
fn hear(
    net: &Net,
    dataset: &Dataset,
    batches: &BatchConfig,
    seconds: f64,
    inputs: &mut Calibration,
) -> Result<(), TrainError> {
    let graph = Graph::new(net, false);
    for items in chosen_items(dataset, seconds).chunks(batches.max_utterances) {
        let batch = dataset.batch(items, None)?;
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let mut noted = Ok(());
        let mut note = |map: &str, x: &Tensor, frames: &Frames, delay| {
            if noted.is_ok() {
                noted = inputs.add(map, &real_rows(x, frames, delay));
            }
        };
        net.forward_observed(&graph, batch.features, frames, Mode::Inference, &mut note);
        noted?;
    }
    Ok(())
}

/// Utterances of at least `seconds`, spread evenly over the data set.
fn chosen_items(dataset: &Dataset, seconds: f64) -> Vec<usize> {
    let mean = dataset.seconds() / dataset.len() as f64;
    let wanted = ((seconds / mean).ceil() as usize).clamp(1, dataset.len());
    (0..wanted).map(|i| i * dataset.len() / wanted).collect()
}

/// The rows of real frames, one utterance after the other; with a delay, zeros and then all but the last rows.
fn real_rows(x: &[f32], frames: &Frames, delay: usize) -> Vec<f32> {
    let columns = x.len() / frames.rows();
    let mut rows = Vec::with_capacity(x.len());
    for (x, &length) in x.chunks_exact(frames.steps * columns).zip(&frames.lengths) {
        let late = delay.min(length);
        rows.resize(rows.len() + late * columns, 0.0);
        rows.extend_from_slice(&x[..(length - late) * columns]);
    }
    rows
}

/// Puts the maps in which `after` differs from `before`, the export of `net`, into `net`.
fn adopt(
    net: &mut Net,
    before: &Network,
    after: &Network,
    inputs: &Calibration,
) -> Result<(), TrainError> {
    let biases: BTreeMap<String, &Vec<f32>> =
        after.vectors().into_iter().map(|(id, v)| (after.config.vector_name(id), v)).collect();
    let row = |values: Vec<f32>| Parameter { rows: 1, columns: values.len(), values };
    net.config = after.config.clone();
    let before = before.maps();
    for new in after.maps() {
        let (name, map) = (new.name(), new.map);
        if before.iter().any(|old| old.name() == name && old.map == map) {
            continue;
        }
        put_map(net, &name, map)?;
        if name == "output" {
            net.parameters.insert("output.bias".into(), row(biases["output.bias"].to_vec()));
        }
        let Some(layer) = norm_of(&name, new.kind) else { continue };
        let outputs = outputs(map, inputs.get(&name)?)?;
        let joint = net.parameters.contains_key(&format!("{layer}.bias"));
        let shift: Vec<f32> = match joint {
            // The bias of the package stands behind the joint factor: this one stays what it was.
            true => fold(net, layer).1,
            false => biases[&format!("{name}.bias")].to_vec(),
        };
        let gamma = outputs.variance.iter().map(|v| (v + EPSILON).sqrt()).collect();
        let beta = shift.iter().zip(&outputs.mean).map(|(b, m)| b + m).collect();
        net.parameters.insert(format!("{layer}.norm.gamma"), row(gamma));
        net.parameters.insert(format!("{layer}.norm.beta"), row(beta));
        net.statistics.insert(layer.to_owned(), outputs);
    }
    Ok(())
}

/// Mean and variance of `W x` over the inputs.
fn outputs(map: &LinearMap, inputs: &SecondMoment) -> Result<Statistics, TrainError> {
    let rows = map.rows();
    let images = inputs.image(&Matrix::from_f32(rows, map.cols(), map.to_dense())?)?;
    let spread = images.centred().matrix();
    Ok(Statistics {
        mean: images.mean().iter().map(|&m| m as f32).collect(),
        variance: (0..rows).map(|i| spread[i * rows + i] as f32).collect(),
    })
}
