//! What a run starts from: a checkpoint of another run, or a package.
//!
//! A package has no batch norms: they were folded into its weights. The net that is made of it has norms that add the
//! biases, and whose statistics stay what they are ([`Net::frozen`]).

use std::path::{Path, PathBuf};

use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_model::{Alphabet, Package};
use toml::Value;

use crate::TrainError;
use crate::checkpoint::Checkpoint;
use crate::grams;
use crate::net::Net;
use crate::recipe::Recipe;
use crate::trained::{Trained, is_package};

/// Puts the weights of `path` into `net`, whose outputs are `alphabet` and whose inputs are `features`. Gives the feature
/// normalisation that belongs to them.
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
    let (mut from, text) = Checkpoint::load(path)?;
    if !from.average.is_empty() {
        // What the run was judged by.
        from.parameters = std::mem::take(&mut from.average);
    }
    from.restore(net, path)?;
    if let Ok(before) = Recipe::from_toml(&text) {
        grams::carry_output(&mut net.parameters, &before.symbols()?, alphabet, seed);
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
        let reason = format!(
            "its {what} is not the recipe's: leave `{what}` out, and it is taken from here"
        );
        Err(TrainError::Trained { path: path.to_owned(), reason })
    };
    if from.config != net.config {
        return refuse("network");
    }
    if plain(&heard) != plain(features) {
        return refuse("features");
    }
    net.parameters = from.parameters;
    net.families = from.families;
    net.statistics = from.statistics;
    net.frozen = true;
    grams::carry_output(&mut net.parameters, &before, alphabet, seed);
    Ok(heard.normalise)
}

/// Completes a recipe that starts from a package by what it leaves out: `network`, `features` and `alphabet` are the
/// package's.
pub(crate) fn complete(recipe: &mut Value) -> Result<(), String> {
    let Some(table) = recipe.as_table_mut() else { return Ok(()) };
    let Some(path) = table.get("init").and_then(Value::as_str).map(PathBuf::from) else {
        return Ok(());
    };
    let left_out = |key: &str| !table.contains_key(key);
    if !is_package(&path) || !["network", "features", "alphabet"].into_iter().any(left_out) {
        return Ok(());
    }
    let package = Package::load(&path).map_err(|error| format!("init: {error}"))?;
    let features: FeatureConfig = serde_json::from_value(package.features)
        .map_err(|error| format!("init: {}: its features: {error}", path.display()))?;
    let parts = [
        ("network", Value::try_from(&package.network.config)),
        ("features", Value::try_from(features)),
        ("alphabet", Value::try_from(package.alphabet.symbols())),
    ];
    for (key, value) in parts {
        let value = value.map_err(|error| format!("init: {}: {key}: {error}", path.display()))?;
        table.entry(key).or_insert(value);
    }
    Ok(())
}
