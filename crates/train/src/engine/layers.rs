//! The layers as operations on the tape; their arithmetic is in [`crate::engine::ops`].
//!
//! Activations are matrices of `batch x steps` rows, so every layer is a function from matrix to
//! matrix; [`Frames`] says which rows are real.

use rayon::prelude::*;
use stonechat_model::FamilySpec;

use super::tape::{Input, Tensor, Values, record};
use super::team::Piece;
use crate::engine::ops::batch_norm::{self, Of};
use crate::engine::ops::recurrence::{self, Cell};
use crate::engine::ops::{buffers, conv, matmul, rounding, row_conv};
use crate::random;

/// Which of the `batch x steps` rows of an activation are real frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// Real frames of each sequence.
    pub lengths: Vec<usize>,
    /// Frames of each sequence, padding included.
    pub steps: usize,
}

impl Frames {
    /// The frames after a layer with time stride `stride`.
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

/// `y = x w^T`, `w` being `outputs x inputs`.
pub fn linear(x: &Tensor, w: &Tensor) -> Tensor {
    let ([n, k], [m, _]) = (x.shape(), w.shape());
    let y = matmul::forward(x, w, n, k, m);
    let (hx, hw) = (x.share(), w.share());
    record([x, w], y, [n, m], move |dy, wanted| {
        let dw = wanted[1].then(|| matmul::backward_weight(&dy, &hx, n, k, m));
        hx.recycle(); // makes room for its gradient
        let dx = wanted[0].then(|| matmul::backward_input(&dy, &hw, n, k, m));
        buffers::keep(dy);
        vec![dx, dw]
    })
}

/// `y = u v`, the product of two factors.
pub fn product(u: &Tensor, v: &Tensor) -> Tensor {
    let ([m, r], [_, n]) = (u.shape(), v.shape());
    let y = matmul::backward_input(u, v, m, n, r);
    let (hu, hv) = (u.share(), v.share());
    record([u, v], y, [m, n], move |dy, wanted| {
        let du = wanted[0].then(|| matmul::forward(&dy, &hv, m, n, r));
        let dv = wanted[1].then(|| matmul::backward_weight(&hu, &dy, m, n, r));
        vec![du, dv]
    })
}

/// The dense view of a map, from its parts. A step multiplies it by thousands of frames, so forming
/// it and pulling its gradient back to the parts is cheap by comparison.
pub fn dense_view(spec: &FamilySpec, parts: &[Tensor]) -> Tensor {
    let values: Vec<&[f32]> = parts.iter().map(|part| &part[..]).collect();
    let dense = spec.to_dense(&values);
    let (spec, shared): (_, Vec<Values>) =
        (spec.clone(), parts.iter().map(Tensor::share).collect());
    let shape = [spec.rows(), spec.cols()];
    record(parts, dense, shape, move |dy, _| {
        let values: Vec<&[f32]> = shared.iter().map(|part| &part[..]).collect();
        spec.gradient(&values, &dy).into_iter().map(Some).collect()
    })
}

/// `x + b`, the row `b` added to every row.
pub fn add_bias(x: Tensor, b: &Tensor) -> Tensor {
    let shape = x.shape();
    let (x, place) = x.into_parts();
    let (mut y, bias) = (x.into_vec(), &b[..]);
    y.par_chunks_mut(shape[1]).for_each(|y| y.iter_mut().zip(bias).for_each(|(y, b)| *y += b));
    record([place, b.into()], y, shape, move |dy, wanted| {
        let db = wanted[1].then(|| {
            let mut db = vec![0.0; shape[1]];
            for dy in dy.chunks_exact(shape[1]) {
                db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
            }
            db
        });
        vec![Some(dy), db]
    })
}

/// `min(max(x, 0), limit)`.
pub fn clip(x: &Tensor, limit: f32) -> Tensor {
    let hx = x.share();
    let y: Vec<f32> = x.iter().map(|x| x.clamp(0.0, limit)).collect();
    record([x], y, x.shape(), move |mut dy, _| {
        for (dy, x) in dy.iter_mut().zip(&hx[..]) {
            if !(0.0..=limit).contains(x) {
                *dy = 0.0;
            }
        }
        vec![Some(dy)]
    })
}

/// Every row rounded to int8 and back (see [`rounding`]); gradients pass unchanged.
pub fn round(x: &Tensor) -> Tensor {
    let mut y = buffers::copy_of(x);
    rounding::round_vectors(&mut y, x.shape()[1]);
    record([x], y, x.shape(), |dy, _| vec![Some(dy)])
}

/// Two-dimensional convolution; see [`conv`].
pub fn convolve(x: &Tensor, w: &Tensor, frames: &Frames, shape: conv::Shape) -> Tensor {
    let (hx, hw, lengths) = (x.share(), w.share(), frames.lengths.clone());
    let y = conv::forward(x, w, &lengths, shape);
    let out = [lengths.len() * shape.steps_out(shape.steps), shape.bins_out() * shape.filters];
    record([x, w], y, out, move |dy, wanted| {
        let (dx, dw) = conv::backward(&dy, &hx, &hw, &lengths, shape, wanted[0]);
        vec![dx, Some(dw)]
    })
}

/// Batch normalisation with the batch's statistics, which are also returned; see [`batch_norm`].
/// `piece` is given if this is one piece of a batch.
pub fn normalise(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    clip: Option<f32>,
    frames: &Frames,
    piece: Option<&Piece>,
) -> (Tensor, batch_norm::Statistics) {
    let shape = norm_shape(x, gamma, frames);
    let statistics = batch_norm::statistics(x, &frames.lengths, shape, piece);
    let of = Of::Batch(piece.cloned());
    (normalised(x, gamma, beta, &statistics, of, clip, frames), statistics)
}

/// Batch normalisation with given statistics, which do not depend on `x`: outside training, or
/// frozen.
pub fn normalise_fixed(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    statistics: &batch_norm::Statistics,
    clip: Option<f32>,
    frames: &Frames,
) -> Tensor {
    normalised(x, gamma, beta, statistics, Of::Others, clip, frames)
}

fn normalised(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    statistics: &batch_norm::Statistics,
    of: Of,
    clip: Option<f32>,
    frames: &Frames,
) -> Tensor {
    let (shape, lengths) = (norm_shape(x, gamma, frames), frames.lengths.clone());
    let y = batch_norm::apply(x, gamma, beta, statistics, clip, &lengths, shape);
    let (hx, hg, hb, kept) = (x.share(), gamma.share(), beta.share(), statistics.clone());
    record([x, gamma, beta], y, x.shape(), move |dy, _| {
        let (dx, dgamma, dbeta) =
            batch_norm::backward(dy, &hx, &hg, &hb, &kept, &of, clip, &lengths, shape);
        hx.recycle();
        vec![Some(dx), Some(dgamma), Some(dbeta)]
    })
}

fn norm_shape(x: &Tensor, gamma: &Tensor, frames: &Frames) -> batch_norm::Shape {
    let channels = gamma.shape()[1];
    batch_norm::Shape { steps: frames.steps, group: x.shape()[1] / channels, channels }
}

/// A recurrent matrix.
#[derive(Clone, Debug)]
pub enum Recurrent {
    /// `U` (`gates hidden x output`).
    Dense(Tensor),
    /// `U = A B`.
    LowRank(Tensor, Tensor),
}

/// A recurrent layer after its input products.
#[derive(Clone, Debug)]
pub struct Recurrence<'a> {
    /// The recurrence.
    pub cell: Cell,
    /// `U`.
    pub recurrent: Recurrent,
    /// LSTM only: `1 x 3 hidden`.
    pub peepholes: Option<&'a Tensor>,
    /// `P`, `output x hidden`.
    pub projection: Option<Tensor>,
    /// Whether vectors are rounded to int8 before they are multiplied.
    pub rounded: bool,
}

impl Recurrence<'_> {
    /// The values of its weights, kept until the backward pass is done.
    fn weights(&self) -> SharedWeights {
        let (left, right) = match &self.recurrent {
            Recurrent::Dense(u) => (u, None),
            Recurrent::LowRank(a, b) => (a, Some((b.share(), b.shape()[0]))),
        };
        SharedWeights {
            left: left.share(),
            right,
            peepholes: self.peepholes.map(Tensor::share),
            projection: self.projection.as_ref().map(Tensor::share),
            rounded: self.rounded,
        }
    }
}

/// The weights of a recurrence.
struct SharedWeights {
    left: Values,
    /// Right factor and inner size.
    right: Option<(Values, usize)>,
    peepholes: Option<Values>,
    projection: Option<Values>,
    rounded: bool,
}

impl SharedWeights {
    fn get(&self) -> recurrence::Weights<'_> {
        recurrence::Weights {
            recurrent: match &self.right {
                None => recurrence::Recurrent::Dense(&self.left),
                Some((b, rank)) => recurrence::Recurrent::LowRank { a: &self.left, b, rank: *rank },
            },
            peepholes: self.peepholes.as_deref(),
            projection: self.projection.as_deref(),
            rounded: self.rounded,
        }
    }
}

/// Recurrence over input products `x` (rows of `gates hidden`), whose memory is reused; see
/// [`recurrence`].
pub fn recur(x: Tensor, layer: &Recurrence<'_>, frames: &Frames) -> Tensor {
    let (weights, cell) = (layer.weights(), layer.cell);
    let hidden = x.shape()[1] / cell.gates();
    let output = layer.projection.as_ref().map_or(hidden, |p| p.shape()[0]);
    let lengths = frames.lengths.clone();
    let shape = recurrence::Shape { batch: lengths.len(), steps: frames.steps, hidden, output };
    let (left, right) = match &layer.recurrent {
        Recurrent::Dense(u) => (u, None),
        Recurrent::LowRank(a, b) => (a, Some(b)),
    };
    let [right, peepholes, projection] =
        [right, layer.peepholes, layer.projection.as_ref()].map(Input::from);
    let (x, place) = x.into_parts();
    let (y, saved) = recurrence::forward(x.into_vec(), cell, weights.get(), &lengths, shape);
    let y = Values::from(y);
    let kept = y.clone();
    let inputs = [place, left.into(), right, peepholes, projection];
    record(inputs, y, [frames.rows(), output], move |dy, _| {
        let y = kept.into_vec();
        let g = recurrence::backward(&dy, y, saved, cell, weights.get(), &lengths, shape);
        buffers::keep(dy);
        vec![Some(g.input), Some(g.left), Some(g.right), Some(g.peepholes), Some(g.projection)]
    })
}

/// Row (look-ahead) convolution; see [`row_conv`].
pub fn look_ahead(x: &Tensor, w: &Tensor, frames: &Frames) -> Tensor {
    let (hx, hw, frames) = (x.share(), w.share(), frames.clone());
    let width = x.shape()[1];
    let y = row_conv::forward(x, w, &frames.lengths, frames.steps, width);
    record([x, w], y, x.shape(), move |dy, _| {
        let (dx, dw) = row_conv::backward(&dy, &hx, &hw, &frames.lengths, frames.steps, width);
        vec![Some(dx), Some(dw)]
    })
}

/// Zeroes a share `rate` of the values and scales the rest to keep the mean (Srivastava et al.
/// 2014).
pub fn drop_out(x: &Tensor, rate: f32, seed: u64) -> Tensor {
    if rate == 0.0 {
        return x.clone();
    }
    let columns = x.shape()[1];
    // The mask is drawn again in the backward pass, which is cheaper than keeping it.
    let masked = move |values: &mut [f32]| {
        let keep = 1.0 / (1.0 - rate);
        values.par_chunks_mut(columns).enumerate().for_each(|(row, values)| {
            for (i, value) in values.iter_mut().enumerate() {
                let dropped = random::unit(seed, (row * columns + i) as u64) < rate;
                *value *= if dropped { 0.0 } else { keep };
            }
        });
    };
    let mut y = buffers::copy_of(x);
    masked(&mut y);
    record([x], y, x.shape(), move |mut dy, _| {
        masked(&mut dy);
        vec![Some(dy)]
    })
}
