//! Cauchy-like matrices: `diag(s) M - M diag(t) = G H^T` for fixed nodes `s` and `t`, hence
//!
//! ```text
//! M_ij = sum over the terms of g_i h_j / (s_i - t_j)
//! ```
//!
//! The nodes `s_i = pi (i + 1/2)`, `t_j = pi j` interleave and are as far apart as nodes can be:
//! the rows of `1 / (s_i - t_j)` are nearly orthonormal (Parter 1986), so that no choice of `G` and
//! `H` blows up.

use super::displaced::{Displaced, add_scaled, dot};
use super::tiles::Rectangle;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Cauchy-like of displacement rank at most `rank`. This crate has no fast product for it: it runs
/// by its dense view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauchyLike {
    /// Displacement rank: terms of the sum.
    pub rank: usize,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

/// `s_i - t_j`.
fn distance(i: usize, j: usize) -> f64 {
    PI * (i as f64 + 0.5 - j as f64)
}

impl Displaced for CauchyLike {
    fn terms(&self) -> usize {
        self.rank
    }

    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn rows(g: &[f64], h: &[f64], n: usize, emit: &mut dyn FnMut(usize, &[f64])) {
        let mut row = vec![0f64; n];
        for i in 0..n {
            row.fill(0.0);
            for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
                add_scaled(&mut row, g[i], h);
            }
            row.iter_mut().enumerate().for_each(|(j, m)| *m /= distance(i, j));
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
        let mut d = vec![0f64; n];
        for i in 0..n {
            row(i, &mut d);
            d.iter_mut().enumerate().for_each(|(j, d)| *d /= distance(i, j));
            let factors = g.chunks_exact(n).zip(dg.chunks_exact_mut(n));
            let terms = h.chunks_exact(n).zip(dh.chunks_exact_mut(n));
            for ((g, dg), (h, dh)) in factors.zip(terms) {
                dg[i] += dot(h, &d);
                add_scaled(dh, g[i], &d);
            }
        }
        (dg, dh)
    }

    fn variance(n: usize) -> f64 {
        let square = |k: usize| distance(k / n, k % n).powi(-2);
        (0..n * n).map(square).sum::<f64>() / (n * n) as f64
    }

    fn displacement(m: &[f64], n: usize) -> Vec<f64> {
        m.iter().enumerate().map(|(k, m)| m * distance(k / n, k % n)).collect()
    }

    fn flops(&self, n: usize) -> usize {
        2 * n * n
    }
}
