//! Weight decay on the parts of a Toeplitz-like map is the trace norm of its displacement (the
//! factors may be mixed by any invertible matrix; for the best mix the two are equal). Also tests
//! the report of displacement ranks.

mod common;

use common::{spec, values};
use stonechat_compress::{
    displacement_rank90, displacement_singular_values, project, singular_values,
};

/// `Z_1 M - M Z_{-1}`, by its definition.
fn sylvester(m: &[f32], n: usize) -> Vec<f32> {
    let shift = |f: f32| -> Vec<f32> {
        let entry = |i: usize, j: usize| match (i, j) {
            _ if i == j + 1 => 1.0,
            (0, j) if j == n - 1 => f,
            _ => 0.0,
        };
        (0..n * n).map(|k| entry(k / n, k % n)).collect()
    };
    let product = |a: &[f32], b: &[f32]| -> Vec<f32> {
        (0..n * n).map(|k| (0..n).map(|l| a[k / n * n + l] * b[l * n + k % n]).sum()).collect()
    };
    let (left, right) = (product(&shift(1.0), m), product(m, &shift(-1.0)));
    left.iter().zip(right).map(|(a, b)| a - b).collect()
}

fn half_square(parts: &[Vec<f32>]) -> f64 {
    0.5 * parts.iter().flatten().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()
}

#[test]
fn decay_of_the_parts_is_the_trace_norm_of_the_displacement() {
    let (n, rank) = (20, 3);
    let spec = spec(r#"{"family":"toeplitz_like","rank":3}"#, n, n);
    let (g, h) = (values(1, rank * n), values(2, rank * n));
    let m = spec.to_dense(&[&g, &h]);
    let trace_norm: f64 = singular_values(&sylvester(&m, n), n, n).unwrap().iter().sum();
    // The projection gives balanced factors: the least penalty.
    let balanced = project("map", &m, &spec, None).unwrap();
    assert!(balanced.error < 1e-9, "{}", balanced.error);
    let least = half_square(&balanced.parts);
    assert!((least / (0.5 * trace_norm) - 1.0).abs() < 1e-4, "{least}, {trace_norm}");
    let sum: f64 = displacement_singular_values(&spec, &m).unwrap()[0].iter().sum();
    assert!((sum / least - 1.0).abs() < 1e-4, "{sum}, {least}");
    // Any other factors of the same matrix cost more.
    assert!(half_square(&[g.clone(), h.clone()]) > 1.01 * least);
    for factor in [0.5f32, 0.9, 1.1, 3.0] {
        let g = balanced.parts[0].iter().map(|v| v * factor).collect();
        let h = balanced.parts[1].iter().map(|v| v / factor).collect();
        assert!(half_square(&[g, h]) > least, "{factor}");
    }
    // Decay alone, with M fixed, finds that minimum: steps along G A, -H A^T do not change M to
    // first order; the penalty falls until the Gram matrices of G and H are equal.
    let gram = |v: &[f32], i: usize, j: usize| -> f64 {
        (0..n).map(|k| f64::from(v[i * n + k]) * f64::from(v[j * n + k])).sum()
    };
    for i in 0..rank {
        for j in 0..rank {
            let [a, b] = [0, 1].map(|p| gram(&balanced.parts[p], i, j));
            assert!((a - b).abs() < 1e-3 * least, "{i}, {j}: {a} {b}");
        }
    }
}

#[test]
fn displacement_ranks_are_reported_for_families_that_have_one() {
    for (family, rows, cols, rank) in [
        (r#"{"family":"toeplitz_like","rank":1}"#, 12, 12, Some(1)),
        (r#"{"family":"toeplitz_like","rank":1}"#, 36, 12, Some(1)),
        (r#"{"family":"cauchy_like","rank":1}"#, 12, 12, Some(1)),
        (
            r#"{"family":"per_gate","gates":3,"of":{"family":"hankel_like","rank":1}}"#,
            36,
            12,
            Some(1),
        ),
        (r#"{"family":"circulant"}"#, 12, 12, None),
        (r#"{"family":"dense"}"#, 12, 12, None),
    ] {
        let spec = spec(family, rows, cols);
        let parts: Vec<Vec<f32>> =
            spec.parts().iter().map(|p| values(p.rows as u64, p.rows * p.cols)).collect();
        let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
        let found = displacement_rank90(&spec, &spec.to_dense(&slices)).unwrap();
        assert_eq!(found, rank, "{family}");
    }
    let spec = spec(r#"{"family":"toeplitz_like","rank":1}"#, 16, 16);
    assert!(displacement_rank90(&spec, &values(3, 256)).unwrap() > Some(6));
}
