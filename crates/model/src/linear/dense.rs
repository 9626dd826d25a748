//! The dense family: `W` itself.

use crate::Matrix;

pub(super) const FAMILY: &str = "dense";
pub(super) const PARTS: [&str; 1] = ["weight"];

pub(super) fn flops(w: &Matrix) -> usize {
    2 * w.params()
}
