//! Toeplitz-like matrices of displacement rank `r` (Sindhwani, Sainath & Kumar 2015):
//!
//! ```text
//! M = sum over i = 1..=r of Z_1(g_i) Z_{-1}(h_i)
//! ```
//!
//! `Z_1(g)` is the circulant and `Z_{-1}(h)` the skew-circulant matrix with first column `g` or
//! `h`. The dense view and its adjoint use the displacement `Z_1 M - M Z_{-1} = 2 G (J H)^T`: every
//! row is the row above, rotated by one place, plus a sum of `r` vectors. That takes `O(r n^2)`
//! operations, in memory order.

use super::displaced::{Displaced, add_scaled, dot};
use super::tiles::{Rectangle, transform_flops};
use serde::{Deserialize, Serialize};

/// Toeplitz-like of displacement rank at most `rank`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToeplitzLike {
    /// Displacement rank: terms of the sum.
    pub rank: usize,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl Displaced for ToeplitzLike {
    fn terms(&self) -> usize {
        self.rank
    }

    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn rows(g: &[f64], h: &[f64], n: usize, emit: &mut dyn FnMut(usize, &[f64])) {
        let (mut row, mut turned) = (vec![0f64; n], vec![0f64; n]);
        for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
            // Row 0 of Z_1(g) is g backwards; row 0 of its product with Z_{-1}(h) is computed
            // diagonal by diagonal.
            let g = turn(g);
            for (m, &h) in h.iter().enumerate() {
                add_scaled(&mut row[..n - m], h, &g[m..]);
                add_scaled(&mut row[n - m..], -h, &g[..m]);
            }
        }
        emit(0, &row);
        let steps = steps(h, n);
        for i in 1..n {
            turned[1..].copy_from_slice(&row[..n - 1]);
            turned[0] = -row[n - 1];
            for (g, step) in g.chunks_exact(n).zip(steps.chunks_exact(n)) {
                add_scaled(&mut turned, -g[i], step);
            }
            std::mem::swap(&mut row, &mut turned);
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
        let (mut below, mut here) = (vec![0f64; n], vec![0f64; n]);
        row(n - 1, &mut here);
        let steps = steps(h, n);
        let mut d_steps = vec![0f64; h.len()];
        // `here` is the sum of everything that reaches row i, from itself and from all rows below.
        for i in (1..n).rev() {
            let factors = g.chunks_exact(n).zip(dg.chunks_exact_mut(n));
            let terms = steps.chunks_exact(n).zip(d_steps.chunks_exact_mut(n));
            for ((g, dg), (step, d_step)) in factors.zip(terms) {
                dg[i] -= dot(step, &here);
                add_scaled(d_step, -g[i], &here);
            }
            std::mem::swap(&mut below, &mut here);
            row(i - 1, &mut here);
            add_scaled(&mut here[..n - 1], 1.0, &below[1..]);
            here[n - 1] -= below[0];
        }
        let factors = g.chunks_exact(n).zip(dg.chunks_exact_mut(n));
        let terms = h.chunks_exact(n).zip(dh.chunks_exact_mut(n));
        for (((g, dg), (h, dh)), d_step) in factors.zip(terms).zip(d_steps.chunks_exact(n)) {
            dh[0] -= 2.0 * d_step[0];
            dh[1..].iter_mut().zip(d_step[1..].iter().rev()).for_each(|(dh, d)| *dh += 2.0 * d);
            let g = turn(g);
            let mut d_turned = vec![0f64; n];
            for m in 0..n {
                let (start, end) = here.split_at(n - m);
                dh[m] += dot(start, &g[m..]) - dot(end, &g[..m]);
                add_scaled(&mut d_turned[m..], h[m], start);
                add_scaled(&mut d_turned[..m], -h[m], end);
            }
            add_scaled(dg, 1.0, &turn(&d_turned));
        }
        (dg, dh)
    }

    fn variance(n: usize) -> f64 {
        n as f64
    }

    fn displacement(m: &[f64], n: usize) -> Vec<f64> {
        // (Z_1 M - M Z_{-1}) J / 2
        let mut moved = vec![0f64; n * n];
        for (i, to) in moved.chunks_exact_mut(n).enumerate() {
            let (above, row) = (&m[(i + n - 1) % n * n..][..n], &m[i * n..][..n]);
            for (j, to) in to.iter_mut().rev().enumerate() {
                let right = if j + 1 < n { row[j + 1] } else { -row[0] };
                *to = 0.5 * (above[j] - right);
            }
        }
        moved
    }

    fn flops(&self, n: usize) -> usize {
        // Two transforms for each term and two more, plus the products of the spectra.
        (2 * self.rank + 2) * transform_flops(n) + self.rank * 6 * n
    }
}

/// What row `i` adds to the row above: `-g[i]` times this, for every term.
fn steps(h: &[f64], n: usize) -> Vec<f64> {
    let of = |h: &[f64]| -> Vec<f64> {
        [-2.0 * h[0]].into_iter().chain(h[1..].iter().rev().map(|h| 2.0 * h)).collect()
    };
    h.chunks_exact(n).flat_map(of).collect()
}

/// `v[-k]`, indices modulo the length.
fn turn(v: &[f64]) -> Vec<f64> {
    v[..1].iter().chain(v[1..].iter().rev()).copied().collect()
}
