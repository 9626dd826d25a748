//! Hankel-like matrices: Toeplitz-like with rows in reverse order. They include the Hankel matrices
//! (constant along antidiagonals) at rank 2, which are not Toeplitz-like of any small rank.

use super::ToeplitzLike;
use super::displaced::Displaced;
use super::tiles::Rectangle;
use serde::{Deserialize, Serialize};

/// `J M` for the reversal `J` and a Toeplitz-like `M` of displacement rank at most `rank`; `J`
/// reverses the rows within each square.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HankelLike {
    /// Displacement rank: terms of the sum.
    pub rank: usize,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl Displaced for HankelLike {
    fn terms(&self) -> usize {
        self.rank
    }

    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn rows(g: &[f64], h: &[f64], n: usize, emit: &mut dyn FnMut(usize, &[f64])) {
        ToeplitzLike::rows(g, h, n, &mut |i, row| emit(n - 1 - i, row));
    }

    fn pull(
        g: &[f64],
        h: &[f64],
        n: usize,
        row: &dyn Fn(usize, &mut [f64]),
    ) -> (Vec<f64>, Vec<f64>) {
        ToeplitzLike::pull(g, h, n, &|i, to| row(n - 1 - i, to))
    }

    fn variance(n: usize) -> f64 {
        ToeplitzLike::variance(n)
    }

    fn displacement(m: &[f64], n: usize) -> Vec<f64> {
        let reversed: Vec<f64> = m.chunks_exact(n).rev().flatten().copied().collect();
        ToeplitzLike::displacement(&reversed, n)
    }

    fn flops(&self, n: usize) -> usize {
        Displaced::flops(&ToeplitzLike { rank: self.rank, rectangle: self.rectangle }, n)
    }
}
