//! The FFT products compared with dense matrices made by the formulas.

#![cfg(feature = "fft")]

mod common;

use common::Numbers;
use proptest::prelude::*;
use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::{Activation, Epilogue, Error, Product, Scratch};

/// A dense matrix, row-major.
#[derive(Clone)]
struct Dense {
    values: Vec<f64>,
    cols: usize,
}

impl Dense {
    fn new(rows: usize, cols: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..rows * cols).map(|i| value(i / cols, i % cols)).collect();
        Self { values, cols }
    }

    fn transposed(&self) -> Self {
        Self::new(self.cols, self.values.len() / self.cols, |i, j| self.values[j * self.cols + i])
    }

    fn times(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.values.chunks_exact(self.cols);
        rows.map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    }
}

/// `Z_f(v)` by its definition.
fn f_circulant(v: &[f32], f: f64) -> Dense {
    let n = v.len();
    Dense::new(n, n, |i, j| if i >= j { v[i - j].into() } else { f * f64::from(v[n + i - j]) })
}

/// The corner of `sum over i of Z_1(g_i) Z_-1(h_i)`.
fn toeplitz_like(g: &[f32], h: &[f32], rank: usize, rows: usize, cols: usize) -> Dense {
    let n = rows.max(cols);
    let mut sum = Dense::new(rows, cols, |_, _| 0.0);
    for i in 0..rank {
        let left = f_circulant(&g[i * n..(i + 1) * n], 1.0);
        let right = f_circulant(&h[i * n..(i + 1) * n], -1.0).transposed();
        for (at, value) in sum.values.iter_mut().enumerate() {
            let (row, col) = (at / cols * n, at % cols * n);
            let products = left.values[row..row + n].iter().zip(&right.values[col..col + n]);
            *value += products.map(|(a, b)| a * b).sum::<f64>();
        }
    }
    sum
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| v.into()).collect()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Products with batches of 0, 1 and 4 vectors within 1e-5, the same bits for a vector in any
/// batch; then with an epilogue.
fn assert_products(name: &str, dense: &Dense, scratch: &mut Scratch, matrix: &dyn Product) {
    let (rows, cols) = (dense.values.len() / dense.cols, dense.cols);
    assert_eq!((matrix.rows(), matrix.cols()), (rows, cols), "{name}");
    let mut numbers = Numbers::new(rows as u64 * 1000 + cols as u64);
    let x = numbers.floats(4 * cols);
    let mut all = vec![f32::NAN; 4 * rows];
    matrix.multiply(None, &x, 4, Epilogue::NONE, scratch, &mut all);
    for (x, y) in x.chunks_exact(cols).zip(all.chunks_exact(rows)) {
        let exact = dense.times(&wide(x));
        let error: Vec<f64> = exact.iter().zip(y).map(|(e, y)| e - f64::from(*y)).collect();
        // The error is that of sums with terms as large as the norms, whatever cancels.
        let bound = 1e-5 * norm(&exact).max(norm(&dense.values) * norm(&wide(x)) / cols as f64);
        assert!(norm(&error) <= bound, "{name}: {} > {bound}", norm(&error));
        let mut alone = vec![f32::NAN; rows];
        matrix.multiply(None, x, 1, Epilogue::NONE, &mut Scratch::new(), &mut alone);
        assert_eq!(alone, y, "{name}: alone it differs");
    }
    matrix.multiply(None, &[], 0, Epilogue::NONE, scratch, &mut []);
    let bias = numbers.floats(rows);
    let mut y = vec![f32::NAN; 4 * rows];
    matrix.matmul(&x, 4, Some(&bias), Activation::ClippedRelu(0.5), scratch, &mut y);
    for (i, (y, sum)) in y.iter().zip(&all).enumerate() {
        assert_eq!(*y, (sum + bias[i % rows]).clamp(0.0, 0.5), "{name}: element {i}");
    }
}

const LENGTHS: [usize; 12] = [1, 2, 3, 4, 5, 8, 17, 31, 63, 64, 100, 210];

#[test]
fn small_products_by_hand() {
    let mut scratch = Scratch::new();
    let cases: [(BlockCirculant, &[f32], &[f32]); 5] = [
        (
            BlockCirculant::new(&[1.0, 2.0, 3.0], 3, 3, 3).unwrap(),
            &[4.0, 5.0, 6.0],
            &[31.0, 31.0, 28.0],
        ),
        (
            BlockCirculant::skew_circulant(&[1.0, 2.0, 3.0]).unwrap(),
            &[4.0, 5.0, 6.0],
            &[-23.0, -5.0, 28.0],
        ),
        (BlockCirculant::skew_circulant(&[1.0, 2.0]).unwrap(), &[3.0, 4.0], &[-5.0, 10.0]),
        (BlockCirculant::new(&[3.0], 1, 1, 1).unwrap(), &[2.0], &[6.0]),
        // [1 2 5; 2 1 6]: a block and the first column of another
        (
            BlockCirculant::new(&[1.0, 2.0, 5.0, 6.0], 2, 2, 3).unwrap(),
            &[1.0, 1.0, 1.0],
            &[8.0, 9.0],
        ),
    ];
    for (matrix, x, expected) in cases {
        let mut y = vec![0.0; expected.len()];
        matrix.multiply(None, x, 1, Epilogue::NONE, &mut scratch, &mut y);
        for (y, e) in y.iter().zip(expected) {
            assert!((y - e).abs() < 1e-5, "{matrix:?}: {y}, not {e}");
        }
    }
    // Z_1([1 2]) Z_-1([3 4]) = [1 2; 2 1] [3 -4; 4 3] = [11 2; 10 -5]
    let matrix = ToeplitzLike::new(&[1.0, 2.0], &[3.0, 4.0], 1, 2, 2).unwrap();
    let mut y = [0.0; 4];
    matrix.multiply(None, &[1.0, 0.0, 0.0, 1.0], 2, Epilogue::NONE, &mut scratch, &mut y);
    for (y, e) in y.iter().zip([11.0, 10.0, 2.0, -5.0]) {
        assert!((y - e).abs() < 1e-5, "{y}, not {e}");
    }
}

#[test]
fn circulant_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(1);
    let mut scratch = Scratch::new();
    for n in LENGTHS {
        let v = numbers.floats(n);
        let circulant = BlockCirculant::new(&v, n, n, n).unwrap();
        let skew = BlockCirculant::skew_circulant(&v).unwrap();
        for (matrix, f) in [(circulant, 1.0), (skew, -1.0)] {
            let dense = f_circulant(&v, f);
            assert_products(&format!("Z_{f} of {n}"), &dense, &mut scratch, &matrix);
        }
    }
}

#[test]
fn block_circulant_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(3);
    let mut scratch = Scratch::new();
    for (block, rows, cols) in
        [(1usize, 3usize, 5usize), (4, 12, 8), (8, 20, 17), (16, 16, 64), (7, 50, 30), (9, 4, 3)]
    {
        let blocks = rows.div_ceil(block) * cols.div_ceil(block);
        let columns = numbers.floats(blocks * block);
        let dense = Dense::new(rows, cols, |i, j| {
            let index = i / block * cols.div_ceil(block) + j / block;
            columns[index * block + (i % block + block - j % block) % block].into()
        });
        let matrix = BlockCirculant::new(&columns, block, rows, cols).unwrap();
        let name = format!("{rows} x {cols} in blocks of {block}");
        assert_products(&name, &dense, &mut scratch, &matrix);
    }
}

#[test]
fn toeplitz_like_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(4);
    let mut scratch = Scratch::new();
    let shapes =
        LENGTHS.iter().map(|&n| (n, n)).chain([(5, 12), (12, 5), (1, 7), (7, 1), (64, 63)]);
    for (rows, cols) in shapes {
        for rank in [1, 2, 10] {
            let len = rank * rows.max(cols);
            let (g, h) = (numbers.floats(len), numbers.floats(len));
            let dense = toeplitz_like(&g, &h, rank, rows, cols);
            let matrix = ToeplitzLike::new(&g, &h, rank, rows, cols).unwrap();
            let name = format!("Toeplitz-like {rows} x {cols}, rank {rank}");
            assert_products(&name, &dense, &mut scratch, &matrix);
        }
    }
}

#[test]
fn making_names_what_is_wrong() {
    let length = |what, expected, found| Error::Length { what, expected, found };
    let empty = Error::Empty { rows: 0, cols: 0 };
    assert_eq!(BlockCirculant::skew_circulant(&[]).unwrap_err(), empty);
    assert_eq!(BlockCirculant::new(&[1.0; 7], 2, 4, 3).unwrap_err(), length("columns", 8, 7));
    assert_eq!(
        ToeplitzLike::new(&[], &[], 0, 2, 2).unwrap_err(),
        Error::Empty { rows: 2, cols: 2 }
    );
    assert_eq!(ToeplitzLike::new(&[1.0; 6], &[1.0; 5], 2, 3, 2).unwrap_err(), length("h", 6, 5));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_length_and_rank_agrees_with_the_dense_matrix(rows in 1usize..=70, cols in 1usize..=70, rank in 1usize..=4, seed in any::<u64>()) {
        let mut numbers = Numbers::new(seed);
        let len = rank * rows.max(cols);
        let (g, h) = (numbers.floats(len), numbers.floats(len));
        let dense = toeplitz_like(&g, &h, rank, rows, cols);
        let matrix = ToeplitzLike::new(&g, &h, rank, rows, cols).unwrap();
        assert_products("any", &dense, &mut Scratch::new(), &matrix);
    }
}
