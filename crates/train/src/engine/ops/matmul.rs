//! Matrix products of the trainer: faer's sequential kernel, with a fixed division of work among
//! threads.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::buffers;

/// Rows of the output that one task computes. A constant, so that results do not depend on the
/// number of threads.
const ROWS_PER_TASK: usize = 256;

/// A row-major view `rows x cols` whose rows are `stride` apart.
pub fn view(data: &[f32], rows: usize, cols: usize, stride: usize) -> MatRef<'_, f32> {
    // Not from_row_major_slice_with_stride: faer 0.24.4 swaps its strides and reads out of bounds.
    let data = &data[..span(rows, cols, stride)];
    MatRef::from_column_major_slice_with_stride(data, cols, rows, stride).transpose()
}

/// The mutable version of [`view`].
pub fn view_mut(data: &mut [f32], rows: usize, cols: usize, stride: usize) -> MatMut<'_, f32> {
    let data = &mut data[..span(rows, cols, stride)];
    MatMut::from_column_major_slice_with_stride_mut(data, cols, rows, stride).transpose_mut()
}

/// Number of elements from the first to the last of a strided matrix.
fn span(rows: usize, cols: usize, stride: usize) -> usize {
    if rows == 0 { 0 } else { (rows - 1) * stride + cols }
}

/// `out = a b` or `out += a b` on one thread.
pub fn product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>, add: bool) {
    let accum = if add { Accum::Add } else { Accum::Replace };
    matmul(out, accum, a, b, 1.0, Par::Seq);
}

/// `out (rows x cols) = a (rows x inner) b (inner x cols)`, or `+=`, in parallel over blocks of
/// rows.
pub fn product_by_rows(
    out: &mut [f32],
    cols: usize,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    add: bool,
) {
    out.par_chunks_mut(ROWS_PER_TASK * cols).enumerate().for_each(|(i, block)| {
        let rows = block.len() / cols;
        let a = a.subrows(i * ROWS_PER_TASK, rows);
        product(view_mut(block, rows, cols, cols), a, b, add);
    });
}

/// Forward pass of a linear map over rows: `y (n x m) = x (n x k) w^T`, where `w` is `m x k`.
pub fn forward(x: &[f32], w: &[f32], n: usize, k: usize, m: usize) -> Vec<f32> {
    let mut y = buffers::unwritten(n * m);
    product_by_rows(&mut y, m, view(x, n, k, k), view(w, m, k, k).transpose(), false);
    y
}

/// Gradient of [`forward`] with respect to `x`: `dx (n x k) = dy (n x m) w`.
pub fn backward_input(dy: &[f32], w: &[f32], n: usize, k: usize, m: usize) -> Vec<f32> {
    let mut dx = buffers::unwritten(n * k);
    product_by_rows(&mut dx, k, view(dy, n, m, m), view(w, m, k, k), false);
    dx
}

/// Gradient of [`forward`] with respect to `w`: `dw (m x k) = dy^T x`.
pub fn backward_weight(dy: &[f32], x: &[f32], n: usize, k: usize, m: usize) -> Vec<f32> {
    let mut dw = vec![0.0; m * k];
    product_by_rows(&mut dw, k, view(dy, n, m, m).transpose(), view(x, n, k, k), false);
    dw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_triple_loop_on_odd_shapes() {
        for (n, k, m) in [(1, 1, 1), (3, 5, 7), (300, 17, 2), (2, 3, 600)] {
            let x: Vec<f32> = (0..n * k).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
            let w: Vec<f32> = (0..m * k).map(|i| (i * 5 % 13) as f32 - 6.0).collect();
            let y = forward(&x, &w, n, k, m);
            let dx = backward_input(&y, &w, n, k, m);
            let dw = backward_weight(&y, &x, n, k, m);
            for i in 0..n {
                for j in 0..m {
                    let expected: f32 = (0..k).map(|c| x[i * k + c] * w[j * k + c]).sum();
                    assert_eq!(y[i * m + j], expected, "y[{i},{j}] of {n}x{k}x{m}");
                }
            }
            let first: f32 = (0..m).map(|j| y[j] * w[j * k]).sum();
            assert!((dx[0] - first).abs() <= 1e-5 * first.abs().max(1.0), "dx of {n}x{k}x{m}");
            let first: f32 = (0..n).map(|i| y[i * m] * x[i * k]).sum();
            assert!((dw[0] - first).abs() <= 1e-5 * first.abs().max(1.0), "dw of {n}x{k}x{m}");
        }
    }
}
