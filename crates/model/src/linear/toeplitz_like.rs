//! Toeplitz-like matrices of displacement rank `r` (Sindhwani, Sainath & Kumar 2015):
//!
//! ```text
//! M = sum over i = 1..=r of Z_1(g_i) Z_{-1}(h_i)
//! ```
//!
//! `Z_1(g)` is the circulant, `Z_{-1}(h)` the skew-circulant matrix of first column `g`, `h`. The dense view and
//! its adjoint use the displacement `Z_1 M - M Z_{-1} = 2 G (J H)^T`, by which every entry follows from the one up
//! and left of it: `O(r n^2)` operations.

use super::family::{PartSpec, Rule, narrow, wide};
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

/// How square structured matrices make one of `rows x cols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rectangle {
    /// Square blocks of the smaller side, side by side or one above the other, each with its own weights; where
    /// the sides are no multiples of each other, as [`Pad`](Self::Pad). The rule for stacked gates.
    #[default]
    Blocks,
    /// One square of the larger side, of which the first rows and columns are used: the input is padded with
    /// zeros, the output cut.
    Pad,
}

/// Square blocks that tile `rows x cols` (the last may stick out): how many, and their side.
pub(super) fn tiles(rectangle: Rectangle, rows: usize, cols: usize) -> (usize, usize) {
    let (small, large) = (rows.min(cols), rows.max(cols));
    match rectangle {
        Rectangle::Blocks if large.is_multiple_of(small) => (large / small, small),
        _ => (1, large),
    }
}

/// Copies block `block` of side `n` between a tile and `W`: calls `f(element of the tile, element of W)` for every
/// element that lies in both.
pub(super) fn each_of_tile(
    block: usize,
    n: usize,
    rows: usize,
    cols: usize,
    mut f: impl FnMut(usize, usize),
) {
    let (top, left) = if rows >= cols { (block * n, 0) } else { (0, block * n) };
    for i in 0..n.min(rows - top) {
        for j in 0..n.min(cols - left) {
            f(i * n + j, (top + i) * cols + left + j);
        }
    }
}

impl Rule for ToeplitzLike {
    fn name(&self) -> &'static str {
        "toeplitz_like"
    }

    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        let (_, n) = tiles(self.rectangle, rows, cols);
        if (1..=n).contains(&self.rank) {
            return Ok(());
        }
        Err(format!("rank is {}, must be in 1..={n}", self.rank))
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        ["g", "h"].map(|name| PartSpec { name, rows: blocks * self.rank, cols: n }).to_vec()
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        let mut dense = vec![0.0; rows * cols];
        for block in 0..blocks {
            let part = |p: usize| wide(&parts[p][block * self.rank * n..][..self.rank * n]);
            let tile = square(&part(0), &part(1), n);
            each_of_tile(block, n, rows, cols, |from, to| dense[to] = tile[from] as f32);
        }
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        let (mut dg, mut dh) = (Vec::new(), Vec::new());
        for block in 0..blocks {
            let part = |p: usize| wide(&parts[p][block * self.rank * n..][..self.rank * n]);
            let mut tile = vec![0f64; n * n];
            each_of_tile(block, n, rows, cols, |to, from| tile[to] = f64::from(dw[from]));
            let (g, h) = square_gradient(&part(0), &part(1), n, tile);
            dg.extend(narrow(g));
            dh.extend(narrow(h));
        }
        vec![dg, dh]
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        // Two real FFTs of length n for each term and two more, 2.5 n log2 n operations each, and the
        // products of the spectra.
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        let log = usize::BITS - n.leading_zeros();
        blocks * ((2 * self.rank + 2) * (5 * n * log as usize / 2) + self.rank * 6 * n)
    }

    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64> {
        let (_, n) = tiles(self.rectangle, rows, cols);
        vec![(sigma * sigma / (n * self.rank) as f64).powf(0.25); 2]
    }
}

/// `M` of side `n`; `g` and `h` are `rank x n`.
fn square(g: &[f64], h: &[f64], n: usize) -> Vec<f64> {
    let mut m = vec![0f64; n * n];
    for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
        // Column 0 is Z_1(g) h.
        for i in 0..n {
            for k in 0..n {
                m[(i + k) % n * n] += g[i] * h[k];
            }
        }
    }
    // m[i][j + 1] = m[i - 1][j] - 2 sum over the terms of g[i] h[n - 1 - j], row -1 being row n - 1.
    let mut steps = vec![0f64; n * n];
    for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
        for (row, &g) in steps.chunks_exact_mut(n).zip(g) {
            for (j, step) in row[1..].iter_mut().enumerate() {
                *step += 2.0 * g * h[n - 1 - j];
            }
        }
    }
    for j in 1..n {
        for i in 0..n {
            let above = if i == 0 { n - 1 } else { i - 1 };
            m[i * n + j] = m[above * n + j - 1] - steps[i * n + j];
        }
    }
    m
}

/// The adjoint of [`square`]: gradients of `g` and `h` from that of `M`, which is used up.
fn square_gradient(g: &[f64], h: &[f64], n: usize, mut dm: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    // Each entry passes what it gets to the one that it was made from.
    for j in (1..n).rev() {
        for i in 0..n {
            let above = if i == 0 { n - 1 } else { i - 1 };
            dm[above * n + j - 1] += dm[i * n + j];
        }
    }
    let (mut dg, mut dh) = (vec![0f64; g.len()], vec![0f64; h.len()]);
    let terms = g.chunks_exact(n).zip(h.chunks_exact(n));
    let gradients = dg.chunks_exact_mut(n).zip(dh.chunks_exact_mut(n));
    for ((g, h), (dg, dh)) in terms.zip(gradients) {
        for (i, row) in dm.chunks_exact(n).enumerate() {
            let mut sum = 0f64;
            for (j, &d) in row[1..].iter().enumerate() {
                sum -= 2.0 * d * h[n - 1 - j];
                dh[n - 1 - j] -= 2.0 * d * g[i];
            }
            dg[i] += sum;
        }
        for i in 0..n {
            for k in 0..n {
                let d = dm[(i + k) % n * n];
                dg[i] += d * h[k];
                dh[k] += d * g[i];
            }
        }
    }
    (dg, dh)
}
