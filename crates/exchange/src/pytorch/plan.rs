//! The import plan: the file that describes a state dict.

use super::StateDict;
use super::layers::Layers;
use super::names::{Names, fits};
use crate::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use stonechat_model::{Alphabet, Cell, Network, NetworkConfig, Package};

/// How the weights of a PyTorch network become a package. As TOML:
///
/// ```toml
/// [network]                   # its shape, as in a recipe
/// input = 161
/// conv = [{ channels = 32, kernel = [41, 11], stride = [2, 2], lookahead = 5 }]
/// recurrent = [{ hidden = 800, recurrent_bias = true }, { cell = "lstm", hidden = 800, projection = 400 }]
/// row_conv = { lookahead = 19 }
///
/// [alphabet]                  # in the order of the network's outputs; the blank is "", wherever it stands
/// symbols = ["", "'", "a", "b", "c", " "]
///
/// [features]                  # how its input is computed, as in a recipe
/// kind = "log_linear"
///
/// [pytorch]                   # all optional
/// prefix = "module."          # in front of every name
/// ignore = ["decoder.*"]      # tensors that belong to no layer here; num_batches_tracked always is ignored
/// batch_norm_eps = 1e-5
///
/// [pytorch.names]             # `*` is the part: weight, bias, weight_ih, running_mean, ...
/// "recurrent.0" = "encoder.*_l0"
/// "recurrent.1" = "encoder.*_l1"
/// output = "head.*"
/// ```
///
/// The names and their defaults, which are those of deepspeech.pytorch:
///
/// | layer | PyTorch | default |
/// |---|---|---|
/// | `conv.N` | `nn.Conv2d`, `out x in x frequency x time` | `conv.seq_module.{3N}.*` |
/// | `conv.N.norm_out` | `nn.BatchNorm2d` after it | `conv.seq_module.{3N+1}.*` |
/// | `recurrent.N` | one layer of `nn.GRU`, `nn.LSTM` or `nn.RNN` | `rnns.N.rnn.*_l0` |
/// | `recurrent.N.norm_in` | `nn.BatchNorm1d` before it | `rnns.N.batch_norm.module.*` |
/// | `row_conv` | `nn.Conv1d` without bias, `width x 1 x taps` | `lookahead.0.conv.*` |
/// | `fc` | `nn.Linear` below the output | none |
/// | `fc.norm_in`, `fc.norm_out` | `nn.BatchNorm1d` before or after it | none |
/// | `output` | `nn.Linear` | `fc.0.module.1.*` |
/// | `output.norm_in` | `nn.BatchNorm1d` before it | `fc.0.module.0.*` |
///
/// A PyTorch GRU has a bias inside its reset gate unless it was made with `bias=False`; the layer
/// then needs `recurrent_bias = true`.
///
/// Batch norms are folded into the weights; one with its default name may be missing. So may the
/// biases of convolutions and linear layers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportPlan {
    /// The shape of the network.
    pub network: NetworkConfig,
    alphabet: Symbols,
    /// Feature config; opaque here, `stonechat-audio` has its type.
    pub features: Value,
    #[serde(default)]
    pytorch: Pytorch,
}

/// Not an [`Alphabet`] yet: the blank may be anywhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Symbols {
    symbols: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Pytorch {
    prefix: String,
    ignore: Vec<String>,
    batch_norm_eps: f64,
    names: BTreeMap<String, String>,
}

impl Default for Pytorch {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            ignore: Vec::new(),
            batch_norm_eps: 1e-5,
            names: BTreeMap::new(),
        }
    }
}

impl ImportPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Names the line and the key at fault, and what is wrong with the network's shape.
    pub fn from_toml(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|e| Error::Plan(e.to_string()))?;
        plan.network.validate()?;
        for (l, layer) in plan.network.recurrent.iter().enumerate() {
            let foreign = if layer.peepholes {
                "peepholes"
            } else if layer.joint.is_some() {
                "joint"
            } else if layer.projection.is_some() && layer.cell != Cell::Lstm {
                "projection"
            } else {
                continue;
            };
            let reason = format!(
                "network.recurrent[{l}] has `{foreign}`, which no {} of PyTorch has: leave it out",
                layer.cell.name()
            );
            return Err(Error::Plan(reason));
        }
        let eps = plan.pytorch.batch_norm_eps;
        if !(0.0..=1.0).contains(&eps) {
            return Err(Error::Plan(format!("batch_norm_eps is {eps}, must be in 0..=1")));
        }
        Ok(plan)
    }

    /// Puts the weights into a package, in the conventions of this project: gates in the order
    /// update, reset, candidate with `h' = (1 - z) h + z c` (PyTorch: reset, update, new, with the
    /// roles of `z` and `1 - z` swapped), one bias where PyTorch has two, filters
    /// `[out][time][frequency][in]`, frames `bins x channels`, the blank first.
    ///
    /// # Errors
    /// [`Error::Tensor`] names a tensor that is missing or does not have the shape that the plan's
    /// network needs; [`Error::Unused`] names those that no layer uses.
    pub fn import(&self, weights: &StateDict) -> Result<Package> {
        self.network.validate()?;
        let names = Names::new(&self.pytorch.names, &self.pytorch.prefix, &self.network)?;
        let (blank, alphabet) = self.alphabet.blank_first()?;
        let mut layers = Layers::new(weights, names, &self.network, self.pytorch.batch_norm_eps);
        let mut output = layers.output(alphabet.len())?;
        blank_row_first(&mut output.weight, output.bias.len(), blank);
        output.bias[..=blank].rotate_right(1);
        let network = Network {
            conv: (0..self.network.conv.len()).map(|l| layers.conv(l)).collect::<Result<_>>()?,
            recurrent: (0..self.network.recurrent.len())
                .map(|l| layers.recurrent(l))
                .collect::<Result<_>>()?,
            row_conv: layers.row_conv()?,
            fc: layers.fc()?,
            output: output.finish()?,
            config: self.network.clone(),
        };
        network.validate()?;
        let unused = layers.unused(|name| {
            name.ends_with("num_batches_tracked")
                || self.pytorch.ignore.iter().any(|pattern| fits(pattern, name))
        });
        check_unused(unused)?;
        Ok(Package {
            features: self.features.clone(),
            alphabet,
            network,
            provenance: json!({ "imported": "PyTorch state dict" }),
            language_model: None,
        })
    }
}

impl Symbols {
    /// The place of the blank among the outputs, and the alphabet with the blank moved to the
    /// front.
    fn blank_first(&self) -> Result<(usize, Alphabet)> {
        let Some(blank) = self.symbols.iter().position(String::is_empty) else {
            let reason = "alphabet: `symbols` has no blank: write it as \"\" in its place";
            return Err(Error::Plan(reason.into()));
        };
        let mut symbols = self.symbols.clone();
        symbols[..=blank].rotate_right(1);
        Ok((blank, Alphabet::new(symbols)?))
    }
}

/// Moves row `blank` of a matrix of `rows` rows to the front.
fn blank_row_first(weight: &mut [f32], rows: usize, blank: usize) {
    let cols = weight.len() / rows;
    weight[..(blank + 1) * cols].rotate_right(cols);
}

fn check_unused(unused: Vec<String>) -> Result<()> {
    if let Some(name) = unused.iter().find(|name| name.ends_with("_reverse")) {
        return Err(Error::Tensor {
            name: name.clone(),
            layer: "none".into(),
            reason: "belongs to a bidirectional layer, which hears the end before the beginning and cannot stream: train the network in one direction".into(),
        });
    }
    if unused.is_empty() { Ok(()) } else { Err(Error::Unused(unused)) }
}
