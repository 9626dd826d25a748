//! The contents of a package.

use serde::Serialize;
use serde_json::Value;
use stonechat::{FeatureConfig, MapPlan, Preference, RunPlan};
use stonechat_model::{Kind, LinearMap, MapRef, NetworkConfig, Package};

use super::MapSummary;
use crate::{Error, Result};

/// A description of a package.
#[derive(Debug, Serialize)]
pub struct Contents {
    /// The caller's name for it.
    pub model: String,
    /// Bytes of the package.
    pub model_bytes: u64,
    /// Bytes of the language model inside, included above.
    pub lm_bytes: usize,
    /// Weights, biases and taps.
    pub parameters: usize,
    /// How much audio after a frame the network hears before it decides on the frame.
    pub lookahead_ms: f32,
    /// Time between two frames of logits.
    pub frame_ms: f32,
    /// The linear maps, in order.
    pub maps: Vec<MapContents>,
    /// The network.
    pub network: NetworkConfig,
    /// The definition of an input frame.
    pub features: FeatureConfig,
    /// The symbols of its output; the first is the blank.
    pub alphabet: Vec<String>,
    /// Its origin.
    pub provenance: Value,
}

/// One linear map.
#[derive(Debug, Serialize)]
pub struct MapContents {
    /// Its figures.
    #[serde(flatten)]
    pub summary: MapSummary,
    /// Its kind in the network.
    pub kind: Kind,
    /// The family with all hyperparameters.
    pub hyperparameters: Value,
    /// For families that are defined by one (`toeplitz_like`, ...).
    pub displacement_rank: Option<u64>,
    /// Displacement rank that keeps 90 % of the displacement's variance.
    pub displacement_rank90: Option<usize>,
    /// 0 is rank one, 1 is all singular values equal. Like the ranks that keep 90 %, it needs a
    /// decomposition: only in builds with the feature `compress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nu: Option<f64>,
    /// Rank that keeps 90 % of the variance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank90: Option<usize>,
    /// The form in which the runtime multiplies, and why.
    pub runs_as: MapPlan,
}

impl MapContents {
    fn new(entry: &MapRef<'_>, runs_as: &MapPlan) -> Result<Self> {
        let (name, map) = (entry.name(), entry.map);
        // A family has no keys or values that JSON cannot express.
        let hyperparameters = serde_json::to_value(map.family()).unwrap_or_default();
        let displaced = map.family().name().ends_with("_like");
        let found = Self {
            summary: MapSummary::new(name, map),
            kind: entry.kind,
            displacement_rank: hyperparameters["rank"].as_u64().filter(|_| displaced),
            hyperparameters,
            nu: None,
            rank90: None,
            displacement_rank90: None,
            runs_as: runs_as.clone(),
        };
        found.measured(map)
    }

    #[cfg(feature = "compress")]
    fn measured(self, map: &LinearMap) -> Result<Self> {
        let found = stonechat_compress::EffectiveRank::of(map)?;
        let (nu, rank90) = (Some(found.nu), Some(found.rank90));
        Ok(Self { nu, rank90, displacement_rank90: found.displacement_rank90, ..self })
    }

    #[cfg(not(feature = "compress"))]
    fn measured(self, _map: &LinearMap) -> Result<Self> {
        Ok(self)
    }
}

impl Contents {
    /// The contents of a package of `model_bytes` bytes, which the caller calls `model`.
    ///
    /// # Errors
    /// Features that cannot be read, maps that cannot be decomposed.
    pub fn of(package: Package, model: String, model_bytes: u64) -> Result<Self> {
        let Package { features, alphabet, network, provenance, language_model } = package;
        let features: FeatureConfig = serde_json::from_value(features)
            .map_err(|error| Error::Features { model: model.clone(), error })?;
        let plan = RunPlan::new(&network, &Preference::default());
        let maps = network.maps();
        let maps = maps.iter().zip(plan.maps()).map(|(map, plan)| MapContents::new(map, plan));
        let maps = maps.collect::<Result<_>>()?;
        Ok(Self {
            model,
            model_bytes,
            lm_bytes: language_model.map_or(0, |lm| lm.len()),
            parameters: network.params(),
            lookahead_ms: network.config.lookahead_ms(features.hop_ms),
            frame_ms: network.config.time_stride() as f32 * features.hop_ms,
            maps,
            network: network.config,
            features,
            alphabet: alphabet.symbols().to_vec(),
            provenance,
        })
    }
}
