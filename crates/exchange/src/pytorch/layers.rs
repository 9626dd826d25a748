//! Layer by layer: checks tensors, folds batch norm, converts orders to ours.

use super::StateDict;
use super::names::{Names, Pattern};
use super::norm::Norm;
use crate::{Error, Result};
use std::collections::BTreeSet;
use stonechat_model::{Affine, Cell, LinearMap, NetworkConfig, RecurrentLayer};

/// `y = W x + b` during conversion.
pub(super) struct Weights {
    /// Row-major, one row for each value of the bias.
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Weights {
    pub(super) fn finish(self) -> Result<Affine> {
        let (rows, cols) = (self.bias.len(), self.weight.len() / self.bias.len());
        Ok(Affine::new(LinearMap::dense(rows, cols, self.weight)?, self.bias))
    }
}

/// Takes the layers out of a state dict.
pub(super) struct Layers<'a> {
    weights: &'a StateDict,
    names: Names,
    config: &'a NetworkConfig,
    eps: f64,
    used: BTreeSet<String>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(
        weights: &'a StateDict,
        names: Names,
        config: &'a NetworkConfig,
        eps: f64,
    ) -> Self {
        Self { weights, names, config, eps, used: BTreeSet::new() }
    }

    pub(super) fn conv(&mut self, l: usize) -> Result<Affine> {
        let layer = format!("conv.{l}");
        let conv = &self.config.conv[l];
        let [frequency, time] = conv.kernel;
        let channels_in = self.config.conv_channels_in(l);
        let pattern = self.pattern(&layer)?;
        let shape = [conv.channels, channels_in, frequency, time];
        let weight = self.take(&layer, &pattern.name("weight"), &shape)?;
        let mut bias = self.bias(&layer, &pattern, conv.channels)?;
        let mut ours = Vec::with_capacity(weight.len());
        for filter in weight.chunks_exact(channels_in * frequency * time) {
            for t in 0..time {
                for f in 0..frequency {
                    ours.extend((0..channels_in).map(|c| filter[(c * frequency + f) * time + t]));
                }
            }
        }
        if let Some(norm) = self.norm(&format!("{layer}.norm_out"), conv.channels)? {
            norm.fold_behind(&mut ours, &mut bias);
        }
        Weights { weight: ours, bias }.finish()
    }

    /// One layer of `nn.GRU`, `nn.LSTM` or `nn.RNN`.
    pub(super) fn recurrent(&mut self, l: usize) -> Result<RecurrentLayer> {
        let layer = format!("recurrent.{l}");
        let (shape, inputs) = (&self.config.recurrent[l], self.config.recurrent_input(l));
        let (rows, hidden, output) = (shape.gate_rows(), shape.hidden, shape.output());
        let pattern = self.pattern(&layer)?;
        let mut w = self.take(&layer, &pattern.name("weight_ih"), &[rows, inputs])?;
        let mut u = self.take(&layer, &pattern.name("weight_hh"), &[rows, output])?;
        let mut bias = vec![0.0; rows];
        let mut recurrent_bias = vec![0.0; if shape.recurrent_bias { hidden } else { 0 }];
        // Either both or none are present.
        if self.has(&pattern.name("bias_ih")) || self.has(&pattern.name("bias_hh")) {
            bias = self.take(&layer, &pattern.name("bias_ih"), &[rows])?;
            let name = pattern.name("bias_hh");
            let second = self.take(&layer, &name, &[rows])?;
            let outside = if shape.cell == Cell::Gru { 2 * hidden } else { rows };
            bias.iter_mut().zip(&second[..outside]).for_each(|(b, c)| *b += c);
            let inside = &second[outside..];
            if shape.recurrent_bias {
                recurrent_bias.copy_from_slice(inside);
            } else if inside.iter().any(|&b| b != 0.0) {
                let reason = format!(
                    "has values in its last third, the bias inside the reset gate: write the layer as {{ hidden = {hidden}, recurrent_bias = true }}"
                );
                return Err(tensor(&name, &layer, reason));
            }
        }
        let projection = match shape.projection {
            Some(width) => {
                let p = self.take(&layer, &pattern.name("weight_hr"), &[width, hidden])?;
                Some(LinearMap::dense(width, hidden, p)?)
            }
            None => None,
        };
        if let Some(norm) = self.norm(&format!("{layer}.norm_in"), inputs)? {
            norm.fold_before(&mut w, &mut bias);
        }
        if l == 0 {
            w = self.bins_outside(w);
        }
        if shape.cell == Cell::Gru {
            for (values, cols) in [(&mut w, inputs), (&mut u, output), (&mut bias, 1)] {
                update_first(values, hidden * cols);
            }
        }
        Ok(RecurrentLayer {
            recurrent_bias: shape.recurrent_bias.then_some(recurrent_bias),
            projection,
            ..RecurrentLayer::new(
                Weights { weight: w, bias }.finish()?,
                LinearMap::dense(rows, output, u)?,
            )
        })
    }

    pub(super) fn row_conv(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(row_conv) = &self.config.row_conv else { return Ok(None) };
        let (layer, taps, width) = ("row_conv", row_conv.taps(), self.config.recurrent_output());
        let pattern = self.pattern(layer)?;
        let weight = self.take(layer, &pattern.name("weight"), &[width, 1, taps])?;
        if self.bias(layer, &pattern, width)?.iter().any(|&b| b != 0.0) {
            let reason = "is not zero, but the row convolution has no bias";
            return Err(tensor(&pattern.name("bias"), layer, reason));
        }
        Ok(Some((0..taps * width).map(|i| weight[i % width * taps + i / width]).collect()))
    }

    pub(super) fn fc(&mut self) -> Result<Option<Affine>> {
        let Some(rows) = self.config.fc else { return Ok(None) };
        let mut weights = self.linear("fc", rows, self.config.recurrent_output())?;
        if let Some(norm) = self.norm("fc.norm_out", rows)? {
            norm.fold_behind(&mut weights.weight, &mut weights.bias);
        }
        weights.finish().map(Some)
    }

    pub(super) fn output(&mut self, symbols: usize) -> Result<Weights> {
        self.linear("output", symbols, self.config.output_input())
    }

    /// Tensors that nothing has used and that `ignored` does not match.
    pub(super) fn unused(&self, ignored: impl Fn(&str) -> bool) -> Vec<String> {
        let left = self.weights.names().filter(|name| !self.used.contains(*name) && !ignored(name));
        left.map(String::from).collect()
    }

    fn linear(&mut self, layer: &str, rows: usize, cols: usize) -> Result<Weights> {
        let pattern = self.pattern(layer)?;
        let mut weight = self.take(layer, &pattern.name("weight"), &[rows, cols])?;
        let mut bias = self.bias(layer, &pattern, rows)?;
        if let Some(norm) = self.norm(&format!("{layer}.norm_in"), cols)? {
            norm.fold_before(&mut weight, &mut bias);
        }
        Ok(Weights { weight, bias })
    }

    /// The columns after the convolutions, from PyTorch's `channels x bins` to our `bins x
    /// channels`.
    fn bins_outside(&self, w: Vec<f32>) -> Vec<f32> {
        let layers = self.config.conv.len();
        let (bins, channels) =
            (self.config.conv_bins(layers), self.config.conv_channels_in(layers));
        let row = |row: &[f32]| -> Vec<f32> {
            (0..bins * channels).map(|i| row[i % channels * bins + i / channels]).collect()
        };
        w.chunks_exact(bins * channels).flat_map(row).collect()
    }

    /// A batch norm, if any.
    fn norm(&mut self, layer: &str, width: usize) -> Result<Option<Norm>> {
        let Some(pattern) = self.names.pattern(layer) else { return Ok(None) };
        if !pattern.given && !self.has(&pattern.name("running_mean")) {
            return Ok(None);
        }
        let mut take = |part: &str| self.take(layer, &pattern.name(part), &[width]);
        let (mean, variance) = (take("running_mean")?, take("running_var")?);
        // Both or none: with `affine=False` there are none.
        let affine = match self.has(&pattern.name("weight")) {
            true => {
                let mut take = |part: &str| self.take(layer, &pattern.name(part), &[width]);
                Some((take("weight")?, take("bias")?))
            }
            false => None,
        };
        Ok(Some(Norm::new(&mean, &variance, affine, self.eps)))
    }

    fn pattern(&self, layer: &str) -> Result<Pattern> {
        self.names.pattern(layer).ok_or_else(|| {
            let reason = format!("names: `{layer}` has no default: say how its tensors are called");
            Error::Plan(reason)
        })
    }

    /// The bias of a layer, which may have none.
    fn bias(&mut self, layer: &str, pattern: &Pattern, length: usize) -> Result<Vec<f32>> {
        let name = pattern.name("bias");
        if self.has(&name) { self.take(layer, &name, &[length]) } else { Ok(vec![0.0; length]) }
    }

    fn has(&self, name: &str) -> bool {
        self.weights.get(name).is_some()
    }

    /// A tensor of exactly this shape, all values finite.
    fn take(&mut self, layer: &str, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let refuse = |reason: String| Err(tensor(name, layer, reason));
        let Some(found) = self.weights.get(name) else {
            return refuse(format!(
                "is missing, wanted with shape {shape:?}: say under [pytorch.names] how the tensors of `{layer}` are called"
            ));
        };
        if found.shape != shape {
            return refuse(format!("has shape {:?}, wanted {shape:?}", found.shape));
        }
        let values = match &found.values {
            Ok(values) => values.clone(),
            Err(dtype) => return refuse(format!("has elements of type {dtype}, wanted floats")),
        };
        if let Some(i) = values.iter().position(|x| !x.is_finite()) {
            return refuse(format!("value {i} is {}, must be finite", values[i]));
        }
        self.used.insert(name.into());
        Ok(values)
    }
}

fn tensor(name: &str, layer: &str, reason: impl Into<String>) -> Error {
    Error::Tensor { name: name.into(), layer: layer.into(), reason: reason.into() }
}

/// From PyTorch's blocks reset, update, new to our update, reset, candidate; `1 - sigmoid(x)` is
/// `sigmoid(-x)`.
fn update_first(values: &mut [f32], block: usize) {
    let (reset, rest) = values.split_at_mut(block);
    reset.swap_with_slice(&mut rest[..block]);
    values[..block].iter_mut().for_each(|x| *x = -*x);
}
