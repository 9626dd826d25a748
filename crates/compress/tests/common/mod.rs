//! Random matrices and a small network.
#![allow(dead_code, unused_imports)] // each test file uses its own part

use stonechat_model::{
    Candidate, ConvConfig, Family, FamilySpec, Network, NetworkConfig, RowConvConfig,
};

pub use stonechat_testing::{Random, largest_difference};

/// A matrix of normal entries, row by row.
pub fn matrix(random: &mut Random, rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|_| random.normal() as f32).collect()
}

/// A matrix of at most this rank, with entries of about unit size.
pub fn matrix_of_rank(random: &mut Random, rows: usize, cols: usize, rank: usize) -> Vec<f32> {
    let (a, b) = (matrix(random, rows, rank), matrix(random, rank, cols));
    product(&a, &b, rank)
}

/// `a b` with inner size `inner`, by the triple loop.
pub fn product(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let (rows, cols) = (a.len() / inner, b.len() / inner);
    let mut c = Vec::new();
    for i in 0..rows {
        for j in 0..cols {
            let terms =
                (0..inner).map(|k| f64::from(a[i * inner + k]) * f64::from(b[k * cols + j]));
            c.push(terms.sum::<f64>() as f32);
        }
    }
    c
}

/// Frobenius norm.
pub fn norm(a: &[f32]) -> f64 {
    a.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

/// Frobenius norm of the difference.
pub fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// Every kind of layer, weights scaled so that nothing saturates.
pub fn network(seed: u64) -> Network {
    let config = NetworkConfig {
        input: 12,
        conv: vec![ConvConfig { channels: 4, kernel: [5, 3], stride: [2, 2], lookahead: 1 }],
        clip: 20.0,
        recurrent: vec![16.into(), 20.into()],
        candidate: Candidate::Tanh,
        row_conv: Some(RowConvConfig { lookahead: 2 }),
        fc: Some(24),
    };
    let mut random = Random(seed);
    Network::from_values(config, 29, |_, n| (0..n).map(|_| 0.3 * random.normal() as f32).collect())
        .unwrap()
}

/// Some frames of features for it, and how many.
pub fn features(network: &Network, frames: usize) -> Vec<f32> {
    matrix(&mut Random(99), frames, network.config.input)
}

/// Seeded values in -1..1.
pub fn values(seed: u64, count: usize) -> Vec<f32> {
    Random(seed).values(count)
}

/// A family, as in a package's metadata, at a size.
pub fn spec(family: &str, rows: usize, cols: usize) -> FamilySpec {
    let family: Family = serde_json::from_str(family).unwrap();
    FamilySpec::new("map", family, rows, cols).unwrap()
}
