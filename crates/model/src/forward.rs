//! The reference evaluation of a network: the slow, obvious twin of the runtime and of the trainer.
//!
//! Every map is applied through its dense view, every loop runs over the indices of the formula, and gates
//! and sums are computed in `f64`. It is for tests and for small checks; nothing in it is fast.

use crate::{Affine, Candidate, ConvConfig, Error, Gru, Network, Result};

impl Network {
    /// Logits of an utterance: `features` is `frames x input`, the result `frames_out(frames) x symbols`.
    ///
    /// # Errors
    /// If the network is not [valid](Network::validate) or `features` does not hold `frames` frames.
    pub fn forward_reference(&self, features: &[f32], frames: usize) -> Result<Vec<f32>> {
        self.validate()?;
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
        for gru in &self.gru {
            x = recur(gru, self.config.candidate, clip, &x, frames);
        }
        if let Some(taps) = &self.row_conv {
            x = row_convolve(taps, &x, self.config.gru_output(), frames);
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
                        // Outside the input there are zeros: such indices wrap round or run over.
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

/// One GRU layer from a zero state, `frames x n_in` to `frames x h`; formulas at [`Gru`].
fn recur(gru: &Gru, candidate: Candidate, clip: f32, x: &[f32], frames: usize) -> Vec<f32> {
    let hidden = gru.rec.cols();
    let u = gru.rec.to_dense();
    let wx = affine(&gru.nonrec, x, frames);
    let mut h = vec![0f32; hidden];
    let mut y = Vec::with_capacity(frames * hidden);
    for wx in wx.chunks_exact(3 * hidden) {
        let uh = dense_product(&u, 3 * hidden, &h, 1);
        for i in 0..hidden {
            let (update, reset, new) = (i, hidden + i, 2 * hidden + i);
            let z = sigmoid(f64::from(wx[update]) + f64::from(uh[update]));
            let r = sigmoid(f64::from(wx[reset]) + f64::from(uh[reset]));
            let a = f64::from(wx[new]) + r * f64::from(uh[new]);
            let c = match candidate {
                Candidate::Tanh => a.tanh(),
                Candidate::ClippedRelu => a.clamp(0.0, f64::from(clip)),
            };
            h[i] = ((1.0 - z) * f64::from(h[i]) + z * c) as f32;
        }
        y.extend_from_slice(&h);
    }
    y
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
