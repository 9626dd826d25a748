//! Random matrices and a small network.
#![allow(dead_code)] // each test file uses its own part

use stonechat_model::{
    Candidate, ConvConfig, Family, FamilySpec, Network, NetworkConfig, RowConvConfig,
};

/// A 64-bit linear congruential generator (Knuth's MMIX constants), upper bits used.
pub struct Random(pub u64);

impl Random {
    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub fn matrix(&mut self, rows: usize, cols: usize) -> Vec<f32> {
        (0..rows * cols).map(|_| self.normal() as f32).collect()
    }

    /// A matrix of this rank at most, entries of about unit size.
    pub fn matrix_of_rank(&mut self, rows: usize, cols: usize, rank: usize) -> Vec<f32> {
        let (a, b) = (self.matrix(rows, rank), self.matrix(rank, cols));
        product(&a, &b, rank)
    }
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
    Random(99).matrix(frames, network.config.input)
}

pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Seeded values in -1..1, of 24 bits.
pub fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A family, as in a package's metadata, at a size.
pub fn spec(family: &str, rows: usize, cols: usize) -> FamilySpec {
    let family: Family = serde_json::from_str(family).unwrap();
    FamilySpec::new("map", family, rows, cols).unwrap()
}
