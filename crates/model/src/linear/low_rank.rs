//! The low-rank family: `W = U V` with a small inner size, applied as `U (V x)` without forming `W`.

use crate::Matrix;

pub(super) const FAMILY: &str = "low_rank";
pub(super) const PARTS: [&str; 2] = ["u", "v"];

pub(super) fn flops(u: &Matrix, v: &Matrix) -> usize {
    2 * (u.params() + v.params())
}

pub(super) fn apply(u: &Matrix, v: &Matrix, x: &[f32], batch: usize) -> Vec<f32> {
    u.apply(&v.apply(x, batch), batch)
}

/// `U V`, row-major: row `i` is the sum of the rows of `V` weighted by row `i` of `U`.
pub(super) fn to_dense(u: &Matrix, v: &Matrix) -> Vec<f32> {
    let (rank, cols) = (v.rows(), v.cols());
    let (u, v) = (u.to_dense(), v.to_dense());
    let mut dense = Vec::with_capacity(u.len() / rank * cols);
    for u_row in u.chunks_exact(rank) {
        let mut row = vec![0f64; cols];
        for (&a, v_row) in u_row.iter().zip(v.chunks_exact(cols)) {
            for (sum, &b) in row.iter_mut().zip(v_row) {
                *sum += f64::from(a) * f64::from(b);
            }
        }
        dense.extend(row.iter().map(|&x| x as f32));
    }
    dense
}
