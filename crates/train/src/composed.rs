//! The layers of [`crate::graph`] composed of the tensor library's own operations.
//!
//! They run on any device and are the slow, obvious twins the host operations are tested against:
//! forward by the formula, backward by automatic differentiation.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

use crate::graph::{Frames, Recurrence, Recurrent};
use crate::ops::batch_norm::{EPSILON, Statistics};
use crate::ops::conv;
use crate::ops::recurrence::{Candidate, Cell};

/// `batch x steps x 1`: 1 on real frames, 0 on padding, on the device of `like`.
fn mask(frames: &Frames, like: &Tensor<2>) -> Tensor<3> {
    let (batch, steps) = (frames.lengths.len(), frames.steps);
    let values: Vec<f32> = frames
        .lengths
        .iter()
        .flat_map(|&n| (0..steps).map(move |t| f32::from(u8::from(t < n))))
        .collect();
    Tensor::from_data(TensorData::new(values, [batch, steps, 1]), &like.device())
}

/// Twin of [`conv::forward`].
pub fn convolve(x: &Tensor<2>, w: &Tensor<2>, frames: &Frames, shape: conv::Shape) -> Tensor<2> {
    let conv::Shape { steps, bins, channels, filters, kernel, stride, lookahead, .. } = shape;
    let batch = frames.lengths.len();
    let x = (x.clone().reshape([batch, steps, bins * channels]) * mask(frames, x))
        .reshape([batch, steps, bins, channels])
        .permute([0, 3, 2, 1]);
    let w = w.clone().reshape([filters, kernel[0], kernel[1], channels]).permute([0, 3, 1, 2]);
    let steps_out = shape.steps_out(steps);
    let left = kernel[1] - 1 - lookahead;
    // Enough zeros behind the end for the last output frame.
    let right = ((steps_out - 1) * stride[1] + kernel[1]).saturating_sub(left + steps);
    let side = (kernel[0] - 1) / 2;
    let device = x.device();
    let x = Tensor::cat(
        vec![
            Tensor::zeros([batch, channels, bins, left], &device),
            x,
            Tensor::zeros([batch, channels, bins, right], &device),
        ],
        3,
    );
    let options = ConvOptions::new(stride, [side, 0], [1, 1], 1);
    let y = conv2d(x, w, None, options).slice([
        0..batch,
        0..filters,
        0..shape.bins_out(),
        0..steps_out,
    ]);
    let out = frames.strided(stride[1]);
    let y = y.permute([0, 3, 2, 1]).reshape([batch, steps_out, shape.bins_out() * filters]);
    let like = y.clone().reshape([batch * steps_out, shape.bins_out() * filters]);
    (y * mask(&out, &like)).reshape([batch * steps_out, shape.bins_out() * filters])
}

/// Twin of [`crate::graph::normalise`].
pub fn normalise(
    x: &Tensor<2>,
    gamma: &Tensor<2>,
    beta: &Tensor<2>,
    clip: Option<f32>,
    frames: &Frames,
) -> (Tensor<2>, Statistics) {
    let channels = gamma.dims()[1];
    let group = x.dims()[1] / channels;
    let count = (frames.lengths.iter().sum::<usize>() * group).max(1) as f32;
    let mask = grouped_mask(x, group, frames);
    let rows = x.clone().reshape([frames.rows() * group, channels]);
    let mean = (rows.clone() * mask.clone()).sum_dim(0) / count;
    let centred = (rows - mean.clone()) * mask.clone();
    let variance = (centred.clone() * centred.clone()).sum_dim(0) / count;
    let y = centred / (variance.clone() + EPSILON).sqrt() * gamma.clone() + beta.clone();
    let statistics =
        Statistics { mean: crate::graph::to_host(mean), variance: crate::graph::to_host(variance) };
    (finish(y, clip, mask, x.dims()), statistics)
}

/// Twin of [`crate::graph::normalise_fixed`].
pub fn normalise_fixed(
    x: &Tensor<2>,
    gamma: &Tensor<2>,
    beta: &Tensor<2>,
    statistics: &Statistics,
    clip: Option<f32>,
    frames: &Frames,
) -> Tensor<2> {
    let channels = gamma.dims()[1];
    let group = x.dims()[1] / channels;
    let vector =
        |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [1, channels]), &x.device());
    let rows = x.clone().reshape([frames.rows() * group, channels]) - vector(&statistics.mean);
    let y = rows / (vector(&statistics.variance) + EPSILON).sqrt() * gamma.clone() + beta.clone();
    finish(y, clip, grouped_mask(x, group, frames), x.dims())
}

fn grouped_mask(x: &Tensor<2>, group: usize, frames: &Frames) -> Tensor<2> {
    mask(frames, x)
        .reshape([frames.rows(), 1])
        .repeat(&[1, group])
        .reshape([frames.rows() * group, 1])
}

fn finish(y: Tensor<2>, clip: Option<f32>, mask: Tensor<2>, shape: [usize; 2]) -> Tensor<2> {
    let y = match clip {
        Some(clip) => y.clamp(0.0, clip),
        None => y,
    };
    (y * mask).reshape(shape)
}

/// Twin of [`crate::ops::recurrence::forward`], one step at a time.
pub fn recur(x: &Tensor<2>, layer: Recurrence<'_>, frames: &Frames) -> Tensor<2> {
    let wide = x.dims()[1];
    let (batch, steps, hidden) = (frames.lengths.len(), frames.steps, wide / layer.cell.gates());
    let output = layer.projection.map_or(hidden, |p| p.dims()[0]);
    let mask = mask(frames, x);
    let x = x.clone().reshape([batch, steps, wide]);
    let zeros = |width| Tensor::<2>::zeros([batch, width], &x.device());
    let (mut h, mut content, mut s) = (zeros(hidden), zeros(hidden), zeros(output));
    let gate = |v: &Tensor<2>, i: usize| v.clone().slice([0..batch, i * hidden..(i + 1) * hidden]);
    let peephole = |i: usize, content: &Tensor<2>| match layer.peepholes {
        Some(p) => p.clone().slice([0..1, i * hidden..(i + 1) * hidden]) * content.clone(),
        None => zeros(hidden),
    };
    let f = |v: Tensor<2>, candidate: Candidate| match candidate {
        Candidate::Tanh => v.tanh(),
        Candidate::ClippedRelu(clip) => v.clamp(0.0, clip),
    };
    let met = |v: &Tensor<2>| if layer.rounded { round(v) } else { v.clone() };
    let mut outputs = Vec::with_capacity(steps);
    for t in 0..steps {
        let x = x.clone().slice([0..batch, t..t + 1, 0..wide]).reshape([batch, wide]);
        let a = match layer.recurrent {
            Recurrent::Dense(u) => met(&s).matmul(u.clone().transpose()),
            Recurrent::LowRank(a, b) => {
                met(&met(&s).matmul(b.clone().transpose())).matmul(a.clone().transpose())
            }
        };
        let sum = |i: usize| gate(&x, i) + gate(&a, i);
        h = match layer.cell {
            Cell::Gru(candidate) => {
                let (z, r) = (sigmoid(sum(0)), sigmoid(sum(1)));
                let c = f(gate(&x, 2) + r * gate(&a, 2), candidate);
                h.clone() + z * (c - h)
            }
            Cell::Lstm => {
                let input = sigmoid(sum(0) + peephole(0, &content));
                let forget = sigmoid(sum(1) + peephole(1, &content));
                content = forget * content + input * sum(2).tanh();
                sigmoid(sum(3) + peephole(2, &content)) * content.clone().tanh()
            }
            Cell::Rnn(function) => f(sum(0), function),
        };
        s = match layer.projection {
            Some(p) => met(&h).matmul(p.clone().transpose()),
            None => h.clone(),
        };
        outputs.push(s.clone().reshape([batch, 1, output]));
    }
    (Tensor::cat(outputs, 1) * mask).reshape([batch * steps, output])
}

/// Twin of [`crate::graph::round`].
pub fn round(x: &Tensor<2>) -> Tensor<2> {
    let largest = x.clone().abs().max_dim(1).clamp_min(1e-30);
    let rounded = (x.clone() * (largest.clone().recip() * 127.0)).round() * (largest / 127.0);
    x.clone() + (rounded - x.clone()).detach()
}

/// Twin of [`crate::ops::row_conv::forward`].
pub fn look_ahead(x: &Tensor<2>, w: &Tensor<2>, frames: &Frames) -> Tensor<2> {
    let (batch, steps, width, taps) =
        (frames.lengths.len(), frames.steps, x.dims()[1], w.dims()[0]);
    let mask = mask(frames, x);
    let x = x.clone().reshape([batch, steps, width]) * mask.clone();
    let padded =
        Tensor::cat(vec![x.clone(), Tensor::zeros([batch, taps - 1, width], &x.device())], 1);
    let mut y = Tensor::<3>::zeros([batch, steps, width], &x.device());
    for j in 0..taps {
        let tap = w.clone().slice([j..j + 1, 0..width]).reshape([1, 1, width]);
        y = y + padded.clone().slice([0..batch, j..j + steps, 0..width]) * tap;
    }
    (y * mask).reshape([batch * steps, width])
}

/// Twin of [`crate::ops::ctc::loss`]: the forward sums in log space, one utterance at a time.
pub fn ctc(logits: &Tensor<2>, frames: &Frames, labels: &[Vec<u16>]) -> (Tensor<2>, Vec<f32>) {
    /// Stands for log 0 where a true minus infinity would make gradients NaN.
    const NEVER: f32 = -1e30;
    let symbols = logits.dims()[1];
    let device = logits.device();
    let log_probabilities = log_softmax(logits.clone(), 1);
    let mut total = Tensor::<2>::zeros([1, 1], &device);
    let mut losses = Vec::with_capacity(labels.len());
    for (b, labels) in labels.iter().enumerate() {
        let length = frames.lengths[b];
        if length < crate::ops::ctc::frames_needed(labels) {
            losses.push(f32::INFINITY);
            continue;
        }
        let mut states = vec![0u16];
        states.extend(labels.iter().flat_map(|&l| [l, 0]));
        let count = states.len();
        // emission: length x states, gathered by a one-hot product
        let mut pick = vec![0.0; symbols * count];
        for (s, &state) in states.iter().enumerate() {
            pick[usize::from(state) * count + s] = 1.0;
        }
        let pick = Tensor::<2>::from_data(TensorData::new(pick, [symbols, count]), &device);
        let start = b * frames.steps;
        let emission =
            log_probabilities.clone().slice([start..start + length, 0..symbols]).matmul(pick);
        let constant =
            |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [1, count]), &device);
        let skip = constant(
            (0..count)
                .map(|s| {
                    let skips = s >= 2 && states[s] != 0 && states[s] != states[s - 2];
                    if skips { 0.0 } else { NEVER }
                })
                .collect(),
        );
        let first = constant((0..count).map(|s| if s < 2 { 0.0 } else { NEVER }).collect());
        let row = |t: usize| emission.clone().slice([t..t + 1, 0..count]);
        let never = |n: usize| Tensor::<2>::full([1, n], NEVER, &device);
        let mut alpha = row(0) + first;
        for t in 1..length {
            let shifted = |by: usize| {
                let kept = count.saturating_sub(by);
                Tensor::cat(vec![never(by.min(count)), alpha.clone().slice([0..1, 0..kept])], 1)
            };
            let one = if count > 1 { shifted(1) } else { never(count) };
            let two = if count > 2 { shifted(2) + skip.clone() } else { never(count) };
            alpha = log_add(log_add(alpha.clone(), one), two) + row(t);
        }
        let last = alpha.clone().slice([0..1, count - 1..count]);
        let end = match count {
            1 => last,
            _ => log_add(last, alpha.slice([0..1, count - 2..count - 1])),
        };
        losses.push(-crate::graph::to_host(end.clone())[0]);
        total = total - end;
    }
    (total, losses)
}

fn log_add(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let top = a.clone().max_pair(b.clone());
    top.clone() + ((a - top.clone()).exp() + (b - top).exp()).log()
}
