//! The dense family: `W` itself.

use super::family::{Nearest, PartSpec, Rule, Truncate};
use serde::{Deserialize, Serialize};

/// `W` itself, without hyperparameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {}

impl Rule for Dense {
    fn check(&self, _: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![PartSpec { name: "weight", rows, cols }]
    }

    fn to_dense(&self, _: usize, _: usize, parts: &[&[f32]]) -> Vec<f32> {
        parts[0].to_vec()
    }

    fn gradient(&self, _: usize, _: usize, _: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        vec![dw.to_vec()]
    }

    fn nearest(&self, _: usize, _: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        Some(Nearest { parts: vec![w.to_vec()], exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * rows * cols
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![sigma]
    }

    fn gain_in_first_part(&self) -> bool {
        true
    }
}
