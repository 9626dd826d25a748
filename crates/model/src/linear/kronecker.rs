//! Kronecker products: `W = sum over the terms of A_k (x) B_k`, `A_k` of `m1 x n1` and `B_k` of `m2
//! x n2`,
//!
//! ```text
//! W[(i, p), (j, q)] = sum over k of A_k[i, j] B_k[p, q]
//! ```
//!
//! The rows of `W` are the pairs `(i, p)`, its columns the pairs `(j, q)`. With as many weights as
//! low rank of the same size, `W` has full rank in general.

use super::family::{Nearest, PartSpec, Rule, Truncate, narrow, up_to};
use serde::{Deserialize, Serialize};

/// Kronecker product of `terms` terms. `m1` is the largest divisor of the rows that is no larger
/// than their square root, and `n2` likewise of the columns. So `A` is wide and `B` is tall, each
/// with about as many elements as the square root of the size of `W`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kronecker {
    /// Terms of the sum, from 1 to the elements of the smaller factor.
    #[serde(default = "one")]
    pub terms: usize,
}

fn one() -> usize {
    1
}

/// Shapes of the factors: `[m1, n1]` and `[m2, n2]`.
struct Shapes {
    a: [usize; 2],
    b: [usize; 2],
}

/// The largest divisor of `n` that is no larger than its square root.
fn divisor(n: usize) -> usize {
    (1..=n.isqrt()).rev().find(|&d| n.is_multiple_of(d)).unwrap_or(1)
}

impl Shapes {
    fn of(rows: usize, cols: usize) -> Self {
        let (m1, n2) = (divisor(rows), divisor(cols));
        Self { a: [m1, cols / n2], b: [rows / m1, n2] }
    }

    fn sizes(&self) -> (usize, usize) {
        (self.a[0] * self.a[1], self.b[0] * self.b[1])
    }

    /// Calls `f(element of W, of A, of B)` for every element.
    fn each(&self, mut f: impl FnMut(usize, usize, usize)) {
        let ([m1, n1], [m2, n2]) = (self.a, self.b);
        for i in 0..m1 * m2 {
            for j in 0..n1 * n2 {
                f(i * n1 * n2 + j, i / m2 * n1 + j / n2, i % m2 * n2 + j % n2);
            }
        }
    }
}

impl Rule for Kronecker {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        let (a, b) = Shapes::of(rows, cols).sizes();
        up_to("terms", self.terms, a.min(b))
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        // One row per term, so that int8 has few scales.
        let (a, b) = Shapes::of(rows, cols).sizes();
        [("a", a), ("b", b)].map(|(name, cols)| PartSpec { name, rows: self.terms, cols }).to_vec()
    }

    fn to_dense(&self, rows: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        let shapes = Shapes::of(rows, cols);
        let (a_size, b_size) = shapes.sizes();
        let mut dense = vec![0f64; rows * cols];
        for (a, b) in parts[0].chunks_exact(a_size).zip(parts[1].chunks_exact(b_size)) {
            shapes.each(|at, i, j| dense[at] += f64::from(a[i]) * f64::from(b[j]));
        }
        narrow(dense)
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let shapes = Shapes::of(rows, cols);
        let (a_size, b_size) = shapes.sizes();
        let (mut da, mut db) = (vec![0f64; parts[0].len()], vec![0f64; parts[1].len()]);
        let gradients = da.chunks_exact_mut(a_size).zip(db.chunks_exact_mut(b_size));
        let terms = parts[0].chunks_exact(a_size).zip(parts[1].chunks_exact(b_size));
        for ((da, db), (a, b)) in gradients.zip(terms) {
            shapes.each(|at, i, j| {
                da[i] += f64::from(dw[at]) * f64::from(b[j]);
                db[j] += f64::from(dw[at]) * f64::from(a[i]);
            });
        }
        vec![narrow(da), narrow(db)]
    }

    /// The largest singular values of a rearranged `W`: each block (an element of `A` times `B`)
    /// becomes a row, so that `A (x) B` has rank one (Van Loan & Pitsianis 1993).
    fn nearest(&self, rows: usize, cols: usize, w: &[f32], svd: Truncate<'_>) -> Option<Nearest> {
        let shapes = Shapes::of(rows, cols);
        let (a_size, b_size) = shapes.sizes();
        let mut rearranged = vec![0.0; rows * cols];
        shapes.each(|at, i, j| rearranged[i * b_size + j] = w[at]);
        let (u, b) = svd(&rearranged, a_size, b_size, self.terms)?;
        let places = (0..self.terms).flat_map(|k| (0..a_size).map(move |i| i * self.terms + k));
        Some(Nearest { parts: vec![places.map(|place| u[place]).collect(), b], exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        // B over the groups of inputs, then A over the groups of the results.
        let Shapes { a: [m1, n1], b: [m2, n2] } = Shapes::of(rows, cols);
        2 * self.terms * (m2 * n2 * n1 + m1 * n1 * m2)
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![(sigma * sigma / self.terms as f64).powf(0.25); 2]
    }
}
