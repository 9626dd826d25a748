//! Least squares over a family's parts by L-BFGS (Nocedal 1980), with the family's own gradient.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use std::collections::VecDeque;
use stonechat_model::FamilySpec;

/// How many pairs of steps and gradient changes are remembered.
const MEMORY: usize = 12;
/// The fit ends when a step reduces the error by less than this share.
const SETTLED: f64 = 1e-7;

/// The function to minimise.
pub(super) struct Problem<'a> {
    pub(super) spec: &'a FamilySpec,
    pub(super) w: &'a [f32],
    /// `sum of x x^T` of the inputs, if the error of the outputs counts.
    pub(super) moments: Option<&'a [f64]>,
}

impl Problem<'_> {
    /// `|W|^2` in the norm of the problem.
    pub(super) fn size(&self) -> f64 {
        self.weighted(self.w).1
    }

    /// `|F(parts) - W|^2`.
    pub(super) fn value(&self, parts: &[Vec<f32>]) -> f64 {
        self.residual(parts).1
    }

    /// `R H` and `<R, R H>` for `R = F(parts) - W`.
    fn residual(&self, parts: &[Vec<f32>]) -> (Vec<f32>, f64) {
        let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
        let mut residual = self.spec.to_dense(&slices);
        residual.iter_mut().zip(self.w).for_each(|(r, w)| *r -= w);
        self.weighted(&residual)
    }

    fn weighted(&self, r: &[f32]) -> (Vec<f32>, f64) {
        let Some(moments) = self.moments else {
            return (r.to_vec(), r.iter().map(|&r| f64::from(r) * f64::from(r)).sum());
        };
        let (rows, cols) = (self.spec.rows(), self.spec.cols());
        let r: Vec<f64> = r.iter().map(|&r| f64::from(r)).collect();
        // Column-major views: the columns of R^T are the rows of R, and H is symmetric.
        let transposed = MatRef::from_column_major_slice(&r, cols, rows);
        let mut product = vec![0f64; r.len()];
        matmul(
            MatMut::from_column_major_slice_mut(&mut product, cols, rows),
            Accum::Replace,
            MatRef::from_column_major_slice(moments, cols, cols),
            transposed,
            1.0,
            Par::Seq,
        );
        let value = dot(&r, &product);
        (product.into_iter().map(|p| p as f32).collect(), value)
    }

    /// Half the value, and its gradient; `flat` has all parts one after another.
    fn gradient(&self, flat: &[f64]) -> (f64, Vec<f64>) {
        let parts = self.split(flat);
        let (weighted, value) = self.residual(&parts);
        let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
        let gradient = self.spec.gradient(&slices, &weighted);
        (0.5 * value, gradient.iter().flatten().map(|&g| f64::from(g)).collect())
    }

    fn split(&self, flat: &[f64]) -> Vec<Vec<f32>> {
        let mut rest = flat.iter();
        let parts = self.spec.parts();
        parts
            .iter()
            .map(|p| rest.by_ref().take(p.rows * p.cols).map(|&x| x as f32).collect())
            .collect()
    }
}

/// Parts with a smaller error than `parts`, after at most `steps` steps.
pub(super) fn minimise(problem: &Problem<'_>, parts: Vec<Vec<f32>>, steps: usize) -> Vec<Vec<f32>> {
    let mut x: Vec<f64> = parts.iter().flatten().map(|&p| f64::from(p)).collect();
    let (mut value, mut gradient) = problem.gradient(&x);
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    for _ in 0..steps {
        let mut direction = descent(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        if slope == 0.0 || !slope.is_finite() {
            break;
        }
        // For the first step the scale is unknown: move the parts by a hundredth of their size.
        let mut length = match memory.is_empty() {
            true => 0.01 * dot(&x, &x).sqrt().max(1e-3) / (-slope).sqrt(),
            false => 1.0,
        };
        let mut found = None;
        for _ in 0..30 {
            let next: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + length * d).collect();
            let (next_value, next_gradient) = problem.gradient(&next);
            if next_value <= value + 1e-4 * length * slope {
                found = Some((next, next_value, next_gradient));
                break;
            }
            length *= 0.4;
        }
        let Some((next, next_value, next_gradient)) = found else {
            if memory.is_empty() {
                break;
            }
            memory.clear();
            continue;
        };
        let step: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > 0.0 {
            memory.push_back((step, change, curvature));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        let won = value - next_value;
        (x, value, gradient) = (next, next_value, next_gradient);
        if won <= SETTLED * value {
            break;
        }
    }
    problem.split(&x)
}

/// Minus the gradient times the approximate inverse Hessian (two-loop recursion).
fn descent(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(memory.len());
    for (step, change, curvature) in memory.iter().rev() {
        let alpha = dot(step, &q) / curvature;
        q.iter_mut().zip(change).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    if let Some((_, change, curvature)) = memory.back() {
        let scale = curvature / dot(change, change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((step, change, curvature), alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = dot(change, &q) / curvature;
        q.iter_mut().zip(step).for_each(|(q, s)| *q += (alpha - beta) * s);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
