//! Blocks on the diagonal, zeros elsewhere: groups of inputs and outputs that do not see each other (the
//! "group" layers of Kuchaiev & Ginsburg 2017, section 3).

use super::family::{PartSpec, Rule};
use serde::{Deserialize, Serialize};

/// `blocks` blocks of `rows / blocks x cols / blocks`; both sides must be divisible. For stacked gates see
/// [`PerGate`](super::PerGate): so every group of hidden units has its part of every gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockDiagonal {
    /// Blocks on the diagonal.
    pub blocks: usize,
}

impl BlockDiagonal {
    /// Calls `f(element of the part, element of W)` for every stored weight.
    fn each(&self, rows: usize, cols: usize, mut f: impl FnMut(usize, usize)) {
        let (height, width) = (rows / self.blocks, cols / self.blocks);
        for i in 0..rows {
            for j in 0..width {
                f(i * width + j, i * cols + i / height * width + j);
            }
        }
    }
}

impl Rule for BlockDiagonal {
    fn name(&self) -> &'static str {
        "block_diagonal"
    }

    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        let blocks = self.blocks;
        if blocks >= 1 && rows.is_multiple_of(blocks) && cols.is_multiple_of(blocks) {
            return Ok(());
        }
        Err(format!("blocks is {blocks}, must divide both sides"))
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![PartSpec { name: "blocks", rows, cols: cols / self.blocks }]
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let mut dense = vec![0.0; rows * cols];
        self.each(rows, cols, |part, whole| dense[whole] = parts[0][part]);
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let mut gradient = vec![0.0; parts[0].len()];
        self.each(rows, cols, |part, whole| gradient[part] = dw[whole]);
        vec![gradient]
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * rows * cols / self.blocks
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        // As much variance in a row as a dense one has, in fewer entries.
        vec![sigma * (self.blocks as f64).sqrt()]
    }
}
