//! Crates of others.

use crate::{Matrix, Weights};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;
use std::hint::black_box;

/// The `gemm` crate, floats. It packs at every call and has no way to keep packed weights.
pub fn gemm(w: &Weights) -> Box<dyn Matrix> {
    struct Gemm {
        rows: usize,
        cols: usize,
        batch: usize,
        weights: Vec<f32>,
        x: Vec<f32>,
        y: Vec<f32>,
    }
    impl Matrix for Gemm {
        fn input(&mut self, x: &[f32], batch: usize) {
            (self.x, self.batch, self.y) = (x.to_vec(), batch, vec![0.0; batch * self.rows]);
        }
        fn multiply(&mut self) {
            let (rows, cols) = (self.rows as isize, self.cols as isize);
            // SAFETY: with these strides, columns first, the matrices are `rows x cols` row-major, and `cols x batch` and
            // `rows x batch` column-major: the lengths of the three buffers.
            unsafe {
                gemm::gemm(
                    self.rows,
                    self.batch,
                    self.cols,
                    self.y.as_mut_ptr(),
                    rows,
                    1,
                    false,
                    self.weights.as_ptr(),
                    1,
                    cols,
                    self.x.as_ptr(),
                    cols,
                    1,
                    0f32,
                    1f32,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
            black_box(&self.y);
        }
        fn output(&self) -> Vec<f32> {
            self.y.clone()
        }
    }
    let (rows, cols) = (w.rows, w.cols);
    Box::new(Gemm { rows, cols, batch: 0, weights: w.floats(), x: Vec::new(), y: Vec::new() })
}

/// rten-gemm: u8 vectors (plus 128) by packed s8 weights into s32.
pub fn rten(w: &Weights) -> Box<dyn Matrix> {
    struct Rten {
        rows: usize,
        cols: usize,
        batch: usize,
        executor: GemmExecutor<u8, i8, i32>,
        weights: PackedBMatrix<i8>,
        row_sums: Vec<i32>,
        x: Vec<u8>,
        y: Vec<i32>,
    }
    impl Matrix for Rten {
        fn input(&mut self, x: &[f32], batch: usize) {
            self.x = x.iter().map(|&v| (v as i32 + 128) as u8).collect();
            (self.batch, self.y) = (batch, vec![0; batch * self.rows]);
        }
        fn multiply(&mut self) {
            let x = NdTensorView::from_data([self.batch, self.cols], self.x.as_slice());
            let weights = GemmInputB::Packed(&self.weights);
            let x = GemmInputA::Unpacked(x);
            self.executor
                .gemm(&mut self.y, x, weights, GemmOptions::default())
                .expect("shapes fit");
            black_box(&self.y);
        }
        fn output(&self) -> Vec<f32> {
            let value = |(i, &v): (usize, &i32)| (v - 128 * self.row_sums[i % self.rows]) as f32;
            self.y.iter().enumerate().map(value).collect()
        }
    }
    let executor = GemmExecutor::new();
    let transposed = w.transposed();
    let weights =
        executor.prepack_b(NdTensorView::from_data([w.cols, w.rows], transposed.as_slice()));
    let (rows, cols, row_sums) = (w.rows, w.cols, w.row_sums());
    Box::new(Rten {
        rows,
        cols,
        batch: 0,
        executor,
        weights,
        row_sums,
        x: Vec::new(),
        y: Vec::new(),
    })
}

/// rten-gemm with packed float weights.
pub fn rten_float32(w: &Weights) -> Box<dyn Matrix> {
    struct Rten {
        rows: usize,
        cols: usize,
        batch: usize,
        executor: GemmExecutor,
        weights: PackedBMatrix<f32>,
        x: Vec<f32>,
        y: Vec<f32>,
    }
    impl Matrix for Rten {
        fn input(&mut self, x: &[f32], batch: usize) {
            (self.x, self.batch, self.y) = (x.to_vec(), batch, vec![0.0; batch * self.rows]);
        }
        fn multiply(&mut self) {
            let x = NdTensorView::from_data([self.batch, self.cols], self.x.as_slice());
            let weights = GemmInputB::Packed(&self.weights);
            let x = GemmInputA::Unpacked(x);
            self.executor
                .gemm(&mut self.y, x, weights, GemmOptions::default())
                .expect("shapes fit");
            black_box(&self.y);
        }
        fn output(&self) -> Vec<f32> {
            self.y.clone()
        }
    }
    let executor = GemmExecutor::new();
    let transposed: Vec<f32> = w.transposed().into_iter().map(f32::from).collect();
    let weights =
        executor.prepack_b(NdTensorView::from_data([w.cols, w.rows], transposed.as_slice()));
    let (rows, cols) = (w.rows, w.cols);
    Box::new(Rten { rows, cols, batch: 0, executor, weights, x: Vec::new(), y: Vec::new() })
}
