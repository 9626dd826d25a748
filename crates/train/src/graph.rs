//! One step's graph: the parameters as leaves on the device, and the layers as functions on it.
//!
//! Activations are matrices of `batch x steps` rows, so that every layer is one function from matrix to
//! matrix; [`Frames`] says which rows are real. On the CPU the hot layers run as host operations
//! ([`crate::ops`]), elsewhere as composed tensor operations ([`crate::composed`]).

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use stonechat_model::FamilySpec;

use crate::host_op::{HostMatrix, Input, on_host, read, record, record_matrix, take};
use crate::net::{Families, Net};
use crate::ops::recurrence::{self, Cell};
use crate::ops::{batch_norm, buffers, conv, matmul, rounding, row_conv};
use crate::parameters::{Gradients, Parameter};
use crate::rounding::Rounding;
use crate::{composed, random};

/// Which of the `batch x steps` rows of an activation are real frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// Real frames of each sequence.
    pub lengths: Vec<usize>,
    /// Frames of each sequence, padding included.
    pub steps: usize,
}

impl Frames {
    /// The frames behind a layer of time stride `stride`.
    pub fn strided(&self, stride: usize) -> Self {
        Self {
            lengths: self.lengths.iter().map(|n| n.div_ceil(stride)).collect(),
            steps: self.steps.div_ceil(stride),
        }
    }

    /// Rows of an activation.
    pub fn rows(&self) -> usize {
        self.lengths.len() * self.steps
    }
}

/// The parameters of one step as tensors.
#[derive(Debug)]
pub struct Graph {
    leaves: BTreeMap<String, Tensor<2>>,
    families: Families,
    rounds: bool,
}

impl Graph {
    /// Uploads the parameters of `net`; with `training` the leaves take gradients.
    pub fn new(net: &Net, device: &Device, training: bool) -> Self {
        let upload = |p: &Parameter| {
            let mut values = buffers::unwritten(p.values.len());
            values.copy_from_slice(&p.values);
            let data = TensorData::new(values, [p.rows, p.columns]);
            if training {
                Tensor::<2>::from_data(data, &device.clone().autodiff()).require_grad()
            } else {
                Tensor::<2>::from_data(data, device)
            }
        };
        let rounded = net.rounding.as_ref().map(|rounding| rounding.rounded(net));
        let parameters = rounded.as_ref().unwrap_or(&net.parameters);
        let leaves = parameters.iter().map(|(name, p)| (name.clone(), upload(p))).collect();
        let rounds = net.rounding.as_ref().is_some_and(Rounding::rounds_activations);
        Self { leaves, families: net.families.clone(), rounds }
    }

    /// Are vectors rounded to int8 before they meet a matrix?
    pub fn rounds(&self) -> bool {
        self.rounds
    }

    /// The vectors as they meet a matrix: every row rounded to int8 where the net trains for that.
    pub fn met(&self, x: &Tensor<2>) -> Tensor<2> {
        if self.rounds { round(x) } else { x.clone() }
    }

    /// The parameter called `name`; the net that built the parameters knows its names.
    pub fn leaf(&self, name: &str) -> &Tensor<2> {
        &self.leaves[name]
    }

    /// Is there a parameter called `name`?
    pub fn has(&self, name: &str) -> bool {
        self.leaves.contains_key(name)
    }

    /// Family and size of the map `name`, where it is neither dense nor low rank.
    pub fn structured(&self, name: &str) -> Option<&FamilySpec> {
        self.families.get(name)
    }

    /// Back-propagates from `loss` (a single value) to every parameter.
    pub fn gradients(self, loss: &Tensor<2>) -> Gradients {
        let mut gradients = loss.backward();
        self.leaves
            .into_iter()
            .filter_map(|(name, leaf)| {
                let gradient = leaf.grad_remove(&mut gradients);
                if on_host(&leaf) {
                    take(leaf).0.recycle();
                }
                Some((name, to_host(gradient?)))
            })
            .collect()
    }
}

/// A tensor's values, row-major.
pub fn to_host(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("the trainer's tensors are f32")
}

/// `y = x w^T`, `w` being `outputs x inputs`.
pub fn linear(x: &Tensor<2>, w: &Tensor<2>) -> Tensor<2> {
    let ([n, k], [m, _]) = (x.dims(), w.dims());
    if !(on_host(x) && on_host(w)) {
        return x.clone().matmul(w.clone().transpose());
    }
    let (hx, hw) = (read(x), read(w));
    let y = matmul::forward(hx.values(), hw.values(), n, k, m);
    record([x, w], y, [n, m], move |pull| {
        let (dy, [dx, dw]) = (pull.gradient, pull.wanted);
        let dw = dw.then(|| matmul::backward_weight(&dy, &hx, n, k, m));
        hx.recycle(); // makes room for its gradient
        let dx = dx.then(|| matmul::backward_input(&dy, &hw, n, k, m));
        dy.recycle();
        [dx, dw]
    })
}

/// Every row rounded to int8 and back (see [`rounding`]); gradients pass unchanged.
pub fn round(x: &Tensor<2>) -> Tensor<2> {
    if !on_host(x) {
        return composed::round(x);
    }
    let [rows, columns] = x.dims();
    let mut y = buffers::unwritten(rows * columns);
    y.copy_from_slice(read(x).values());
    rounding::round_vectors(&mut y, columns);
    record([x], y, [rows, columns], |pull| [Some(pull.gradient.into_values())])
}

/// Two-dimensional convolution; see [`conv`].
pub fn convolve(x: &Tensor<2>, w: &Tensor<2>, frames: &Frames, shape: conv::Shape) -> Tensor<2> {
    if !(on_host(x) && on_host(w)) {
        return composed::convolve(x, w, frames, shape);
    }
    let (hx, hw, lengths) = (read(x), read(w), frames.lengths.clone());
    let y = conv::forward(hx.values(), hw.values(), &lengths, shape);
    let out = [lengths.len() * shape.steps_out(shape.steps), shape.bins_out() * shape.filters];
    record([x, w], y, out, move |pull| {
        let (dy, input) = (pull.gradient, pull.wanted[0]);
        let (dx, dw) = conv::backward(&dy, &hx, &hw, &lengths, shape, input);
        [dx, Some(dw)]
    })
}

/// Batch normalisation with the batch's statistics, which are returned too; see [`batch_norm`].
pub fn normalise(
    x: &Tensor<2>,
    gamma: &Tensor<2>,
    beta: &Tensor<2>,
    clip: Option<f32>,
    frames: &Frames,
) -> (Tensor<2>, batch_norm::Statistics) {
    let shape = norm_shape(x, gamma, frames);
    if !(on_host(x) && on_host(gamma)) {
        return composed::normalise(x, gamma, beta, clip, frames);
    }
    let (hx, hg, hb, lengths) = (read(x), read(gamma), read(beta), frames.lengths.clone());
    let statistics = batch_norm::statistics(hx.values(), &lengths, shape);
    let y = batch_norm::apply(
        hx.values(),
        hg.values(),
        hb.values(),
        &statistics,
        clip,
        &lengths,
        shape,
    );
    let kept = statistics.clone();
    let y = record([x, gamma, beta], y, x.dims(), move |pull| {
        let dy = pull.gradient.into_values();
        let (dx, dgamma, dbeta) =
            batch_norm::backward(dy, &hx, &hg, &hb, &kept, clip, &lengths, shape);
        hx.recycle();
        [Some(dx), Some(dgamma), Some(dbeta)]
    });
    (y, statistics)
}

/// Batch normalisation with fixed statistics, outside training.
pub fn normalise_fixed(
    x: &Tensor<2>,
    gamma: &Tensor<2>,
    beta: &Tensor<2>,
    statistics: &batch_norm::Statistics,
    clip: Option<f32>,
    frames: &Frames,
) -> Tensor<2> {
    if !(on_host(x) && on_host(gamma)) {
        return composed::normalise_fixed(x, gamma, beta, statistics, clip, frames);
    }
    let y = batch_norm::apply(
        read(x).values(),
        read(gamma).values(),
        read(beta).values(),
        statistics,
        clip,
        &frames.lengths,
        norm_shape(x, gamma, frames),
    );
    crate::host_op::constant(y, x.dims()[0], x.dims()[1])
}

fn norm_shape(x: &Tensor<2>, gamma: &Tensor<2>, frames: &Frames) -> batch_norm::Shape {
    let channels = gamma.dims()[1];
    batch_norm::Shape { steps: frames.steps, group: x.dims()[1] / channels, channels }
}

/// A recurrent matrix as leaves.
#[derive(Clone, Copy, Debug)]
pub enum Recurrent<'a> {
    /// `U` (`gates hidden x output`).
    Dense(&'a Tensor<2>),
    /// `U = A B`.
    LowRank(&'a Tensor<2>, &'a Tensor<2>),
}

/// A recurrent layer behind its input products.
#[derive(Clone, Copy, Debug)]
pub struct Recurrence<'a> {
    /// The recurrence.
    pub cell: Cell,
    /// `U`.
    pub recurrent: Recurrent<'a>,
    /// LSTM only: `1 x 3 hidden`.
    pub peepholes: Option<&'a Tensor<2>>,
    /// `P`, `output x hidden`.
    pub projection: Option<&'a Tensor<2>>,
    /// Are vectors rounded to int8 before they meet a matrix?
    pub rounded: bool,
}

impl<'a> Recurrence<'a> {
    /// A layer with neither peepholes nor projection.
    pub fn plain(cell: Cell, recurrent: Recurrent<'a>) -> Self {
        Self { cell, recurrent, peepholes: None, projection: None, rounded: false }
    }
}

/// Recurrence over input products `x` (rows of `gates hidden`), whose memory it reuses; see [`recurrence`].
pub fn recur(x: Tensor<2>, layer: Recurrence<'_>, frames: &Frames) -> Tensor<2> {
    if !on_host(&x) {
        return composed::recur(&x, layer, frames);
    }
    let Recurrence { cell, recurrent, peepholes, projection, rounded } = layer;
    let hidden = x.dims()[1] / cell.gates();
    let output = projection.map_or(hidden, |p| p.dims()[0]);
    let lengths = frames.lengths.clone();
    let shape = recurrence::Shape { batch: lengths.len(), steps: frames.steps, hidden, output };
    let (left, right) = match recurrent {
        Recurrent::Dense(u) => (u, None),
        Recurrent::LowRank(a, b) => (a, Some(b)),
    };
    let optional = [right, peepholes, projection];
    let optional_values = optional.map(|t| t.map(read));
    let weights = HostWeights { left: read(left), optional: optional_values, rounded };
    let [right, peepholes, projection] =
        optional.map(|t| t.map_or_else(Input::absent, Input::from));
    let (x, place) = take(x);
    let (y, saved) = recurrence::forward(x.into_values(), cell, weights.get(), &lengths, shape);
    let y = HostMatrix::from_values(y, [frames.rows(), output]);
    let kept = y.clone();
    record_matrix([place, left.into(), right, peepholes, projection], y, move |pull| {
        let (dy, y) = (pull.gradient, kept.into_values());
        let g = recurrence::backward(&dy, y, saved, cell, weights.get(), &lengths, shape);
        dy.recycle();
        let some = |gradient: Vec<f32>| (!gradient.is_empty()).then_some(gradient);
        [Some(g.input), Some(g.left), some(g.right), some(g.peepholes), some(g.projection)]
    })
}

/// The weights of a recurrence on the host.
struct HostWeights {
    left: HostMatrix,
    /// Right factor, peepholes, projection.
    optional: [Option<HostMatrix>; 3],
    rounded: bool,
}

impl HostWeights {
    fn get(&self) -> recurrence::Weights<'_> {
        let [right, peepholes, projection] = self.optional.each_ref().map(Option::as_ref);
        recurrence::Weights {
            recurrent: match right {
                None => recurrence::Recurrent::Dense(&self.left),
                Some(b) => recurrence::Recurrent::LowRank { a: &self.left, b, rank: b.rows() },
            },
            peepholes: peepholes.map(HostMatrix::values),
            projection: projection.map(HostMatrix::values),
            rounded: self.rounded,
        }
    }
}

/// Row (look-ahead) convolution; see [`row_conv`].
pub fn look_ahead(x: &Tensor<2>, w: &Tensor<2>, frames: &Frames) -> Tensor<2> {
    if !(on_host(x) && on_host(w)) {
        return composed::look_ahead(x, w, frames);
    }
    let (hx, hw, frames) = (read(x), read(w), frames.clone());
    let width = x.dims()[1];
    let y = row_conv::forward(hx.values(), hw.values(), &frames.lengths, frames.steps, width);
    record([x, w], y, x.dims(), move |pull| {
        let (dx, dw) =
            row_conv::backward(&pull.gradient, &hx, &hw, &frames.lengths, frames.steps, width);
        [Some(dx), Some(dw)]
    })
}

/// Zeroes a share `rate` of the values and scales the rest to keep the mean (Srivastava et al. 2014).
pub fn drop_out(x: &Tensor<2>, rate: f32, seed: u64) -> Tensor<2> {
    if rate == 0.0 {
        return x.clone();
    }
    let [rows, columns] = x.dims();
    let keep = 1.0 / (1.0 - rate);
    let mask: Vec<f32> = (0..(rows * columns) as u64)
        .map(|i| if random::unit(seed, i) < rate { 0.0 } else { keep })
        .collect();
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [rows, columns]), &x.device().inner());
    x.clone() * if x.is_autodiff() { mask.autodiff() } else { mask }
}
