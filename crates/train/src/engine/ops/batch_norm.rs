//! Sequence-wise batch normalisation (Deep Speech 2): statistics over the batch and all real
//! frames, without padding, optionally followed by a clipped ReLU.
//!
//! A frame has `group` rows of `channels` values. `group` is 1 for vectors, and the number of
//! frequency bins after a convolution, whose bins share the statistics of their channel.

use rayon::prelude::*;

use super::buffers;
use super::vectorise::vectorised;
use crate::engine::team::{Piece, Terms};

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

/// The source of the statistics.
#[derive(Clone, Debug)]
pub enum Of {
    /// The batch's own, through which gradients flow; those of all pieces, if this is one piece of
    /// a batch.
    Batch(Option<Piece>),
    /// Fixed ones.
    Others,
}

/// Mean and variance of the real frames of `x` (`batch x steps x group x channels`), or of all
/// pieces of a batch.
///
/// Each sequence is passed over twice, the second time from the cache; their moments are joined by
/// the formula of Chan, Golub and LeVeque (1979).
pub fn statistics(x: &[f32], lengths: &[usize], shape: Shape, piece: Option<&Piece>) -> Statistics {
    let Shape { steps, group, channels } = shape;
    let moments: Vec<Moments> = x
        .par_chunks(steps * group * channels)
        .zip(lengths)
        .filter(|&(_, &length)| length > 0)
        .map(|(x, &length)| {
            let real = &x[..length * group * channels];
            vectorised(
                #[inline(always)]
                || Moments::of(real, channels),
            )
        })
        .collect();
    let mut all = Moments::none(channels);
    moments.iter().for_each(|part| all.join(part));
    if let Some(piece) = piece {
        all = all.joined(piece);
    }
    let count = all.count.max(1.0);
    Statistics {
        mean: all.mean.iter().map(|&m| m as f32).collect(),
        variance: all.squares.iter().map(|&s| (s / count) as f32).collect(),
    }
}

/// Rows, mean and summed squares of the differences from it, per channel.
struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    #[inline(always)]
    fn of(x: &[f32], channels: usize) -> Self {
        let count = (x.len() / channels) as f64;
        let mut mean = column_sums(x, &vec![0.0; channels], |d| d);
        mean.iter_mut().for_each(|m| *m /= count);
        // The mean in f32 has a rounding error, which the second term removes.
        let centre: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
        let mut squares = column_sums(x, &centre, |d| d * d);
        for ((s, m), c) in squares.iter_mut().zip(&mean).zip(&centre) {
            let off = m - f64::from(*c);
            *s -= count * off * off;
        }
        Self { count, mean, squares }
    }

    /// The joined moments of all pieces.
    fn joined(self, piece: &Piece) -> Self {
        let channels = self.mean.len();
        let terms = [vec![self.count], self.mean, self.squares].concat();
        let all = piece.join(Terms::Moments(terms)).numbers();
        let (mean, squares) = all[1..].split_at(channels);
        Self { count: all[0], mean: mean.to_vec(), squares: squares.to_vec() }
    }

    fn join(&mut self, other: &Self) {
        let total = self.count + other.count;
        for c in 0..self.mean.len() {
            let apart = other.mean[c] - self.mean[c];
            self.mean[c] += apart * other.count / total;
            self.squares[c] += other.squares[c] + apart * apart * self.count * other.count / total;
        }
        self.count = total;
    }
}

/// Sum over the rows of `f(x - centre)` per channel: in f32 over short blocks, in f64 over those.
#[inline(always)]
fn column_sums(x: &[f32], centre: &[f32], f: impl Fn(f32) -> f32) -> Vec<f64> {
    const ROWS_PER_BLOCK: usize = 16;
    let channels = centre.len();
    let mut total = vec![0.0f64; channels];
    let mut short = vec![0.0f32; channels];
    for block in x.chunks(ROWS_PER_BLOCK * channels) {
        short.fill(0.0);
        for row in block.chunks_exact(channels) {
            for ((s, x), c) in short.iter_mut().zip(row).zip(centre) {
                *s += f(x - c);
            }
        }
        for (t, s) in total.iter_mut().zip(&short) {
            *t += f64::from(*s);
        }
    }
    total
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
    let mut y = buffers::unwritten(x.len());
    y.par_chunks_mut(steps * group * channels)
        .zip(x.par_chunks(steps * group * channels))
        .zip(lengths)
        .for_each(|((y, x), &length)| {
            let (y, padding) = y.split_at_mut(length * group * channels);
            padding.fill(0.0);
            vectorised(
                #[inline(always)]
                || apply_rows(x, &scale, &shift, clip, y),
            );
        });
    y
}

#[inline(always)]
fn apply_rows(x: &[f32], scale: &[f32], shift: &[f32], clip: Option<f32>, y: &mut [f32]) {
    let channels = scale.len();
    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
            *y = x * scale + shift;
        }
        if let Some(clip) = clip {
            y.iter_mut().for_each(|y| *y = y.clamp(0.0, clip));
        }
    }
}

/// Gradients `(dx, dgamma, dbeta)` of [`apply`]; `dx` replaces `dy`.
#[allow(clippy::too_many_arguments)] // the arguments of `apply` and the gradient
pub fn backward(
    mut dy: Vec<f32>,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    statistics: &Statistics,
    of: &Of,
    clip: Option<f32>,
    lengths: &[usize],
    shape: Shape,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let Shape { steps, group, channels } = shape;
    let inverse = inverse_deviation(statistics);
    let layer = Layer { mean: &statistics.mean, inverse: &inverse, gamma, beta };
    let sequence = steps * group * channels;
    let partial: Vec<(Vec<f32>, Vec<f32>)> = dy
        .par_chunks_mut(sequence)
        .zip(x.par_chunks(sequence))
        .zip(lengths)
        .map(|((dy, x), &length)| {
            let (dy, padding) = dy.split_at_mut(length * group * channels);
            padding.fill(0.0);
            vectorised(
                #[inline(always)]
                || {
                    if let Some(clip) = clip {
                        layer.close_clipped(x, clip, dy);
                    }
                    layer.sums(x, dy)
                },
            )
        })
        .collect();
    let (left, right): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
    let (dgamma, dbeta) = (super::sum(&left, channels), super::sum(&right, channels));
    // The part of the gradient through the statistics of the batch.
    let count = count(lengths, group);
    let (slope, offset) = match of {
        Of::Batch(None) => (shares(&dgamma, count), shares(&dbeta, count)),
        Of::Batch(Some(piece)) => {
            let real = if lengths.iter().all(|&length| length == 0) { 0.0 } else { count };
            let sums = dgamma.iter().chain(&dbeta).map(|&sum| f64::from(sum));
            let all = piece.join(Terms::Sums(std::iter::once(real).chain(sums).collect()));
            let all = all.numbers();
            let sums: Vec<f32> = all[1..].iter().map(|&sum| sum as f32).collect();
            let (slope, offset) = sums.split_at(channels);
            (shares(slope, all[0].max(1.0)), shares(offset, all[0].max(1.0)))
        }
        Of::Others => (vec![0.0; channels], vec![0.0; channels]),
    };
    dy.par_chunks_mut(sequence).zip(x.par_chunks(sequence)).zip(lengths).for_each(
        |((dy, x), &length)| {
            let dy = &mut dy[..length * group * channels];
            vectorised(
                #[inline(always)]
                || layer.input_gradient(x, &slope, &offset, dy),
            );
        },
    );
    (dy, dgamma, dbeta)
}

fn shares(sums: &[f32], count: f64) -> Vec<f32> {
    let share = 1.0 / count as f32;
    sums.iter().map(|sum| share * sum).collect()
}

/// The values per channel of a normalisation.
#[derive(Clone, Copy)]
struct Layer<'a> {
    mean: &'a [f32],
    inverse: &'a [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
}

impl Layer<'_> {
    /// Takes the gradient back through the clipped ReLU, which is flat at both ends.
    #[inline(always)]
    fn close_clipped(&self, x: &[f32], clip: f32, dy: &mut [f32]) {
        let n = self.mean.len();
        let (mean, inverse) = (&self.mean[..n], &self.inverse[..n]);
        let (gamma, beta) = (&self.gamma[..n], &self.beta[..n]);
        for (dy, x) in dy.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
            for c in 0..n {
                let y = gamma[c] * ((x[c] - mean[c]) * inverse[c]) + beta[c];
                dy[c] = if y > 0.0 && y < clip { dy[c] } else { 0.0 };
            }
        }
    }

    /// This sequence's part of `(dgamma, dbeta)`.
    #[inline(always)]
    fn sums(&self, x: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let n = self.mean.len();
        let (mean, inverse) = (&self.mean[..n], &self.inverse[..n]);
        let (mut dgamma, mut dbeta) = (vec![0.0; n], vec![0.0; n]);
        for (dy, x) in dy.chunks_exact(n).zip(x.chunks_exact(n)) {
            for c in 0..n {
                dgamma[c] += dy[c] * ((x[c] - mean[c]) * inverse[c]);
                dbeta[c] += dy[c];
            }
        }
        (dgamma, dbeta)
    }

    /// `dx = gamma / deviation (dy - mean(dy) - normal mean(dy normal))`, in place of `dy`.
    #[inline(always)]
    fn input_gradient(&self, x: &[f32], slope: &[f32], offset: &[f32], dy: &mut [f32]) {
        let n = self.mean.len();
        let (mean, inverse, gamma) = (&self.mean[..n], &self.inverse[..n], &self.gamma[..n]);
        let (slope, offset) = (&slope[..n], &offset[..n]);
        for (dy, x) in dy.chunks_exact_mut(n).zip(x.chunks_exact(n)) {
            for c in 0..n {
                let normal = (x[c] - mean[c]) * inverse[c];
                dy[c] = gamma[c] * inverse[c] * (dy[c] - (offset[c] + normal * slope[c]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_equal_the_plain_formulas_far_from_zero() {
        for (lengths, group, channels, offset) in
            [(vec![70, 33, 0], 1, 3, 0.0), (vec![0, 5], 2, 2, 1000.0), (vec![1], 1, 4, -50.0)]
        {
            let steps = *lengths.iter().max().unwrap();
            let shape = Shape { steps, group, channels };
            let frame = group * channels;
            let x: Vec<f32> = (0..lengths.len() * steps * frame)
                .map(|i| offset + (i * 37 % 101) as f32 / 50.0 - 1.0)
                .collect();
            let ours = statistics(&x, &lengths, shape, None);
            for c in 0..channels {
                let real: Vec<f64> = (0..lengths.len())
                    .flat_map(|b| (0..lengths[b] * group).map(move |r| b * steps * group + r))
                    .map(|row| f64::from(x[row * channels + c]))
                    .collect();
                let n = real.len() as f64;
                let mean = real.iter().sum::<f64>() / n;
                let variance = real.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
                let close = |a: f32, b: f64, size: f64| (f64::from(a) - b).abs() <= 1e-6 * size;
                let case = format!("{lengths:?}, channel {c} of {channels}, offset {offset}");
                assert!(close(ours.mean[c], mean, mean.abs().max(1.0)), "{case}: {mean}");
                assert!(close(ours.variance[c], variance, 1.0), "{case}: {variance}");
            }
        }
    }
}
