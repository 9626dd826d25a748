//! Members and non-members of the families of low displacement rank: ranks measured by the singular
//! values of the displacement (Sindhwani, Sainath & Kumar 2015, section 3).

mod common;

use stonechat_compress::singular_values;
use stonechat_model::{Family, FamilySpec};

const N: usize = 24;

/// Seeded values in -1..1.
fn values(seed: u64, count: usize) -> Vec<f64> {
    common::values(seed, count).into_iter().map(f64::from).collect()
}

fn matrix(entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..N * N).map(|k| entry(k / N, k % N)).collect()
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    matrix(|i, j| (0..N).map(|k| a[i * N + k] * b[k * N + j]).sum())
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn transposed(a: &[f64]) -> Vec<f64> {
    matrix(|i, j| a[j * N + i])
}

/// Gauss-Jordan elimination, largest pivot first.
fn inverse(a: &[f64]) -> Vec<f64> {
    let mut left: Vec<Vec<f64>> = a.chunks(N).map(<[f64]>::to_vec).collect();
    let mut right: Vec<Vec<f64>> =
        (0..N).map(|i| (0..N).map(|j| f64::from(i == j)).collect()).collect();
    for k in 0..N {
        let pivot = (k..N).max_by(|&a, &b| left[a][k].abs().total_cmp(&left[b][k].abs())).unwrap();
        left.swap(k, pivot);
        right.swap(k, pivot);
        for i in (0..N).filter(|&i| i != k) {
            let factor = left[i][k] / left[k][k];
            for j in 0..N {
                left[i][j] -= factor * left[k][j];
                right[i][j] -= factor * right[k][j];
            }
        }
    }
    matrix(|i, j| right[i][j] / left[i][i])
}

/// A Toeplitz matrix that is easily inverted.
fn toeplitz(seed: u64) -> Vec<f64> {
    let d = values(seed, 2 * N);
    matrix(|i, j| d[N + i - j] + if i == j { 6.0 } else { 0.0 })
}

fn low_rank(seed: u64, rank: usize) -> Vec<f64> {
    let (u, v) = (values(seed, N * rank), values(seed + 1, N * rank));
    matrix(|i, j| (0..rank).map(|k| u[i * rank + k] * v[k * N + j]).sum())
}

fn spec(family: &str, rank: usize) -> FamilySpec {
    let family = format!(r#"{{"family":"{family}","rank":{rank}}}"#);
    let family: Family = serde_json::from_str(&family).unwrap();
    FamilySpec::new("map", family, N, N).unwrap()
}

/// A member of the family with random parts.
fn member(family: &str, seed: u64, rank: usize) -> Vec<f64> {
    let spec = spec(family, rank);
    let part = |seed| values(seed, rank * N).into_iter().map(|v| v as f32).collect::<Vec<f32>>();
    spec.to_dense(&[&part(seed), &part(seed + 1)]).into_iter().map(f64::from).collect()
}

fn displacement_rank(family: &str, m: &[f64]) -> usize {
    let m: Vec<f32> = m.iter().map(|&m| m as f32).collect();
    let displacements = spec(family, 1).displacements(&m);
    assert_eq!((displacements.len(), displacements[0].side), (1, N));
    let sigma = singular_values(&displacements[0].values, N, N).unwrap();
    sigma.iter().filter(|&&s| s > 3e-6 * sigma[0]).count()
}

#[test]
fn ranks_are_those_of_the_theory() {
    let noise = values(99, N * N);
    let v = values(1, 2 * N);
    let (t1, t2, t3) = (toeplitz(11), toeplitz(12), toeplitz(13));
    let circulant = |f: f64| matrix(|i, j| if i >= j { v[i - j] } else { f * v[N + i - j] });
    let hankel = matrix(|i, j| v[i + j]);
    let node = |i: usize| (std::f64::consts::PI * (2 * i + 1) as f64 / (2 * N) as f64).cos();
    let like = |seed, rank| member("toeplitz_like", seed, rank);
    for (name, family, m, rank) in [
        ("identity", "toeplitz_like", matrix(|i, j| f64::from(i == j)), 1),
        ("circulant", "toeplitz_like", circulant(1.0), 1),
        ("skew-circulant", "toeplitz_like", circulant(-1.0), 1),
        ("Toeplitz", "toeplitz_like", t1.clone(), 2),
        ("inverse of Toeplitz", "toeplitz_like", inverse(&t1), 2),
        ("product of 2 Toeplitz", "toeplitz_like", product(&t1, &t2), 4),
        ("product of 3 Toeplitz", "toeplitz_like", product(&t1, &product(&t2, &t3)), 6),
        ("product of 2 and 1 more", "toeplitz_like", sum(&product(&t1, &t2), &inverse(&t3)), 6),
        ("rank 1", "toeplitz_like", low_rank(5, 1), 2),
        ("rank 3", "toeplitz_like", low_rank(5, 3), 6),
        ("displacement rank 3", "toeplitz_like", like(21, 3), 3),
        ("sum of 3 and 4", "toeplitz_like", sum(&like(21, 3), &like(31, 4)), 7),
        ("random", "toeplitz_like", matrix(|i, j| noise[i * N + j]), N),
        ("diagonal", "toeplitz_like", matrix(|i, j| if i == j { v[i] } else { 0.0 }), N),
        ("Hankel", "hankel_like", hankel, 2),
        ("rank 2", "hankel_like", low_rank(5, 2), 4),
        ("displacement rank 3", "hankel_like", member("hankel_like", 3, 3), 3),
        ("Vandermonde", "vandermonde_like", matrix(|i, j| node(i).powi((N - 1 - j) as i32)), 1),
        ("displacement rank 3", "vandermonde_like", member("vandermonde_like", 3, 3), 3),
        ("Cauchy", "cauchy_like", matrix(|i, j| 1.0 / (i as f64 + 0.5 - j as f64)), 1),
        ("rank 2", "cauchy_like", low_rank(5, 2), 4),
        ("displacement rank 3", "cauchy_like", member("cauchy_like", 3, 3), 3),
    ] {
        assert_eq!(displacement_rank(family, &m), rank, "{name} as {family}");
    }
}

#[test]
fn combinations_stay_within_their_bounds() {
    let (a, b) = (member("toeplitz_like", 41, 2), member("toeplitz_like", 51, 3));
    let (t1, t2) = (toeplitz(11), toeplitz(12));
    for (name, m, bound) in [
        ("product of displacement ranks 2 and 3", product(&a, &b), 6),
        ("transpose of displacement rank 3", transposed(&b), 5),
        ("inverse of displacement rank 2", inverse(&sum(&a, &toeplitz(14))), 2 + 2 + 2),
        ("Toeplitz times the inverse of another", product(&t1, &inverse(&t2)), 4),
    ] {
        let rank = displacement_rank("toeplitz_like", &m);
        assert!(rank <= bound, "{name}: {rank}");
    }
    // A Hankel matrix is as far from Toeplitz-like as possible.
    let v = values(1, 2 * N);
    assert!(displacement_rank("toeplitz_like", &matrix(|i, j| v[i + j])) > N / 2);
}

/// Parameters of the layers reported by Sindhwani et al. 2015: the hidden layer of their image nets
/// and the layer after the convolution of their keyword nets.
#[test]
fn parameters_are_those_of_the_paper() {
    for (family, n, params) in [
        (r#"{"family":"circulant"}"#, 784, 784),
        (r#"{"family":"toeplitz_like","rank":1}"#, 784, 9418 - 7850),
        (r#"{"family":"toeplitz_like","rank":2}"#, 784, 10986 - 7850),
        (r#"{"family":"toeplitz_like","rank":3}"#, 784, 12554 - 7850),
        (r#"{"family":"circulant"}"#, 1674, 1674),
        (r#"{"family":"toeplitz_like","rank":1}"#, 1674, 3348),
        (r#"{"family":"toeplitz_like","rank":2}"#, 1674, 6696),
        (r#"{"family":"toeplitz_like","rank":10}"#, 1674, 33480),
        (r#"{"family":"low_rank","rank":4}"#, 1674, 13392),
        (r#"{"family":"dense"}"#, 1674, 2_802_276),
    ] {
        let parsed: Family = serde_json::from_str(family).unwrap();
        let spec = FamilySpec::new("map", parsed, n, n).unwrap();
        assert_eq!(spec.params(), params, "{family}");
    }
}
