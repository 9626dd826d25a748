//! The start of a run: a checkpoint of another run, or a package.
//!
//! A package has no batch norms: they were folded into its weights. The net made from it gets norms
//! that add the biases, with fixed statistics ([`Net::frozen`]).

use std::path::Path;

use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_model::Alphabet;

use super::carry_output::carry_output;
use crate::TrainError;
use crate::config::{Recipe, is_package};
use crate::engine::net::Net;
use crate::saved::checkpoint::Checkpoint;
use crate::saved::trained::Trained;

/// Puts the weights of `path` into `net`, whose outputs are `alphabet` and whose inputs are
/// `features`. Returns the feature normalisation that belongs to them.
///
/// # Errors
/// The file cannot be read, or belongs to another network or to other features.
pub fn start_from(
    net: &mut Net,
    path: &Path,
    alphabet: &Alphabet,
    features: &FeatureConfig,
    seed: u64,
) -> Result<Option<Normalise>, TrainError> {
    if is_package(path) {
        return from_package(net, path, alphabet, features, seed);
    }
    let (from, text) = Checkpoint::load(path)?;
    *net = from.judged(net.config(), path)?;
    // Frozen norms are only for starts from a package.
    net.frozen = false;
    if let Ok(before) = Recipe::from_toml(&text) {
        carry_output(net, &before.symbols()?, alphabet, seed);
    }
    Ok(from.progress.normalise)
}

fn from_package(
    net: &mut Net,
    path: &Path,
    alphabet: &Alphabet,
    features: &FeatureConfig,
    seed: u64,
) -> Result<Option<Normalise>, TrainError> {
    let Trained { net: from, alphabet: before, features: heard } = Trained::load(path)?;
    let plain = |features: &FeatureConfig| FeatureConfig { normalise: None, ..features.clone() };
    let refuse = |what: &str| {
        let reason =
            format!("its {what} is not the recipe's: leave `{what}` out to use that of this file");
        Err(TrainError::Trained { path: path.to_owned(), reason })
    };
    if from.config() != net.config() {
        return refuse("network");
    }
    if plain(&heard) != plain(features) {
        return refuse("features");
    }
    *net = Net { frozen: true, ..from };
    carry_output(net, &before, alphabet, seed);
    Ok(heard.normalise)
}
