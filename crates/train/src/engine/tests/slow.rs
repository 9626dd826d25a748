//! The layers by their formulas, number by number: slow versions of [`crate::engine::ops`], forward
//! only.

use super::dual::Dual;
use crate::engine::layers::Frames;
use crate::engine::ops::batch_norm::{EPSILON, Statistics};
use crate::engine::ops::conv;
use crate::engine::ops::recurrence::{Candidate, Cell};

/// A row-major matrix.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub columns: usize,
    pub values: Vec<Dual>,
}

impl Matrix {
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, values: vec![Dual::default(); rows * columns] }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    fn row(&self, i: usize) -> &[Dual] {
        &self.values[i * self.columns..][..self.columns]
    }

    fn row_mut(&mut self, i: usize) -> &mut [Dual] {
        &mut self.values[i * self.columns..][..self.columns]
    }

    fn map(&self, f: impl Fn(Dual) -> Dual) -> Self {
        Self { columns: self.columns, values: self.values.iter().map(|&x| f(x)).collect() }
    }

    /// `W x`.
    fn times(&self, x: &[Dual]) -> Vec<Dual> {
        (0..self.rows()).map(|i| dot(self.row(i), x)).collect()
    }
}

fn dot(a: &[Dual], b: &[Dual]) -> Dual {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// `x w^T`.
pub fn linear(x: &Matrix, w: &Matrix) -> Matrix {
    let values = (0..x.rows()).flat_map(|i| w.times(x.row(i))).collect();
    Matrix { columns: w.rows(), values }
}

/// `u v`.
pub fn product(u: &Matrix, v: &Matrix) -> Matrix {
    let mut y = Matrix::zeros(u.rows(), v.columns);
    for i in 0..u.rows() {
        for j in 0..v.columns {
            y.row_mut(i)[j] = (0..v.rows()).map(|k| u.row(i)[k] * v.row(k)[j]).sum();
        }
    }
    y
}

pub fn add_bias(x: &Matrix, b: &Matrix) -> Matrix {
    let mut y = x.clone();
    for i in 0..y.rows() {
        y.row_mut(i).iter_mut().zip(&b.values).for_each(|(y, b)| *y = *y + *b);
    }
    y
}

pub fn clip(x: &Matrix, limit: f64) -> Matrix {
    x.map(|x| x.clip(limit))
}

/// A vector rounded to int8, with its largest value at 127.
fn round_vector(x: &[Dual]) -> Vec<Dual> {
    let unit = x.iter().fold(1e-30, |m: f64, x| m.max(x.value.abs())) / 127.0;
    x.iter().map(|x| x.round_through(unit)).collect()
}

pub fn round(x: &Matrix) -> Matrix {
    let values = (0..x.rows()).flat_map(|i| round_vector(x.row(i))).collect();
    Matrix { columns: x.columns, values }
}

/// Rows of the real frames of each sequence, in order.
fn real(frames: &Frames) -> impl Iterator<Item = usize> {
    let starts = frames.lengths.iter().enumerate().map(|(b, n)| (b * frames.steps, *n));
    starts.flat_map(|(start, n)| start..start + n).collect::<Vec<_>>().into_iter()
}

/// The filter `f` at output frame `t` and bin `o` sees frame `t stride + k - left` and bin `o
/// stride + j - side`.
pub fn convolve(x: &Matrix, w: &Matrix, frames: &Frames, shape: conv::Shape) -> Matrix {
    let conv::Shape { steps, bins, channels, filters, kernel, stride, lookahead, .. } = shape;
    let (side, left) = ((kernel[0] - 1) / 2, kernel[1] - 1 - lookahead);
    let out = frames.strided(stride[1]);
    let mut y = Matrix::zeros(out.rows(), shape.bins_out() * filters);
    for (b, &length) in frames.lengths.iter().enumerate() {
        for t in 0..out.lengths[b] {
            for o in 0..shape.bins_out() {
                for f in 0..filters {
                    let mut sum = Dual::default();
                    for (tap, &weight) in w.row(f).iter().enumerate() {
                        let (k, j) = (tap / channels / kernel[0], tap / channels % kernel[0]);
                        let bin = (o * stride[0] + j).wrapping_sub(side);
                        let frame = (t * stride[1] + k).wrapping_sub(left);
                        if bin < bins && frame < length {
                            let at = bin * channels + tap % channels;
                            sum = sum + weight * x.row(b * steps + frame)[at];
                        }
                    }
                    y.row_mut(b * out.steps + t)[o * filters + f] = sum;
                }
            }
        }
    }
    y
}

/// The places of channel `c` in `x`, for the real frames and their bins.
fn places(x: &Matrix, c: usize, channels: usize, frames: &Frames) -> Vec<usize> {
    let of_row = |row| (c..x.columns).step_by(channels).map(move |i| row * x.columns + i);
    real(frames).flat_map(of_row).collect()
}

/// Mean and variance over the real frames and their bins, then scale, shift and clip.
pub fn normalise(
    x: &Matrix,
    gamma: &Matrix,
    beta: &Matrix,
    limit: Option<f32>,
    frames: &Frames,
) -> Matrix {
    let (channels, mut y) = (gamma.columns, Matrix::zeros(x.rows(), x.columns));
    for c in 0..channels {
        let places = places(x, c, channels, frames);
        let count = Dual::from(places.len() as f64);
        let mean = places.iter().map(|&i| x.values[i]).sum::<Dual>() / count;
        let square = |i: &usize| (x.values[*i] - mean) * (x.values[*i] - mean);
        let variance = places.iter().map(square).sum::<Dual>() / count;
        for i in places {
            let affine = (gamma.values[c], beta.values[c]);
            y.values[i] = normal(x.values[i], mean, variance, affine, limit);
        }
    }
    y
}

/// The same of `[x, gamma, beta]` with fixed statistics.
pub fn normalise_fixed(
    inputs: &[Matrix],
    fixed: &Statistics,
    limit: Option<f32>,
    frames: &Frames,
) -> Matrix {
    let [x, gamma, beta] = inputs else { panic!("three inputs") };
    let (channels, mut y) = (gamma.columns, Matrix::zeros(x.rows(), x.columns));
    for c in 0..channels {
        let of = |values: &[f32]| Dual::from(f64::from(values[c]));
        for i in places(x, c, channels, frames) {
            let affine = (gamma.values[c], beta.values[c]);
            y.values[i] = normal(x.values[i], of(&fixed.mean), of(&fixed.variance), affine, limit);
        }
    }
    y
}

fn normal(
    x: Dual,
    mean: Dual,
    variance: Dual,
    (gamma, beta): (Dual, Dual),
    limit: Option<f32>,
) -> Dual {
    let deviation = (variance + Dual::from(f64::from(EPSILON))).sqrt();
    let y = (x - mean) / deviation * gamma + beta;
    limit.map_or(y, |limit| y.clip(f64::from(limit)))
}

/// The recurrent matrix and the other parts of a recurrence.
pub struct Recurrence<'a> {
    pub cell: Cell,
    /// `U`, or its factors `A` and `B`.
    pub recurrent: Vec<&'a Matrix>,
    pub peepholes: Option<&'a Matrix>,
    pub projection: Option<&'a Matrix>,
    pub rounded: bool,
}

impl Recurrence<'_> {
    /// `W v`, with the vector rounded if vectors are.
    fn times(&self, w: &Matrix, v: &[Dual]) -> Vec<Dual> {
        if self.rounded { w.times(&round_vector(v)) } else { w.times(v) }
    }

    /// One step of unit `i` of `n`, from its state `h` and cell state before, input products `x`
    /// and recurrent products `a`.
    fn unit(
        &self,
        i: usize,
        n: usize,
        h: Dual,
        content: Dual,
        x: &[Dual],
        a: &[Dual],
    ) -> [Dual; 2] {
        let sum = |gate: usize| x[gate * n + i] + a[gate * n + i];
        let peephole = |gate: usize, content: Dual| {
            self.peepholes.map_or(Dual::default(), |p| p.values[gate * n + i] * content)
        };
        match self.cell {
            Cell::Gru(candidate) => {
                let (z, r) = (sum(0).sigmoid(), sum(1).sigmoid());
                let c = nonlinear(x[2 * n + i] + r * a[2 * n + i], candidate);
                [h + z * (c - h), content]
            }
            Cell::Lstm => {
                let input = (sum(0) + peephole(0, content)).sigmoid();
                let forget = (sum(1) + peephole(1, content)).sigmoid();
                let content = forget * content + input * sum(2).tanh();
                let output = (sum(3) + peephole(2, content)).sigmoid();
                [output * content.tanh(), content]
            }
            Cell::Rnn(function) => [nonlinear(sum(0), function), content],
        }
    }
}

fn nonlinear(x: Dual, candidate: Candidate) -> Dual {
    match candidate {
        Candidate::Tanh => x.tanh(),
        Candidate::ClippedRelu(limit) => x.clip(f64::from(limit)),
    }
}

pub fn recur(x: &Matrix, layer: &Recurrence<'_>, frames: &Frames) -> Matrix {
    let n = x.columns / layer.cell.gates();
    let output = layer.projection.map_or(n, Matrix::rows);
    let mut y = Matrix::zeros(x.rows(), output);
    for (b, &length) in frames.lengths.iter().enumerate() {
        let (mut h, mut content) = (vec![Dual::default(); n], vec![Dual::default(); n]);
        let mut s = vec![Dual::default(); output];
        for row in b * frames.steps..b * frames.steps + length {
            let a = layer.recurrent.iter().rev().fold(s, |v, w| layer.times(w, &v));
            for i in 0..n {
                [h[i], content[i]] = layer.unit(i, n, h[i], content[i], x.row(row), &a);
            }
            s = layer.projection.map_or(h.clone(), |p| layer.times(p, &h));
            y.row_mut(row).copy_from_slice(&s);
        }
    }
    y
}

/// `y_{t,i} = sum_j w_{j,i} x_{t+j,i}` within the sequence.
pub fn look_ahead(x: &Matrix, w: &Matrix, frames: &Frames) -> Matrix {
    let mut y = Matrix::zeros(x.rows(), x.columns);
    for (b, &length) in frames.lengths.iter().enumerate() {
        let row = |t: usize| b * frames.steps + t;
        for t in 0..length {
            for i in 0..x.columns {
                let taps = (0..w.rows()).filter(|j| t + j < length);
                y.row_mut(row(t))[i] = taps.map(|j| w.row(j)[i] * x.row(row(t + j))[i]).sum();
            }
        }
    }
    y
}
