//! How a stage changes the maps it starts from: truncates them to low rank (Kliegl et al. 2017,
//! section 3), adds projections shared between layers (Prabhavalkar et al. 2016), or moves them
//! into other families, like `compress --plan`.
//!
//! With `calibrate_seconds` the change minimises the error of the maps' outputs on audio, otherwise
//! that of their weights.

use std::collections::BTreeMap;

use stonechat_compress::{Calibration, LowRank, Plan};
use stonechat_model::{Family, FamilySpec, Kind, LinearMap, MapId};

use crate::TrainError;
use crate::config::{Stage, chosen};
use crate::data::{BatchConfig, Dataset};
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::{Net, fan_in_gain};
use crate::engine::parameters::Parameter;
use crate::engine::tape::Tensor;
use crate::random;
use crate::saved::export::{at_rest, export, from_network};

/// Changes the maps of `net` by the stage's `shared_projection`, `families` and `warm_start`; with
/// `calibrate_seconds` by their inputs on that much of `dataset`, without augmentation.
///
/// # Errors
/// Audio that can no longer be read, a rule that cannot be followed, or a weight that is not
/// finite.
pub fn start(
    net: &mut Net,
    stage: &Stage,
    dataset: &Dataset,
    batches: &BatchConfig,
) -> Result<(), TrainError> {
    let inputs = match stage.calibrate_seconds > 0.0 {
        true => Some(hear(net, dataset, batches, stage.calibrate_seconds)?),
        false => None,
    };
    apply(net, stage, inputs.as_ref())
}

/// [`start`] with known inputs of the maps, or without.
pub fn apply(net: &mut Net, stage: &Stage, inputs: Option<&Calibration>) -> Result<(), TrainError> {
    let cut = |rule| LowRank { whiten: inputs.is_some(), ..LowRank::new(rule) };
    let plan = Plan {
        families: stage.families.clone(),
        low_rank: stage.warm_start.clone().map(cut),
        shared_projection: stage.shared_projection.clone(),
        ..Plan::default()
    };
    let network = plan.apply_in_training(&at_rest(net)?, inputs)?;
    let Net { characters, frozen, rounding, .. } = net.clone();
    *net = Net { characters, frozen, rounding, ..from_network(&network)? };
    Ok(())
}

/// Records the inputs of the maps of `net` on at least `seconds` of utterances from all parts of
/// `dataset`.
fn hear(
    net: &Net,
    dataset: &Dataset,
    batches: &BatchConfig,
    seconds: f64,
) -> Result<Calibration, TrainError> {
    let mut inputs = Calibration::new(&export(net)?);
    let graph = Graph::new(net, false);
    for items in chosen_items(dataset, seconds).chunks(batches.max_utterances) {
        let batch = dataset.batch(items, None)?;
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let mut noted = Ok(());
        let mut note = |map: MapId, x: &Tensor, frames: &Frames, delay| {
            if noted.is_ok() {
                noted = inputs.add(&net.config().map_name(map), &real_rows(x, frames, delay));
            }
        };
        graph.forward_observed(batch.features, frames, Mode::Inference, &mut note);
        noted?;
    }
    Ok(inputs)
}

/// Utterances of at least `seconds`, spread evenly over the data set.
fn chosen_items(dataset: &Dataset, seconds: f64) -> Vec<usize> {
    let mean = dataset.seconds() / dataset.len() as f64;
    let wanted = ((seconds / mean).ceil() as usize).clamp(1, dataset.len());
    (0..wanted).map(|i| i * dataset.len() / wanted).collect()
}

/// The rows of real frames, one utterance after another; with a delay, zeros and then all but the
/// last rows.
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

/// Gives the maps of `net` named in `choices` (keys: a map's name, or a kind) random values in
/// those families: uniform, with the deviation that gives `W` a variance of `gain / cols`.
///
/// # Errors
/// A family that does not allow the map's size.
pub fn begin_in_families(
    net: &mut Net,
    choices: &BTreeMap<String, Family>,
    seed: u64,
) -> Result<(), TrainError> {
    for map in net.config().linear_maps(net.symbols()) {
        let Some(family) = chosen(choices, &map) else { continue };
        let spec = FamilySpec::new(&map.name, family.clone(), map.rows, map.cols)?;
        if let Some(place) = net.network.map_mut(map.id()) {
            *place = fresh(spec, random::seed_for(seed, &map.name), map.kind);
        }
    }
    Ok(())
}

fn fresh(spec: FamilySpec, seed: u64, kind: Kind) -> LinearMap<Parameter> {
    let sigma = (f64::from(fan_in_gain(kind)) / spec.cols() as f64).sqrt();
    let parts = spec.parts().into_iter().zip(spec.deviations(sigma)).enumerate();
    let mut parts: Vec<Vec<f32>> = parts
        .map(|(number, (part, deviation))| {
            let seed = random::hash(seed, number as u64);
            random::uniform(seed, part.rows * part.cols, deviation as f32)
        })
        .collect();
    spec.admit(&mut parts);
    let mut parts = parts.into_iter();
    LinearMap::of_parts(spec, |part| {
        let values = parts.next().unwrap_or_default();
        Parameter { rows: part.rows, columns: part.cols, values }
    })
}
