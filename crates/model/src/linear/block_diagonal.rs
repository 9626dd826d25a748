//! Blocks on the diagonal, zeros elsewhere: groups of inputs and outputs that are not connected to
//! each other (the "group" layers of Kuchaiev & Ginsburg 2017, section 3).

use super::family::{Nearest, PartSpec, Rule, Truncate, divides};
use super::pattern;
use serde::{Deserialize, Serialize};

/// `blocks` blocks of `rows / blocks x cols / blocks`; both sides must be divisible. For stacked
/// gates use [`PerGate`](super::PerGate), so that every group of hidden units gets its part of
/// every gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockDiagonal {
    /// Blocks on the diagonal.
    pub blocks: usize,
}

impl BlockDiagonal {
    /// Calls `f(element of W, stored weight, 1)` for every stored weight.
    fn each(&self, rows: usize, cols: usize, f: &mut dyn FnMut(usize, usize, f32)) {
        let (height, width) = (rows / self.blocks, cols / self.blocks);
        for i in 0..rows {
            for j in 0..width {
                f(i * cols + i / height * width + j, i * width + j, 1.0);
            }
        }
    }
}

impl Rule for BlockDiagonal {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        divides(self.blocks, rows, cols)
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![PartSpec { name: "blocks", rows, cols: cols / self.blocks }]
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
        2 * rows * cols / self.blocks
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        // The same variance in a row as a dense matrix, in fewer entries.
        vec![sigma * (self.blocks as f64).sqrt()]
    }
}
