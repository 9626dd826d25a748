//! The streaming Deep Speech 2 of Kliegl et al. 2017 in training: names, initial values, forward.
//!
//! ```text
//! features -> [conv, batch norm, clipped ReLU]* -> [W x, batch norm, recurrence]* -> [row conv, clipped ReLU]
//!          -> [fc, batch norm, clipped ReLU] -> output + bias
//! ```
//!
//! Parameters carry the names of the package (`stonechat-model`) with the batch norm kept apart:
//! `conv.0.weight`, `conv.0.norm.gamma`, `gru.0.nonrec.weight` or `gru.0.nonrec.u` and `.v`, and so on. In a layer with a
//! joint left factor, `L (Vx x)`, the batch norm stands on `Vx x`, and a bias of its own behind `L`.

use std::collections::BTreeMap;

use stonechat_model::{self as model, FamilySpec, Kind, NetworkConfig, RecurrentConfig};

use crate::TrainError;
use crate::config::{Parametrisation, Rounding};
use crate::engine::graph::Graph;
use crate::engine::layers::{self, Frames};
use crate::engine::linear;
use crate::engine::ops::batch_norm::Statistics;
use crate::engine::ops::conv;
use crate::engine::ops::recurrence::{Candidate, Cell};
use crate::engine::parameters::{Parameter, Parameters};
use crate::engine::tape::Tensor;
use crate::random;

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
    /// Do the norms keep their running statistics in training, and norm by them?
    pub frozen: bool,
    /// What a forward pass rounds, in training for integers; the parameters themselves stay float.
    pub rounding: Option<Rounding>,
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
    pub logits: Tensor,
    /// The same over the characters alone, where the net has the second output layer of
    /// [`Net::set_characters`].
    pub characters: Option<Tensor>,
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
            if parametrisation == Parametrisation::Factored && factors(&config, &map) {
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
            let (taps, width) = (row_conv.taps(), config.recurrent_output());
            let mut weight = Parameter::filled(taps, width, 0.1 / taps as f32);
            weight.values[..width].fill(1.0);
            parameters.insert("row_conv.weight".into(), weight);
        }
        for (l, layer) in config.recurrent.iter().enumerate() {
            initial_biases(&mut parameters, &config.recurrent_name(l), layer);
        }
        parameters.insert("output.bias".into(), Parameter::filled(1, symbols, 0.0));
        Ok(Self {
            config,
            symbols,
            parameters,
            families: Families::new(),
            statistics,
            frozen: false,
            rounding: None,
        })
    }

    /// Runs `features` (`batch x steps` rows of `input`) through the net.
    pub fn forward(&self, graph: &Graph, features: Vec<f32>, frames: Frames, mode: Mode) -> Output {
        self.forward_observed(graph, features, frames, mode, &mut |_, _, _, _| {})
    }

    /// [`forward`](Self::forward), showing what goes into the maps.
    pub fn forward_observed(
        &self,
        graph: &Graph,
        features: Vec<f32>,
        frames: Frames,
        mode: Mode,
        see: See<'_>,
    ) -> Output {
        let mut pass = Pass { net: self, graph, mode, statistics: BTreeMap::new(), see };
        let shape = [frames.rows(), self.config.input];
        let mut x = Tensor::constant(features, shape);
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
                rounded: graph.rounds(),
            };
            x = layers::convolve(&x, graph.leaf(&format!("conv.{l}.weight")), &frames, shape);
            frames = frames.strided(layer.stride[1]);
            x = pass.normalise(&format!("conv.{l}"), &x, clip, &frames);
        }
        for l in 0..self.config.recurrent.len() {
            x = pass.drop_out(&x, l);
            x = pass.recur(l, &x, &frames);
        }
        if graph.has("row_conv.weight") {
            x = layers::look_ahead(&x, graph.leaf("row_conv.weight"), &frames);
            x = layers::clip(&x, self.config.clip);
        }
        if self.config.fc.is_some() {
            x = pass.drop_out(&x, self.config.recurrent.len());
            (pass.see)("fc", &x, &frames, 0);
            x = linear::apply(graph, "fc", &x);
            x = pass.normalise("fc", &x, clip, &frames);
        }
        (pass.see)("output", &x, &frames, 0);
        let output = |layer: &str| {
            let bias = graph.leaf(&format!("{layer}.bias"));
            layers::add_bias(linear::apply(graph, layer, &x), bias)
        };
        let logits = output("output");
        let characters = graph.has("characters.bias").then(|| output("characters"));
        Output { logits, characters, frames, statistics: pass.statistics }
    }

    /// Gives the net a second output layer for `count` characters, the blank among them, that
    /// training alone uses (`characters.weight`, `characters.bias`), or takes it away. One that is
    /// there stays.
    pub fn set_characters(&mut self, count: Option<usize>, seed: u64) {
        let (weight, bias) = ("characters.weight", "characters.bias");
        match count {
            None => {
                self.parameters.remove(weight);
                self.parameters.remove(bias);
            }
            Some(count) if !self.parameters.contains_key(bias) => {
                let columns = self.config.output_input();
                let seed = random::seed_for(seed, weight);
                let deviation = (1.0 / columns as f32).sqrt();
                let values = random::uniform(seed, count * columns, deviation);
                self.parameters.insert(weight.into(), Parameter { rows: count, columns, values });
                self.parameters.insert(bias.into(), Parameter::filled(1, count, 0.0));
            }
            Some(_) => {}
        }
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

/// Is the map held as a product of full inner size in trace-norm training? Large ones that are no factors already.
fn factors(config: &NetworkConfig, map: &model::LinearSpec) -> bool {
    let joint = |layer: &(usize, &RecurrentConfig)| {
        let name = format!("{}.", config.recurrent_name(layer.0));
        layer.1.joint.is_some() && map.name.starts_with(&name)
    };
    matches!(map.kind, Kind::Nonrecurrent | Kind::Recurrent | Kind::FullyConnected)
        && !config.recurrent.iter().enumerate().any(|layer| joint(&layer))
}

/// Biases and peepholes of a recurrent layer: zero but for the forget gate of an LSTM, which starts open (Gers et al.
/// 2000; 1 after Jozefowicz et al. 2015).
fn initial_biases(parameters: &mut Parameters, name: &str, layer: &RecurrentConfig) {
    let mut bias = Parameter::filled(1, layer.gate_rows(), 0.0);
    if layer.cell == model::Cell::Lstm {
        bias.values[layer.hidden..2 * layer.hidden].fill(1.0);
    }
    let bias_name = if layer.joint.is_some() { "bias" } else { "norm.beta" };
    parameters.insert(format!("{name}.{bias_name}"), bias);
    if layer.peepholes {
        let values = layer.peephole_values();
        parameters.insert(format!("{name}.peepholes"), Parameter::filled(1, values, 0.0));
    }
}

/// The layer whose batch normalisation follows the map `name`, if any.
pub(crate) fn norm_of(name: &str, kind: Kind) -> Option<&str> {
    match kind {
        Kind::Conv | Kind::FullyConnected => Some(name),
        Kind::Nonrecurrent => name.strip_suffix(".nonrec"),
        Kind::Recurrent | Kind::Joint | Kind::Projection | Kind::Output => None,
    }
}

/// Is shown the inputs of a map: its name, `batch x steps` rows, which of them are real, and how many frames later the
/// map meets them. Inputs of convolutions, projections and joint left factors are not shown.
pub type See<'a> = &'a mut dyn FnMut(&str, &Tensor, &Frames, usize);

/// One forward pass on its way.
struct Pass<'a> {
    net: &'a Net,
    graph: &'a Graph,
    mode: Mode,
    statistics: RunningStatistics,
    see: See<'a>,
}

impl Pass<'_> {
    fn normalise(&mut self, layer: &str, x: &Tensor, clip: Option<f32>, frames: &Frames) -> Tensor {
        let gamma = self.graph.leaf(&format!("{layer}.norm.gamma"));
        let beta = self.graph.leaf(&format!("{layer}.norm.beta"));
        if self.net.frozen || matches!(self.mode, Mode::Inference) {
            let fixed = &self.net.statistics[layer];
            return layers::normalise_fixed(x, gamma, beta, fixed, clip, frames);
        }
        let (y, statistics) = layers::normalise(x, gamma, beta, clip, frames);
        self.statistics.insert(layer.to_owned(), statistics);
        y
    }

    /// Recurrent layer `l`.
    fn recur(&mut self, l: usize, x: &Tensor, frames: &Frames) -> Tensor {
        let (graph, config) = (self.graph, &self.net.config);
        let (layer, name) = (&config.recurrent[l], config.recurrent_name(l));
        let part = |part: &str| format!("{name}.{part}");
        (self.see)(&part("nonrec"), x, frames, 0);
        let x = linear::apply(graph, &part("nonrec"), x);
        let mut x = self.normalise(&name, &x, None, frames);
        let rows = frames.rows();
        let recurrent = if layer.joint.is_some() {
            let sums = linear::apply(graph, &part("joint"), &x);
            x = layers::add_bias(sums, graph.leaf(&part("bias")));
            linear::recurrent_product(graph, &part("joint"), &part("rec"), rows)
        } else {
            linear::recurrent(graph, &part("rec"), rows)
        };
        let candidate = match config.candidate {
            model::Candidate::Tanh => Candidate::Tanh,
            model::Candidate::ClippedRelu => Candidate::ClippedRelu(config.clip),
        };
        let cell = match layer.cell {
            model::Cell::Gru => Cell::Gru(candidate),
            model::Cell::Lstm => Cell::Lstm,
            model::Cell::Rnn => Cell::Rnn(candidate),
        };
        let projection = layer.projection.map(|_| linear::weight(graph, &part("proj")));
        let recurrence = layers::Recurrence {
            cell,
            recurrent,
            peepholes: layer.peepholes.then(|| graph.leaf(&part("peepholes"))),
            projection,
            rounded: graph.rounds(),
        };
        let y = layers::recur(x, &recurrence, frames);
        (self.see)(&part("rec"), &y, frames, 1);
        y
    }

    fn drop_out(&self, x: &Tensor, layer: usize) -> Tensor {
        match self.mode {
            Mode::Training { dropout, seed } => {
                layers::drop_out(x, dropout, random::hash(seed, layer as u64))
            }
            Mode::Inference => x.clone(),
        }
    }
}

/// Variance of a fresh weight times its inputs: 2 in front of a clipped ReLU, which halves what passes.
pub fn fan_in_gain(kind: Kind) -> f32 {
    match kind {
        Kind::Conv | Kind::FullyConnected => 2.0,
        _ => 1.0,
    }
}
