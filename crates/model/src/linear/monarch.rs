//! Monarch matrices (Dao et al. 2022): two block-diagonal products with a transposition between
//! them,
//!
//! ```text
//! W[(b, i), (k, j)] = left_b[i, k] right_k[b, j]
//! ```
//!
//! for outputs in `blocks` groups `b` and inputs in `blocks` groups `k`: every pair of groups has a
//! matrix of rank one, and `W` in general has full rank, with as many parameters as low rank with
//! `blocks`.

use super::family::{Nearest, PartSpec, Rule, Truncate, divides, narrow};
use serde::{Deserialize, Serialize};

/// `blocks` groups of inputs and of outputs; both sides must be divisible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monarch {
    /// Groups.
    pub blocks: usize,
}

impl Monarch {
    /// Calls `f(element of W, of left, of right)` for every element.
    fn each(&self, rows: usize, cols: usize, mut f: impl FnMut(usize, usize, usize)) {
        let (height, width) = (rows / self.blocks, cols / self.blocks);
        for i in 0..rows {
            for j in 0..cols {
                f(i * cols + j, i * self.blocks + j / width, i / height * cols + j);
            }
        }
    }
}

impl Rule for Monarch {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        divides(self.blocks, rows, cols)
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![
            PartSpec { name: "left", rows, cols: self.blocks },
            PartSpec { name: "right", rows: self.blocks, cols },
        ]
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let mut dense = vec![0.0; rows * cols];
        self.each(rows, cols, |at, l, r| dense[at] = parts[0][l] * parts[1][r]);
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let mut left = vec![0f64; rows * self.blocks];
        let mut right = vec![0f64; self.blocks * cols];
        self.each(rows, cols, |at, l, r| {
            let d = f64::from(dw[at]);
            left[l] += d * f64::from(parts[1][r]);
            right[r] += d * f64::from(parts[0][l]);
        });
        vec![narrow(left), narrow(right)]
    }

    /// The best rank-one matrix for every pair of groups, its weight divided evenly between the two
    /// factors.
    fn nearest(&self, rows: usize, cols: usize, w: &[f32], svd: Truncate<'_>) -> Option<Nearest> {
        let blocks = self.blocks;
        let (height, width) = (rows / blocks, cols / blocks);
        let (mut left, mut right) = (vec![0.0; rows * blocks], vec![0.0; blocks * cols]);
        for b in 0..blocks {
            for k in 0..blocks {
                let row = |i: usize| &w[(b * height + i) * cols + k * width..][..width];
                let block: Vec<f32> = (0..height).flat_map(|i| row(i).iter().copied()).collect();
                let (u, v) = svd(&block, height, width, 1)?;
                (0..height).for_each(|i| left[(b * height + i) * blocks + k] = u[i]);
                right[b * cols + k * width..][..width].copy_from_slice(&v);
            }
        }
        Some(Nearest { parts: vec![left, right], exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * self.blocks * (rows + cols)
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![sigma.sqrt(); 2]
    }
}
