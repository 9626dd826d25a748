//! A matrix of few bits with a low-rank correction: `W = Q + U V`, where `U V` compensates for the
//! rounding of `Q`.

use super::family::{Nearest, PartSpec, Rule, Truncate};
use super::low_rank::{self, LowRank};
use serde::{Deserialize, Serialize};

/// `W = Q + U V`: `Q` of `rows x cols` (meant to be int4), `U` of `rows x rank`, `V` of `rank x
/// cols`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrected {
    /// Inner size of the correction, from 1 to the smaller side.
    pub rank: usize,
}

impl Corrected {
    fn correction(&self) -> LowRank {
        LowRank { rank: self.rank }
    }
}

impl Rule for Corrected {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        self.correction().check(rows, cols)
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        let mut parts = vec![PartSpec { name: "q", rows, cols }];
        parts.extend(self.correction().parts(rows, cols));
        parts
    }

    fn to_dense(&self, _: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let mut dense = low_rank::multiply(parts[1], parts[2], self.rank, cols);
        dense.iter_mut().zip(parts[0]).for_each(|(w, q)| *w += q);
        dense
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let mut gradients = vec![dw.to_vec()];
        gradients.extend(self.correction().gradient(rows, cols, &parts[1..], dw));
        gradients
    }

    /// `Q` takes all of `W`. The correction starts empty and later takes what rounding leaves.
    fn nearest(&self, rows: usize, cols: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        let (u, v) = (vec![0.0; rows * self.rank], vec![0.0; self.rank * cols]);
        Some(Nearest { parts: vec![w.to_vec(), u, v], exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * rows * cols + self.correction().flops(rows, cols)
    }

    fn deviations(&self, rows: usize, cols: usize, sigma: f64) -> Vec<f64> {
        // Nine tenths of the variance are in Q, the rest in the correction, which must not start at
        // zero.
        let mut deviations = vec![sigma * 0.9f64.sqrt()];
        deviations.extend(self.correction().deviations(rows, cols, sigma * 0.1f64.sqrt()));
        deviations
    }
}
