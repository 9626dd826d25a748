//! Shared by families in which every entry of `W` is plus or minus one weight of the only part, or
//! zero.
//!
//! `each` calls its argument with `(element of W, weight, sign)` for every entry that is not zero.

use super::family::{Nearest, Rule, narrow};

/// `W` of `len` elements.
pub(super) fn to_dense(
    len: usize,
    part: &[f32],
    each: impl FnOnce(&mut dyn FnMut(usize, usize, f32)),
) -> Vec<f32> {
    let mut dense = vec![0.0; len];
    each(&mut |at, weight, sign| dense[at] = sign * part[weight]);
    dense
}

/// The gradient of the part of `len` weights from the gradient of `W`.
pub(super) fn gradient(
    len: usize,
    dw: &[f32],
    each: impl FnOnce(&mut dyn FnMut(usize, usize, f32)),
) -> Vec<f32> {
    let mut gradient = vec![0f64; len];
    each(&mut |at, weight, sign| gradient[weight] += f64::from(sign * dw[at]));
    narrow(gradient)
}

/// The best fit: each weight is the mean over its entries.
pub(super) fn averages(rule: &dyn Rule, rows: usize, cols: usize, w: &[f32]) -> Nearest {
    let shape = rule.parts(rows, cols)[0];
    let ones = vec![1.0; shape.rows * shape.cols];
    let pattern = rule.to_dense(rows, cols, &[&ones]);
    let sums = &rule.gradient(rows, cols, &[&ones], w)[0];
    let counts = &rule.gradient(rows, cols, &[&ones], &pattern)[0];
    let means = sums.iter().zip(counts).map(|(s, n)| if *n > 0.0 { s / n } else { 0.0 });
    Nearest { parts: vec![means.collect()], exact: true }
}
