//! Nets trained earlier, from a package or a checkpoint, as nets of the trainer.

use std::path::Path;

use stonechat_audio::FeatureConfig;
use stonechat_model::{Alphabet, Package};

use super::checkpoint::Checkpoint;
use super::export::from_network;
use crate::TrainError;
use crate::config::{Recipe, is_package};
use crate::engine::net::Net;

/// A net with its alphabet and features.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The net, with averaged weights if the run kept an average.
    pub net: Net,
    /// Its output symbols.
    pub alphabet: Alphabet,
    /// Its input features, with the normalisation.
    pub features: FeatureConfig,
}

impl Trained {
    /// Reads a package (`NAME.stonechat`) or a checkpoint (anything else).
    ///
    /// # Errors
    /// The file cannot be read or is neither.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        if is_package(path) {
            let package = Package::load(path)?;
            let features = serde_json::from_value(package.features).map_err(|e| {
                let reason = format!("its features: {e}");
                TrainError::Trained { path: path.to_owned(), reason }
            })?;
            if package.network.recurrent.iter().any(|layer| layer.recurrent_bias.is_some()) {
                let reason = "has a bias inside a reset gate, which nets in training lack".into();
                return Err(TrainError::Trained { path: path.to_owned(), reason });
            }
            let net = from_network(&package.network)?;
            return Ok(Self { net, alphabet: package.alphabet, features });
        }
        let (checkpoint, recipe) = Checkpoint::load(path)?;
        let recipe = Recipe::from_toml(&recipe).map_err(|reason| TrainError::Trained {
            path: path.to_owned(),
            reason: format!("its recipe: {reason}"),
        })?;
        let alphabet = recipe.symbols()?;
        let net = checkpoint.judged(&recipe.network, path)?;
        let features =
            FeatureConfig { normalise: checkpoint.progress.normalise, ..recipe.features };
        Ok(Self { net, alphabet, features })
    }
}
