//! Vandermonde-like matrices: `M - diag(v) M Z_0 = G H^T` for fixed nodes `v` and the shift `Z_0`
//! (ones below the diagonal), hence
//!
//! ```text
//! M_ij = sum over the terms of g_i sum over k < n - j of v_i^k h_{j+k}
//! ```
//!
//! The nodes are Chebyshev's, `v_i = cos(pi (2 i + 1) / (2 n))`: the best conditioned real nodes,
//! and no power of them grows. With `Z_0` in place of a circulant shift, nothing is divided by `1 -
//! v_i^n`, which is nearly 0 for nodes near 1.

use super::displaced::{Displaced, add_scaled, dot};
use super::tiles::Rectangle;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Vandermonde-like of displacement rank at most `rank`. This crate has no fast product for it: it
/// runs by its dense view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VandermondeLike {
    /// Displacement rank: terms of the sum.
    pub rank: usize,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

/// Node of row `i`.
fn node(i: usize, n: usize) -> f64 {
    (PI * (2 * i + 1) as f64 / (2 * n) as f64).cos()
}

/// `to[j] = sum over k < n - j of v^k h[j + k]`.
fn powers(v: f64, h: &[f64], to: &mut [f64]) {
    let mut sum = 0.0;
    for (to, h) in to.iter_mut().zip(h).rev() {
        sum = h + v * sum;
        *to = sum;
    }
}

impl Displaced for VandermondeLike {
    fn terms(&self) -> usize {
        self.rank
    }

    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn rows(g: &[f64], h: &[f64], n: usize, emit: &mut dyn FnMut(usize, &[f64])) {
        let (mut row, mut sums) = (vec![0f64; n], vec![0f64; n]);
        for i in 0..n {
            row.fill(0.0);
            for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
                powers(node(i, n), h, &mut sums);
                add_scaled(&mut row, g[i], &sums);
            }
            emit(i, &row);
        }
    }

    fn pull(
        g: &[f64],
        h: &[f64],
        n: usize,
        row: &dyn Fn(usize, &mut [f64]),
    ) -> (Vec<f64>, Vec<f64>) {
        let (mut dg, mut dh) = (vec![0f64; g.len()], vec![0f64; h.len()]);
        let (mut d, mut sums) = (vec![0f64; n], vec![0f64; n]);
        for i in 0..n {
            row(i, &mut d);
            let v = node(i, n);
            let factors = g.chunks_exact(n).zip(dg.chunks_exact_mut(n));
            let terms = h.chunks_exact(n).zip(dh.chunks_exact_mut(n));
            for ((g, dg), (h, dh)) in factors.zip(terms) {
                powers(v, h, &mut sums);
                dg[i] += dot(&sums, &d);
                let mut sum = 0.0;
                for (dh, d) in dh.iter_mut().zip(&d) {
                    sum = g[i] * d + v * sum;
                    *dh += sum;
                }
            }
        }
        (dg, dh)
    }

    fn variance(n: usize) -> f64 {
        let of_row = |i| -> f64 {
            let square = node(i, n).powi(2);
            let powers = std::iter::successors(Some(1.0), |p| Some(p * square));
            powers.take(n).enumerate().map(|(k, p): (_, f64)| p * (n - k) as f64).sum()
        };
        (0..n).map(of_row).sum::<f64>() / (n * n) as f64
    }

    fn displacement(m: &[f64], n: usize) -> Vec<f64> {
        let mut moved = m.to_vec();
        for (i, (to, row)) in moved.chunks_exact_mut(n).zip(m.chunks_exact(n)).enumerate() {
            to.iter_mut().zip(&row[1..]).for_each(|(to, right)| *to -= node(i, n) * right);
        }
        moved
    }

    fn flops(&self, n: usize) -> usize {
        2 * n * n
    }
}
