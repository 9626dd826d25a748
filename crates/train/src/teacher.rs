//! A trained net whose posteriors a stage's net is drawn to; see [`crate::ops::distillation`].

use std::path::PathBuf;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_model::{Alphabet, NetworkConfig};

use crate::TrainError;
use crate::graph::{Frames, Graph, to_host};
use crate::net::{Mode, Net};
use crate::trained::Trained;

/// The teacher of a stage.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// A package (`NAME.stonechat`) or a checkpoint.
    pub package: PathBuf,
    /// Share of the loss, in (0, 1]; the rest stays with CTC.
    #[serde(default = "half")]
    pub weight: f32,
    /// Both nets' logits are divided by this.
    #[serde(default = "one")]
    pub temperature: f32,
}

fn half() -> f32 {
    0.5
}
fn one() -> f32 {
    1.0
}

impl TeacherConfig {
    pub(crate) fn validate(&self) -> Result<(), String> {
        if !(self.weight > 0.0 && self.weight <= 1.0) {
            return Err(format!("teacher.weight is {}, must be in (0, 1]", self.weight));
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(format!("teacher.temperature is {}, must be positive", self.temperature));
        }
        Ok(())
    }
}

/// A teacher at work: it sees what the student sees, outside training.
#[derive(Debug)]
pub struct Teacher {
    net: Net,
    graph: Graph,
    /// From the student's normalised features to the teacher's, by `x * scale + offset`.
    renormalise: Option<(Vec<f32>, Vec<f32>)>,
}

impl Teacher {
    /// Loads the teacher for a student over `alphabet`, `features` (with their normalisation) and
    /// `network`.
    ///
    /// # Errors
    /// The file cannot be read, or the teacher has other symbols, features or frames.
    pub fn load(
        config: &TeacherConfig,
        alphabet: &Alphabet,
        features: &FeatureConfig,
        network: &NetworkConfig,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let Trained { net, alphabet: symbols, features: seen } = Trained::load(&config.package)?;
        let refuse = |what: &str| {
            let reason = format!("teaches no net with {what} than its own");
            Err(TrainError::Trained { path: config.package.clone(), reason })
        };
        if symbols != *alphabet {
            return refuse("another alphabet");
        }
        let plain = |f: &FeatureConfig| FeatureConfig { normalise: None, ..f.clone() };
        if plain(&seen) != plain(features) {
            return refuse("other features");
        }
        if net.config.time_stride() != network.time_stride() {
            return refuse("another stride in time");
        }
        let renormalise = between(features.normalise.as_ref(), seen.normalise.as_ref());
        let graph = Graph::new(&net, device, false);
        Ok(Self { net, graph, renormalise })
    }

    /// Logits for `features` as the student gets them.
    pub fn logits(&self, features: &[f32], frames: &Frames, device: &Device) -> Vec<f32> {
        let mut features = features.to_vec();
        if let Some((scale, offset)) = &self.renormalise {
            for frame in features.chunks_exact_mut(scale.len()) {
                for ((x, scale), offset) in frame.iter_mut().zip(scale).zip(offset) {
                    *x = *x * scale + offset;
                }
            }
        }
        let mode = Mode::Inference;
        to_host(self.net.forward(&self.graph, features, frames.clone(), mode, device).logits)
    }
}

/// The change from features normalised by `ours` to those normalised by `theirs`.
fn between(ours: Option<&Normalise>, theirs: Option<&Normalise>) -> Option<(Vec<f32>, Vec<f32>)> {
    if ours == theirs {
        return None;
    }
    let dim = ours.or(theirs)?.mean.len();
    let plain = Normalise { mean: vec![0.0; dim], scale: vec![1.0; dim] };
    let (ours, theirs) = (ours.unwrap_or(&plain), theirs.unwrap_or(&plain));
    let scale: Vec<f32> = theirs.scale.iter().zip(&ours.scale).map(|(t, o)| t / o).collect();
    let offset = ours.mean.iter().zip(&theirs.mean).zip(&theirs.scale);
    let offset = offset.map(|((ours, theirs), scale)| (ours - theirs) * scale).collect();
    Some((scale, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_change_from_one_normalisation_to_another() {
        let normalise = |mean: f32, scale: f32| Normalise { mean: vec![mean], scale: vec![scale] };
        let raw = 3.0;
        let seen = |n: Option<&Normalise>| n.map_or(raw, |n| (raw - n.mean[0]) * n.scale[0]);
        let all = [None, Some(normalise(1.0, 2.0)), Some(normalise(-4.0, 0.25))];
        for (ours, theirs) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            let (ours, theirs) = (ours.as_ref(), theirs.as_ref());
            let changed = match between(ours, theirs) {
                Some((scale, offset)) => seen(ours) * scale[0] + offset[0],
                None => seen(ours),
            };
            assert!((changed - seen(theirs)).abs() < 1e-5, "{ours:?} {theirs:?}: {changed}");
        }
    }
}
