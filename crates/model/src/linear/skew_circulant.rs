//! Skew-circulant matrices `Z_{-1}(v)`: circulant, but entries that wrap around change their sign.

use super::circulant::{SignedCirculant, signed_circulant};
use super::family::{Nearest, PartSpec, Rule, Truncate};
use super::pattern;
use super::tiles::{Rectangle, tiles, transform_flops};
use serde::{Deserialize, Serialize};

/// Skew-circulant with first column `v`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkewCirculant {
    /// How a matrix that is not square is made.
    #[serde(default)]
    pub rectangle: Rectangle,
}

impl SignedCirculant for SkewCirculant {
    fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    fn sign_of(&self, i: usize, j: usize, _: usize) -> f32 {
        if i >= j { 1.0 } else { -1.0 }
    }
}

signed_circulant!(SkewCirculant);
