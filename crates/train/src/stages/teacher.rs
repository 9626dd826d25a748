//! A trained net that teaches the net of a stage by its posteriors; see
//! [`crate::engine::ops::distillation`].

use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_model::{Alphabet, NetworkConfig};

use crate::TrainError;
use crate::config::TeacherConfig;
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::saved::trained::Trained;

/// A teacher at work: it gets the same input as the student, outside training.
#[derive(Debug)]
pub struct Teacher {
    graph: Graph,
    /// From the student's normalised features to the teacher's, by `x * scale + offset`.
    renormalise: Option<(Vec<f32>, Vec<f32>)>,
}

impl Teacher {
    /// Loads the teacher for a student with `alphabet`, `features` (with their normalisation) and
    /// `network`.
    ///
    /// # Errors
    /// The file cannot be read, or the teacher has other symbols, features or frames.
    pub fn load(
        config: &TeacherConfig,
        alphabet: &Alphabet,
        features: &FeatureConfig,
        network: &NetworkConfig,
    ) -> Result<Self, TrainError> {
        let Trained { net, alphabet: symbols, features: seen } = Trained::load(&config.package)?;
        let refuse = |what: &str| {
            let reason = format!("cannot teach a net with {what}");
            Err(TrainError::Trained { path: config.package.clone(), reason })
        };
        if symbols != *alphabet {
            return refuse("another alphabet");
        }
        let plain = |f: &FeatureConfig| FeatureConfig { normalise: None, ..f.clone() };
        if plain(&seen) != plain(features) {
            return refuse("other features");
        }
        if net.config().time_stride() != network.time_stride() {
            return refuse("another stride in time");
        }
        let renormalise = between(features.normalise.as_ref(), seen.normalise.as_ref());
        let graph = Graph::new(&net, false);
        Ok(Self { graph, renormalise })
    }

    /// Logits for `features`, normalised for the student.
    pub fn logits(&self, features: &[f32], frames: &Frames) -> Vec<f32> {
        let mut features = features.to_vec();
        if let Some((scale, offset)) = &self.renormalise {
            for frame in features.chunks_exact_mut(scale.len()) {
                for ((x, scale), offset) in frame.iter_mut().zip(scale).zip(offset) {
                    *x = *x * scale + offset;
                }
            }
        }
        self.graph.forward(features, frames.clone(), Mode::Inference).logits.into_vec()
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
