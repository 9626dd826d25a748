//! Checkpoints: one safetensors file with everything needed to resume a run exactly.
//!
//! Tensors: `parameter/NAME`, `average/NAME`, `first/NAME`, `second/NAME` (optimiser),
//! `mean/LAYER`, `variance/LAYER` (running statistics). Metadata: [`Progress`], the families of
//! structured maps, the recurrent layers and the resolved recipe, as JSON. It is written beside the
//! old file and renamed over it, so that one of the two is always intact.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use stonechat_audio::Normalise;
use stonechat_kinds::FileKind;
use stonechat_model::{Family, RecurrentConfig};

use super::checksum;
use crate::TrainError;
use crate::engine::evaluate::Evaluation;
use crate::engine::ops::batch_norm::Statistics;
use crate::engine::parameters::Parameter;

/// Metadata key for the order of the taps of filters, and the order in new files.
const FILTERS: &str = "filters";
const TIME_FIRST: &str = "time_first";

/// The progress of a run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Progress {
    /// Index of the stage.
    pub stage: usize,
    /// Whether the stage's warm start is done.
    #[serde(default)]
    pub begun: bool,
    /// Whole epochs done in the stage.
    pub epoch: usize,
    /// Batches done in the epoch.
    pub batch: usize,
    /// Steps done in the run.
    pub step: u64,
    /// Learning rate of the last step.
    pub rate: f64,
    /// Feature normalisation fitted on the training set.
    pub normalise: Option<Normalise>,
    /// Whether the batch norms keep their statistics (in a run that started from a package).
    #[serde(default)]
    pub frozen: bool,
    /// Best development result of the stage.
    pub best: Option<Evaluation>,
    /// Epochs that the earlier stages took.
    #[serde(default)]
    pub ended: Vec<usize>,
    /// The measures for the stage's `until`, for each epoch and large weight.
    #[serde(default)]
    pub settling: Vec<Vec<f64>>,
    /// The final pruning thresholds of the stage, by the kind of map.
    #[serde(default)]
    pub prune_targets: BTreeMap<String, f64>,
    /// Factors of the learning rate for parts of structured maps; see
    /// [`crate::stages::part_rates`].
    #[serde(default)]
    pub part_rates: BTreeMap<String, f64>,
    /// Running sum of losses and utterances of the epoch so far.
    pub epoch_loss: (f64, usize),
}

/// A run at one moment, by the names in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its progress.
    pub progress: Progress,
    /// Trainable values.
    pub parameters: BTreeMap<String, Parameter>,
    /// Their moving average; empty if the stage keeps none.
    pub average: BTreeMap<String, Parameter>,
    /// Running statistics of the batch norms.
    pub statistics: BTreeMap<String, Statistics>,
    /// Optimiser.
    pub optimizer: Moments,
    /// Families of the structured maps.
    pub families: BTreeMap<String, Family>,
    /// The recurrent layers, including projections that a warm start added.
    pub recurrent: Vec<RecurrentConfig>,
    /// Whether the filters of convolutions have the time outside, as in the package. Old
    /// checkpoints have the frequency there.
    pub time_first: bool,
}

/// The state of the optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Steps taken in the stage.
    pub steps: u64,
    /// First moment of each parameter.
    pub first: BTreeMap<String, Vec<f32>>,
    /// Second moment.
    pub second: BTreeMap<String, Vec<f32>>,
}

/// A borrowed matrix in the form that safetensors needs.
struct Tensor<'a>(&'a [f32], [usize; 2]);

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.1
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
    fn data_len(&self) -> usize {
        4 * self.0.len()
    }
}

impl Checkpoint {
    /// Writes the checkpoint to `path`, completely or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path, recipe: &str) -> Result<(), TrainError> {
        let mut tensors = Vec::new();
        for (kind, parameters) in [("parameter", &self.parameters), ("average", &self.average)] {
            for (name, p) in parameters {
                tensors.push((format!("{kind}/{name}"), Tensor(&p.values, [p.rows, p.columns])));
            }
        }
        for (kind, moments) in
            [("first", &self.optimizer.first), ("second", &self.optimizer.second)]
        {
            for (name, m) in moments {
                tensors.push((format!("{kind}/{name}"), Tensor(m, [1, m.len()])));
            }
        }
        for (layer, s) in &self.statistics {
            tensors.push((format!("mean/{layer}"), Tensor(&s.mean, [1, s.mean.len()])));
            tensors.push((format!("variance/{layer}"), Tensor(&s.variance, [1, s.variance.len()])));
        }
        let progress = serde_json::to_string(&self.progress).map_err(|e| wrong(path, e))?;
        let families = serde_json::to_string(&self.families).map_err(|e| wrong(path, e))?;
        let recurrent = serde_json::to_string(&self.recurrent).map_err(|e| wrong(path, e))?;
        let mut metadata = HashMap::from([
            ("progress".to_owned(), progress),
            ("families".to_owned(), families),
            ("recurrent".to_owned(), recurrent),
            ("optimizer_steps".to_owned(), self.optimizer.steps.to_string()),
            ("recipe".to_owned(), recipe.to_owned()),
            (FILTERS.to_owned(), TIME_FIRST.to_owned()),
        ]);
        let parts = tensors.iter().map(|(name, tensor)| (&name[..], tensor.shape(), tensor.data()));
        metadata.insert(checksum::KEY.to_owned(), checksum::of(&metadata, parts));
        let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| wrong(path, e))?;
        Ok(stonechat_files::write(path, &bytes)?)
    }

    /// Reads a checkpoint and the recipe it was made with.
    ///
    /// # Errors
    /// The file cannot be read or is not a checkpoint.
    pub fn load(path: &Path) -> Result<(Self, String), TrainError> {
        let bytes =
            fs::read(path).map_err(|e| TrainError::Io { path: path.to_owned(), source: e })?;
        let damaged = |reason: &dyn std::fmt::Display| match FileKind::of(&bytes) {
            FileKind::Checkpoint
            | FileKind::Safetensors
            | FileKind::Unknown(_)
            | FileKind::Zeros
            | FileKind::Empty => wrong(
                path,
                format!(
                    "damaged or truncated ({} bytes: {reason}); previous.safetensors beside it can replace it",
                    bytes.len()
                ),
            ),
            kind => wrong(path, format!("this seems to be {kind}")),
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(&e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| {
            metadata.get(key).ok_or_else(|| wrong(path, format!("metadata {key} is missing")))
        };
        let mut checkpoint = Self {
            progress: serde_json::from_str(entry("progress")?).map_err(|e| wrong(path, e))?,
            parameters: BTreeMap::new(),
            average: BTreeMap::new(),
            statistics: BTreeMap::new(),
            optimizer: Moments {
                steps: entry("optimizer_steps")?.parse().map_err(|e| wrong(path, e))?,
                ..Moments::default()
            },
            families: match metadata.get("families") {
                Some(families) => serde_json::from_str(families).map_err(|e| wrong(path, e))?,
                None => BTreeMap::new(),
            },
            recurrent: match metadata.get("recurrent") {
                Some(layers) => serde_json::from_str(layers).map_err(|e| wrong(path, e))?,
                None => Vec::new(),
            },
            time_first: metadata.get(FILTERS).is_some_and(|order| order == TIME_FIRST),
        };
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(&e))?;
        if !checksum::holds(&metadata, &tensors) {
            return Err(damaged(&"its checksum is wrong"));
        }
        let mut variances = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            let shape = view.shape().to_vec();
            let [rows, columns] = shape[..] else {
                return Err(wrong(path, format!("{name} is not a matrix")));
            };
            if view.dtype() != Dtype::F32 {
                return Err(wrong(path, format!("{name} is not F32")));
            }
            let values: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            if !checkpoint.add(&name, [rows, columns], values, &mut variances) {
                return Err(wrong(path, format!("{name} is not part of a checkpoint")));
            }
        }
        for (layer, statistics) in &mut checkpoint.statistics {
            statistics.variance = variances
                .remove(layer)
                .ok_or_else(|| wrong(path, format!("variance/{layer} is missing")))?;
        }
        Ok((checkpoint, entry("recipe")?.clone()))
    }

    /// Puts a tensor in its place; `variances` wait for their means. `false` if the name is not
    /// part of a checkpoint.
    fn add(
        &mut self,
        name: &str,
        [rows, columns]: [usize; 2],
        values: Vec<f32>,
        variances: &mut BTreeMap<String, Vec<f32>>,
    ) -> bool {
        let Some((kind, inner)) = name.split_once('/') else { return false };
        let inner = inner.to_owned();
        match kind {
            "parameter" => {
                self.parameters.insert(inner, Parameter { rows, columns, values });
            }
            "average" => {
                self.average.insert(inner, Parameter { rows, columns, values });
            }
            "first" => {
                self.optimizer.first.insert(inner, values);
            }
            "second" => {
                self.optimizer.second.insert(inner, values);
            }
            "mean" => {
                self.statistics.insert(inner, Statistics { mean: values, variance: Vec::new() });
            }
            "variance" => {
                variances.insert(inner, values);
            }
            _ => return false,
        }
        true
    }

    /// The recurrent layers of the checkpoint, including projections that a warm start added, if
    /// they fit those of the net.
    pub(super) fn fitting_layers(
        &self,
        wanted: &[RecurrentConfig],
        path: &Path,
    ) -> Result<Vec<RecurrentConfig>, TrainError> {
        if self.recurrent.is_empty() {
            return Ok(wanted.to_vec()); // an old checkpoint
        }
        let fits = |(have, wanted): (&RecurrentConfig, &RecurrentConfig)| {
            let projection = wanted.projection.or(have.projection);
            *have == RecurrentConfig { projection, ..wanted.clone() }
        };
        let all = self.recurrent.len() == wanted.len();
        if all && self.recurrent.iter().zip(wanted).all(fits) {
            return Ok(self.recurrent.clone());
        }
        Err(wrong(path, "its recurrent layers are not those of the recipe"))
    }
}

pub(super) fn wrong(path: &Path, reason: impl ToString) -> TrainError {
    TrainError::Checkpoint { path: path.to_owned(), reason: reason.to_string() }
}
