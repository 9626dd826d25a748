//! One step's graph: the parameters as leaves on the device, and the layers as functions on it.
//!
//! Activations are matrices of `batch x steps` rows, so that every layer is one function from matrix to
//! matrix; [`Frames`] says which rows are real. On the CPU the hot layers run as host operations
//! ([`crate::ops`]), elsewhere as composed tensor operations ([`crate::composed`]).

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use stonechat_model::FamilySpec;

use crate::host_op::{HostMatrix, on_host, read, record, record_matrix, take};
use crate::net::{Families, Net};
use crate::ops::{batch_norm, buffers, conv, gru, matmul, row_conv};
use crate::parameters::{Gradients, Parameter};
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
        let leaves = net.parameters.iter().map(|(name, p)| (name.clone(), upload(p))).collect();
        Self { leaves, families: net.families.clone() }
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

/// The recurrent matrix of a GRU as leaves.
#[derive(Clone, Copy, Debug)]
pub enum Recurrent<'a> {
    /// `U` (`3h x h`).
    Dense(&'a Tensor<2>),
    /// `U = A B`.
    LowRank(&'a Tensor<2>, &'a Tensor<2>),
}

/// GRU recurrence over input products `x` (rows of `3h`), whose memory it reuses; see [`gru`].
pub fn recur(
    x: Tensor<2>,
    recurrent: Recurrent<'_>,
    candidate: gru::Candidate,
    frames: &Frames,
) -> Tensor<2> {
    let hidden = x.dims()[1] / 3;
    let lengths = frames.lengths.clone();
    let shape = gru::Shape { batch: lengths.len(), steps: frames.steps, hidden };
    let out = [frames.rows(), hidden];
    if !on_host(&x) {
        return composed::recur(&x, recurrent, candidate, frames);
    }
    let (x, place) = take(x);
    let x = x.into_values();
    match recurrent {
        Recurrent::Dense(u) => {
            let hu = read(u);
            let (y, saved) =
                gru::forward(x, gru::Recurrent::Dense(&hu), &lengths, candidate, shape);
            let y = HostMatrix::from_values(y, out);
            let kept = y.clone();
            record_matrix([place, u.into()], y, move |pull| {
                let (y, dense) = (kept.into_values(), gru::Recurrent::Dense(&hu));
                let g = gru::backward(&pull.gradient, y, saved, dense, &lengths, candidate, shape);
                pull.gradient.recycle();
                [Some(g.input), Some(g.left)]
            })
        }
        Recurrent::LowRank(a, b) => {
            let (ha, hb, rank) = (read(a), read(b), b.dims()[0]);
            let factors = gru::Recurrent::LowRank { a: &ha, b: &hb, rank };
            let (y, saved) = gru::forward(x, factors, &lengths, candidate, shape);
            let y = HostMatrix::from_values(y, out);
            let kept = y.clone();
            record_matrix([place, a.into(), b.into()], y, move |pull| {
                let (y, u) = (kept.into_values(), gru::Recurrent::LowRank { a: &ha, b: &hb, rank });
                let g = gru::backward(&pull.gradient, y, saved, u, &lengths, candidate, shape);
                pull.gradient.recycle();
                [Some(g.input), Some(g.left), Some(g.right)]
            })
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
