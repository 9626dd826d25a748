//! The properties of the decomposition: exactness, orthogonality, Eckart and Young, balance.

mod common;

use common::*;
use proptest::prelude::*;
use stonechat_compress::{Svd, singular_values, singular_values_of, truncated_svd};
use stonechat_model::{LinearMap, Matrix};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() }
}

/// Squared Frobenius norm of the remainder after `rank` singular values.
fn tail(sigma: &[f64], rank: usize) -> f64 {
    sigma[rank..].iter().map(|s| s * s).sum::<f64>()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decomposition_is_exact_and_orthonormal(rows in 1usize..14, cols in 1usize..14, seed: u64) {
        let w = matrix(&mut Random(seed), rows, cols);
        let svd = Svd::new(&w, rows, cols).unwrap();
        let d = rows.min(cols);
        prop_assert_eq!(svd.sigma.len(), d);
        prop_assert!(svd.sigma.is_sorted_by(|a, b| a >= b) && svd.sigma[d - 1] >= 0.0);
        for i in 0..rows {
            for j in 0..cols {
                let sum: f64 = (0..d).map(|k| svd.u[i * d + k] * svd.sigma[k] * svd.vt[k * cols + j]).sum();
                prop_assert!((sum - f64::from(w[i * cols + j])).abs() < 1e-9);
            }
        }
        for a in 0..d {
            for b in 0..d {
                let wanted = f64::from(u8::from(a == b));
                let u: f64 = (0..rows).map(|i| svd.u[i * d + a] * svd.u[i * d + b]).sum();
                let v: f64 = (0..cols).map(|j| svd.vt[a * cols + j] * svd.vt[b * cols + j]).sum();
                prop_assert!((u - wanted).abs() < 1e-9 && (v - wanted).abs() < 1e-9);
            }
        }
        let alone = singular_values(&w, rows, cols).unwrap();
        prop_assert!(alone.iter().zip(&svd.sigma).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    /// The error is that of the dropped singular values, and no other matrix of that rank does
    /// better: neither a random one nor one close to the best.
    #[test]
    fn truncation_is_the_best_approximation(rows in 2usize..12, cols in 2usize..12, cut in 0usize..12, seed: u64) {
        let mut random = Random(seed);
        let w = matrix(&mut random, rows, cols);
        let rank = 1 + cut % rows.min(cols);
        let sigma = singular_values(&w, rows, cols).unwrap();
        let (u, v) = truncated_svd(&w, rows, cols, rank).unwrap();
        prop_assert_eq!((u.len(), v.len()), (rows * rank, rank * cols));
        let best = distance(&w, &product(&u, &v, rank));
        prop_assert!((best - tail(&sigma, rank).sqrt()).abs() < 1e-5 * norm(&w), "{} {:?}", best, sigma);
        for step in [1e-3, 0.1, 1.0] {
            let mut moved = |x: &[f32]| -> Vec<f32> { x.iter().map(|x| x + step * random.normal() as f32).collect() };
            let other = distance(&w, &product(&moved(&u), &moved(&v), rank));
            prop_assert!(other >= best - 1e-5 * norm(&w), "{} below {}", other, best);
        }
    }

    /// `A^T A = B B^T = diag(sigma)`, to which weight decay drives the factors (trace norm).
    #[test]
    fn factors_are_balanced(rows in 1usize..10, cols in 1usize..10, seed: u64) {
        let w = matrix(&mut Random(seed), rows, cols);
        let d = rows.min(cols);
        let (u, v) = truncated_svd(&w, rows, cols, d).unwrap();
        let sigma = singular_values(&w, rows, cols).unwrap();
        for a in 0..d {
            for b in 0..d {
                let wanted = if a == b { sigma[a] as f32 } else { 0.0 };
                let uu: f32 = (0..rows).map(|i| u[i * d + a] * u[i * d + b]).sum();
                let vv: f32 = (0..cols).map(|j| v[a * cols + j] * v[b * cols + j]).sum();
                prop_assert!((uu - wanted).abs() < 1e-4 && (vv - wanted).abs() < 1e-4);
            }
        }
        // So the variational form of the trace norm is attained (Kliegl et al. 2017, Lemma 1).
        let half_norms = 0.5 * (norm(&u).powi(2) + norm(&v).powi(2));
        prop_assert!((half_norms - sigma.iter().sum::<f64>()).abs() < 1e-4 * (1.0 + half_norms));
    }

    /// Through the factors or through the dense view: the same singular values, and the same
    /// matrix.
    #[test]
    fn low_rank_maps_decompose_as_their_dense_view(
        rows in 1usize..12, cols in 1usize..12, cut in 0usize..12, int8: bool, seed: u64,
    ) {
        let rank = 1 + cut % rows.min(cols);
        let mut random = Random(seed);
        let (u, v) = (matrix(&mut random, rows, rank), matrix(&mut random, rank, cols));
        let mut map = LinearMap::low_rank(rows, cols, rank, u, v).unwrap();
        if int8 {
            map = map.map_parts(|m| {
                let q = m.to_dense().iter().map(|x| (x * 20.0) as i8).collect();
                Matrix::from_int8(m.rows(), m.cols(), q, vec![0.05; m.rows()]).unwrap()
            });
        }
        let dense = map.to_dense();
        let wanted = singular_values(&dense, rows, cols).unwrap();
        let scale = 1e-6 * (1.0 + wanted[0]);
        let svd = Svd::of(&map).unwrap();
        let (a, b) = svd.truncate(rank);
        prop_assert!(distance(&product(&a, &b, rank), &dense) < 10.0 * scale);
        for sigma in [svd.sigma, singular_values_of(&map).unwrap()] {
            prop_assert_eq!(sigma.len(), rank);
            prop_assert!(sigma.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < scale), "{:?} {:?}", sigma, wanted);
        }
        prop_assert!(wanted[rank..].iter().all(|s| *s < scale));
    }
}

#[test]
fn known_decompositions() {
    // (matrix, rows, cols, singular values)
    let table: [(&[f32], usize, usize, &[f64]); 6] = [
        (&[3.0], 1, 1, &[3.0]),
        (&[-2.0], 1, 1, &[2.0]),
        (&[0.0; 6], 2, 3, &[0.0, 0.0]),
        (&[3.0, 0.0, 0.0, -4.0], 2, 2, &[4.0, 3.0]),
        (&[1.0, 1.0, 1.0, 1.0], 2, 2, &[2.0, 0.0]),
        // Golub and Van Loan's textbook shape: a row of norm 5.
        (&[3.0, 4.0], 1, 2, &[5.0]),
    ];
    for (w, rows, cols, wanted) in table {
        let sigma = singular_values(w, rows, cols).unwrap();
        assert_eq!(sigma.len(), wanted.len());
        let close = sigma.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close, "{w:?}: {sigma:?}");
    }
}

#[test]
fn what_is_no_matrix_is_refused() {
    let nan = [1.0, f32::NAN];
    for (w, rows, cols, words) in [
        (&nan[..], 1, 2, "value 1 is NaN"),
        (&nan[..], 2, 2, "2 values cannot be a 2 x 2 matrix"),
        (&nan[..], usize::MAX, 2, "cannot be"),
        (&[], 0, 2, "0 values"),
    ] {
        let error = singular_values(w, rows, cols).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    for rank in [0, 3] {
        let error = truncated_svd(&[1.0; 6], 2, 3, rank).unwrap_err().to_string();
        assert!(error.contains(&format!("rank {rank} of a 2 x 3")), "{error}");
    }
}
