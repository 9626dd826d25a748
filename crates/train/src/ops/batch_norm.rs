//! Sequence-wise batch normalisation (Deep Speech 2): statistics over the batch and all real
//! frames, padding left out, with an optional clipped ReLU behind it.
//!
//! A frame holds `group` rows of `channels` values: `group` is 1 for vectors and the number of
//! frequency bins behind a convolution, whose bins share the statistics of their channel.

use rayon::prelude::*;

/// Added to the variance.
pub const EPSILON: f32 = 1e-5;

/// Sizes of one normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Frames per sequence, padding included.
    pub steps: usize,
    /// Rows per frame.
    pub group: usize,
    /// Values per row.
    pub channels: usize,
}

/// Mean and variance per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Mean over batch, time and group.
    pub mean: Vec<f32>,
    /// Biased variance.
    pub variance: Vec<f32>,
}

/// Mean and variance of the real frames of `x` (`batch x steps x group x channels`).
pub fn statistics(x: &[f32], lengths: &[usize], shape: Shape) -> Statistics {
    let Shape { steps, group, channels } = shape;
    let count = count(lengths, group);
    let moment = |center: &[f64], power: i32| -> Vec<f64> {
        let partial: Vec<Vec<f64>> = x
            .par_chunks(steps * group * channels)
            .zip(lengths)
            .map(|(x, &length)| {
                let mut sum = vec![0.0; channels];
                for row in x[..length * group * channels].chunks_exact(channels) {
                    for ((s, x), c) in sum.iter_mut().zip(row).zip(center) {
                        *s += (f64::from(*x) - c).powi(power);
                    }
                }
                sum
            })
            .collect();
        let mut total = vec![0.0; channels];
        for part in &partial {
            for (t, p) in total.iter_mut().zip(part) {
                *t += p / count;
            }
        }
        total
    };
    let mean = moment(&vec![0.0; channels], 1);
    let variance = moment(&mean, 2);
    Statistics {
        mean: mean.iter().map(|&m| m as f32).collect(),
        variance: variance.iter().map(|&v| v as f32).collect(),
    }
}

fn count(lengths: &[usize], group: usize) -> f64 {
    (lengths.iter().sum::<usize>() * group).max(1) as f64
}

fn inverse_deviation(statistics: &Statistics) -> Vec<f32> {
    statistics.variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect()
}

/// `y = clip(gamma (x - mean) / sqrt(variance + eps) + beta)`, zero on padding.
pub fn apply(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    statistics: &Statistics,
    clip: Option<f32>,
    lengths: &[usize],
    shape: Shape,
) -> Vec<f32> {
    let Shape { steps, group, channels } = shape;
    let inverse = inverse_deviation(statistics);
    let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
    let shift: Vec<f32> =
        beta.iter().zip(&scale).zip(&statistics.mean).map(|((b, s), m)| b - s * m).collect();
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(steps * group * channels)
        .zip(x.par_chunks(steps * group * channels))
        .zip(lengths)
        .for_each(|((y, x), &length)| {
            let real = length * group * channels;
            for (y, x) in y[..real].chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                for c in 0..channels {
                    y[c] = x[c] * scale[c] + shift[c];
                }
                if let Some(clip) = clip {
                    y.iter_mut().for_each(|y| *y = y.clamp(0.0, clip));
                }
            }
        });
    y
}

/// Gradients `(dx, dgamma, dbeta)` of [`apply`] with the batch's own statistics.
#[allow(clippy::too_many_arguments)] // the arguments of `apply` and the gradient
pub fn backward(
    dy: &[f32],
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    statistics: &Statistics,
    clip: Option<f32>,
    lengths: &[usize],
    shape: Shape,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let Shape { steps, group, channels } = shape;
    let inverse = inverse_deviation(statistics);
    let mean = &statistics.mean;
    let clip = clip.unwrap_or(f32::INFINITY);
    let floor = if clip.is_finite() { 0.0 } else { f32::NEG_INFINITY };
    // The gradient before the clipped ReLU, which is flat at both ends.
    let open = |x: f32, dy: f32, c: usize| -> (f32, f32) {
        let normal = (x - mean[c]) * inverse[c];
        let y = gamma[c] * normal + beta[c];
        (normal, if y > floor && y < clip { dy } else { 0.0 })
    };
    let sequence = steps * group * channels;
    let partial: Vec<(Vec<f32>, Vec<f32>)> = x
        .par_chunks(sequence)
        .zip(dy.par_chunks(sequence))
        .zip(lengths)
        .map(|((x, dy), &length)| {
            let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
            let real = length * group * channels;
            for (x, dy) in x[..real].chunks_exact(channels).zip(dy.chunks_exact(channels)) {
                for c in 0..channels {
                    let (normal, d) = open(x[c], dy[c], c);
                    dgamma[c] += d * normal;
                    dbeta[c] += d;
                }
            }
            (dgamma, dbeta)
        })
        .collect();
    let (left, right): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
    let (dgamma, dbeta) = (super::sum(&left, channels), super::sum(&right, channels));
    let share = 1.0 / count(lengths, group) as f32;
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(sequence)
        .zip(x.par_chunks(sequence))
        .zip(dy.par_chunks(sequence))
        .zip(lengths)
        .for_each(|(((dx, x), dy), &length)| {
            let real = length * group * channels;
            let rows = x[..real].chunks_exact(channels).zip(dy.chunks_exact(channels));
            for (dx, (x, dy)) in dx.chunks_exact_mut(channels).zip(rows) {
                for c in 0..channels {
                    let (normal, d) = open(x[c], dy[c], c);
                    dx[c] = gamma[c] * inverse[c] * (d - share * (dbeta[c] + normal * dgamma[c]));
                }
            }
        });
    (dx, dgamma, dbeta)
}
