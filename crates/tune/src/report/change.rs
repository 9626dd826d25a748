//! A network in figures, before and after a change.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use stonechat_compress::{MapDamage, Measured, floats, map_damage};
use stonechat_model::{Network, Package};

use super::MapSummary;
use crate::{Error, Result, record};

/// One network.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Weights, biases and taps.
    pub parameters: usize,
    /// Bytes of the package.
    pub model_bytes: u64,
    /// Its maps, in order.
    pub maps: Vec<MapSummary>,
}

impl Summary {
    /// A summary of a network whose package has `model_bytes` bytes.
    pub fn new(network: &Network, model_bytes: u64) -> Self {
        let maps = network.maps().into_iter().map(|entry| MapSummary::new(entry.name(), entry.map));
        Self { parameters: network.params(), model_bytes, maps: maps.collect() }
    }
}

/// A network before and after a change.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Before, with integer weights as the floats they represent.
    pub before: Summary,
    /// As written.
    pub after: Summary,
    /// The damage to each map.
    pub damage: Vec<MapDamage>,
}

/// A package for a change: its integer weights become floats.
pub fn float_package(package: Package) -> Package {
    Package { network: floats(&package.network), ..package }
}

/// Applies `work` to the network of a [`float_package`] of `bytes` bytes and writes a new package
/// to `output`, with `step` in its provenance. With calibration audio, the change includes the
/// damage to the outputs on that audio.
///
/// # Errors
/// The errors of `work`, and a file that cannot be written.
pub fn rewrite<E: From<Error>>(
    mut package: Package,
    bytes: u64,
    output: &Path,
    step: Value,
    measured: Measured<'_>,
    work: impl FnOnce(&Network) -> std::result::Result<Network, E>,
) -> std::result::Result<Change, E> {
    let before = Summary::new(&package.network, bytes);
    let network = work(&package.network)?;
    let damage = map_damage(&package.network, &network, measured.inputs).map_err(Error::from)?;
    package.network = network;
    record(&mut package.provenance, step);
    let after = save(&package, output)?;
    Ok(Change { before, after, damage })
}

fn save(package: &Package, output: &Path) -> Result<Summary> {
    package.save(output)?;
    let written = |error| stonechat_model::Error::Io { path: output.to_path_buf(), error };
    let bytes = output.metadata().map_err(written)?.len();
    Ok(Summary::new(&package.network, bytes))
}
