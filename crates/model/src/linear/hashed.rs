//! Hashed sharing (Chen et al. 2015, HashedNets): `W_ij = sign(i, j) w[bucket(i, j)]`. Many entries
//! share one weight, by a hash that needs no storage.

use super::family::{Nearest, PartSpec, Rule, Truncate, up_to};
use super::pattern;
use serde::{Deserialize, Serialize};

/// `parameters` weights for all of `W`.
///
/// Bucket and sign come from the SplitMix64 finaliser of `(seed, i, j)`: the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashed {
    /// Weights.
    pub parameters: usize,
    /// Seed of the hash. Maps of one network may share it, since weights are shared only within a
    /// map.
    #[serde(default)]
    pub seed: u64,
}

impl Hashed {
    /// Calls `f(element of W, bucket, sign)` for every element.
    fn each(&self, rows: usize, cols: usize, f: &mut dyn FnMut(usize, usize, f32)) {
        let start = mix(self.seed);
        for i in 0..rows {
            let row = mix(start ^ i as u64);
            for j in 0..cols {
                let hash = mix(row ^ j as u64);
                // The upper 32 bits choose the bucket, without the bias of a modulo.
                let bucket = ((hash >> 32) as u128 * self.parameters as u128) >> 32;
                f(i * cols + j, bucket as usize, if hash & 1 == 0 { 1.0 } else { -1.0 });
            }
        }
    }
}

/// The finaliser of SplitMix64, after its increment.
pub(super) fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rule for Hashed {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        up_to("parameters", self.parameters, rows * cols)
    }

    fn parts(&self, _: usize, _: usize) -> Vec<PartSpec> {
        vec![PartSpec { name: "shared", rows: 1, cols: self.parameters }]
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        pattern::to_dense(rows * cols, parts[0], |f| self.each(rows, cols, f))
    }

    fn gradient(&self, rows: usize, cols: usize, _: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        vec![pattern::gradient(self.parameters, dw, |f| self.each(rows, cols, f))]
    }

    fn nearest(&self, rows: usize, cols: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        Some(pattern::averages(self, rows, cols, w))
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * rows * cols
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![sigma]
    }
}
