//! The reference evaluation of a network: the slow, obvious twin of the runtime and of the trainer.
//!
//! Every map is applied through its dense view, every loop runs over the indices of the formula,
//! and gates and sums are computed in `f64`. It is meant for tests and small checks; nothing in it
//! is fast.

use crate::{
    Affine, Candidate, Cell, ConvConfig, Error, LinearMap, Network, RecurrentConfig,
    RecurrentLayer, Result,
};

impl Network {
    /// Logits of an utterance: `features` is `frames x input`, the result `frames_out(frames) x
    /// symbols`. Batch norms are folded first.
    ///
    /// # Errors
    /// If the network is not [valid](Network::validate) or `features` does not hold `frames`
    /// frames.
    pub fn forward_reference(&self, features: &[f32], frames: usize) -> Result<Vec<f32>> {
        self.validate()?;
        if self.has_norms() {
            return self.clone().folded()?.forward_reference(features, frames);
        }
        let wanted = frames.checked_mul(self.config.input);
        if wanted != Some(features.len()) {
            return Err(Error::Argument(format!(
                "features hold {} values, which is not {frames} frames of {}",
                features.len(),
                self.config.input
            )));
        }
        let clip = self.config.clip;
        let mut x = features.to_vec();
        let mut frames = frames;
        for (l, (conv, affine)) in self.config.conv.iter().zip(&self.conv).enumerate() {
            let (bins, channels) = (self.config.conv_bins(l), self.config.conv_channels_in(l));
            let bins_out = self.config.conv_bins(l + 1);
            x = convolve(conv, affine, &x, frames, bins, channels, bins_out);
            clipped_relu(&mut x, clip);
            frames = frames.div_ceil(conv.stride[1]);
        }
        let f = |a: f64| match self.config.candidate {
            Candidate::Tanh => a.tanh(),
            Candidate::ClippedRelu => a.clamp(0.0, f64::from(clip)),
        };
        for (layer, config) in self.recurrent.iter().zip(&self.config.recurrent) {
            x = recur(layer, config, f, &x, frames);
        }
        if let Some(taps) = &self.row_conv {
            x = row_convolve(taps, &x, self.config.recurrent_output(), frames);
            clipped_relu(&mut x, clip);
        }
        if let Some(fc) = &self.fc {
            x = affine(fc, &x, frames);
            clipped_relu(&mut x, clip);
        }
        Ok(affine(&self.output, &x, frames))
    }
}

/// `W x + b` for each of `frames` vectors, through the dense view.
fn affine(layer: &Affine, x: &[f32], frames: usize) -> Vec<f32> {
    let mut y = dense_product(&layer.map.to_dense(), layer.map.rows(), x, frames);
    for y in y.chunks_exact_mut(layer.bias.len()) {
        for (y, b) in y.iter_mut().zip(&layer.bias) {
            *y += b;
        }
    }
    y
}

/// `frames x cols` times the transpose of `rows x cols`.
fn dense_product(w: &[f32], rows: usize, x: &[f32], frames: usize) -> Vec<f32> {
    let cols = w.len() / rows;
    let mut y = vec![0.0; frames * rows];
    for t in 0..frames {
        for i in 0..rows {
            let mut sum = 0f64;
            for j in 0..cols {
                sum += f64::from(w[i * cols + j]) * f64::from(x[t * cols + j]);
            }
            y[t * rows + i] = sum as f32;
        }
    }
    y
}

/// The 2-D convolution, `frames x bins x channels` to `ceil(frames / stride) x bins_out x rows`.
fn convolve(
    conv: &ConvConfig,
    layer: &Affine,
    x: &[f32],
    frames: usize,
    bins: usize,
    channels: usize,
    bins_out: usize,
) -> Vec<f32> {
    let [kernel_f, kernel_t] = conv.kernel;
    let [stride_f, stride_t] = conv.stride;
    let w = layer.map.to_dense();
    let mut y = Vec::new();
    for t in 0..frames.div_ceil(stride_t) {
        for f in 0..bins_out {
            for o in 0..conv.channels {
                let mut sum = f64::from(layer.bias[o]);
                for dt in 0..kernel_t {
                    for df in 0..kernel_f {
                        // Outside the input there are zeros: such indices wrap around or exceed the
                        // input.
                        let t_in = (t * stride_t + dt).wrapping_sub(conv.left_context());
                        let f_in = (f * stride_f + df).wrapping_sub(conv.frequency_padding());
                        if t_in >= frames || f_in >= bins {
                            continue;
                        }
                        for c in 0..channels {
                            let w = w[((o * kernel_t + dt) * kernel_f + df) * channels + c];
                            let x = x[(t_in * bins + f_in) * channels + c];
                            sum += f64::from(w) * f64::from(x);
                        }
                    }
                }
                y.push(sum as f32);
            }
        }
    }
    y
}

/// One recurrent layer from zero states, `frames x n_in` to `frames x output`; formulas:
/// [`RecurrentLayer`].
fn recur(
    layer: &RecurrentLayer,
    config: &RecurrentConfig,
    f: impl Fn(f64) -> f64,
    x: &[f32],
    frames: usize,
) -> Vec<f32> {
    let hidden = config.hidden;
    // The joint left factor is multiplied into both maps, for every cell.
    let dense = |map: &LinearMap| match &layer.joint {
        Some(left) => product(&left.to_dense(), &map.to_dense(), left.cols()),
        None => map.to_dense(),
    };
    let (w, u) = (dense(&layer.nonrec.map), dense(&layer.rec));
    let projection = layer.projection.as_ref().map(LinearMap::to_dense);
    let wx = dense_product(&w, config.gate_rows(), x, frames);
    let none = vec![0.0; 3 * hidden];
    let peepholes = layer.peepholes.as_ref().unwrap_or(&none);
    let mut h = vec![0f32; hidden];
    let mut content = vec![0f32; hidden];
    let mut recurs = vec![0f32; config.output()];
    let mut y = Vec::with_capacity(frames * config.output());
    for wx in wx.chunks_exact(config.gate_rows()) {
        let us = dense_product(&u, config.gate_rows(), &recurs, 1);
        for i in 0..hidden {
            let at = |gate: usize| gate * hidden + i;
            let input = |gate| f64::from(wx[at(gate)]) + f64::from(layer.nonrec.bias[at(gate)]);
            let sum = |gate| input(gate) + f64::from(us[at(gate)]);
            h[i] = match config.cell {
                Cell::Gru => {
                    let (z, r) = (sigmoid(sum(0)), sigmoid(sum(1)));
                    let inner = layer.recurrent_bias.as_ref().map_or(0.0, |bias| bias[i]);
                    let c = f(input(2) + r * (f64::from(us[at(2)]) + f64::from(inner)));
                    ((1.0 - z) * f64::from(h[i]) + z * c) as f32
                }
                Cell::Lstm => {
                    let peephole = |k: usize, c: f32| f64::from(peepholes[at(k)]) * f64::from(c);
                    let old = content[i];
                    let (input, forget) =
                        (sigmoid(sum(0) + peephole(0, old)), sigmoid(sum(1) + peephole(1, old)));
                    let c = (forget * f64::from(old) + input * sum(2).tanh()) as f32;
                    content[i] = c;
                    (sigmoid(sum(3) + peephole(2, c)) * f64::from(c).tanh()) as f32
                }
                Cell::Rnn => f(sum(0)) as f32,
            };
        }
        recurs = match &projection {
            Some(p) => dense_product(p, config.output(), &h, 1),
            None => h.clone(),
        };
        y.extend_from_slice(&recurs);
    }
    y
}

/// `A B` for `A` of `rows x inner` and `B` of `inner x cols`.
fn product(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let cols = b.len() / inner;
    let mut c = Vec::with_capacity(a.len() / inner * cols);
    for row in a.chunks_exact(inner) {
        for j in 0..cols {
            let terms =
                row.iter().enumerate().map(|(k, &a)| f64::from(a) * f64::from(b[k * cols + j]));
            c.push(terms.sum::<f64>() as f32);
        }
    }
    c
}

/// `r_t = sum over j of w_j * h_{t+j}`, zeros after the end; `taps x width` weights.
fn row_convolve(taps: &[f32], h: &[f32], width: usize, frames: usize) -> Vec<f32> {
    let mut r = vec![0.0; frames * width];
    for t in 0..frames {
        for i in 0..width {
            let mut sum = 0f64;
            for j in 0..taps.len() / width {
                if t + j < frames {
                    sum += f64::from(taps[j * width + i]) * f64::from(h[(t + j) * width + i]);
                }
            }
            r[t * width + i] = sum as f32;
        }
    }
    r
}

fn clipped_relu(x: &mut [f32], clip: f32) {
    for x in x {
        *x = x.max(0.0).min(clip);
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
