//! Skew-circulant matrices `Z_{-1}(v)`: circulant, but what comes round from the bottom to the top changes its sign.

use super::family::{Nearest, PartSpec, Rule, Truncate};
use super::pattern;
use super::tiles::{Rectangle, tile_row, tiles, transform_flops};
use serde::{Deserialize, Serialize};

/// Skew-circulant of first column `v`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkewCirculant {
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl SkewCirculant {
    fn each(&self, rows: usize, cols: usize, f: &mut dyn FnMut(usize, usize, f32)) {
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        for block in 0..blocks {
            for i in 0..n {
                for (j, at) in tile_row(block, i, n, rows, cols).enumerate() {
                    f(at, block * n + (n + i - j) % n, if i >= j { 1.0 } else { -1.0 });
                }
            }
        }
    }
}

impl Rule for SkewCirculant {
    fn check(&self, _: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let (rows, cols) = tiles(self.rectangle, rows, cols);
        vec![PartSpec { name: "column", rows, cols }]
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
        let (blocks, n) = tiles(self.rectangle, rows, cols);
        blocks * (2 * transform_flops(n) + 3 * n)
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![sigma]
    }
}
