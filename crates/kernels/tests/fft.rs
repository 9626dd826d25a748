//! The FFT products against dense matrices made by the formulas.

#![cfg(feature = "fft")]

mod common;

use common::Numbers;
use proptest::prelude::*;
use stonechat_kernels::Error;
use stonechat_kernels::fft::{BlockCirculant, FftScratch, ToeplitzLike};

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

/// Both products of a matrix with batches of 0, 1 and 4 vectors within 1e-5, the same bits for a vector in any batch.
fn assert_products(
    name: &str,
    dense: &Dense,
    scratch: &mut FftScratch,
    product: impl Fn(&[f32], usize, bool, &mut FftScratch, &mut [f32]),
) {
    let (rows, cols) = (dense.values.len() / dense.cols, dense.cols);
    let mut numbers = Numbers::new(rows as u64 * 1000 + cols as u64);
    for transposed in [false, true] {
        let dense = if transposed { dense.transposed() } else { dense.clone() };
        let (rows, cols) = if transposed { (cols, rows) } else { (rows, cols) };
        let x = numbers.floats(4 * cols);
        let mut y = vec![f32::NAN; 4 * rows];
        product(&x, 4, transposed, scratch, &mut y);
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact(rows)) {
            let exact = dense.times(&wide(x));
            let error: Vec<f64> = exact.iter().zip(y).map(|(e, y)| e - f64::from(*y)).collect();
            // The error is that of sums whose terms are as large as the norms, whatever cancels.
            let bound = 1e-5 * norm(&exact).max(norm(&dense.values) * norm(&wide(x)) / cols as f64);
            assert!(
                norm(&error) <= bound,
                "{name}, transposed {transposed}: {} > {bound}",
                norm(&error)
            );
            let mut alone = vec![f32::NAN; rows];
            product(x, 1, transposed, &mut FftScratch::new(), &mut alone);
            assert_eq!(alone, y, "{name}, transposed {transposed}: alone it differs");
        }
        product(&[], 0, transposed, scratch, &mut []);
    }
}

const LENGTHS: [usize; 12] = [1, 2, 3, 4, 5, 8, 17, 31, 63, 64, 100, 210];

#[test]
fn small_products_by_hand() {
    let mut scratch = FftScratch::new();
    let cases: [(BlockCirculant, &[f32], &[f32]); 6] = [
        (
            BlockCirculant::circulant(&[1.0, 2.0, 3.0]).unwrap(),
            &[4.0, 5.0, 6.0],
            &[31.0, 31.0, 28.0],
        ),
        (
            BlockCirculant::skew_circulant(&[1.0, 2.0, 3.0]).unwrap(),
            &[4.0, 5.0, 6.0],
            &[-23.0, -5.0, 28.0],
        ),
        (BlockCirculant::skew_circulant(&[1.0, 2.0]).unwrap(), &[3.0, 4.0], &[-5.0, 10.0]),
        (BlockCirculant::circulant(&[3.0]).unwrap(), &[2.0], &[6.0]),
        // [1 4; 2 1; 3 2]
        (
            BlockCirculant::toeplitz(&[1.0, 2.0, 3.0], &[1.0, 4.0]).unwrap(),
            &[1.0, 2.0],
            &[9.0, 4.0, 7.0],
        ),
        // [1 2 5; 2 1 6]: a block and the first column of another
        (
            BlockCirculant::new(&[1.0, 2.0, 5.0, 6.0], 2, 2, 3).unwrap(),
            &[1.0, 1.0, 1.0],
            &[8.0, 9.0],
        ),
    ];
    for (matrix, x, expected) in cases {
        let mut y = vec![0.0; expected.len()];
        matrix.matmul(x, 1, &mut scratch, &mut y);
        for (y, e) in y.iter().zip(expected) {
            assert!((y - e).abs() < 1e-5, "{matrix:?}: {y}, not {e}");
        }
    }
    // Z_1([1 2]) Z_-1([3 4]) = [1 2; 2 1] [3 -4; 4 3] = [11 2; 10 -5]
    let matrix = ToeplitzLike::new(&[1.0, 2.0], &[3.0, 4.0], 1, 2, 2).unwrap();
    let mut y = [0.0; 4];
    matrix.matmul(&[1.0, 0.0, 0.0, 1.0], 2, &mut scratch, &mut y);
    for (y, e) in y.iter().zip([11.0, 10.0, 2.0, -5.0]) {
        assert!((y - e).abs() < 1e-5, "{y}, not {e}");
    }
}

#[test]
fn circulant_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(1);
    let mut scratch = FftScratch::new();
    for n in LENGTHS {
        let v = numbers.floats(n);
        let circulant = BlockCirculant::circulant(&v).unwrap();
        let skew = BlockCirculant::skew_circulant(&v).unwrap();
        for (matrix, f) in [(circulant, 1.0), (skew, -1.0)] {
            let dense = f_circulant(&v, f);
            assert_products(&format!("Z_{f} of {n}"), &dense, &mut scratch, |x, batch, t, s, y| {
                if t {
                    matrix.matmul_transposed(x, batch, s, y)
                } else {
                    matrix.matmul(x, batch, s, y)
                }
            });
        }
    }
}

#[test]
fn toeplitz_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(2);
    let mut scratch = FftScratch::new();
    for (rows, cols) in [(1, 1), (1, 9), (9, 1), (2, 2), (31, 32), (64, 17), (50, 100)] {
        let (column, row) = (numbers.floats(rows), numbers.floats(cols));
        let dense =
            Dense::new(
                rows,
                cols,
                |i, j| {
                    if i >= j { column[i - j].into() } else { row[j - i].into() }
                },
            );
        let matrix = BlockCirculant::toeplitz(&column, &row).unwrap();
        let name = format!("Toeplitz {rows} x {cols}");
        assert_products(&name, &dense, &mut scratch, |x, batch, t, s, y| {
            if t { matrix.matmul_transposed(x, batch, s, y) } else { matrix.matmul(x, batch, s, y) }
        });
    }
}

#[test]
fn block_circulant_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(3);
    let mut scratch = FftScratch::new();
    for (block, rows, cols) in
        [(1usize, 3usize, 5usize), (4, 12, 8), (8, 20, 17), (16, 16, 64), (7, 50, 30), (9, 4, 3)]
    {
        let blocks = rows.div_ceil(block) * cols.div_ceil(block);
        let columns = numbers.floats(blocks * block);
        let dense = Dense::new(rows, cols, |i, j| {
            let index = i / block * cols.div_ceil(block) + j / block;
            columns[index * block + (i % block + block - j % block) % block].into()
        });
        let mut matrix =
            BlockCirculant::new(&vec![9.0; blocks * block], block, rows, cols).unwrap();
        matrix.repack(&columns, &mut scratch).unwrap();
        let name = format!("{rows} x {cols} in blocks of {block}");
        assert_products(&name, &dense, &mut scratch, |x, batch, t, s, y| {
            if t { matrix.matmul_transposed(x, batch, s, y) } else { matrix.matmul(x, batch, s, y) }
        });
    }
}

#[test]
fn toeplitz_like_products_are_the_dense_ones() {
    let mut numbers = Numbers::new(4);
    let mut scratch = FftScratch::new();
    let shapes =
        LENGTHS.iter().map(|&n| (n, n)).chain([(5, 12), (12, 5), (1, 7), (7, 1), (64, 63)]);
    for (rows, cols) in shapes {
        for rank in [1, 2, 10] {
            let len = rank * rows.max(cols);
            let (g, h) = (numbers.floats(len), numbers.floats(len));
            let dense = toeplitz_like(&g, &h, rank, rows, cols);
            let mut matrix = ToeplitzLike::new(&h, &g, rank, rows, cols).unwrap();
            matrix.repack(&g, &h, &mut scratch).unwrap();
            assert_eq!((matrix.rows(), matrix.cols(), matrix.rank()), (rows, cols, rank));
            let name = format!("Toeplitz-like {rows} x {cols}, rank {rank}");
            assert_products(&name, &dense, &mut scratch, |x, batch, t, s, y| {
                if t {
                    matrix.matmul_transposed(x, batch, s, y)
                } else {
                    matrix.matmul(x, batch, s, y)
                }
            });
        }
    }
}

/// The products are linear in each of the `g` and of the `h`: their derivative by one value is the product with a unit vector in its place.
#[test]
fn gradients_are_the_products_with_unit_vectors() {
    let mut numbers = Numbers::new(5);
    for (rank, rows, cols, batch) in [(1, 1, 1, 1), (2, 6, 6, 3), (3, 5, 8, 2), (2, 9, 4, 1)] {
        let n = rows.max(cols);
        let (g, h) = (numbers.floats(rank * n), numbers.floats(rank * n));
        let (x, dy) = (numbers.floats(batch * cols), numbers.floats(batch * rows));
        let matrix = ToeplitzLike::new(&g, &h, rank, rows, cols).unwrap();
        let (mut dg, mut dh) = (vec![1.0; rank * n], vec![-1.0; rank * n]);
        matrix.add_gradients(&x, &dy, batch, &mut dg, &mut dh);
        for k in 0..rank * n {
            let (i, mut unit) = (k / n, vec![0.0; n]);
            unit[k % n] = 1.0;
            let of_g = toeplitz_like(&unit, &h[i * n..][..n], 1, rows, cols);
            let of_h = toeplitz_like(&g[i * n..][..n], &unit, 1, rows, cols);
            for (derivative, got) in [(of_g, dg[k] - 1.0), (of_h, dh[k] + 1.0)] {
                let vectors = x.chunks_exact(cols).zip(dy.chunks_exact(rows));
                let expected: f64 = vectors
                    .map(|(x, dy)| {
                        let y = derivative.times(&wide(x));
                        y.iter().zip(dy).map(|(y, d)| y * f64::from(*d)).sum::<f64>()
                    })
                    .sum();
                assert!((f64::from(got) - expected).abs() < 1e-4, "{k}: {got}, not {expected}");
            }
        }
    }
}

#[test]
fn making_names_what_is_wrong() {
    let length = |what, expected, found| Error::Length { what, expected, found };
    let empty = Error::Empty { rows: 0, cols: 0 };
    assert_eq!(BlockCirculant::circulant(&[]).unwrap_err(), empty);
    assert_eq!(
        BlockCirculant::toeplitz(&[], &[1.0]).unwrap_err(),
        Error::Empty { rows: 0, cols: 1 }
    );
    assert_eq!(BlockCirculant::new(&[1.0; 7], 2, 4, 3).unwrap_err(), length("columns", 8, 7));
    assert_eq!(
        ToeplitzLike::new(&[], &[], 0, 2, 2).unwrap_err(),
        Error::Empty { rows: 2, cols: 2 }
    );
    assert_eq!(ToeplitzLike::new(&[1.0; 6], &[1.0; 5], 2, 3, 2).unwrap_err(), length("h", 6, 5));
    let mut matrix = ToeplitzLike::new(&[1.0; 6], &[1.0; 6], 2, 3, 2).unwrap();
    let error = matrix.repack(&[1.0; 5], &[1.0; 6], &mut FftScratch::new()).unwrap_err();
    assert_eq!(error, length("g", 6, 5));
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
        assert_products("any", &dense, &mut FftScratch::new(), |x, batch, t, s, y| {
            if t { matrix.matmul_transposed(x, batch, s, y) } else { matrix.matmul(x, batch, s, y) }
        });
    }
}
