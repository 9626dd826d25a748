//! Nets trained before, from a package or a checkpoint, as nets of the trainer.

use std::path::Path;

use stonechat_audio::FeatureConfig;
use stonechat_model::{Affine, Alphabet, LinearMap, Matrix, Network, Package};

use crate::TrainError;
use crate::config::Parametrisation;
use crate::config::{Recipe, is_package};
use crate::engine::net::Net;
use crate::engine::ops::batch_norm::{EPSILON, Statistics};
use crate::engine::parameters::Parameter;
use crate::saved::checkpoint::Checkpoint;

/// A net with what it was trained on.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The net, with its averaged weights where the run kept an average.
    pub net: Net,
    /// What its outputs stand for.
    pub alphabet: Alphabet,
    /// What its inputs are, with the normalisation.
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
        let mut net = Net::new(recipe.network, alphabet.len(), Parametrisation::Dense, 0)?;
        checkpoint.restore(&mut net, path)?;
        if !checkpoint.average.is_empty() {
            net.parameters = checkpoint.average;
        }
        let features =
            FeatureConfig { normalise: checkpoint.progress.normalise, ..recipe.features };
        Ok(Self { net, alphabet, features })
    }
}

/// The net whose export `network` is, up to rounding: batch norms that add the biases and do
/// nothing else, int8 weights as the floats they stand for. A `recurrent_bias`, which no net in
/// training has, is left out.
///
/// # Errors
/// None for a network that was validated.
pub fn from_network(network: &Network) -> Result<Net, TrainError> {
    let symbols = network.output.map.rows();
    let mut net = Net::new(network.config.clone(), symbols, Parametrisation::Dense, 0)?;
    for (l, conv) in network.conv.iter().enumerate() {
        let name = format!("conv.{l}");
        let [frequency, time] = network.config.conv[l].kernel;
        let weight = frequency_first(
            &conv.map.to_dense(),
            frequency,
            time,
            network.config.conv_channels_in(l),
        );
        let (rows, columns) = (conv.map.rows(), conv.map.cols());
        put_matrix(&mut net, &format!("{name}.weight"), rows, columns, weight);
        put_norm(&mut net, &name, &conv.bias);
    }
    for (l, layer) in network.recurrent.iter().enumerate() {
        let name = network.config.recurrent_name(l);
        put_affine(&mut net, &format!("{name}.nonrec"), &name, &layer.nonrec)?;
        put_map(&mut net, &format!("{name}.rec"), &layer.rec)?;
        if let Some(joint) = &layer.joint {
            // The package's bias stands behind `L`, the batch norm before it.
            put_norm(&mut net, &name, &vec![0.0; layer.nonrec.map.rows()]);
            put_gain(&mut net, &name, &layer.nonrec.map);
            let bias = &layer.nonrec.bias;
            put_matrix(&mut net, &format!("{name}.bias"), 1, bias.len(), bias.clone());
            put_map(&mut net, &format!("{name}.joint"), joint)?;
        }
        if let Some(peepholes) = &layer.peepholes {
            let name = format!("{name}.peepholes");
            put_matrix(&mut net, &name, 1, peepholes.len(), peepholes.clone());
        }
        if let Some(projection) = &layer.projection {
            put_map(&mut net, &format!("{name}.proj"), projection)?;
        }
    }
    if let Some(taps) = &network.row_conv {
        let width = network.config.recurrent_output();
        put_matrix(&mut net, "row_conv.weight", taps.len() / width, width, taps.clone());
    }
    if let Some(fc) = &network.fc {
        put_affine(&mut net, "fc", "fc", fc)?;
    }
    put_map(&mut net, "output", &network.output.map)?;
    put_matrix(&mut net, "output.bias", 1, symbols, network.output.bias.clone());
    Ok(net)
}

fn put_matrix(net: &mut Net, name: &str, rows: usize, columns: usize, values: Vec<f32>) {
    net.parameters.insert(name.into(), Parameter { rows, columns, values });
}

/// The map `name` in its family.
pub(crate) fn put_map(net: &mut Net, name: &str, map: &LinearMap) -> Result<(), TrainError> {
    let parts = map.parts().iter().map(Matrix::to_dense).collect();
    net.set_map(name, map.spec().clone(), parts);
    Ok(())
}

/// The map `name` and the batch norm of `layer` behind it, which multiplies by the gain of the map
/// and adds the bias.
fn put_affine(net: &mut Net, name: &str, layer: &str, affine: &Affine) -> Result<(), TrainError> {
    put_map(net, name, &affine.map)?;
    put_norm(net, layer, &affine.bias);
    put_gain(net, layer, &affine.map);
    Ok(())
}

/// The gain of a structured map as that of the batch norm behind it.
fn put_gain(net: &mut Net, layer: &str, map: &LinearMap) {
    if let Some(gain) = map.gain() {
        put_matrix(net, &format!("{layer}.norm.gamma"), 1, gain.len(), gain.to_vec());
    }
}

/// A batch norm that adds `bias`.
fn put_norm(net: &mut Net, layer: &str, bias: &[f32]) {
    let count = bias.len();
    net.parameters.insert(format!("{layer}.norm.gamma"), Parameter::filled(1, count, 1.0));
    put_matrix(net, &format!("{layer}.norm.beta"), 1, count, bias.to_vec());
    let identity = Statistics { mean: vec![0.0; count], variance: vec![1.0 - EPSILON; count] };
    net.statistics.insert(layer.into(), identity);
}

/// Filters from (time, frequency, channel) order to (frequency, time, channel).
fn frequency_first(data: &[f32], frequency: usize, time: usize, channels: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(data.len());
    for filter in data.chunks_exact(frequency * time * channels) {
        for f in 0..frequency {
            for t in 0..time {
                out.extend_from_slice(&filter[(t * frequency + f) * channels..][..channels]);
            }
        }
    }
    out
}
