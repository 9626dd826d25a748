//! Fastfood with learned diagonals (Le, Sarlos & Smola 2013; the adaptive form that Sindhwani et
//! al. 2015 compare with): `W = S H G P H B`, with three diagonals `S`, `G`, `B`, the orthonormal
//! Walsh-Hadamard matrix `H` and a fixed permutation `P`.

use super::family::{PartSpec, Rule, narrow, wide};
use super::hashed::mix;
use super::tiles::{Rectangle, each_of_tile, tiles};
use serde::{Deserialize, Serialize};

/// `3 n` weights for a square of side `n`, the next power of two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fastfood {
    /// Seed of the permutation.
    #[serde(default)]
    pub seed: u64,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl Fastfood {
    /// Number of squares, the side that is used of each, and the power of two with which it is
    /// computed.
    fn sizes(&self, rows: usize, cols: usize) -> (usize, usize, usize) {
        let (blocks, side) = tiles(self.rectangle, rows, cols);
        (blocks, side, side.next_power_of_two())
    }

    /// A permutation of `n` (Fisher-Yates), different for each block.
    fn permutation(&self, block: usize, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        let mut state = mix(self.seed ^ ((block as u64) << 32));
        for i in (1..n).rev() {
            state = mix(state);
            order.swap(i, (state % (i as u64 + 1)) as usize);
        }
        order
    }
}

impl Rule for Fastfood {
    fn check(&self, _: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let (blocks, _, n) = self.sizes(rows, cols);
        vec![PartSpec { name: "diagonals", rows: 3 * blocks, cols: n }]
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let (blocks, side, n) = self.sizes(rows, cols);
        let mut dense = vec![0.0; rows * cols];
        for block in 0..blocks {
            let factors = Factors::new(self, block, n, parts[0]);
            let mut tile = vec![0f64; side * side];
            for j in 0..side {
                let column = factors.column(j);
                for (i, y) in column.out.iter().take(side).enumerate() {
                    tile[i * side + j] = factors.s[i] * y;
                }
            }
            each_of_tile(block, side, rows, cols, |from, to| dense[to] = tile[from] as f32);
        }
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let (blocks, side, n) = self.sizes(rows, cols);
        let mut gradient = Vec::with_capacity(parts[0].len());
        for block in 0..blocks {
            let factors = Factors::new(self, block, n, parts[0]);
            let mut tile = vec![0f64; side * side];
            each_of_tile(block, side, rows, cols, |to, from| tile[to] = f64::from(dw[from]));
            let (mut ds, mut dg, mut db) = (vec![0f64; n], vec![0f64; n], vec![0f64; n]);
            for j in 0..side {
                let column = factors.column(j);
                let mut back = vec![0f64; n];
                for i in 0..side {
                    let d = tile[i * side + j];
                    ds[i] += d * column.out[i];
                    back[i] = d * factors.s[i];
                }
                hadamard(&mut back);
                for (k, &d) in back.iter().enumerate() {
                    dg[k] += d * factors.b[j] * column.inner[k];
                    db[j] += d * factors.g[k] * column.inner[k];
                }
            }
            gradient.extend(ds.into_iter().chain(dg).chain(db));
        }
        vec![narrow(gradient)]
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        let (blocks, _, n) = self.sizes(rows, cols);
        blocks * (2 * n * n.trailing_zeros() as usize + 3 * n)
    }

    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64> {
        // The variance of an entry is the product of the diagonals' variances over n.
        let (_, _, n) = self.sizes(rows, cols);
        vec![(sigma * sigma * n as f64).powf(1.0 / 6.0)]
    }
}

/// The factors of one square.
struct Factors {
    s: Vec<f64>,
    g: Vec<f64>,
    b: Vec<f64>,
    order: Vec<usize>,
}

/// Intermediate results for a column of `W`.
struct Column {
    /// `P H e_j`.
    inner: Vec<f64>,
    /// `H G P H B e_j`.
    out: Vec<f64>,
}

impl Factors {
    fn new(family: &Fastfood, block: usize, n: usize, diagonals: &[f32]) -> Self {
        let diagonal = |which: usize| wide(&diagonals[(3 * block + which) * n..][..n]);
        let order = family.permutation(block, n);
        Self { s: diagonal(0), g: diagonal(1), b: diagonal(2), order }
    }

    fn column(&self, j: usize) -> Column {
        let n = self.order.len();
        let scale = 1.0 / (n as f64).sqrt();
        // Entry (i, j) of the Walsh-Hadamard matrix has the sign of the parity of i AND j.
        let entry = |i: &usize| if (i & j).count_ones().is_multiple_of(2) { scale } else { -scale };
        let inner: Vec<f64> = self.order.iter().map(entry).collect();
        let mut out: Vec<f64> = inner.iter().zip(&self.g).map(|(x, g)| x * g * self.b[j]).collect();
        hadamard(&mut out);
        Column { inner, out }
    }
}

/// The orthonormal Walsh-Hadamard transform in place; the length is a power of two. It is its own
/// inverse and adjoint.
fn hadamard(x: &mut [f64]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (x.len() as f64).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
}
