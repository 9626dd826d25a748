//! Circulant projections (Cheng et al. 2015): `W = R D`, `R` circulant and `D` fixed random signs.

use super::family::{Nearest, PartSpec, Rule, Truncate};
use super::hashed::mix;
use super::pattern;
use super::tiles::{Rectangle, tile_row, tiles, transform_flops};
use serde::{Deserialize, Serialize};

/// Circulant after fixed signs of the inputs, which keep it from treating neighbours alike.
/// (Without signs it is [`BlockCirculant`](super::BlockCirculant) with one block.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circulant {
    /// Seed of the signs.
    #[serde(default)]
    pub seed: u64,
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl Circulant {
    /// The factor of input `col` of `W`, 1 or -1: the lowest bit of the SplitMix64 finaliser of
    /// `(seed, col)`, the same on every machine.
    pub fn sign(&self, col: usize) -> f32 {
        if mix(mix(self.seed) ^ col as u64) & 1 == 0 { 1.0 } else { -1.0 }
    }
}

/// Circulant matrices, one per tile, whose entries have signs.
pub(super) trait SignedCirculant {
    /// How a matrix that is not square is made.
    fn rectangle(&self) -> Rectangle;

    /// The sign of entry `(i, j)` of a tile, which is in column `col` of `W`.
    fn sign_of(&self, i: usize, j: usize, col: usize) -> f32;

    /// Every entry: its place in `W`, its weight and its sign.
    fn each(&self, rows: usize, cols: usize, f: &mut dyn FnMut(usize, usize, f32)) {
        let (blocks, n) = tiles(self.rectangle(), rows, cols);
        for block in 0..blocks {
            for i in 0..n {
                for (j, at) in tile_row(block, i, n, rows, cols).enumerate() {
                    f(at, block * n + (n + i - j) % n, self.sign_of(i, j, at % cols));
                }
            }
        }
    }
}

impl SignedCirculant for Circulant {
    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn sign_of(&self, _: usize, _: usize, col: usize) -> f32 {
        self.sign(col)
    }
}

/// The rule of a family of signed circulant matrices. (A blanket impl would conflict with the one
/// in `displaced.rs`.)
macro_rules! signed_circulant {
    ($family:ty) => {
        impl Rule for $family {
            fn check(&self, _: usize, _: usize) -> Result<(), String> {
                Ok(())
            }

            fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
                let (rows, cols) = tiles(self.rectangle(), rows, cols);
                vec![PartSpec { name: "column", rows, cols }]
            }

            fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
                pattern::to_dense(rows * cols, parts[0], |f| self.each(rows, cols, f))
            }

            fn gradient(
                &self,
                rows: usize,
                cols: usize,
                parts: &[&[f32]],
                dw: &[f32],
            ) -> Vec<Vec<f32>> {
                vec![pattern::gradient(parts[0].len(), dw, |f| self.each(rows, cols, f))]
            }

            fn nearest(
                &self,
                rows: usize,
                cols: usize,
                w: &[f32],
                _: Truncate<'_>,
            ) -> Option<Nearest> {
                Some(pattern::averages(self, rows, cols, w))
            }

            fn flops(&self, rows: usize, cols: usize) -> usize {
                let (blocks, n) = tiles(self.rectangle(), rows, cols);
                blocks * (2 * transform_flops(n) + 3 * n)
            }

            fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
                vec![sigma]
            }
        }
    };
}
pub(super) use signed_circulant;

signed_circulant!(Circulant);
