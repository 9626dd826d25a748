//! The streaming Deep Speech 2 of Kliegl et al. 2017 in training: names, initial values, forward.
//!
//! ```text
//! features -> [conv, batch norm, clipped ReLU]* -> [W x, batch norm, GRU recurrence]* -> [row conv, clipped ReLU]
//!          -> [fc, batch norm, clipped ReLU] -> output + bias
//! ```
//!
//! Parameters carry the names of the package (`stonechat-model`) with the batch norm kept apart:
//! `conv.0.weight`, `conv.0.norm.gamma`, `gru.0.nonrec.weight` or `gru.0.nonrec.u` and `.v`, and so on.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use stonechat_model::{Candidate, FamilySpec, Kind, NetworkConfig};

use crate::TrainError;
use crate::graph::{self, Frames, Graph, Recurrent};
use crate::linear;
use crate::ops::batch_norm::Statistics;
use crate::ops::{conv, gru};
use crate::parameters::{Parameter, Parameters};
use crate::random;
use crate::warm_start::fan_in_gain;

/// Share of the old running statistics kept in each step.
const RUNNING_SHARE: f32 = 0.95;

/// Running mean and variance of every batch normalisation, by the name of its layer.
pub type RunningStatistics = BTreeMap<String, Statistics>;

/// Family and size of every map that is neither dense nor low rank, by the map's name.
pub type Families = BTreeMap<String, FamilySpec>;

/// A net in training.
#[derive(Clone, Debug)]
pub struct Net {
    /// Sizes.
    pub config: NetworkConfig,
    /// Output symbols, the blank included.
    pub symbols: usize,
    /// Trainable values.
    pub parameters: Parameters,
    /// Which of the maps are structured; all others are told by their parameters' names.
    pub families: Families,
    /// Running statistics for use outside training.
    pub statistics: RunningStatistics,
}

/// How stage 1 holds the large weights.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parametrisation {
    /// One matrix each.
    #[default]
    Dense,
    /// `U V` with the full inner size `min(rows, columns)`, as trace-norm training needs.
    Factored,
}

/// What a forward pass is for.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Batch statistics, dropout drawn from `seed`.
    Training {
        /// Share of activations dropped between layers.
        dropout: f32,
        /// Seed of this step's masks.
        seed: u64,
    },
    /// Running statistics, no dropout.
    Inference,
}

/// Logits of a batch.
#[derive(Debug)]
pub struct Output {
    /// `batch x steps` rows of `symbols`.
    pub logits: Tensor<2>,
    /// Frames behind the strides of the convolutions.
    pub frames: Frames,
    /// This batch's statistics by layer; empty in inference.
    pub statistics: RunningStatistics,
}

impl Net {
    /// A net with fresh weights: uniform with variance 1/inputs (clipped-ReLU layers 2/inputs).
    ///
    /// # Errors
    /// Only what the singular value decomposition of a factored weight may report.
    pub fn new(
        config: NetworkConfig,
        symbols: usize,
        parametrisation: Parametrisation,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let mut parameters = Parameters::new();
        let mut statistics = RunningStatistics::new();
        for map in config.linear_maps(symbols) {
            let deviation = (fan_in_gain(map.kind) / map.cols as f32).sqrt();
            let seed = random::seed_for(seed, &map.name);
            let values = random::uniform(seed, map.rows * map.cols, deviation);
            let weight = Parameter { rows: map.rows, columns: map.cols, values };
            let large = !matches!(map.kind, Kind::Conv | Kind::Output);
            if parametrisation == Parametrisation::Factored && large {
                linear::insert_factored(&mut parameters, &map.name, &weight)?;
            } else {
                parameters.insert(format!("{}.weight", map.name), weight);
            }
            if let Some(layer) = norm_of(&map.name, map.kind) {
                let norm = |value| Parameter::filled(1, map.rows, value);
                parameters.insert(format!("{layer}.norm.gamma"), norm(1.0));
                parameters.insert(format!("{layer}.norm.beta"), norm(0.0));
                let initial =
                    Statistics { mean: vec![0.0; map.rows], variance: vec![1.0; map.rows] };
                statistics.insert(layer.to_owned(), initial);
            }
        }
        if let Some(row_conv) = &config.row_conv {
            // Starts as the identity plus a little of the future.
            let (taps, width) = (row_conv.taps(), config.gru_output());
            let mut weight = Parameter::filled(taps, width, 0.1 / taps as f32);
            weight.values[..width].fill(1.0);
            parameters.insert("row_conv.weight".into(), weight);
        }
        parameters.insert("output.bias".into(), Parameter::filled(1, symbols, 0.0));
        Ok(Self { config, symbols, parameters, families: Families::new(), statistics })
    }

    /// Runs `features` (`batch x steps` rows of `input`) through the net.
    pub fn forward(
        &self,
        graph: &Graph,
        features: Vec<f32>,
        frames: Frames,
        mode: Mode,
        device: &Device,
    ) -> Output {
        let mut pass = Pass { net: self, graph, mode, statistics: BTreeMap::new() };
        let shape = [frames.rows(), self.config.input];
        let mut x = Tensor::<2>::from_data(TensorData::new(features, shape), device);
        let mut frames = frames;
        let clip = Some(self.config.clip);
        for (l, layer) in self.config.conv.iter().enumerate() {
            let shape = conv::Shape {
                steps: frames.steps,
                bins: self.config.conv_bins(l),
                channels: self.config.conv_channels_in(l),
                filters: layer.channels,
                kernel: layer.kernel,
                stride: layer.stride,
                lookahead: layer.lookahead,
            };
            x = graph::convolve(&x, graph.leaf(&format!("conv.{l}.weight")), &frames, shape);
            frames = frames.strided(layer.stride[1]);
            x = pass.normalise(&format!("conv.{l}"), &x, clip, &frames);
        }
        let candidate = match self.config.candidate {
            Candidate::Tanh => gru::Candidate::Tanh,
            Candidate::ClippedRelu => gru::Candidate::ClippedRelu(self.config.clip),
        };
        for l in 0..self.config.gru.len() {
            x = pass.drop_out(&x, l);
            x = linear::apply(graph, &format!("gru.{l}.nonrec"), &x);
            x = pass.normalise(&format!("gru.{l}"), &x, None, &frames);
            let name = format!("gru.{l}.rec");
            x = match linear::recurrent(graph, &name, frames.rows()) {
                linear::RecurrentForm::Dense(u) => {
                    graph::recur(x, Recurrent::Dense(&u), candidate, &frames)
                }
                linear::RecurrentForm::LowRank(a, b) => {
                    graph::recur(x, Recurrent::LowRank(&a, &b), candidate, &frames)
                }
            };
        }
        if graph.has("row_conv.weight") {
            x = graph::look_ahead(&x, graph.leaf("row_conv.weight"), &frames);
            x = x.clamp(0.0, self.config.clip);
        }
        if self.config.fc.is_some() {
            x = pass.drop_out(&x, self.config.gru.len());
            x = linear::apply(graph, "fc", &x);
            x = pass.normalise("fc", &x, clip, &frames);
        }
        let logits = linear::apply(graph, "output", &x) + graph.leaf("output.bias").clone();
        Output { logits, frames, statistics: pass.statistics }
    }

    /// Moves the running statistics towards a batch's.
    pub fn follow(&mut self, batch: &RunningStatistics) {
        for (layer, batch) in batch {
            let Some(running) = self.statistics.get_mut(layer) else { continue };
            for (running, batch) in
                [(&mut running.mean, &batch.mean), (&mut running.variance, &batch.variance)]
            {
                for (r, b) in running.iter_mut().zip(batch) {
                    *r = RUNNING_SHARE * *r + (1.0 - RUNNING_SHARE) * b;
                }
            }
        }
    }

    /// Trainable values in all.
    pub fn count(&self) -> usize {
        self.parameters.values().map(|p| p.values.len()).sum()
    }
}

/// The layer whose batch normalisation follows the map `name`, if any.
fn norm_of(name: &str, kind: Kind) -> Option<&str> {
    match kind {
        Kind::Conv | Kind::FullyConnected => Some(name),
        Kind::Nonrecurrent => name.strip_suffix(".nonrec"),
        Kind::Recurrent | Kind::Output => None,
    }
}

/// One forward pass on its way.
struct Pass<'a> {
    net: &'a Net,
    graph: &'a Graph,
    mode: Mode,
    statistics: RunningStatistics,
}

impl Pass<'_> {
    fn normalise(
        &mut self,
        layer: &str,
        x: &Tensor<2>,
        clip: Option<f32>,
        frames: &Frames,
    ) -> Tensor<2> {
        let gamma = self.graph.leaf(&format!("{layer}.norm.gamma"));
        let beta = self.graph.leaf(&format!("{layer}.norm.beta"));
        if let Mode::Inference = self.mode {
            let fixed = &self.net.statistics[layer];
            return graph::normalise_fixed(x, gamma, beta, fixed, clip, frames);
        }
        let (y, statistics) = graph::normalise(x, gamma, beta, clip, frames);
        self.statistics.insert(layer.to_owned(), statistics);
        y
    }

    fn drop_out(&self, x: &Tensor<2>, layer: usize) -> Tensor<2> {
        match self.mode {
            Mode::Training { dropout, seed } => {
                graph::drop_out(x, dropout, random::hash(seed, layer as u64))
            }
            Mode::Inference => x.clone(),
        }
    }
}
