//! Block-circulant matrices (C-LSTM, Wang et al. 2018): square circulant blocks of one size, with
//! `block` times fewer weights than a dense matrix.

use super::family::{Nearest, PartSpec, Rule, Truncate, up_to};
use super::pattern;
use super::tiles::transform_flops;
use serde::{Deserialize, Serialize};

/// Circulant blocks of side `block`; those at the right and lower edges are cut off if they do not
/// fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockCirculant {
    /// Side of a block, from 1 to the larger side of the matrix.
    pub block: usize,
}

impl BlockCirculant {
    fn each(&self, rows: usize, cols: usize, f: &mut dyn FnMut(usize, usize, f32)) {
        let (n, across) = (self.block, cols.div_ceil(self.block));
        for i in 0..rows {
            for j in 0..cols {
                let block = i / n * across + j / n;
                f(i * cols + j, block * n + (n + i % n - j % n) % n, 1.0);
            }
        }
    }
}

impl Rule for BlockCirculant {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        up_to("block", self.block, rows.max(cols))
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        // One row per row of blocks, so that int8 has few scales.
        let cols = cols.div_ceil(self.block) * self.block;
        vec![PartSpec { name: "columns", rows: rows.div_ceil(self.block), cols }]
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        pattern::to_dense(rows * cols, parts[0], |f| self.each(rows, cols, f))
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        vec![pattern::gradient(parts[0].len(), dw, |f| self.each(rows, cols, f))]
    }

    fn nearest(&self, rows: usize, cols: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        Some(pattern::averages(self, rows, cols, w))
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        // One transform per block of the input and of the output, plus the products of the spectra.
        let (down, across) = (rows.div_ceil(self.block), cols.div_ceil(self.block));
        (down + across) * transform_flops(self.block) + 8 * down * across * (self.block / 2 + 1)
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![sigma]
    }
}
