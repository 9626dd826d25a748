//! One step: the parameters of a net as the leaves of a tape, and the forward pass of the streaming
//! Deep Speech 2 of Kliegl et al. 2017.
//!
//! ```text
//! features -> [conv, batch norm, clipped ReLU]* -> [W x, batch norm, recurrence]* -> [row conv, clipped ReLU]
//!          -> [fc, batch norm, clipped ReLU] -> output + bias
//! ```
//!
//! In a layer with a joint left factor, `L (Vx x)`, the batch norm applies to `Vx x`, and the bias
//! comes after `L`.

use stonechat_model::{self as model, Affine, Kind, MapId, RecurrentLayer};

use super::layers::{self, Frames};
use super::linear::Linear;
use super::net::{BatchStatistics, Net};
use super::ops::batch_norm::Statistics;
use super::ops::recurrence::{Candidate, Cell};
use super::ops::{buffers, conv};
use super::parameters::{Gradients, Parameter};
use super::rounding::rounded;
use super::tape::{Tape, Tensor};
use super::team::Piece;
use crate::config::Rounding;
use crate::random;

/// The purpose of a forward pass.
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
    /// Logits over the characters alone, if the net has a second output layer.
    pub characters: Option<Tensor>,
    /// Frames after the strides of the convolutions.
    pub frames: Frames,
    /// This batch's statistics; empty in inference.
    pub statistics: BatchStatistics,
}

/// Called with the inputs of a map: its place, `batch x steps` rows, which of them are real, and
/// how many frames later the map uses them. Inputs of convolutions, projections and joint left
/// factors are not shown.
pub type See<'a> = &'a mut dyn FnMut(MapId, &Tensor, &Frames, usize);

/// The parameters of one step as tensors.
#[derive(Debug)]
pub struct Graph {
    tape: Tape,
    net: Net<Tensor>,
    linear: Linear,
    piece: Option<Piece>,
}

impl Graph {
    /// Copies the parameters of `net`; with `training` the leaves get gradients.
    pub fn new(net: &Net, training: bool) -> Self {
        let tape = Tape::default();
        let leaf = |p: &Parameter| {
            let (values, shape) = (buffers::copy_of(&p.values), [p.rows, p.columns]);
            if training { tape.leaf(values, shape) } else { Tensor::constant(values, shape) }
        };
        let rounds = net.rounding.as_ref().is_some_and(Rounding::rounds_activations);
        let net = match &net.rounding {
            Some(rounding) => rounded(rounding, net).convert(leaf),
            None => net.convert(leaf),
        };
        Self { tape, net, linear: Linear { rounds }, piece: None }
    }

    /// The same for a piece of a batch, whose batch norms use the statistics of all pieces.
    pub fn in_piece(self, piece: Option<Piece>) -> Self {
        Self { piece, ..self }
    }

    /// Runs `features` (`batch x steps` rows of `input`) through the net.
    pub fn forward(&self, features: Vec<f32>, frames: Frames, mode: Mode) -> Output {
        self.forward_observed(features, frames, mode, &mut |_, _, _, _| {})
    }

    /// [`forward`](Self::forward) that also shows the inputs of the maps.
    pub fn forward_observed(
        &self,
        features: Vec<f32>,
        frames: Frames,
        mode: Mode,
        see: See<'_>,
    ) -> Output {
        let (network, config) = (&self.net.network, self.net.config());
        let statistics = BatchStatistics::new();
        let mut pass = Pass { graph: self, mode, statistics, see };
        let mut x = Tensor::constant(features, [frames.rows(), config.input]);
        let mut frames = frames;
        for (l, layer) in network.conv.iter().enumerate() {
            (x, frames) = pass.convolve(l, layer, &x, frames);
        }
        for (l, layer) in network.recurrent.iter().enumerate() {
            x = pass.drop_out(&x, l);
            x = pass.recur(l, layer, &x, &frames);
        }
        if let Some(taps) = &network.row_conv {
            x = layers::look_ahead(&x, taps, &frames);
            x = layers::clip(&x, config.clip);
        }
        if let Some(fc) = &network.fc {
            let id = MapId::new(Kind::FullyConnected, 0);
            x = pass.drop_out(&x, config.recurrent.len());
            (pass.see)(id, &x, &frames, 0);
            x = self.linear.apply(&fc.map, &x);
            x = pass.normalise(id, fc, &x, Some(config.clip), &frames);
        }
        (pass.see)(MapId::new(Kind::Output, 0), &x, &frames, 0);
        let output = |layer: &Affine<Tensor, Tensor>| {
            layers::add_bias(self.linear.apply(&layer.map, &x), &layer.bias)
        };
        let logits = output(&network.output);
        let characters = self.net.characters.as_ref().map(output);
        Output { logits, characters, frames, statistics: pass.statistics }
    }

    /// Back-propagates from the gradients of some results to every parameter.
    pub fn gradients(self, results: impl IntoIterator<Item = (Tensor, Vec<f32>)>) -> Gradients {
        let mut gradients = self.tape.backward(results);
        let take = |(place, leaf): (_, &Tensor)| Some((place, gradients.take(leaf)?));
        let all = self.net.parameters().into_iter().filter_map(take).collect();
        self.recycle();
        all
    }

    /// Keeps the buffers of the leaves for the next step.
    fn recycle(mut self) {
        for (_, leaf) in self.net.parameters_mut() {
            let leaf = std::mem::replace(leaf, Tensor::constant(Vec::new(), [0, 0]));
            leaf.into_parts().0.recycle();
        }
    }
}

/// The state of a forward pass.
struct Pass<'a> {
    graph: &'a Graph,
    mode: Mode,
    statistics: BatchStatistics,
    see: See<'a>,
}

impl Pass<'_> {
    /// Convolution `l` with its batch norm and clipped ReLU.
    fn convolve(
        &mut self,
        l: usize,
        layer: &Affine<Tensor, Tensor>,
        x: &Tensor,
        frames: Frames,
    ) -> (Tensor, Frames) {
        let config = self.graph.net.config();
        let sizes = &config.conv[l];
        let shape = conv::Shape {
            steps: frames.steps,
            bins: config.conv_bins(l),
            channels: config.conv_channels_in(l),
            filters: sizes.channels,
            kernel: sizes.kernel,
            stride: sizes.stride,
            lookahead: sizes.lookahead,
            rounded: self.graph.linear.rounds,
        };
        let weight = self.graph.linear.weight(&layer.map);
        let x = layers::convolve(x, &weight, &frames, shape);
        let frames = frames.strided(sizes.stride[1]);
        let id = MapId::new(Kind::Conv, l);
        (self.normalise(id, layer, &x, Some(config.clip), &frames), frames)
    }

    /// The batch norm after map `id`. Its shift is the layer's bias if both apply at the same
    /// place.
    fn normalise(
        &mut self,
        id: MapId,
        layer: &Affine<Tensor, Tensor>,
        x: &Tensor,
        clip: Option<f32>,
        frames: &Frames,
    ) -> Tensor {
        let Some(norm) = &layer.norm else { return x.clone() };
        let width = norm.scale.shape()[1];
        let zeros;
        let shift = if self.is_joint(id) {
            zeros = Tensor::constant(vec![0.0; width], [1, width]);
            &zeros
        } else {
            &layer.bias
        };
        if self.graph.net.frozen || matches!(self.mode, Mode::Inference) {
            let fixed = Statistics { mean: norm.mean.clone(), variance: norm.variance.clone() };
            return layers::normalise_fixed(x, &norm.scale, shift, &fixed, clip, frames);
        }
        let (y, statistics) =
            layers::normalise(x, &norm.scale, shift, clip, frames, self.graph.piece.as_ref());
        self.statistics.insert(id, statistics);
        y
    }

    /// Whether the layer of a map has a joint left factor.
    fn is_joint(&self, id: MapId) -> bool {
        let recurrent = &self.graph.net.network.recurrent;
        id.kind == Kind::Nonrecurrent && recurrent[id.layer].joint.is_some()
    }

    /// Recurrent layer `l`.
    fn recur(
        &mut self,
        l: usize,
        layer: &RecurrentLayer<Tensor, Tensor>,
        x: &Tensor,
        frames: &Frames,
    ) -> Tensor {
        let (linear, config) = (&self.graph.linear, self.graph.net.config());
        let id = MapId::new(Kind::Nonrecurrent, l);
        (self.see)(id, x, frames, 0);
        let x = linear.apply(&layer.nonrec.map, x);
        let mut x = self.normalise(id, &layer.nonrec, &x, None, frames);
        let rows = frames.rows();
        let recurrent = if let Some(joint) = &layer.joint {
            x = layers::add_bias(linear.apply(joint, &x), &layer.nonrec.bias);
            linear.recurrent_product(joint, &layer.rec, rows)
        } else {
            linear.recurrent(&layer.rec, rows)
        };
        let candidate = match config.candidate {
            model::Candidate::Tanh => Candidate::Tanh,
            model::Candidate::ClippedRelu => Candidate::ClippedRelu(config.clip),
        };
        let cell = match config.recurrent[l].cell {
            model::Cell::Gru => Cell::Gru(candidate),
            model::Cell::Lstm => Cell::Lstm,
            model::Cell::Rnn => Cell::Rnn(candidate),
        };
        let recurrence = layers::Recurrence {
            cell,
            recurrent,
            peepholes: layer.peepholes.as_ref(),
            projection: layer.projection.as_ref().map(|map| linear.weight(map)),
            rounded: linear.rounds,
        };
        let y = layers::recur(x, &recurrence, frames);
        (self.see)(MapId::new(Kind::Recurrent, l), &y, frames, 1);
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
