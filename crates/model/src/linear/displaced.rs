//! Families of low displacement rank: square matrices that a simple operator turns into `G H^T` of
//! rank `rank` (Sindhwani, Sainath & Kumar 2015). They differ in the operator, one file each; the
//! rest is here.

use super::family::{Displacement, Nearest, PartSpec, Rule, Truncate, narrow, up_to, wide};
use super::tiles::{Rectangle, tile_row, tiles};

/// A family of square matrices `M(G, H)`, bilinear in `G` and `H`. `G` and `H` are stored
/// transposed: `rank x n`.
pub(super) trait Displaced {
    /// Terms.
    fn terms(&self) -> usize;
    /// How squares make a rectangle.
    fn rectangle(&self) -> Rectangle;
    /// Calls `emit(i, row i of M)` for every row, in any order.
    fn rows(g: &[f64], h: &[f64], n: usize, emit: &mut dyn FnMut(usize, &[f64]));
    /// The adjoint of [`rows`](Self::rows): gradients of `g` and `h`. `row(i, to)` writes row `i`
    /// of the gradient of `M`.
    fn pull(
        g: &[f64],
        h: &[f64],
        n: usize,
        row: &dyn Fn(usize, &mut [f64]),
    ) -> (Vec<f64>, Vec<f64>);
    /// Mean variance of the entries of `M` per term of independent entries with variance 1.
    fn variance(n: usize) -> f64;
    /// `G H^T` from `M`.
    fn displacement(m: &[f64], n: usize) -> Vec<f64>;
    /// Operations of a product with a square of side `n`.
    fn flops(&self, n: usize) -> usize;
}

impl<T: Displaced> Rule for T {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        let (_, n) = tiles(self.rectangle(), rows, cols);
        up_to("rank", self.terms(), n)
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let (blocks, n) = tiles(self.rectangle(), rows, cols);
        ["g", "h"].map(|name| PartSpec { name, rows: blocks * self.terms(), cols: n }).to_vec()
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let (blocks, n) = tiles(self.rectangle(), rows, cols);
        let size = self.terms() * n;
        let mut dense = vec![0.0; rows * cols];
        for block in 0..blocks {
            let part = |p: usize| wide(&parts[p][block * size..][..size]);
            Self::rows(&part(0), &part(1), n, &mut |i, row| {
                let to = &mut dense[tile_row(block, i, n, rows, cols)];
                to.iter_mut().zip(row).for_each(|(to, &m)| *to = m as f32);
            });
        }
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let (blocks, n) = tiles(self.rectangle(), rows, cols);
        let size = self.terms() * n;
        let (mut dg, mut dh) = (Vec::new(), Vec::new());
        for block in 0..blocks {
            let part = |p: usize| wide(&parts[p][block * size..][..size]);
            let (g, h) = Self::pull(&part(0), &part(1), n, &|i, to| {
                let from = &dw[tile_row(block, i, n, rows, cols)];
                to.iter_mut().zip(from).for_each(|(to, &d)| *to = f64::from(d));
                to[from.len()..].fill(0.0);
            });
            dg.extend(narrow(g));
            dh.extend(narrow(h));
        }
        vec![dg, dh]
    }

    /// `g` and `h` of every square from the largest singular values of its displacement. This is
    /// exact if the displacement rank is no larger; otherwise it is only a start, because small
    /// displacements may belong to large entries.
    fn nearest(&self, rows: usize, cols: usize, w: &[f32], svd: Truncate<'_>) -> Option<Nearest> {
        let rank = self.terms();
        let (mut g, mut h) = (Vec::new(), Vec::new());
        for Displacement { side: n, values } in self.displacements(rows, cols, w) {
            let (u, v) = svd(&values, n, n, rank)?;
            let places = (0..rank).flat_map(|r| (0..n).map(move |i| i * rank + r));
            g.extend(places.map(|place| u[place]));
            h.extend(v);
        }
        Some(Nearest { parts: vec![g, h], exact: false })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        let (blocks, n) = tiles(self.rectangle(), rows, cols);
        blocks * Displaced::flops(self, n)
    }

    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64> {
        let (_, n) = tiles(self.rectangle(), rows, cols);
        vec![(sigma * sigma / (Self::variance(n) * self.terms() as f64)).powf(0.25); 2]
    }

    fn displacements(&self, rows: usize, cols: usize, w: &[f32]) -> Vec<Displacement> {
        let (blocks, side) = tiles(self.rectangle(), rows, cols);
        let displacement = |block| {
            let mut tile = vec![0f64; side * side];
            for (i, to) in tile.chunks_exact_mut(side).enumerate() {
                let from = &w[tile_row(block, i, side, rows, cols)];
                to.iter_mut().zip(from).for_each(|(to, &w)| *to = f64::from(w));
            }
            Displacement { side, values: narrow(Self::displacement(&tile, side)) }
        };
        (0..blocks).map(displacement).collect()
    }
}

/// `to += factor * from`.
pub(super) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

/// The inner product in eight sums, which the compiler can keep in vectors.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0f64; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + rest
}
