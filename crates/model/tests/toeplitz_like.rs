//! Toeplitz-like matrices compared with their definition, and the members of the family (Sindhwani,
//! Sainath & Kumar 2015; displacement identity `Z_1 M - M Z_{-1} = 2 G (J H)^T`).

mod common;

use common::Random;
use stonechat_model::{Family, FamilySpec, Rectangle, ToeplitzLike};

/// The `f`-circulant matrix of first column `v`, by its definition.
fn circulant(f: f64, v: &[f32]) -> Vec<f64> {
    let n = v.len();
    let entry = |i: usize, j: usize| match i >= j {
        true => f64::from(v[i - j]),
        false => f * f64::from(v[n + i - j]),
    };
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum();
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

fn square(rank: usize, n: usize) -> FamilySpec {
    let family = ToeplitzLike { rank, rectangle: Rectangle::Pad };
    FamilySpec::new("map", Family::ToeplitzLike(family), n, n).unwrap()
}

#[test]
fn the_dense_view_is_the_sum_of_products() {
    for n in [1, 2, 3, 8, 17, 63, 64] {
        for rank in [1, 2, 10].into_iter().filter(|&r| r <= n) {
            let mut random = Random((n * rank) as u64);
            let (g, h) = (random.values(rank * n), random.values(rank * n));
            let got = square(rank, n).to_dense(&[&g, &h]);
            let mut wanted = vec![0f64; n * n];
            for (g, h) in g.chunks_exact(n).zip(h.chunks_exact(n)) {
                let term = product(&circulant(1.0, g), &circulant(-1.0, h), n);
                wanted.iter_mut().zip(term).for_each(|(w, t)| *w += t);
            }
            for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                let close = (f64::from(*got) - wanted).abs() < 1e-5 * (rank * n) as f64;
                assert!(close, "n {n}, rank {rank}, element {i}: {got} {wanted}");
            }
        }
    }
}

#[test]
fn factors_may_be_mixed_by_any_invertible_matrix() {
    let (n, mut random) = (9, Random(4));
    let (g, h) = (random.values(2 * n), random.values(2 * n));
    // Rows of G mixed by K, those of H by the inverse transpose of K, K = [[2, 1], [1, 1]].
    let mix = |v: &[f32], k: [f32; 4]| -> Vec<f32> {
        let (a, b) = v.split_at(n);
        let row = |x: f32, y: f32| a.iter().zip(b).map(move |(a, b)| x * a + y * b);
        row(k[0], k[1]).chain(row(k[2], k[3])).collect()
    };
    let (g2, h2) = (mix(&g, [2.0, 1.0, 1.0, 1.0]), mix(&h, [1.0, -1.0, -1.0, 2.0]));
    let spec = square(2, n);
    let (a, b) = (spec.to_dense(&[&g, &h]), spec.to_dense(&[&g2, &h2]));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4), "{a:?} {b:?}");
}
